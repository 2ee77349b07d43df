"""`exclude` between hosts: what the patterns leave out is neither sent nor deleted, whatever it is called."""

import json
import os
from pathlib import Path

import anyio
import pytest

from studiolo.core.errors import CopyFailed
from studiolo.testing.hosts import HostAgent, TwoHosts, order

pytestmark = pytest.mark.anyio


def write(path: Path, content: str = "x") -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content)


async def test_names_that_no_line_can_hold_are_told_apart(hosts: TwoHosts):
    names = ["new\nline", "back\\#012slash", os.fsdecode(b"na\xefve"), " lead", "trail ", "é", "-rn", "a:b", "skip\t"]
    for name in names:
        write(hosts.source.home / "d" / name / name)
        write(hosts.source.home / "d" / f"{name}.skip")
    report = await hosts.engine.copy(order("d", exclude=("*.skip",)))
    assert report["files"] == len(names)
    assert hosts.tree() == sorted(["d", *(f"d/{name}" for name in names), *(f"d/{name}/{name}" for name in names)])


async def test_progress_counts_what_is_left_in(hosts: TwoHosts):
    for name in ("a", "b.log", "logs/c"):
        write(hosts.source.home / "d" / name, "12345")
    told: list[dict[str, int]] = []
    report = await hosts.engine.copy(order("d", exclude=("*.log", "logs/")), told.append)
    assert (report["files_done"], report["bytes_done"]) == (1, 5)
    assert all(one["files_total"] == 1 and one["bytes_total"] == 5 for one in told)


async def test_single_file_may_be_excluded(hosts: TwoHosts):
    write(hosts.source.home / "d" / "a.log")
    assert (await hosts.engine.copy(order("d/a.log", "a.log", exclude=("*.log",))))["files"] == 0
    assert hosts.tree() == []
    await hosts.engine.copy(order("d/a.log", "a.log", exclude=("/d", "*.txt")))
    assert hosts.tree() == ["a.log"]


async def test_excluded_names_of_the_target_are_not_deleted(hosts: TwoHosts):
    write(hosts.source.home / "d" / "f")
    for name in ("own.log", "gone", "sub/own.log", "sub/gone", "gone too/x"):
        write(hosts.target.home / "d" / name)
    await hosts.engine.copy(order("d", delete_missing=True, exclude=("*.log",)))
    assert hosts.tree() == ["d", "d/f", "d/own.log", "d/sub", "d/sub/own.log"]


@pytest.mark.parametrize("name", ["plain", "wild*[?]", "back\\slash"])
async def test_excluded_directory_makes_way_for_a_file_as_far_as_patterns_allow(hosts: TwoHosts, name: str):
    write(hosts.source.home / "d" / "above" / name, "file")
    write(hosts.target.home / "d" / "above" / name / "sub" / "gone")
    write(hosts.target.home / "d" / "other" / "x")
    await hosts.engine.copy(order("d", delete_missing=True, exclude=("above/*/",)))
    assert (hosts.target.home / "d" / "above" / name).read_text() == "file"
    (hosts.target.home / "d" / "above" / name).unlink()
    write(hosts.target.home / "d" / "above" / name / "sub" / "gone")
    write(hosts.target.home / "d" / "above" / name / "sub" / "own.log")
    with pytest.raises(CopyFailed, match="could not be copied"):
        await hosts.engine.copy(order("d", delete_missing=True, exclude=("*.log", "above/*/")))
    assert hosts.tree()[2:] == [f"d/above/{name}", f"d/above/{name}/sub", f"d/above/{name}/sub/own.log"]


@pytest.mark.parametrize("asked", [{"list": ["logs"]}, {"read": [], "files": [["secret.log", 0, ""]]}])
async def test_target_that_asks_for_what_is_excluded_gets_nothing(hosts: TwoHosts, asked: dict[str, object]):
    for name in ("secret.log", "logs/secret"):
        write(hosts.source.home / "d" / name, "secret")
    given = {"path": "d", "exclude": ["*.log", "logs/"]}
    record = json.dumps(asked).encode()
    said = b""
    async with hosts.connector.channel(hosts.source.socket_path, "copies.read", given, timeout_seconds=10) as channel:
        await channel.send(b"J" + len(record).to_bytes(4, "big") + record)
        with anyio.move_on_after(0.5):
            async for frame in channel.frames(300_000):
                said += frame if isinstance(frame, bytes) else b""
    assert said in (b"", b'J\x00\x00\x00\x0d{"gone":true}')


@pytest.mark.parametrize("end", ["source", "target"])
async def test_environment_without_rsync_is_told_so(hosts: TwoHosts, end: str):
    write(hosts.source.home / "d" / "f")
    agent = getattr(hosts, end)
    usual = agent.path
    restart(agent, "/nonexistent")
    try:
        with pytest.raises(CopyFailed, match="`exclude` needs rsync in the environments of both projects"):
            await hosts.engine.copy(order("d", delete_missing=True, exclude=("x",)))
        await hosts.engine.copy(order("d", delete_missing=True))
    finally:
        restart(agent, usual)


@pytest.mark.parametrize(("end", "words"), [("source", "source cannot be read: rsync"), ("target", "stopped: rsync")])
async def test_what_rsync_cannot_do_ends_the_copy_in_its_words(hosts: TwoHosts, tmp_path: Path, end: str, words: str):
    write(hosts.source.home / "d" / "f")
    agent = getattr(hosts, end)
    usual = agent.path
    (tmp_path / "rsync").write_text("#!/bin/sh\necho unknown option >&2\nexit 1\n")
    (tmp_path / "rsync").chmod(0o755)
    restart(agent, str(tmp_path))
    try:
        with pytest.raises(CopyFailed, match=f"{words} refused what was to be excluded: unknown option"):
            await hosts.engine.copy(order("d", delete_missing=True, exclude=("x",)))
        assert hosts.tree() == ["d"]
    finally:
        restart(agent, usual)


def restart(agent: HostAgent, path: str) -> None:
    """Go on with an agent that finds programs elsewhere."""
    agent.kill()
    agent.path = path
    agent.start()
