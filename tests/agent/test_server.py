"""The agent's server: the real process, and the server alone where limits are made small."""

import asyncio
import contextlib
import os
import select
import signal
import socket
import struct
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

import studiolo
from studiolo.agent.agent import Agent
from studiolo.agent.calls import CALLS, CHANNELS, HOUSEKEEPING, Registry
from studiolo.agent.channel import MAX_UNREAD_BYTES
from studiolo.agent.server import Limits, Server
from studiolo.agent.usage import memory_bytes
from studiolo.core import wire
from studiolo.core.errors import FileNotFound, InvalidRequest, Unavailable

pytestmark = pytest.mark.anyio


async def until(is_so: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 10
    while not is_so():
        assert time.monotonic() < deadline, "it never came to be"
        await asyncio.sleep(0.01)


# --- the process ------------------------------------------------------------------------------------------------------


async def test_ping_tells_version_and_process(shared_agent, call):
    assert await call("ping") == {"version": studiolo.__version__, "pid": shared_agent.process.pid}


async def test_an_unknown_call_is_refused_and_the_connection_goes_on(call):
    with pytest.raises(InvalidRequest, match=r"There is no call 'files\.steal'"):
        await call("files.steal")
    await call("ping")


async def test_usage_tells_memory_and_that_somebody_was_here(call):
    await call("files.list")
    answer = await call("usage")
    assert 5_000_000 < answer["memory_bytes"] < 200_000_000
    assert 0 <= answer["idle_seconds"] < 5
    assert {"open_documents", "kernels"} <= set(answer)


async def test_memory_counts_children(call):
    await call("exec.run", command="python3 -c 'x = bytearray(50_000_000); import time; time.sleep(20)' & sleep 0.01")
    before = (await call("usage"))["memory_bytes"]
    child = asyncio.create_task(
        call("exec.run", command="python3", args=["-c", "x = bytearray(80_000_000); import time; time.sleep(1.5)"])
    )
    biggest = 0
    while not child.done():
        biggest = max(biggest, (await call("usage"))["memory_bytes"])
    assert biggest - before > 70_000_000


def test_memory_of_a_process_that_is_gone_is_nothing(tmp_path):
    (tmp_path / "7").mkdir()
    (tmp_path / "8").mkdir()
    (tmp_path / "8" / "stat").write_text("8 (a) b) c) S 7 1 1")
    (tmp_path / "8" / "smaps_rollup").write_text("0-1 ---p\nRss: 9 kB\nPss:    3 kB\n")
    assert memory_bytes(tmp_path, root=7) == 3072
    assert memory_bytes(tmp_path, root=9) == 0


async def test_asking_for_usage_does_not_count_as_use(agent, connector):
    async def idle() -> float:
        return (await connector.call(agent.socket_path, "usage", {}, timeout_seconds=10))["idle_seconds"]

    first = await idle()
    await asyncio.sleep(0.05)
    await connector.call(agent.socket_path, "ping", {}, timeout_seconds=10)
    assert (await connector.call(agent.socket_path, "disk_use", {}, timeout_seconds=10))["used_bytes"] >= 0
    assert await idle() > first
    slow = connector.call(agent.socket_path, "exec.run", {"command": "sleep 1"}, timeout_seconds=20)
    task = asyncio.create_task(slow)
    while await idle() != 0:  # until the call runs
        assert not task.done()
        await asyncio.sleep(0.01)
    await task


async def test_a_module_of_the_students_does_not_replace_the_agents(agent, connector):
    for name in ("tempfile.py", "datetime.py", "studiolo.py", "shlex.py"):
        (agent.home / name).write_text("raise RuntimeError('not yours')")
    params = {"command": "echo a | cat"}
    answer = await connector.call(agent.socket_path, "exec.run", params, timeout_seconds=10)
    assert answer["stdout"] == "a\n"


async def test_shutdown_answers_and_ends_with_status_0(agent, connector):
    assert await connector.call(agent.socket_path, "shutdown", {}, timeout_seconds=10) == {}
    assert await asyncio.to_thread(agent.process.wait, 10) == 0
    assert "Traceback" not in agent.stderr


async def test_sigterm_ends_running_commands_and_lets_their_callers_know(agent, connector):
    params = {"command": "echo $$ > pid; exec sleep 60", "timeout_seconds": 60, "err_on_exit": False}
    running = asyncio.create_task(connector.call(agent.socket_path, "exec.run", params, timeout_seconds=30))
    await until(lambda: (agent.home / "pid").exists() and (agent.home / "pid").read_text() != "")
    agent.process.send_signal(signal.SIGTERM)
    assert (await running)["exit_code"] == 1
    assert await asyncio.to_thread(agent.process.wait, 10) == 0
    with pytest.raises(ProcessLookupError):
        os.kill(int((agent.home / "pid").read_text()), 0)


async def test_an_agent_on_the_same_socket_takes_over(agent, connector):
    await connector.call(agent.socket_path, "files.write_text", {"path": "x", "content": "1"}, timeout_seconds=10)
    agent.process.kill()
    agent.process.wait()
    agent.start()
    read = connector.call(agent.socket_path, "files.read_text", {"path": "x"}, timeout_seconds=10)
    assert await read == {"content": "1"}


@pytest.mark.parametrize(
    "noise",
    [
        b"GET / HTTP/1.1\r\n\r\n",
        struct.pack(">IB", 0, 0),
        struct.pack(">IB", 2**32 - 1, ord("J")),
        struct.pack(">IB", 5, ord("J")) + b"nope",
        struct.pack(">IB", 100_001, ord("J")) + b"[" * 100_000,
        struct.pack(">IB", 2, ord("Q")) + b"x",
        os.urandom(3000),
    ],
)
async def test_noise_ends_only_its_own_connection(shared_agent, call, noise):
    reader, writer = await asyncio.open_unix_connection(shared_agent.socket_path)
    writer.write(noise)
    writer.write_eof()
    assert await asyncio.wait_for(reader.read(), 10) == b""
    writer.close()
    await call("ping")


@pytest.mark.parametrize(
    "frame", [b"bytes", {}, {"call": 5}, {"call": "ping", "params": []}, {"call": "ping", "params": None}, {"x": 1}]
)
async def test_a_frame_that_is_no_call_gets_an_error_and_the_connection_goes_on(shared_agent, frame):
    reader, writer = await asyncio.open_unix_connection(shared_agent.socket_path)
    await wire.write(writer, frame)
    answer = await wire.read(reader)
    assert isinstance(answer, dict)
    assert answer["error"]["code"] == "invalid_request"
    await wire.write(writer, {"call": "ping"})
    assert "result" in (await wire.read(reader) or {})
    writer.close()


async def test_slow_clients_do_not_hold_up_others(shared_agent, call):
    writers = []
    for _ in range(50):
        _, writer = await asyncio.open_unix_connection(shared_agent.socket_path)
        writer.write(struct.pack(">IB", 1000, ord("J")) + b"{")  # and never the rest
        writers.append(writer)
    for _ in range(20):
        await asyncio.wait_for(call("ping"), 5)
    for writer in writers:
        writer.close()


@pytest.mark.parametrize(
    "arguments", [[], ["--home", "/x"], ["--listen-fd", "x", "--home", "/x"], ["--listen-fd", "0", "--home", "rel"]]
)
async def test_wrong_arguments_are_told(arguments):
    process = await asyncio.create_subprocess_exec(
        "python3", "-m", "studiolo.agent", *arguments,
        env={"PATH": os.environ["PATH"], "PYTHONPATH": str(Path(studiolo.__file__).parent.parent)},
        stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    _, stderr = await process.communicate()
    assert process.returncode == 2
    assert stderr.startswith(b"usage: ")


# --- the server alone -------------------------------------------------------------------------------------------------


class Handlers(Registry):
    """Handlers of a test."""

    def __init__(self, **handlers: Any) -> None:
        super().__init__()
        self.handlers = handlers

    def handler(self, name: str) -> Any:
        return self.handlers.get(name) or (super().handler(name) if name in HOUSEKEEPING else None)

    def channel_handler(self, name: str) -> Any:
        return self.handlers.get(f"channel_{name}")


class Running:
    def __init__(self, agent: Agent, path: str) -> None:
        self.agent = agent
        self.path = path
        self.clients: list[Client] = []

    async def connect(self) -> "Client":
        reader, writer = await asyncio.open_unix_connection(self.path)
        self.clients.append(Client(reader, writer))
        return self.clients[-1]

    async def close(self) -> None:
        for client in self.clients:
            client.writer.close()
            with contextlib.suppress(OSError):
                await client.writer.wait_closed()


class Client:
    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer

    async def ask(self, call: str, **params: Any) -> Any:
        await wire.write(self.writer, {"call": call, "params": params})
        return await self.read()

    async def read(self) -> Any:
        return await asyncio.wait_for(wire.read(self.reader), 10)


@asynccontextmanager
async def serving(tmp_path: Path, limits: Limits | None = None, **handlers: Any) -> AsyncIterator[Running]:
    listening = socket.socket(socket.AF_UNIX)
    listening.bind(str(tmp_path / "s"))
    listening.listen(16)
    listening.setblocking(False)
    agent = Agent(str(tmp_path))
    server = Server(agent, Handlers(**handlers), limits or Limits(last_moment_seconds=0.2))
    task = asyncio.create_task(server.serve(listening))
    running = Running(agent, str(tmp_path / "s"))
    try:
        yield running
    finally:
        await running.close()
        agent.request_stop()
        await asyncio.wait_for(task, 20)


async def echo(agent: Agent, params: dict[str, Any]) -> dict[str, Any]:
    return params


async def test_an_error_of_ours_reaches_the_client_as_it_is(tmp_path):
    async def refuse(agent, params):
        raise FileNotFound("ENOENT: x", internal="never shown", path="x")

    async with serving(tmp_path, refuse=refuse) as running:
        client = await running.connect()
        answer = await client.ask("refuse")
        assert answer == {"error": {"code": "file_not_found", "message": "ENOENT: x", "details": {"path": "x"}}}


async def test_any_other_exception_is_internal_and_only_logged(tmp_path, caplog):
    async def fail(agent, params):
        raise OSError("the secret is 42")

    async with serving(tmp_path, fail=fail, echo=echo) as running:
        client = await running.connect()
        answer = await client.ask("fail")
        assert answer["error"]["code"] == "internal_error"
        assert "42" not in str(answer)
        assert "the secret is 42" in caplog.text
        assert await client.ask("echo", n=1) == {"result": {"n": 1}}


@pytest.mark.parametrize(("result", "code"), [({"x": object()}, "internal_error"), ({"x": b""}, "internal_error")])
async def test_a_result_that_is_not_json_is_internal(tmp_path, result, code):
    async def answer(agent, params):
        return result

    async with serving(tmp_path, answer=answer) as running:
        assert (await (await running.connect()).ask("answer"))["error"]["code"] == code


async def test_a_result_over_the_frames_limit_is_too_large(tmp_path):
    async def much(agent, params):
        return {"x": "y" * wire.MAX_FRAME_BYTES}

    async with serving(tmp_path, much=much) as running:
        assert (await (await running.connect()).ask("much"))["error"]["code"] == "too_large"


async def test_a_handler_that_cannot_be_loaded_is_internal(tmp_path):
    listening = Registry({"broken": "studiolo.agent.nowhere:run"}, {})
    with pytest.raises(ModuleNotFoundError):
        listening.handler("broken")
    assert listening.handler("other") is None


async def test_one_connection_too_many_is_told_and_the_others_go_on(tmp_path):
    async with serving(tmp_path, Limits(connections=2), echo=echo) as running:
        first, second = await running.connect(), await running.connect()
        assert await first.ask("echo") == await second.ask("echo") == {"result": {}}
        third = await running.connect()
        assert (await third.read())["error"]["code"] == Unavailable.code
        assert await third.read() is None
        assert await first.ask("echo") == {"result": {}}
        second.writer.close()
        await until(lambda: second.writer.is_closing())
        await second.writer.wait_closed()
        fourth = await running.connect()
        assert await fourth.ask("echo") == {"result": {}}


async def test_a_client_that_never_finishes_its_call_is_dropped(tmp_path):
    async with serving(tmp_path, Limits(idle_seconds=0.05), echo=echo) as running:
        client = await running.connect()
        client.writer.write(b"\0\0")
        assert await client.read() is None


async def test_a_client_that_does_not_read_its_answer_is_dropped(tmp_path):
    asked = asyncio.Event()

    async def much(agent, params):
        asked.set()
        return {"x": "y" * 5_000_000}

    async with serving(tmp_path, Limits(write_seconds=0.05), much=much) as running:
        client = await running.connect()
        client.reader._transport.pause_reading()
        await wire.write(client.writer, {"call": "much"})
        hang_up = select.poll()
        hang_up.register(client.writer.get_extra_info("socket"), 0)  # only that; what can be read says nothing
        await until(lambda: asked.is_set() and bool(hang_up.poll(0)))
        client.reader._transport.resume_reading()
        with pytest.raises((wire.WireError, ConnectionError)):
            await client.read()


async def test_hooks_run_in_order_once_and_one_that_fails_does_not_stop_the_rest(tmp_path):
    done: list[str] = []

    async def hook(name: str) -> None:
        done.append(name)
        if name == "documents":
            raise RuntimeError("the disk is gone")

    async with serving(tmp_path, echo=echo) as running:
        running.agent.add_stop_hook(lambda: hook("kernels"), order=20)
        running.agent.add_stop_hook(lambda: hook("documents"), order=10)
        client, other = await running.connect(), await running.connect()
        assert await other.ask("echo") == {"result": {}}
        assert await client.ask("shutdown") == {"result": {}}
        assert await client.read() is None
        assert await other.read() is None
    assert done == ["documents", "kernels"]


async def test_new_calls_are_refused_while_the_agent_stops(tmp_path):
    go_on = asyncio.Event()
    async with serving(tmp_path, echo=echo) as running:
        running.agent.add_stop_hook(go_on.wait, order=10)
        client, other = await running.connect(), await running.connect()
        await other.ask("echo")
        await wire.write(client.writer, {"call": "shutdown"})
        await until(lambda: running.agent.is_stopping)
        assert (await other.ask("echo"))["error"]["code"] == "unavailable"
        go_on.set()
        assert await client.read() == {"result": {}}


async def test_a_channel_carries_frames_and_ends_with_its_client(tmp_path):
    ended = asyncio.Event()

    async def join(agent, params, channel):
        await channel.accept({"joined": params["n"]})
        async for frame in channel.frames():
            channel.post(frame)
        ended.set()

    async with serving(tmp_path, channel_join=join) as running:
        client = await running.connect()
        assert await client.ask("join", n=3) == {"result": {"joined": 3}}
        for frame in (b"\1\2", {"type": "run"}):
            await wire.write(client.writer, frame)
            assert await client.read() == frame
        client.writer.close()
        await asyncio.wait_for(ended.wait(), 5)


async def test_a_channel_refused_before_it_opens_leaves_the_connection_for_calls(tmp_path):
    async def join(agent, params, channel):
        raise FileNotFound("no")

    async with serving(tmp_path, channel_join=join, echo=echo) as running:
        client = await running.connect()
        assert (await client.ask("join"))["error"]["code"] == "file_not_found"
        assert await client.ask("echo") == {"result": {}}


async def test_a_channel_that_fails_after_it_opened_just_closes(tmp_path):
    async def join(agent, params, channel):
        await channel.accept({})
        raise RuntimeError("inside")

    async with serving(tmp_path, channel_join=join) as running:
        client = await running.connect()
        assert await client.ask("join") == {"result": {}}
        assert await client.read() is None


async def test_a_client_that_does_not_keep_up_is_dropped_and_posting_never_waits(tmp_path):
    is_closed = asyncio.Event()
    posted = 0

    async def join(agent, params, channel):
        nonlocal posted
        await channel.accept({})
        while not channel.is_closed:
            channel.post(bytes(1_000_000))
            posted += 1
        channel.post(b"to nobody")
        is_closed.set()

    async with serving(tmp_path, channel_join=join) as running:
        client = await running.connect()
        await wire.write(client.writer, {"call": "join", "params": {}})
        await asyncio.wait_for(is_closed.wait(), 10)
        assert posted < MAX_UNREAD_BYTES / 1_000_000 + 10
        client.writer.close()


async def test_open_channels_close_when_the_agent_stops(tmp_path):
    async def join(agent, params, channel):
        await channel.accept({})
        agent.add_stop_hook(lambda: channel.send({"type": "closed"}), order=10)
        async for _ in channel.frames():
            pass

    async with serving(tmp_path, channel_join=join) as running:
        client = await running.connect()
        await client.ask("join")
        running.agent.request_stop()
        assert await client.read() == {"type": "closed"}
        assert await client.read() is None


def test_every_call_has_a_module_of_the_agent():
    for place in [*CALLS.values(), *CHANNELS.values()]:
        module, _, function = place.partition(":")
        assert module.startswith("studiolo.agent.")
        assert function.isidentifier()
