"""Handing out, keeping what was handed out, revising and cancelling, with the real keeper and its copiers."""

import asyncio
import os
import shutil
import tempfile
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import anyio
import pytest

from studiolo.core.copying.rules import TEMPORARY_PREFIX
from studiolo.core.errors import CopyFailed, FileNotFound, FileTooLarge, PathOutsideProject
from studiolo.core.ids import ProjectId
from studiolo.core.limits import Limits
from studiolo.core.models import CopyOrder, ProjectSpec
from studiolo.runtime.copying.engine import ChoosingEngine
from studiolo.runtime.homes import KeeperHomes
from studiolo.runtime.keeper.plan import UID_BASE
from studiolo.testing.keepers import LiveKeeper, live_keeper

pytestmark = [pytest.mark.anyio, pytest.mark.live]

IS_ROOT = os.geteuid() == 0
NO_LIMITS = Limits(None, None, None, None)
SOURCE = ProjectSpec(ProjectId("aaaaaaaa-1111-4111-8111-111111111111"), 11, NO_LIMITS)
TARGET = ProjectSpec(ProjectId("bbbbbbbb-2222-4222-8222-222222222222"), 22, NO_LIMITS)
SNAPSHOT = ProjectSpec(ProjectId("cccccccc-3333-4333-8333-333333333333"), 11, NO_LIMITS)
TODAY = "2026-11-22"


@dataclass
class Class:
    """A teacher's home, a student's, and what was handed out."""

    keeper: LiveKeeper
    data: Path

    def home(self, spec: ProjectSpec) -> Path:
        return self.data / "projects" / spec.project_id / "home"

    def write(self, spec: ProjectSpec, path: str, content: str) -> Path:
        home = self.home(spec)
        (home / path).parent.mkdir(parents=True, exist_ok=True)
        home.parent.chmod(0o711)
        (home / path).write_text(content)
        self.give(spec)
        return home / path

    def give(self, spec: ProjectSpec) -> None:
        home = self.home(spec)
        home.chmod(0o700)
        if IS_ROOT:
            for one in (home, *home.rglob("*")):
                os.chown(one, UID_BASE + spec.uid, UID_BASE + spec.uid, follow_symlinks=False)

    def read(self, spec: ProjectSpec = TARGET) -> dict[str, str]:
        home = self.home(spec)
        return {str(path.relative_to(home)): path.read_text() for path in sorted(home.rglob("*")) if path.is_file()}

    async def copy(self, path: str, **options: Any) -> dict[str, Any]:
        order = CopyOrder(SOURCE, path, TARGET, path)
        with anyio.fail_after(30):
            return await ChoosingEngine(self.keeper.client).copy(replace(order, **options))

    async def snapshot(self, path: str, **options: Any) -> None:
        await self.copy(path, target=SNAPSHOT, delete_missing=True, **options)

    async def revise(self, path: str, *, mode: str = "revise", **options: Any) -> dict[str, Any]:
        return await self.copy(path, mode=mode, base_id=SNAPSHOT.project_id, stamp=TODAY, **options)


@pytest.fixture
async def class_() -> AsyncIterator[Class]:
    data = Path(tempfile.mkdtemp(prefix="data-"))
    try:
        async with live_keeper(data) as keeper:
            yield Class(keeper, data)
    finally:
        shutil.rmtree(data, ignore_errors=True)


async def test_a_revision_knows_what_was_handed_out(class_: Class) -> None:
    for name in ("fixed", "read", "own", "both", "gone"):
        class_.write(SOURCE, f"ps1/{name}.txt", "1\n2\n3\n")
    await class_.copy("ps1")
    await class_.snapshot("ps1")
    class_.write(SOURCE, "ps1/fixed.txt", "1\n2\nnew\n")
    class_.write(SOURCE, "ps1/both.txt", "0\n1\n2\n3\n")
    class_.write(SOURCE, "ps1/more/task.txt", "more\n")
    class_.write(TARGET, "ps1/both.txt", "1\n2\n3\nmine\n")
    class_.write(TARGET, "ps1/own.txt", "mine\n")
    (class_.home(TARGET) / "ps1/gone.txt").unlink()
    before = class_.read()
    told = await class_.revise("ps1", mode="rehearse")
    assert class_.read() == before
    done = await class_.revise("ps1")
    assert done == told
    lists = ("added_paths", "updated_paths", "merged_paths", "kept_paths", "conflict_paths")
    assert [done[name] for name in lists] == [
        ["gone.txt", "more/task.txt"],
        ["fixed.txt"],
        ["both.txt"],
        ["own.txt"],
        [],
    ]
    assert (done["unchanged"], done["files_done"]) == (1, 6)
    assert class_.read() == {
        "ps1/both.txt": "0\n1\n2\n3\nmine\n",
        "ps1/fixed.txt": "1\n2\nnew\n",
        "ps1/gone.txt": "1\n2\n3\n",
        "ps1/more/task.txt": "more\n",
        "ps1/own.txt": "mine\n",
        "ps1/read.txt": "1\n2\n3\n",
    }
    if IS_ROOT:
        assert {path.stat().st_uid for path in class_.home(TARGET).rglob("*")} == {UID_BASE + TARGET.uid}
        assert class_.home(SNAPSHOT).stat().st_uid == UID_BASE + SOURCE.uid


async def test_a_single_file_is_revised_under_another_name(class_: Class) -> None:
    class_.write(SOURCE, "a/task.txt", "old\n")
    await class_.snapshot("a/task.txt")
    await class_.copy("a/task.txt", target_path="b/mine.txt")
    class_.write(SOURCE, "a/task.txt", "new\n")
    for place in ("b/mine.txt", "c/", "d/other.txt"):
        told = await class_.revise("a/task.txt", mode="rehearse", target_path=place)
        assert await class_.revise("a/task.txt", target_path=place) == told
    assert class_.read() == {"b/mine.txt": "new\n", "c/task.txt": "new\n", "d/other.txt": "new\n"}
    class_.write(TARGET, "b/mine.txt", "mine\n")
    class_.write(SOURCE, "a/task.txt", "newest\n")
    done = await class_.revise("a/task.txt", target_path="b/mine.txt")
    assert done["conflict_paths"] == [{"path": "mine.txt", "beside": f"mine.{TODAY}.txt"}]


async def test_small_revisions_are_carried_out_together(class_: Class) -> None:
    class_.write(SOURCE, "ps1/a.txt", "old\n")
    await class_.snapshot("ps1")
    class_.write(SOURCE, "ps1/a.txt", "new\n")
    other = ProjectSpec(ProjectId("dddddddd-4444-4444-8444-444444444444"), 44, NO_LIMITS)
    class_.write(TARGET, "ps1/a.txt", "old\n")
    class_.write(other, "ps1/a.txt", "mine\n")
    order = CopyOrder(SOURCE, "ps1", TARGET, "ps1", mode="revise", base_id=SNAPSHOT.project_id, stamp=TODAY)
    orders = [order, replace(order, target=other), replace(order, target=other, source_path="nothing")]
    with anyio.fail_after(30):
        one, two, three = await ChoosingEngine(class_.keeper.client).copy_all(orders)
    assert isinstance(one, dict)
    assert isinstance(two, dict)
    assert isinstance(three, FileNotFound)
    assert (one["updated_paths"], two["conflicts"]) == (["a.txt"], 1)
    assert class_.read(other) == {"ps1/a.txt": "mine\n", f"ps1/a.{TODAY}.txt": "new\n"}


async def test_without_what_was_handed_out_everything_new_goes_beside(class_: Class) -> None:
    class_.write(SOURCE, "ps1/a.txt", "new\n")
    class_.write(TARGET, "ps1/a.txt", "mine\n")
    done = await class_.revise("ps1")  # there is no such snapshot
    assert done["conflict_paths"] == [{"path": "a.txt", "beside": f"a.{TODAY}.txt"}]
    assert not class_.home(SNAPSHOT).exists()
    assert class_.read() == {"ps1/a.txt": "mine\n", f"ps1/a.{TODAY}.txt": "new\n"}


async def test_links_of_the_target_lead_a_revision_nowhere(class_: Class) -> None:
    class_.write(SOURCE, "ps1/a.txt", "new\n")
    outside = class_.data / "outside"
    outside.mkdir(mode=0o777)
    class_.write(TARGET, "x", "x")
    (class_.home(TARGET) / "ps1").symlink_to(outside)
    (class_.home(TARGET) / "up").symlink_to("../../..")
    class_.give(TARGET)
    for mode in ("rehearse", "revise"):
        with pytest.raises(PathOutsideProject):
            await class_.revise("ps1", mode=mode)
        with pytest.raises(PathOutsideProject):
            await class_.revise("ps1", mode=mode, target_path="up/ps1")
        with pytest.raises(CopyFailed, match="ENOTDIR"):
            await class_.revise("ps1", mode=mode, target_path="x")
    assert list(outside.iterdir()) == []


async def test_what_is_too_large_is_not_kept(class_: Class) -> None:
    for number in range(20):
        class_.write(SOURCE, f"ps1/{number}", "x" * 1000)
    with pytest.raises(FileTooLarge):
        await class_.snapshot("ps1", max_bytes=10_000)
    await class_.snapshot("ps1", max_bytes=1_000_000)
    assert len(class_.read(SNAPSHOT)) == 20
    homes = KeeperHomes(class_.keeper.client)
    for _ in range(2):
        await homes.remove(SNAPSHOT.project_id, SNAPSHOT.uid)
    assert not class_.home(SNAPSHOT).parent.exists()


async def test_a_cancelled_copy_stops_whole_and_leaves_no_temporary_name(class_: Class) -> None:
    for number in range(8):
        path = class_.write(SOURCE, f"big/{number}", "")
        with path.open("wb") as file:
            for _ in range(64):
                file.write(os.urandom(1 << 20))
    old = class_.write(TARGET, "big/7", "old")
    told: list[dict[str, Any]] = []
    has_begun = asyncio.Event()

    def tell(progress: dict[str, Any]) -> None:
        told.append(progress)
        has_begun.set()

    order = CopyOrder(SOURCE, "big", TARGET, "big")
    copying = asyncio.create_task(ChoosingEngine(class_.keeper.client).copy(order, tell))
    waiting = asyncio.create_task(has_begun.wait())
    with anyio.fail_after(30):
        await asyncio.wait({copying, waiting}, return_when=asyncio.FIRST_COMPLETED)
    waiting.cancel()
    copying.cancel()
    await asyncio.gather(copying, waiting, return_exceptions=True)
    if told:  # else the disk was quicker than the first report
        assert {"files_total": 8, "bytes_total": 8 * 64 << 20}.items() <= told[0].items()
        assert told[0]["bytes_done"] <= told[0]["bytes_total"]
    home = class_.home(TARGET)
    for _ in range(3000):
        if not any(path.name.startswith(TEMPORARY_PREFIX) for path in home.rglob("*")):
            break
        await anyio.sleep(0.01)
    else:
        pytest.fail("a temporary name is left")
    for path in (home / "big").iterdir():
        assert path.read_bytes() == (class_.home(SOURCE) / "big" / path.name).read_bytes() or path == old
