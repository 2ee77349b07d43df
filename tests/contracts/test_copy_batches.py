"""Several small copies by one copier: each has its own outcome, its own owner, and no way into the others."""

import os
import shutil
import tempfile
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import anyio
import pytest

from studiolo.core.errors import StudioloError
from studiolo.core.ids import ProjectId
from studiolo.core.limits import Limits
from studiolo.core.models import CopyOrder, ProjectSpec
from studiolo.runtime.copying.batch import MOST_BYTES
from studiolo.runtime.copying.engine import ChoosingEngine
from studiolo.runtime.keeper.plan import UID_BASE
from studiolo.runtime.protocols import CopyOutcome, Postponed
from studiolo.testing.keepers import ORDINARY_UID, live_keeper

pytestmark = [pytest.mark.anyio, pytest.mark.live]

IS_ROOT = os.geteuid() == 0
USERS = [pytest.param("root", marks=pytest.mark.root), "ordinary"]
NO_LIMITS = Limits(None, None, None, None)
SPECS = [ProjectSpec(ProjectId(f"{n}aaaaaaa-1111-4111-8111-111111111111"), 10 + n, NO_LIMITS) for n in range(4)]


@dataclass
class Class:
    """A teacher's home, the students' homes, and the engine between them."""

    engine: ChoosingEngine
    homes: list[Path]
    owners: list[int]

    def write(self, home: int, path: str, content: bytes = b"x") -> Path:
        file = self.homes[home] / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content)
        file.chmod(0o600)
        self.give()
        return file

    def give(self) -> None:
        if IS_ROOT:
            for home, owner in zip(self.homes, self.owners, strict=True):
                for path in (home, *home.rglob("*")):
                    os.chown(path, owner, owner, follow_symlinks=False)

    async def copy(self, *ends: tuple[int, str, int, str]) -> list[CopyOutcome]:
        orders = [CopyOrder(SPECS[s], path, SPECS[t], place) for s, path, t, place in ends]
        with anyio.fail_after(30):
            return await self.engine.copy_all(orders)


@pytest.fixture(params=USERS)
async def school(request: pytest.FixtureRequest) -> AsyncIterator[Class]:
    data = Path(tempfile.mkdtemp(prefix="data-"))
    uid = ORDINARY_UID if IS_ROOT and request.param == "ordinary" else None
    if uid is not None:
        os.chown(data, uid, uid)
    is_separate = IS_ROOT and uid is None
    try:
        async with live_keeper(data, uid=uid) as keeper:
            homes = [data / "projects" / spec.project_id / "home" for spec in SPECS]
            engine = ChoosingEngine(keeper.client)
            for spec in SPECS[1:]:  # makes the homes
                await engine.copy_all([CopyOrder(SPECS[0], "none", spec, "none")])
            owners = [UID_BASE + spec.uid if is_separate else uid or os.geteuid() for spec in SPECS]
            yield Class(engine, homes, owners)
    finally:
        shutil.rmtree(data, ignore_errors=True)


async def test_each_target_owns_what_it_was_given(school: Class) -> None:
    school.write(0, "work/a.txt", b"hello")
    outcomes = await school.copy(*[(0, "work", n, "given") for n in (1, 2, 3)])
    assert [isinstance(outcome, dict) and outcome["files"] for outcome in outcomes] == [1, 1, 1]
    for number in (1, 2, 3):
        found = school.homes[number] / "given" / "a.txt"
        assert found.read_bytes() == b"hello"
        for path in (found, found.parent):
            assert (path.stat().st_uid, path.stat().st_gid) == (school.owners[number],) * 2


async def test_what_is_collected_belongs_to_the_one_target(school: Class) -> None:
    for number in (1, 2, 3):
        school.write(number, "answer.txt", b"from %d" % number)
    await school.copy(*[(n, "answer.txt", 0, f"collected/{n}/answer.txt") for n in (1, 2, 3)])
    for number in (1, 2, 3):
        found = school.homes[0] / "collected" / str(number) / "answer.txt"
        assert (found.read_bytes(), found.stat().st_uid) == (b"from %d" % number, school.owners[0])


async def test_one_that_fails_keeps_no_other_from_its_copy(school: Class) -> None:
    school.write(0, "work/a.txt")
    (school.homes[2] / "out").symlink_to(school.homes[1])
    school.give()
    outcomes = await school.copy(
        (0, "work", 1, "given"), (0, "missing", 1, "x"), (0, "work", 2, "out/given"), (0, "work", 3, "given")
    )
    kinds = [outcome.code if isinstance(outcome, StudioloError) else "done" for outcome in outcomes]
    assert kinds == ["done", "file_not_found", "path_outside_project", "done"]
    assert (school.homes[3] / "given" / "a.txt").exists()


async def test_what_is_large_is_left_to_be_copied_alone(school: Class) -> None:
    school.write(0, "small/a.txt")
    school.write(0, "large/a.bin", b"x" * (MOST_BYTES + 1))
    outcomes = await school.copy(
        (0, "small", 1, "s"), (0, "large", 2, "l"), (0, "large/a.bin", 3, "l"), (0, "small", 3, "s")
    )
    assert [outcome if isinstance(outcome, Postponed) else "done" for outcome in outcomes] == [
        "done",
        Postponed.ALONE,
        Postponed.ALONE,
        "done",
    ]


async def test_no_target_can_lend_the_copier_to_another(school: Class) -> None:
    """A link to a neighbour's home, planted where the copy goes, leads nowhere: neither by its path nor below it."""
    school.write(0, "work/deep/a.txt", b"new")
    school.write(1, "secret/a.txt", b"secret")
    (school.homes[2] / "given").mkdir()
    (school.homes[2] / "given" / "deep").symlink_to(school.homes[1] / "secret")
    school.give()
    await school.copy((0, "work", 1, "given"), (0, "work", 2, "given"), (0, "work", 3, "given"))
    assert (school.homes[1] / "secret" / "a.txt").read_bytes() == b"secret"
    assert not (school.homes[2] / "given" / "deep").is_symlink()
    assert (school.homes[2] / "given" / "deep" / "a.txt").stat().st_uid == school.owners[2]
