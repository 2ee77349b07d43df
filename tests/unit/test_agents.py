"""The hub's connector against agents that behave and agents that do not."""

import asyncio
import contextlib
import json
import os
import struct
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from studiolo.core import wire
from studiolo.core.clock import SystemClock
from studiolo.core.errors import AgentUnavailable, FileNotFound, InvalidRequest
from studiolo.runtime.agents import LARGE_BYTES, UnixAgentConnector

pytestmark = pytest.mark.anyio

Behaviour = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


class Listener:
    """A Unix socket whose connections all behave in one way."""

    def __init__(self, behaviour: Behaviour) -> None:
        self._behaviour = behaviour
        self.connections = 0
        self.calls: list[Any] = []

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        try:
            with contextlib.suppress(OSError, asyncio.CancelledError):
                await self._behaviour(reader, writer)
        finally:
            writer.close()


@asynccontextmanager
async def listening(path: str, behaviour: Behaviour) -> AsyncIterator[Listener]:
    listener = Listener(behaviour)
    tasks: set[asyncio.Task[None]] = set()

    def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        tasks.add(asyncio.ensure_future(listener(reader, writer)))

    server = await asyncio.start_unix_server(accept, path)
    try:
        yield listener
    finally:
        server.close()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while (frame := await wire.read(reader)) is not None:
        assert isinstance(frame, dict)
        await wire.write(writer, {"result": frame["params"]})


def saying(data: bytes) -> Behaviour:
    async def behave(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await wire.read(reader)
        writer.write(data)
        await writer.drain()
        await reader.read()  # until the hub closes

    return behave


def answering(answer: Any) -> Behaviour:
    payload = json.dumps(answer).encode()
    return saying(struct.pack(">IB", len(payload) + 1, ord("J")) + payload)


@pytest.fixture
async def connector(anyio_backend: str) -> AsyncIterator[UnixAgentConnector]:
    connector = UnixAgentConnector(SystemClock())
    yield connector
    await connector.close()


@pytest.fixture
def path(tmp_path: Path) -> str:
    return str(tmp_path / "s")


async def ask(connector: UnixAgentConnector, path: str, timeout_seconds: float = 10, **params: Any) -> dict[str, Any]:
    return await connector.call(path, "echo", params, timeout_seconds=timeout_seconds)


async def test_calls_one_after_another_share_a_connection(connector, path):
    async with listening(path, echo) as agent:
        for n in range(5):
            assert await ask(connector, path, n=n) == {"n": n}
        assert agent.connections == 1


async def test_calls_at_once_do_not_wait_for_each_other(connector, path):
    everybody = asyncio.Barrier(3)

    async def together(reader, writer):
        frame = await wire.read(reader)
        await everybody.wait()
        await wire.write(writer, {"result": frame["params"]})

    async with listening(path, together):
        assert await asyncio.gather(*[ask(connector, path, n=n) for n in range(3)]) == [{"n": 0}, {"n": 1}, {"n": 2}]


async def test_an_error_keeps_its_code_and_words_and_the_connection(connector, path):
    async def refuse(reader, writer):
        while await wire.read(reader) is not None:
            await wire.write(writer, {"error": {"code": "file_not_found", "message": "ENOENT: x", "details": {}}})

    async with listening(path, refuse) as agent:
        for _ in range(2):
            with pytest.raises(FileNotFound, match="ENOENT: x"):
                await ask(connector, path)
        assert agent.connections == 1


@pytest.mark.parametrize(
    "answer",
    [
        {},
        {"result": 5},
        {"result": []},
        {"result": None},
        {"error": "x"},
        {"error": None},
        {"result": {}, "error": {}},
        {"result": {}, "more": 1},
        {"event": "x"},
        [],
        "text",
        None,
    ],
)
async def test_an_answer_of_the_wrong_shape_makes_the_agent_unavailable(connector, path, answer):
    async with listening(path, answering(answer)):
        with pytest.raises(AgentUnavailable):
            await ask(connector, path)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"HTTP/1.1 200 OK\r\n\r\n",
        b"\0\0\0\0J",
        struct.pack(">IB", wire.MAX_FRAME_BYTES + 1, ord("J")),
        struct.pack(">IB", 3, ord("B")) + b"ab",
        struct.pack(">IB", 3, ord("J")) + b"{x",
    ],
)
async def test_what_is_no_frame_or_no_answer_makes_the_agent_unavailable(connector, path, data):
    async with listening(path, saying(data)):
        with pytest.raises(AgentUnavailable):
            await ask(connector, path, timeout_seconds=0.3)


@pytest.mark.parametrize("code", ["api_key_invalid", "account_banned", "internal_error", "nonsense", None, 5, ["x"]])
async def test_an_agent_cannot_speak_for_the_hub(connector, path, code):
    error = {"code": code, "message": "You are banned.", "details": {"was_sent": False}}
    async with listening(path, answering({"error": error})):
        with pytest.raises(AgentUnavailable) as caught:
            await ask(connector, path)
    assert caught.value.details == {"was_sent": True}


@pytest.mark.parametrize("message", [None, 5, ["x"], "x" * 100_000])
async def test_an_errors_message_is_text_of_bounded_length(connector, path, message):
    error = {"code": "invalid_request", "message": message, "details": {"much": "x" * 100_000}}
    async with listening(path, answering({"error": error})):
        with pytest.raises(InvalidRequest) as caught:
            await ask(connector, path)
    assert isinstance(caught.value.message, str)
    assert len(caught.value.message) <= 4000
    assert caught.value.details == {}


async def test_silence_ends_at_the_timeout_and_the_connection_is_not_used_again(connector, path):
    async def silent_first(reader, writer):
        if agent.connections == 1:
            await reader.read()
        else:
            await echo(reader, writer)

    async with listening(path, silent_first) as agent:
        with pytest.raises(AgentUnavailable) as caught:
            await ask(connector, path, timeout_seconds=0.1)
        assert caught.value.details == {"was_sent": True}
        assert await ask(connector, path, n=1) == {"n": 1}


async def test_a_cancelled_call_does_not_leave_its_answer_to_the_next(connector, path):
    asked = asyncio.Event()
    go_on = asyncio.Event()

    async def late(reader, writer):
        frame = await wire.read(reader)
        asked.set()
        await go_on.wait()
        await wire.write(writer, {"result": frame["params"]})

    async with listening(path, late):
        first = asyncio.create_task(ask(connector, path, n=1))
        await asked.wait()
        first.cancel()
        with pytest.raises(asyncio.CancelledError):
            await first
        go_on.set()
        assert await ask(connector, path, n=2) == {"n": 2}


async def test_nobody_at_the_socket_is_told_and_the_call_was_not_sent(connector, path):
    with pytest.raises(AgentUnavailable) as caught:
        await ask(connector, path)
    assert caught.value.details == {"was_sent": False}


async def test_an_agent_that_was_replaced_is_reached_at_the_first_try(connector, path):
    async with listening(path, echo):
        await ask(connector, path, n=1)
    async with listening(path, echo) as agent:  # asyncio itself removes the old socket
        assert await ask(connector, path, n=2) == {"n": 2}
        assert agent.connections == 1


async def test_a_connection_closed_just_when_it_is_used_is_replaced_once(connector, path):
    async def one_call_each(reader, writer):
        frame = await wire.read(reader)
        await wire.write(writer, {"result": frame["params"]})
        await wire.read(reader)  # the second call gets no answer

    async with listening(path, one_call_each) as agent:
        for n in range(4):
            assert await ask(connector, path, n=n) == {"n": n}
        assert agent.connections >= 4


async def test_a_fresh_connection_without_an_answer_is_not_tried_again(connector, path):
    async def take_and_leave(reader, writer):
        await wire.read(reader)

    async with listening(path, take_and_leave) as agent:
        with pytest.raises(AgentUnavailable):
            await ask(connector, path)
        assert agent.connections == 1


async def test_half_an_answer_is_never_asked_for_again(connector, path):
    async def whole_then_half(reader, writer):
        await wire.read(reader)
        await wire.write(writer, {"result": {}})
        await wire.read(reader)
        writer.write(b"\0\0")
        await writer.drain()

    async with listening(path, whole_then_half) as agent:
        await ask(connector, path)
        with pytest.raises(AgentUnavailable):
            await ask(connector, path)
        assert agent.connections == 1


async def test_words_nobody_asked_for_are_not_taken_for_the_next_answer(connector, path):
    said = asyncio.Event()

    async def talkative(reader, writer):
        if agent.connections > 1:
            return await echo(reader, writer)
        await wire.read(reader)
        await wire.write(writer, {"result": {}})
        await asyncio.wait_for(kept.wait(), 5)
        await wire.write(writer, {"result": {"forged": True}})
        said.set()
        await reader.read()
        return None

    kept = asyncio.Event()
    async with listening(path, talkative) as agent:
        await ask(connector, path)
        kept.set()
        await said.wait()
        assert await ask(connector, path, n=1) == {"n": 1}


async def test_a_path_longer_than_a_socket_address_works(connector, tmp_path):
    directory = tmp_path / ("d" * 120)
    directory.mkdir()
    descriptor = os.open(directory, os.O_PATH)
    async with listening(f"/proc/self/fd/{descriptor}/s", echo):
        os.close(descriptor)
        assert await ask(connector, str(directory / "s"), n=1) == {"n": 1}


async def test_large_params_and_results_pass(connector, path):
    text = "é" * 5_000_000
    async with listening(path, echo):
        assert await connector.call(path, "exec.run", {"text": text}, timeout_seconds=10) == {"text": text}


async def test_answer_is_as_long_as_its_call_may_need(connector, path):
    async with listening(path, echo):
        with pytest.raises(AgentUnavailable):
            await connector.call(path, "files.describe", {"text": "x" * 9_000_000}, timeout_seconds=10)
        assert await ask(connector, path, n=1) == {"n": 1}


@pytest.mark.parametrize("text", [chr(0xDCFF), chr(0xD800), "a\x00b\U0001f600", "NaN"])
async def test_odd_text_passes(connector, path, text):
    async with listening(path, echo):
        assert await ask(connector, path, text=text, number=float("inf")) == {"text": text, "number": float("inf")}


async def test_a_closed_connector_keeps_no_connection(connector, path):
    ended = asyncio.Event()

    async def watch(reader, writer):
        with contextlib.suppress(wire.WireError, OSError):
            await echo(reader, writer)
        ended.set()

    async with listening(path, watch):
        await ask(connector, path)
        await connector.close()
        await asyncio.wait_for(ended.wait(), 5)


async def echo_channel(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    frame = await wire.read(reader)
    assert isinstance(frame, dict)
    await wire.write(writer, {"result": {"call": frame["call"]}})
    while (frame := await wire.read(reader)) is not None:
        await wire.write(writer, frame)


async def test_a_channel_carries_both_kinds_of_frames_both_ways_and_ends(connector, path):
    async with listening(path, echo_channel):
        async with connector.channel(path, "documents.join", {}, timeout_seconds=5) as channel:
            assert channel.result == {"call": "documents.join"}
            frames = channel.frames()
            for frame in (b"\0\1", {"type": "run"}, b""):
                await channel.send(frame)
                assert await anext(frames) == frame
        with pytest.raises(AgentUnavailable):
            await channel.send(b"late")


async def test_a_refused_channel_raises_and_leaves_the_connection_for_the_next_call(connector, path):
    async def refuse(reader, writer):
        await wire.read(reader)
        await wire.write(writer, {"error": {"code": "file_not_found", "message": "no", "details": {}}})
        await echo(reader, writer)

    async with listening(path, refuse) as agent:
        with pytest.raises(FileNotFound):
            async with connector.channel(path, "documents.join", {}, timeout_seconds=5):
                raise AssertionError("it must not open")
        assert await ask(connector, path, n=1) == {"n": 1}
        assert agent.connections == 1


async def test_a_channel_that_breaks_raises_and_one_that_ends_just_ends(connector, path):
    async def accept_then(reader, writer):
        await wire.read(reader)
        await wire.write(writer, {"result": {}})
        if agent.connections == 1:
            writer.write(b"\0\0\0")

    async with listening(path, accept_then) as agent:
        async with connector.channel(path, "documents.join", {}, timeout_seconds=5) as channel:
            with pytest.raises(AgentUnavailable):
                await anext(channel.frames())
        async with connector.channel(path, "documents.join", {}, timeout_seconds=5) as channel:
            assert [frame async for frame in channel.frames()] == []


async def test_a_hub_that_does_not_read_slows_the_agent_down(connector, path):
    sent = 0

    async def flood(reader, writer):
        nonlocal sent
        await wire.read(reader)
        await wire.write(writer, {"result": {}})
        while True:
            await wire.write(writer, bytes(100_000))
            sent += 1

    async with (
        listening(path, flood),
        connector.channel(path, "documents.join", {}, timeout_seconds=5) as channel,
    ):
        frames = channel.frames()
        for _ in range(100):
            assert len(await anext(frames)) == 100_000
        assert sent < 130  # what is under way is bounded by the buffers, whatever the agent would like to send


async def test_a_second_answer_beside_the_first_is_never_taken_for_the_answer_to_the_next_call(path: str):
    forged = json.dumps({"result": {"forged": True}}).encode()

    async def behave(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while (frame := await wire.read(reader)) is not None:
            assert isinstance(frame, dict)
            answer = json.dumps({"result": frame["params"]}).encode()
            one, other = (struct.pack(">IB", len(text) + 1, ord("J")) + text for text in (answer, forged))
            writer.write(one + other)

    async with listening(path, behave) as listener:
        connector = UnixAgentConnector(SystemClock())
        for number in range(3):
            assert await connector.call(path, "x", {"n": number}, timeout_seconds=5) == {"n": number}
        assert listener.connections == 3
        await connector.close()


async def test_large_frames_of_one_agent_come_two_at_a_time_and_pushed_json_is_small(path: str):
    async def behave(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        frame = await wire.read(reader)
        assert isinstance(frame, dict)
        await wire.write(writer, {"result": {}})
        await wire.write(writer, bytes(LARGE_BYTES + 1) if frame["call"] == "bytes" else {"a": "a" * LARGE_BYTES})
        await reader.read()

    async with listening(path, behave), contextlib.AsyncExitStack() as stack:
        connector = UnixAgentConnector(SystemClock())

        async def first(call: str) -> AsyncIterator[Any]:
            opened = connector.channel(path, call, {}, timeout_seconds=5)
            return (await stack.enter_async_context(opened)).frames()

        frames = [await first("bytes") for _ in range(3)]
        assert [len(await anext(one)) for one in frames[:2]] == [LARGE_BYTES + 1] * 2
        third = asyncio.ensure_future(anext(frames[2]))
        assert not (await asyncio.wait({third}, timeout=0.3))[0]
        await frames[0].aclose()  # type: ignore[attr-defined]
        assert len(await asyncio.wait_for(third, 5)) == LARGE_BYTES + 1
        with pytest.raises(AgentUnavailable):
            await anext(await first("json"))
        for one in frames[1:]:
            await one.aclose()  # type: ignore[attr-defined]
        await connector.close()
