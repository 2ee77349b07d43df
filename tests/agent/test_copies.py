"""Copies between hosts, when agents and the middle die, lie, or take their time."""

import asyncio
import json
import os
import resource
import shutil
import threading
from collections.abc import AsyncGenerator, Callable
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from hashlib import blake2b
from pathlib import Path
from typing import Any

import anyio
import pytest

from studiolo.agent.agent import Agent
from studiolo.agent.copies.channels import AT_ONCE, Transfers
from studiolo.core import wire
from studiolo.core.clock import SystemClock
from studiolo.core.copying.rules import TEMPORARY_PREFIX
from studiolo.core.errors import AgentUnavailable, CopyFailed, FileNotFound, PathOutsideProject, Unavailable
from studiolo.core.wire import Frame
from studiolo.runtime.agents import UnixAgentConnector
from studiolo.runtime.copying.streamed import SILENCE_SECONDS, StreamedEngine
from studiolo.runtime.protocols import AgentChannel, Postponed
from studiolo.testing.clock import MovingClock
from studiolo.testing.hosts import SOURCE, TARGET, TwoHosts, order

pytestmark = pytest.mark.anyio
MEBIBYTE = 1024 * 1024
BIG = 24 * MEBIBYTE


class Middle:
    """A connector through which the bytes of the source can be counted, held and spoilt on their way."""

    def __init__(self, connector: UnixAgentConnector) -> None:
        self.passed = 0
        self.hold_after: float = float("inf")
        self.is_held = asyncio.Event()
        self.released = asyncio.Event()
        self.spoil: Callable[[bytes], bytes] = lambda frame: frame
        self._connector = connector

    async def call(self, *args: Any, **options: Any) -> dict[str, Any]:
        return await self._connector.call(*args, **options)

    @asynccontextmanager
    async def channel(self, socket_path: str, call: str, *args: Any, **options: Any) -> AsyncGenerator[AgentChannel]:
        async with self._connector.channel(socket_path, call, *args, **options) as channel:
            yield _ToTarget(channel, self) if call == "copies.write" else channel


class _ToTarget:
    def __init__(self, channel: AgentChannel, middle: Middle) -> None:
        self.result = channel.result
        self.frames = channel.frames
        self.close = channel.close
        self._channel = channel
        self._middle = middle

    async def send(self, frame: Frame) -> None:
        assert isinstance(frame, bytes)
        self._middle.passed += len(frame)
        if self._middle.passed > self._middle.hold_after:
            self._middle.is_held.set()
            await self._middle.released.wait()
        await self._channel.send(self._middle.spoil(frame))


def through(hosts: TwoHosts, middle: Middle) -> StreamedEngine:
    return StreamedEngine(middle, hosts.agents, SystemClock())  # type: ignore[arg-type]


async def until(is_so: Callable[[], bool]) -> None:
    with anyio.fail_after(20):
        while not is_so():  # noqa: ASYNC110 - the file system calls nobody
            await anyio.sleep(0.01)


async def let_go(hosts: TwoHosts) -> None:
    """Wait until the target's agent has noticed the end of the copy; before that the part is in use, and left alone."""
    opened = Path(f"/proc/{hosts.target.process.pid}/fd")

    def is_used(link: Path) -> bool:
        with suppress(FileNotFoundError):
            return TEMPORARY_PREFIX in str(link.readlink())
        return False

    await until(lambda: not any(is_used(link) for link in opened.iterdir()))


@asynccontextmanager
async def held_midway(hosts: TwoHosts) -> AsyncGenerator[tuple["asyncio.Task[dict[str, Any]]", Middle]]:
    """Copy a large file, of which a good part has arrived and no more comes."""
    (hosts.source.home / "big").write_bytes(os.urandom(BIG))
    middle = Middle(hosts.connector)
    middle.hold_after = BIG / 2
    copying = asyncio.create_task(through(hosts, middle).copy(order("big")))
    await middle.is_held.wait()
    await until(lambda: sum(path.stat().st_size for path in hosts.target.home.iterdir()) > BIG / 3)
    try:
        yield copying, middle
    finally:
        copying.cancel()
        await asyncio.gather(copying, return_exceptions=True)
        await let_go(hosts)


async def assert_second_try_resumes(hosts: TwoHosts) -> None:
    report = await hosts.engine.copy(order("big"))
    assert BIG / 3 < report["resumed_bytes"] < BIG
    assert hosts.tree() == ["big"]
    assert (hosts.target.home / "big").read_bytes() == (hosts.source.home / "big").read_bytes()


async def test_copy_goes_on_where_the_middle_died(hosts: TwoHosts):
    async with held_midway(hosts) as (copying, _):
        copying.cancel()
    assert not (hosts.target.home / "big").exists()
    await assert_second_try_resumes(hosts)


@pytest.mark.parametrize("end", ["source", "target"])
async def test_copy_goes_on_where_an_agent_was_killed(hosts: TwoHosts, end: str):
    agent = getattr(hosts, end)
    async with held_midway(hosts) as (copying, middle):
        agent.kill()
        agent.start()
        middle.released.set()
        with pytest.raises(Unavailable):
            await copying
    assert not (hosts.target.home / "big").exists()
    await assert_second_try_resumes(hosts)


async def test_part_of_another_content_is_not_used(hosts: TwoHosts):
    async with held_midway(hosts) as (copying, _):
        copying.cancel()
    source = hosts.source.home / "big"
    moment = source.stat()
    source.write_bytes(bytes(reversed(source.read_bytes())))
    os.utime(source, ns=(moment.st_atime_ns, moment.st_mtime_ns))  # looks the same, and is not
    report = await hosts.engine.copy(order("big"))
    assert report["resumed_bytes"] == 0
    assert (hosts.target.home / "big").read_bytes() == source.read_bytes()


async def test_part_that_was_spoilt_on_the_disk_is_not_used(hosts: TwoHosts):
    async with held_midway(hosts) as (copying, _):
        copying.cancel()
    await until(lambda: not copying.cancelling() or copying.done())
    (part,) = hosts.target.home.iterdir()
    with part.open("r+b") as file:
        file.seek(1000)
        file.write(b"spoilt")
    report = await hosts.engine.copy(order("big"))
    assert report["resumed_bytes"] == 0
    assert (hosts.target.home / "big").read_bytes() == (hosts.source.home / "big").read_bytes()


async def test_part_is_removed_by_a_later_copy_that_does_not_want_it(hosts: TwoHosts):
    async with held_midway(hosts) as (copying, _):
        copying.cancel()
    (hosts.source.home / "small").write_text("x")
    await until(lambda: len(hosts.tree()) == 1)
    await hosts.engine.copy(order("small", "small"))
    await until(lambda: hosts.tree() == ["small"])


def test_part_that_nobody_came_back_for_is_removed_unless_it_is_used(tmp_path: Path):
    home = tmp_path / "home"
    (home / "d").mkdir(parents=True)
    parts = [home / "d" / "left", home / "d" / "used", home / "d" / "gone", tmp_path / "outside"]
    for part in (parts[0], parts[1], parts[3]):
        part.write_text("x")
    transfers = Transfers(Agent(str(home)))
    opened = os.open(home / "d", os.O_RDONLY)
    try:
        with transfers.names.use(opened, "used"):
            transfers.forget([str(part) for part in parts])
    finally:
        os.close(opened)
    assert [part.exists() for part in parts] == [False, True, False, True]


async def test_small_files_of_a_copy_that_broke_leave_nothing(hosts: TwoHosts):
    tree = hosts.source.home / "d"
    tree.mkdir()
    for number in range(40):
        (tree / str(number)).write_bytes(os.urandom(100_000))
    middle = Middle(hosts.connector)
    middle.hold_after = 2_000_000
    copying = asyncio.create_task(through(hosts, middle).copy(order("d")))
    await middle.is_held.wait()
    copying.cancel()
    await asyncio.gather(copying, return_exceptions=True)
    await until(lambda: not any(".~" in path for path in hosts.tree()))
    await hosts.engine.copy(order("d"))
    assert len(hosts.tree()) == 41


@pytest.mark.parametrize("size", [100_000, BIG])
async def test_flipped_bit_on_the_way_is_noticed_and_nothing_is_placed(hosts: TwoHosts, size: int):
    (hosts.source.home / "f").write_bytes(os.urandom(size))
    middle = Middle(hosts.connector)

    def flip(frame: bytes) -> bytes:
        middle.spoil = lambda later: later
        return frame[:-2] + bytes([frame[-2] ^ 1]) + frame[-1:]

    def flip_in_content(frame: bytes) -> bytes:
        return flip(frame) if len(frame) > 90_000 else frame

    middle.spoil = flip_in_content
    if size == 100_000:  # the end of the content is in the same frame: spoil the middle of it

        def flip_inside(frame: bytes) -> bytes:
            if len(frame) < 90_000:
                return frame
            return frame[:50_000] + bytes([frame[50_000] ^ 1]) + frame[50_001:]

        middle.spoil = flip_inside
    with pytest.raises(Unavailable, match=r"^The copy was interrupted\.$") as caught:
        await through(hosts, middle).copy(order("f"))
    assert "not what was sent" in caught.value.internal
    assert hosts.tree() == []
    await hosts.engine.copy(order("f"))
    assert (hosts.target.home / "f").read_bytes() == (hosts.source.home / "f").read_bytes()


async def test_target_that_does_not_read_slows_the_source_and_costs_the_middle_no_memory(
    hosts: TwoHosts, tmp_path: Path
):
    (hosts.source.home / "big").write_bytes(os.urandom(BIG))

    async def ask_and_never_read(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await say(writer, message({"list": []}), message({"read": [], "files": [["big", 0, ""]]}))
        await asyncio.Event().wait()

    middle = Middle(hosts.connector)
    async with lying(tmp_path, {}, ask_and_never_read) as socket_path:
        hosts.agents.socket_paths[TARGET.project_id] = socket_path
        copying = asyncio.create_task(through(hosts, middle).copy(order("big")))
        passed = -1
        with anyio.fail_after(20):
            while passed != middle.passed or not passed:
                passed = middle.passed
                await anyio.sleep(0.3)
        copying.cancel()
        await asyncio.gather(copying, return_exceptions=True)
    assert 0 < middle.passed < 4 * MEBIBYTE


async def test_holes_stay_holes(hosts: TwoHosts):
    with (hosts.source.home / "sparse").open("wb") as file:
        file.seek(500 * MEBIBYTE)
        file.write(b"end")
        file.truncate(1000 * MEBIBYTE + 5)
    await hosts.engine.copy(order("sparse"))
    found = (hosts.target.home / "sparse").stat()
    assert found.st_size == 1000 * MEBIBYTE + 5
    assert found.st_blocks * 512 < MEBIBYTE
    with (hosts.target.home / "sparse").open("rb") as file:
        file.seek(500 * MEBIBYTE)
        assert file.read(4) == b"end\0"


async def test_full_disk_stops_the_copy_and_leaves_the_target_as_it_was(hosts: TwoHosts):
    (hosts.source.home / "d").mkdir()
    (hosts.source.home / "d" / "big").write_bytes(os.urandom(6 * MEBIBYTE))
    limits = resource.prlimit(hosts.target.process.pid, resource.RLIMIT_FSIZE)
    resource.prlimit(hosts.target.process.pid, resource.RLIMIT_FSIZE, (5 * MEBIBYTE, limits[1]))
    try:
        with pytest.raises(
            CopyFailed, match=r"^The copy stopped: File too large: 'big'\. What was copied before is whole"
        ):
            await hosts.engine.copy(order("d"))
    finally:
        resource.prlimit(hosts.target.process.pid, resource.RLIMIT_FSIZE, limits)
    assert hosts.tree() == ["d"]


async def test_entry_that_fails_is_named_and_the_others_arrive(hosts: TwoHosts):
    for name in ("a", "b", "c"):
        (hosts.source.home / "d").mkdir(exist_ok=True)
        (hosts.source.home / "d" / name).write_text(name)
    (hosts.target.home / "d" / "b" / "full").mkdir(parents=True)
    with pytest.raises(CopyFailed, match=r"^1 could not be copied: b: Directory not empty$") as caught:
        await hosts.engine.copy(order("d"))
    assert caught.value.details["report"]["files"] == 2
    assert hosts.tree() == ["d", "d/a", "d/b", "d/b/full", "d/c"]


async def test_copy_that_makes_no_progress_is_given_up(hosts: TwoHosts):
    async with held_midway(hosts):
        middle = Middle(hosts.connector)
        middle.hold_after = 0
        with pytest.raises(CopyFailed, match=r"^The copy made no progress for 0\.5 s and was given up\.$"):
            await through(hosts, middle).copy(order("big", "other", timeout_seconds=0.5))


async def test_silent_agents_end_the_copy_for_another_try(hosts: TwoHosts, clock: MovingClock, tmp_path: Path):
    async def say_nothing(_reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> None:
        await asyncio.Event().wait()

    (hosts.source.home / "f").write_text("x")
    async with lying(tmp_path, {}, say_nothing) as socket_path:
        hosts.agents.socket_paths[TARGET.project_id] = socket_path
        copying = asyncio.create_task(StreamedEngine(hosts.connector, hosts.agents, clock).copy(order("f")))
        with anyio.fail_after(20):
            while not copying.done():
                await clock.move_past_sleeper()
                clock.move(SILENCE_SECONDS)
                await anyio.sleep(0.05)
        with pytest.raises(AgentUnavailable):
            await copying


async def test_progress_is_told_with_totals(hosts: TwoHosts):
    (hosts.source.home / "d").mkdir()
    for number in range(3):
        (hosts.source.home / "d" / str(number)).write_bytes(bytes(10))
    async with held_midway(hosts):
        pass
    told: list[dict[str, Any]] = []
    report = await hosts.engine.copy(order("d"), told.append)
    assert (report["files_done"], report["bytes_done"]) == (3, 30)
    assert all(one["files_total"] == 3 and one["bytes_total"] == 30 for one in told)


async def test_project_has_a_limit_of_copies_at_once(hosts: TwoHosts):
    async with AsyncExitStack() as stack:
        for _ in range(AT_ONCE):
            channel = hosts.connector.channel(hosts.source.socket_path, "copies.read", {"path": ""}, timeout_seconds=10)
            await stack.enter_async_context(channel)
        with pytest.raises(Unavailable, match="Too many copies"):
            await hosts.engine.copy(order("a"))


async def test_copies_are_not_put_together(hosts: TwoHosts):
    assert await hosts.engine.copy_all([order("a"), order("b")]) == [Postponed.ALONE, Postponed.ALONE]


# -- hostile sources -------------------------------------------------------------------------------------------------


def record(kind: bytes, payload: bytes) -> bytes:
    return kind + len(payload).to_bytes(4, "big") + payload


def message(value: dict[str, Any]) -> bytes:
    return record(b"J", json.dumps(value).encode())


def data(at: int, content: bytes) -> bytes:
    return record(b"D", at.to_bytes(8, "big") + content)


async def say(writer: asyncio.StreamWriter, *records: bytes) -> None:
    await wire.write(writer, b"".join(records))


FACTS = [3, 0o644, 0, 0]
DIRECTORY = message({"directory": FACTS})
END = message({"end": True})


def entries(*names: str, kind: str = "f", size: int = 3, text: str = "") -> bytes:
    return message({"entries": [[name, kind, size, 0o644, 0, 0, "", text] for name in names]})


def listing(*names: str, **facts: Any) -> bytes:
    return DIRECTORY + entries(*names, **facts) + END


Script = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Any]


@asynccontextmanager
async def lying(directory: Path, result: dict[str, Any], script: Script) -> AsyncGenerator[str]:
    """Give the socket of an agent that accepts any call with `result` and then does as it likes."""
    talks: list[asyncio.Task[None]] = []

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        talks.append(task)
        try:
            await wire.read(reader)
            await wire.write(writer, {"result": result})
            await script(reader, writer)
        except (OSError, wire.WireError, asyncio.CancelledError):
            pass
        finally:
            writer.close()

    socket_path = str(directory / "liar")
    server = await asyncio.start_unix_server(talk, socket_path)
    try:
        yield socket_path
    finally:
        server.close()
        for task in talks:
            task.cancel()
        await asyncio.gather(*talks, return_exceptions=True)
        await server.wait_closed()


def answers(*said: bytes) -> Script:
    """Answer each request with the next thing to say, the last one for ever."""

    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        number = 0
        while await wire.read(reader) is not None:
            whole = said[min(number, len(said) - 1)]
            for at in range(0, len(whole), 200_000):
                await wire.write(writer, whole[at : at + 200_000])
            number += 1

    return script


async def copy_from(hosts: TwoHosts, directory: Path, script: Script, result: dict[str, Any] | None = None) -> None:
    async with lying(directory, result or {"kind": "directory", "name": None}, script) as socket_path:
        hosts.agents.socket_paths[SOURCE.project_id] = socket_path
        with anyio.fail_after(60):
            await hosts.engine.copy(order("d"))


LIES: dict[str, tuple[bytes, ...]] = {
    "a name that leads up": (listing("..", kind="d"),),
    "a name that leads down": (listing("a/b"),),
    "an absolute name": (listing("/etc/passwd"),),
    "an empty name": (listing(""),),
    "a name with NUL": (listing("a\0b"),),
    "a name that is too long": (listing("a" * 256),),
    "a name twice": (listing("a", "a"),),
    "a link with NUL": (listing("a", kind="l", text="a\0b"),),
    "a link without text": (listing("a", kind="l"),),
    "an entry of no kind": (listing("a", kind="x"),),
    "a negative size": (listing("a", size=-1),),
    "a size that is none": (message({"directory": FACTS}) + message({"entries": [["a", "f", "3", 0, 0, 0, "", ""]]}),),
    "no entries": (DIRECTORY + message({"entries": []}),),
    "no list": (message({"directory": 1}),),
    "no answer": (message({"hello": 1}),),
    "no JSON": (record(b"J", b"{"),),
    "deep JSON": (record(b"J", b'{"a":' + b"[" * 100_000),),
    "no record": (b"X" * 100,),
    "a record without end": (b"J\xff\xff\xff\xff" + b"x" * 100,),
    "content where none is due": (data(0, b"abc"),),
    "an offset that was not asked for": (listing("a"), message({"file": FACTS, "offset": 131072})),
    "a content longer than said": (listing("a"), message({"file": FACTS, "offset": 0}) + data(0, b"abcd")),
    "a block at no place for one": (listing("a"), message({"file": [9, 0, 0, 0], "offset": 0}) + data(1, b"a")),
    "blocks out of order": (
        listing("a"),
        message({"file": [400_000, 0, 0, 0], "offset": 0}) + data(131072, b"a") + data(0, b"a"),
    ),
    "a checksum that is wrong": (
        listing("a"),
        message({"file": FACTS, "offset": 0}) + data(0, b"abc") + message({"end": "0" * 64, "size": 3}),
    ),
    "a size at the end beyond the one said": (
        listing("a"),
        message({"file": FACTS, "offset": 0}) + message({"end": "0" * 64, "size": 2**60}),
    ),
    "a file that begins anew for ever": (
        listing("a"),
        message({"file": FACTS, "offset": 0}) + message({"again": FACTS}) * 50,
    ),
    "more entries than any directory has": (
        DIRECTORY + b"".join(entries(*(f"{n}-{m}" for m in range(1000)), kind="o") for n in range(210)) + END,
    ),
}


@pytest.mark.parametrize("lie", LIES)
async def test_source_that_lies_ends_the_copy_and_nothing_is_written(hosts: TwoHosts, tmp_path: Path, lie: str):
    with pytest.raises(Unavailable):
        await copy_from(hosts, tmp_path, answers(*LIES[lie]))
    await until(lambda: hosts.tree() == ["d"])
    assert not (hosts.target.home.parent / "a").exists()


async def test_source_with_a_hostile_name_for_a_file_is_refused(hosts: TwoHosts, tmp_path: Path):
    for name in ("../x", "/etc/x", ""):
        with pytest.raises(CopyFailed):
            await copy_from(hosts, tmp_path, answers(END), {"kind": "file", "name": name})
    for name in (7, "a" * 300):
        with pytest.raises(AgentUnavailable):
            await copy_from(hosts, tmp_path, answers(END), {"kind": "file", "name": name})
    assert hosts.tree() == []


async def test_frame_that_is_too_long_ends_the_copy(hosts: TwoHosts, tmp_path: Path):
    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await wire.read(reader)
        await wire.write(writer, bytes(300_000))
        await wire.read(reader)

    with pytest.raises(AgentUnavailable):
        await copy_from(hosts, tmp_path, script)


async def test_directories_without_end_come_to_one(hosts: TwoHosts, tmp_path: Path):
    with pytest.raises(CopyFailed, match="directories deep"):
        await copy_from(hosts, tmp_path, answers(listing("x", kind="d")))


async def test_set_uid_bits_of_a_hostile_source_stay_behind(hosts: TwoHosts, tmp_path: Path):
    checksum = blake2b(bytes(8) + b"abc" + (3).to_bytes(8, "big"), digest_size=32).hexdigest()
    content = message({"file": [3, 0o6777, 0, 0], "offset": 0}) + data(0, b"abc")
    await copy_from(hosts, tmp_path, answers(listing("a"), content + message({"end": checksum, "size": 3})))
    assert (hosts.target.home / "d" / "a").stat().st_mode & 0o7777 == 0o777


# -- hostile targets -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "asked",
    [
        message({"list": [".."]}),
        message({"list": ["a/../.."]}),
        message({"list": ["/"]}),
        message({"list": ["a\0"]}),
        message({"list": "d"}),
        message({"list": ["a"] * 1001}),
        message({"read": [], "files": [["../secret", 0, ""]]}),
        message({"read": ["..", "x"], "files": [["secret", 0, ""]]}),
        message({"read": [], "files": [["f", 1, ""]]}),
        message({"read": [], "files": [["f", -131072, ""]]}),
        message({"read": [], "files": [["f", 0]]}),
        message({"read": [], "files": []}),
        message({"read": [], "files": [["f", 0, ""]] * 1001}),
        message({"write": []}),
        data(0, b"x"),
        b"\xff" * 50,
    ],
    ids=map(str, range(16)),
)
async def test_target_that_asks_for_what_was_not_ordered_gets_nothing(hosts: TwoHosts, asked: bytes):
    (hosts.source.home / "secret").write_text("secret")
    (hosts.source.home / "d").mkdir()
    (hosts.source.home / "d" / "f").write_text("x")
    assert await said_by_source(hosts, "d", asked) == b""


async def test_target_gets_no_file_but_the_one_that_was_ordered(hosts: TwoHosts):
    (hosts.source.home / "f").write_text("ordered")
    (hosts.source.home / "secret").write_text("secret")
    assert await said_by_source(hosts, "f", message({"read": [], "files": [["secret", 0, ""]]})) == b""
    assert b"secret" not in await said_by_source(hosts, "f", message({"list": []}))
    (hosts.source.home / "d").mkdir()
    assert await said_by_source(hosts, "f", message({"list": ["d"]})) == b""


async def test_target_cannot_have_a_link_followed(hosts: TwoHosts):
    (hosts.source.home / "d").mkdir()
    (hosts.source.home / "secret").write_text("secret")
    (hosts.source.home / "d" / "up").symlink_to("..")
    (hosts.source.home / "d" / "f").symlink_to("../secret")
    said = await said_by_source(hosts, "d", message({"list": ["up"]}) + message({"read": [], "files": [["f", 0, ""]]}))
    said += await said_by_source(hosts, "d", message({"read": ["up"], "files": [["secret", 0, ""]]}))
    assert said.count(b"failed") == 3
    assert b"secret" not in said.replace(b'"secret"', b"")


async def said_by_source(hosts: TwoHosts, path: str, asked: bytes) -> bytes:
    """Ask the source's agent as a target would, and return all it says until it leaves or has answered."""
    said = b""
    channel = hosts.connector.channel(hosts.source.socket_path, "copies.read", {"path": path}, timeout_seconds=10)
    async with channel as opened:
        await opened.send(asked)
        with anyio.move_on_after(0.3):
            async for frame in opened.frames(300_000):
                said += frame if isinstance(frame, bytes) else b""
    return said


# -- races -----------------------------------------------------------------------------------------------------------


@asynccontextmanager
async def swapping(path: Path, other: Path) -> AsyncGenerator[None]:
    """Let a directory and a link to another one take turns at a name, as quickly as can be."""
    aside, link, ended = path.parents[1] / "aside", path.parents[1] / "link", threading.Event()

    def swap() -> None:
        while not ended.is_set():
            try:
                link.symlink_to(other)
                path.rename(aside)
                link.rename(path)
                path.unlink()
                aside.rename(path)
            except OSError:  # the copy put something there meanwhile
                link.unlink(missing_ok=True)
                shutil.rmtree(aside, ignore_errors=True)

    thread = threading.Thread(target=swap)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()


async def test_directory_swapped_for_a_link_in_the_target_redirects_no_write(hosts: TwoHosts, tmp_path: Path):
    for name in ("a", "b", "c"):
        (hosts.source.home / "d" / "sub" / name).mkdir(parents=True)
        (hosts.source.home / "d" / "sub" / name / "f").write_text(name)
    victim = tmp_path / "victim"
    victim.mkdir()
    (hosts.target.home / "d" / "sub").mkdir(parents=True)
    async with swapping(hosts.target.home / "d" / "sub", victim):
        for _ in range(40):
            try:
                await hosts.engine.copy(order("d", delete_missing=True))
            except (CopyFailed, Unavailable):
                continue
    assert list(victim.iterdir()) == []


async def test_directory_swapped_for_a_link_in_the_source_gives_nothing_away(hosts: TwoHosts, tmp_path: Path):
    (tmp_path / "secret").mkdir()
    (tmp_path / "secret" / "f").write_text("secret")
    (hosts.source.home / "d" / "sub").mkdir(parents=True)
    (hosts.source.home / "d" / "sub" / "f").write_text("open")
    async with swapping(hosts.source.home / "d" / "sub", tmp_path / "secret"):
        for number in range(40):
            try:
                await hosts.engine.copy(order("d", str(number)))
            except (CopyFailed, Unavailable):
                continue
    contents = {path.read_text() for path in hosts.target.home.rglob("f") if not path.parent.is_symlink()}
    assert contents <= {"open"}


async def test_paths_that_lead_out_are_refused_by_the_agents_themselves(hosts: TwoHosts):
    for call in ("copies.read", "copies.write"):
        for path in ("../x", "/etc", "a/../../x"):
            with pytest.raises(PathOutsideProject):
                async with hosts.connector.channel(hosts.source.socket_path, call, {"path": path}, timeout_seconds=10):
                    pass
    with pytest.raises(FileNotFound):
        await hosts.engine.copy(order("nothing"))
