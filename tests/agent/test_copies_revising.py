"""Handing out and revising between hosts: the target's agent keeps what was handed out, and knows who changed what."""

import os
import stat
from contextlib import AbstractAsyncContextManager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from studiolo.core.clock import SystemClock
from studiolo.core.copying.rules import TEMPORARY_PREFIX
from studiolo.core.errors import CopyFailed, FileNotFound, InvalidRequest, PathOutsideProject
from studiolo.core.ids import ProjectId
from studiolo.runtime.copying.streamed import StreamedEngine
from studiolo.runtime.protocols import AgentChannel
from studiolo.testing.hosts import SOURCE, TwoHosts, order

pytestmark = pytest.mark.anyio
TODAY = "2026-11-22"
KEPT = ".studiolo/handed-out"


def write(home: Path, **files: str) -> None:
    for name, content in files.items():
        path = home / "ps1" / name.replace("__", "/")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)


def read(home: Path, *, below: str = "ps1") -> dict[str, str]:
    files = sorted(path for path in (home / below).rglob("*") if path.is_file())
    return {str(path.relative_to(home / below)): path.read_text() for path in files}


async def hand_out(hosts: TwoHosts, path: str = "ps1", target_path: str | None = None) -> dict[str, Any]:
    return await hosts.engine.copy(order(path, target_path, is_handed_out=True))


async def revise(
    hosts: TwoHosts, path: str = "ps1", target_path: str | None = None, *, mode: str = "revise", **options: Any
) -> dict[str, Any]:
    return await hosts.engine.copy(order(path, target_path, mode=mode, stamp=TODAY, **options))


async def test_a_revision_knows_what_was_handed_out(hosts: TwoHosts):
    old = "1\n2\n3\n"
    write(hosts.source.home, fixed=old, read=old, own=old, both=old, clash=old, gone=old)
    report = await hand_out(hosts)
    assert (report["files"], report["files_done"]) == (6, 6)
    write(hosts.source.home, fixed="1\n2\nnew\n", both="0\n1\n2\n3\n", clash="1\nnew\n3\n", more__task="more\n")
    write(hosts.target.home, both="1\n2\n3\nmine\n", own="mine\n", clash="1\nmine\n3\n")
    (hosts.target.home / "ps1" / "gone").unlink()
    before = read(hosts.target.home, below="")
    told = await revise(hosts, mode="rehearse")
    assert read(hosts.target.home, below="") == before
    done = await revise(hosts)
    assert done == told
    lists = ("added_paths", "updated_paths", "merged_paths", "kept_paths", "conflict_paths", "failures")
    beside = [{"path": "clash", "beside": f"clash.{TODAY}"}]
    assert [done[name] for name in lists] == [["gone", "more/task"], ["fixed"], ["both"], ["own"], beside, []]
    assert [done[name] for name in ("added", "updated", "merged", "kept", "conflicts", "unchanged")] == [
        2,
        1,
        1,
        1,
        1,
        1,
    ]
    assert read(hosts.target.home) == {
        "both": "0\n1\n2\n3\nmine\n",
        "clash": "1\nmine\n3\n",
        f"clash.{TODAY}": "1\nnew\n3\n",
        "fixed": "1\n2\nnew\n",
        "gone": old,
        "more/task": "more\n",
        "own": "mine\n",
        "read": old,
    }
    write(hosts.source.home, fixed="newest\n")
    assert (await revise(hosts))["updated_paths"] == ["fixed"]  # the revision is what was handed out last


async def test_a_single_file_is_revised_under_another_name(hosts: TwoHosts):
    write(hosts.source.home, task="old\n")
    await hand_out(hosts, "ps1/task", "b/mine")
    write(hosts.source.home, task="new\n")
    for place in ("b/mine", "c/", "d/other"):
        told = await revise(hosts, "ps1/task", place, mode="rehearse")
        assert await revise(hosts, "ps1/task", place) == told
    found = read(hosts.target.home, below="")
    assert {path: text for path, text in found.items() if path[1] == "/"} == {
        "b/mine": "new\n",
        "c/task": "new\n",
        "d/other": "new\n",
    }


async def test_without_what_was_handed_out_everything_new_goes_beside(hosts: TwoHosts):
    write(hosts.source.home, a="new\n")
    write(hosts.target.home, a="old\n")
    done = await revise(hosts)
    assert done["conflict_paths"] == [{"path": "a", "beside": f"a.{TODAY}"}]
    assert read(hosts.target.home) == {"a": "old\n", f"a.{TODAY}": "new\n"}


async def test_an_ordinary_copy_keeps_nothing(hosts: TwoHosts):
    write(hosts.source.home, a="x")
    await hosts.engine.copy(order("ps1"))
    assert hosts.tree() == ["ps1", "ps1/a"]


async def test_a_rehearsal_makes_no_directory_and_leaves_nothing(hosts: TwoHosts):
    write(hosts.source.home, a="x", sub__b="y")
    told = await revise(hosts, "ps1", "not/there", mode="rehearse")
    assert told["added_paths"] == ["a", "sub/b"]
    assert read(hosts.target.home, below="") == {}
    assert not (hosts.target.home / "not").exists()
    assert list((hosts.target.home / KEPT).iterdir()) == []


async def test_what_is_too_large_is_not_kept(hosts: TwoHosts):
    engine = StreamedEngine(hosts.connector, hosts.agents, SystemClock(), base_bytes=10)
    write(hosts.source.home, a="more than ten bytes")
    await engine.copy(order("ps1", is_handed_out=True))
    assert not (hosts.target.home / KEPT).exists()
    await engine.copy(order("ps1", mode="revise", stamp=TODAY))
    assert list((hosts.target.home / KEPT).iterdir()) == []


async def test_a_hand_out_arrives_where_nothing_can_be_kept(hosts: TwoHosts):
    write(hosts.source.home, a="old")
    (hosts.target.home / ".studiolo").write_text("in the way")
    await hand_out(hosts)
    assert read(hosts.target.home) == {"a": "old"}
    with pytest.raises(CopyFailed, match="The revision stopped: ENOTDIR"):
        await revise(hosts)


async def test_only_the_latest_places_are_remembered(hosts: TwoHosts):
    write(hosts.source.home, a="old")
    for number in range(22):
        await hand_out(hosts, "ps1", f"place {number}")
    assert len(list((hosts.target.home / KEPT).iterdir())) == 20
    write(hosts.source.home, a="new")
    assert (await revise(hosts, "ps1", "place 21"))["updated"] == 1
    assert (await revise(hosts, "ps1", "place 0"))["conflicts"] == 1


async def test_a_snapshot_for_all_needs_no_agent(hosts: TwoHosts):
    nobody = replace(SOURCE, project_id=ProjectId("cccccccc-3333-4333-8333-333333333333"))
    assert await hosts.engine.copy(replace(order("ps1", max_bytes=1000), target=nobody)) == {}


async def test_links_of_the_target_lead_a_revision_nowhere(hosts: TwoHosts, tmp_path: Path):
    write(hosts.source.home, a="new\n")
    (hosts.target.home / "ps1").symlink_to(tmp_path)
    (hosts.target.home / "up").symlink_to("../../..")
    (hosts.target.home / "x").write_text("x")
    for mode in ("rehearse", "revise"):
        for path in ("ps1", "up/ps1"):
            with pytest.raises(PathOutsideProject):
                await revise(hosts, "ps1", path, mode=mode)
        with pytest.raises(CopyFailed, match="ENOTDIR"):
            await revise(hosts, "ps1", "x", mode=mode)
        with pytest.raises(FileNotFound):
            await revise(hosts, "nothing", mode=mode)
    assert os.listdir(tmp_path) == []  # noqa: PTH208 - one small look


@pytest.mark.parametrize("name", ["base", "new", ""])
async def test_links_in_what_was_kept_lead_nowhere(hosts: TwoHosts, tmp_path: Path, name: str):
    write(hosts.source.home, a="old\n")
    (tmp_path / "base").mkdir()
    (tmp_path / "base" / "a").write_text("old\n")
    await hand_out(hosts)
    (kept,) = (hosts.target.home / KEPT).iterdir()
    (kept / "base" / "a").unlink()
    (kept / "base").rmdir()
    if not name:
        kept.rmdir()
    (kept / name).symlink_to(tmp_path / "base" if name else tmp_path)
    write(hosts.source.home, a="new\n")
    if name:
        assert (await revise(hosts))["conflicts"] == 1
    else:
        with pytest.raises(CopyFailed, match="leads out"):
            await revise(hosts)
    assert (tmp_path / "base" / "a").read_text() == "old\n"


async def test_what_a_project_hands_out_to_itself_is_not_kept(hosts: TwoHosts):
    write(hosts.source.home, a="old\n")
    same = replace(order("", "inside", is_handed_out=True), target=SOURCE)
    for _ in range(2):
        await hosts.engine.copy(same)
    assert read(hosts.source.home, below="inside") == {"ps1/a": "old\n"}
    done = await hosts.engine.copy(replace(same, mode="revise", stamp=TODAY, is_handed_out=False))
    assert done["unchanged"] == 1
    assert list((hosts.source.home / KEPT).iterdir()) == []


async def test_a_file_that_cannot_be_read_is_named_and_the_others_arrive(hosts: TwoHosts):
    write(hosts.source.home, a="old\n", b="old\n")
    await hand_out(hosts)
    write(hosts.source.home, a="new\n", b="new\n")
    os.truncate(hosts.source.home / "ps1" / "b", 0)
    (hosts.target.home / "ps1" / "a").unlink()
    (hosts.target.home / "ps1" / "a").mkdir()
    (hosts.target.home / "ps1" / f"a.{TODAY}").mkdir()
    done = await revise(hosts)
    assert done["conflict_paths"] == [{"path": "a", "beside": f"a.{TODAY}-2"}]
    assert done["updated_paths"] == ["b"]


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"mode": "undo"}, "mode must be copy, revise or rehearse"),
        ({"mode": "revise"}, "key names no place"),
        ({"mode": "revise", "key": "../x"}, "key names no place"),
        ({"mode": "revise", "key": "0" * 32, "stamp": "a/b"}, "stamp is no date"),
        ({"fsync": "often"}, "fsync must be none, files or full"),
    ],
)
async def test_what_is_no_order_is_refused(hosts: TwoHosts, given: dict[str, Any], words: str):
    asked = {"path": "ps1", **given}
    with pytest.raises(InvalidRequest, match=words):
        async with hosts.connector.channel(hosts.target.socket_path, "copies.write", asked, timeout_seconds=10):
            pass
    assert hosts.tree() == []


async def test_one_place_is_revised_once_at_a_time(hosts: TwoHosts):
    asked = {"path": "ps1", "mode": "rehearse", "key": "0" * 32}

    def call() -> AbstractAsyncContextManager[AgentChannel]:
        return hosts.connector.channel(hosts.target.socket_path, "copies.write", asked, timeout_seconds=10)

    async with call() as first:
        assert isinstance(await anext(first.frames(300_000)), bytes)  # it asks what is in the source
        async with call() as second:
            end = await anext(second.frames(300_000))
    assert isinstance(end, dict)
    assert end["broken"] == "Something is being handed out to this place already."


async def test_modes_of_new_files_arrive_and_no_temporary_name_stays(hosts: TwoHosts):
    write(hosts.source.home, run="#!/bin/sh\n")
    (hosts.source.home / "ps1" / "run").chmod(0o755)
    await revise(hosts)
    assert stat.S_IMODE((hosts.target.home / "ps1" / "run").stat().st_mode) == 0o755
    assert not [path for path in hosts.tree() if TEMPORARY_PREFIX in path]
