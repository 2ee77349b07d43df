"""A real keeper for tests: started as a process of its own, its requests made from the test.

The keeper's hub is a stand-in that hands its socket to the test and then waits to be ended.
"""

import array
import os
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import AsyncGenerator, Generator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import anyio

from studiolo.runtime.keeper.client import KeeperClient
from studiolo.runtime.keeper.plan import KeeperPlan

ORDINARY_UID = 47_110  # any uid without an account
_HUB = """
import array, signal, socket, sys
fd = int(sys.argv[sys.argv.index("--keeper-fd") + 1])
with socket.socket(socket.AF_UNIX) as test:
    test.connect(sys.argv[1])
    test.sendmsg([b"k"], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [fd]))])
socket.socket(fileno=fd).close()
signal.sigwait([signal.SIGTERM])
"""
_AGENT = """
import os, socket, subprocess, sys
listener = socket.socket(fileno=int(sys.argv[sys.argv.index("--listen-fd") + 1]))
while True:
    channel, _ = listener.accept()
    with channel, channel.makefile("rwb") as stream:
        for line in stream:
            done = subprocess.run(["/bin/sh", "-c", line.decode()], stdin=subprocess.DEVNULL, capture_output=True)
            output = (done.stdout + done.stderr)[-100_000:]
            stream.write(f"{done.returncode} {len(output)}\\n".encode() + output)
            stream.flush()
"""
STAND_IN_AGENT = ("/usr/bin/python3", "-I", "-S", "-c", _AGENT)


@dataclass
class LiveKeeper:
    """A keeper that runs, and the client that speaks to it."""

    plan: KeeperPlan
    process: subprocess.Popen[bytes]
    client: KeeperClient
    uid: int | None

    async def wait(self, seconds: float = 20.0) -> int:
        """Wait for the keeper to end and return its exit code."""
        with anyio.fail_after(seconds):
            return await anyio.to_thread.run_sync(self.process.wait, abandon_on_cancel=True)


@asynccontextmanager
async def live_keeper(
    data: Path, *, uid: int | None = None, hub_prelude: str = "", **plan: object
) -> AsyncGenerator[LiveKeeper]:
    """Run a keeper on `data`, as `uid` if given; on leaving it is ended by SIGTERM if it still runs."""
    with _door() as (door, path):
        given = replace(
            KeeperPlan(
                data=str(data),
                hub_argv=("/usr/bin/python3", "-I", "-S", "-c", hub_prelude + _HUB, path),
                worker_argv=("/bin/false",),
                agent_argv=STAND_IN_AGENT,
            ),
            **plan,  # pyright: ignore[reportArgumentType] - a test names fields of the plan
        )
        process = _start(given, uid)
        try:
            client = await _client(door, process)
            try:
                yield LiveKeeper(given, process, client, uid)
            finally:
                await client.close()
        finally:
            if process.poll() is None:
                process.send_signal(signal.SIGTERM)
            await anyio.to_thread.run_sync(process.wait)


@contextmanager
def _door() -> Generator[tuple[socket.socket, str]]:
    """Give a listening socket, and its path, that any uid may connect to."""
    with tempfile.TemporaryDirectory(prefix="keeper-") as directory, socket.socket(socket.AF_UNIX) as door:
        Path(directory).chmod(0o755)
        path = Path(directory, "door")
        door.bind(str(path))
        path.chmod(0o777)
        door.listen()
        door.setblocking(False)
        yield door, str(path)


def _start(plan: KeeperPlan, uid: int | None) -> subprocess.Popen[bytes]:
    fd = os.memfd_create("plan", 0)
    try:
        os.write(fd, plan.as_json())
        argv = [sys.executable, "-m", "studiolo.runtime.keeper", "--plan-fd", str(fd)]
        if uid is None:
            return subprocess.Popen(argv, pass_fds=(fd,), cwd="/")
        return subprocess.Popen(argv, pass_fds=(fd,), cwd="/", user=uid, group=uid, extra_groups=[])
    finally:
        os.close(fd)


async def _client(door: socket.socket, process: subprocess.Popen[bytes]) -> KeeperClient:
    with anyio.fail_after(20):
        while True:
            try:
                channel, _ = door.accept()
                break
            except BlockingIOError:
                if process.poll() is not None:
                    raise RuntimeError(f"the keeper ended with {process.returncode}") from None
                await anyio.sleep(0.01)
    with channel:
        channel.setblocking(True)
        _, ancillary, _, _ = channel.recvmsg(1, socket.CMSG_SPACE(4))
        numbers = array.array("i")
        numbers.frombytes(ancillary[0][2][:4])
    return await KeeperClient.connect(numbers[0])


def ask_agent(socket_path: str, command: str, seconds: float = 20.0) -> tuple[int, str]:
    """Run a shell command through the stand-in agent; return exit code and output."""
    with socket.socket(socket.AF_UNIX) as channel:
        channel.settimeout(seconds)
        channel.connect(socket_path)
        with channel.makefile("rwb") as stream:
            stream.write(command.encode() + b"\n")
            stream.flush()
            code, length = stream.readline().split()
            return int(code), stream.read(int(length)).decode(errors="replace")
