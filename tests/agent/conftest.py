"""The real agent, started as a process as a runner would start it, but without walls."""

import os
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import studiolo
from studiolo.core.clock import SystemClock
from studiolo.runtime.agents import UnixAgentConnector
from studiolo.testing.hosts import TwoHosts, two_hosts

SOURCES = Path(studiolo.__file__).parent.parent
CHECKOUT = SOURCES.parent
Call = Callable[..., Awaitable[dict[str, Any]]]


def environment_python() -> str:
    """Return the interpreter of the environment that projects run from, or the suite's own if there is none."""
    given = os.environ.get("STUDIOLO_TEST_ENVIRONMENT")
    noted = CHECKOUT / ".venv" / "studiolo-environment"
    if given is None and noted.is_file():
        given = noted.read_text().strip()
    return str(Path(given) / "bin" / "python") if given else sys.executable


class AgentProcess:
    """A running agent with a home of its own."""

    def __init__(self, directory: Path) -> None:
        self.home = directory / "home"
        self.home.mkdir()
        self.stderr_path = directory / "stderr"
        self.listening = socket.socket(socket.AF_UNIX)
        self.socket_path = str(directory / "s")
        self.listening.bind(self.socket_path)
        self.listening.listen(128)
        self.process = self.start()

    def start(self) -> "subprocess.Popen[bytes]":
        """Start an agent on the listening socket; a caller may connect at once and is answered when it is up."""
        fd = self.listening.fileno()
        with self.stderr_path.open("ab") as stderr:
            self.process = subprocess.Popen(
                [environment_python(), "-P", "-m", "studiolo.agent", "--listen-fd", str(fd), "--home", str(self.home)],
                pass_fds=[fd],
                cwd=self.home,
                env={"PATH": "/usr/local/bin:/usr/bin:/bin", "LANG": "C.UTF-8", "PYTHONPATH": str(SOURCES)},
                stdin=subprocess.DEVNULL,
                stderr=stderr,
                start_new_session=True,
            )
        return self.process

    def empty_home(self) -> None:
        """Remove what a test left behind."""
        for entry in self.home.iterdir():
            if entry.is_dir() and not entry.is_symlink():
                shutil.rmtree(entry)
            else:
                entry.unlink()

    @property
    def stderr(self) -> str:
        """Return what the agent logged."""
        return self.stderr_path.read_text(errors="replace")

    def stop(self) -> int:
        """Ask it to end and return its exit status; kill it if it does not."""
        self.process.send_signal(signal.SIGTERM)
        try:
            return self.process.wait(timeout=20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            raise

    def close(self) -> None:
        """End it and everything it left."""
        if self.process.poll() is None:
            self.stop()
        self.listening.close()


@pytest.fixture
def agent(tmp_path_factory: pytest.TempPathFactory) -> Iterator[AgentProcess]:
    """Give an agent of one's own."""
    started = AgentProcess(tmp_path_factory.mktemp("agent"))
    yield started
    started.close()


@pytest.fixture(scope="module")
def module_agent(tmp_path_factory: pytest.TempPathFactory) -> Iterator[AgentProcess]:
    started = AgentProcess(tmp_path_factory.mktemp("agent"))
    yield started
    started.close()


@pytest.fixture
def shared_agent(module_agent: AgentProcess) -> AgentProcess:
    """Give the agent that a module's tests share, with an empty home."""
    module_agent.empty_home()
    return module_agent


@pytest.fixture
async def connector(anyio_backend: str) -> AsyncIterator[UnixAgentConnector]:
    """Give the hub's connector."""
    connector = UnixAgentConnector(SystemClock())
    yield connector
    await connector.close()


@pytest.fixture
def call(shared_agent: AgentProcess, connector: UnixAgentConnector) -> Call:
    """Give a function that calls the shared agent: `await call("files.list", path="x")`."""

    async def make_call(name: str, **params: Any) -> dict[str, Any]:
        return await connector.call(shared_agent.socket_path, name, params, timeout_seconds=30)

    return make_call


@pytest.fixture(scope="module")
async def module_hosts(anyio_backend: str, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[TwoHosts]:
    """Give two agents that share nothing, for the tests of one file."""
    async with two_hosts(tmp_path_factory.mktemp("hosts")) as hosts:
        yield hosts


@pytest.fixture
async def hosts(module_hosts: TwoHosts) -> TwoHosts:
    """Give two agents with empty homes."""
    module_hosts.empty()
    return module_hosts
