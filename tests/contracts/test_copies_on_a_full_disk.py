"""A disk that fills up while many small copies are carried out together: a real one, of a few megabytes.

From the order of a group through the queue and the worker to the copier, with a database that has room.
"""

import os
import shutil
import tempfile
from collections.abc import AsyncGenerator, Sequence
from contextlib import ExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import anyio
import pytest

from studiolo.core.clock import SystemClock
from studiolo.core.models import CopyGroup, CopyOrder, Principal, Project
from studiolo.core.secrets import SystemSecretSource
from studiolo.core.settings import Settings
from studiolo.domain.copies import CopyRequest
from studiolo.domain.copy_group_requests import GroupRequest
from studiolo.domain.copy_targets import Member
from studiolo.domain.services import Services
from studiolo.runtime.copying.engine import ChoosingEngine
from studiolo.runtime.protocols import CopyOutcome
from studiolo.storage.database import Database
from studiolo.testing.disks import change_disk, small_disk
from studiolo.testing.factories import make_account, principal_of
from studiolo.testing.hubs import fake_hub
from studiolo.testing.keepers import ORDINARY_UID, live_keeper
from studiolo.testing.runners import FakeRunner
from studiolo.workers import copies as worker

pytestmark = [pytest.mark.anyio, pytest.mark.live, pytest.mark.root]  # who is not root mounts nothing

STUDENTS = 16
OLD = b"what was there before" * 400
FULL = "No space left on device"


class CountingEngine(ChoosingEngine):
    """The real engine, which notes how many copies it was given together."""

    batches: list[int]

    async def copy_all(self, orders: Sequence[CopyOrder]) -> list[CopyOutcome]:
        self.batches.append(len(orders))
        return await super().copy_all(orders)


@dataclass
class School:
    """A course, its students, and the disk that all homes lie on."""

    services: Services
    engine: CountingEngine
    teacher: Principal
    course: Project
    students: list[Project]
    disk: Path

    def home(self, project: Project) -> Path:
        return self.disk / project.project_id / "home"

    def write(self, project: Project, path: str, content: bytes) -> None:
        file = self.home(project) / path
        file.parent.mkdir(exist_ok=True)
        file.write_bytes(content)
        os.utime(file, (1_700_000_000, 1_700_000_000))  # older than what is handed out
        owner = self.home(project).stat()
        for one in (file, file.parent):
            os.chown(one, owner.st_uid, owner.st_gid)

    async def hand_out(self, path: str) -> CopyGroup:
        members = tuple(Member(student.project_id) for student in self.students)
        request = GroupRequest("hand_out", self.course.project_id, path, None, members, overwrite_newer=True)
        group, _ = await self.services.copy_groups.create(self.teacher, request)
        await self.work()
        return group

    async def work(self) -> None:
        """Let a worker go on until it has nothing left to do."""
        with anyio.fail_after(60):
            await worker.run(self.services.copies, SystemClock(), "w", idle_seconds=0.05, slots=4)

    async def outcome(self, group: CopyGroup) -> tuple[list[str | None], dict[str, int]]:
        """Return the errors, student by student, and how many copies are in which state."""
        status = await self.services.copy_groups.status(self.teacher, group.group_id, limit=STUDENTS)
        assert status.is_finished
        return [copy.error for copy, _ in status.copies], {state: n for state, n in status.counts.items() if n}

    def free(self) -> int:
        found = os.statvfs(self.disk)
        return found.f_bavail * found.f_frsize


@asynccontextmanager
async def school_on(options: str, uid: int | None) -> AsyncGenerator[School]:
    """Give a school whose homes lie on a disk of their own."""
    data = Path(tempfile.mkdtemp(prefix="data-"))
    disk = data / "projects"
    disk.mkdir(mode=0o711)
    database = Database(f"sqlite:///{data}/records.sqlite3")
    with ExitStack() as ending:
        ending.callback(shutil.rmtree, data, ignore_errors=True)
        ending.enter_context(small_disk(disk, f"{options},mode=711"))
        try:
            await database.migrate()
            if uid is not None:
                for path in (data, disk):
                    os.chown(path, uid, uid)
            async with live_keeper(data, uid=uid) as keeper:
                engine = CountingEngine(keeper.client)
                engine.batches = []
                settings = Settings(data=data, copies_per_account=4, copies_per_project=4, copy_base_mb=0)
                clock, secrets = SystemClock(), SystemSecretSource()
                async with fake_hub(settings, database, clock, secrets, runner=FakeRunner, engine=engine) as hub:  # type: ignore[arg-type]
                    teacher = principal_of(await make_account(hub.services.accounts))
                    course, *students = [await hub.project(teacher) for _ in range(STUDENTS + 1)]
                    for project in (course, *students):  # makes the homes
                        request = CopyRequest(project.project_id, "none", project.project_id, "some")
                        await hub.services.copies.create(teacher, request)
                    school = School(hub.services, engine, teacher, course, students, disk)
                    await school.work()
                    engine.batches.clear()
                    yield school
        finally:
            await database.close()


@pytest.fixture(params=["root", "ordinary"])
def uid(request: pytest.FixtureRequest) -> int | None:
    return ORDINARY_UID if request.param == "ordinary" else None


async def test_each_copy_of_one_file_arrives_or_leaves_what_was_there(uid: int | None) -> None:
    async with school_on("size=4m", uid) as school:
        new = os.urandom(400_000)
        school.write(school.course, "task", new)
        for student in school.students[::2]:
            school.write(student, "task", OLD)
        group = await school.hand_out("task")
        assert max(school.engine.batches) > 1
        errors, counts = await school.outcome(group)
        assert set(counts) == {"done", "failed"}
        for number, (student, error) in enumerate(zip(school.students, errors, strict=True)):
            found = {path.name: path.read_bytes() for path in school.home(student).iterdir()}
            if error is None:
                assert found == {"task": new}
            else:
                assert error == f"The copy stopped: {FULL}: 'task'. What was copied before is whole."
                assert found == ({} if number % 2 else {"task": OLD})


async def test_every_file_of_a_directory_is_the_old_or_the_new_one_and_the_worker_goes_on(uid: int | None) -> None:
    async with school_on("size=4m", uid) as school:
        new = {f"part-{number}": os.urandom(50_000) for number in range(8)}
        for name, content in new.items():
            school.write(school.course, f"ps1/{name}", content)
        for student in school.students[::2]:
            school.write(student, "ps1/part-3", OLD)
        school.write(school.course, "small", b"")
        filler = school.disk / "filler"
        filler.write_bytes(bytes(school.free() // 3))
        group = await school.hand_out("ps1")
        errors, counts = await school.outcome(group)
        assert set(counts) == {"done", "failed"}
        for student, error in zip(school.students, errors, strict=True):
            found = {path.name: path.read_bytes() for path in school.home(student).glob("ps1/*")}
            if error is None:
                assert found == new
            else:
                assert error.startswith(f"The copy stopped: {FULL}")
                assert all(content in (new[name], OLD) for name, content in found.items())  # no temporary name either
        assert (await school.outcome(await school.hand_out("small")))[1] == {"done": STUDENTS}  # what needs no room
        filler.unlink()
        large = sum(map(len, new.values())) * STUDENTS
        change_disk(school.disk, f"size={2 * large}")
        assert await school.services.copy_groups.retry(school.teacher, group.group_id) == counts["failed"]
        await school.work()
        assert (await school.outcome(group))[1] == {"done": STUDENTS}
        for student in school.students:
            assert {path.name: path.read_bytes() for path in school.home(student).glob("ps1/*")} == new


async def test_a_disk_without_room_for_names_fails_the_copies_that_need_one_more(uid: int | None) -> None:
    async with school_on("size=4m", uid) as school:
        school.write(school.course, "work/task", b"new")
        for student in school.students[:10]:
            school.write(student, "work/task", OLD)
        used = sum(1 for _ in school.disk.rglob("*"))
        change_disk(school.disk, f"nr_inodes={used + 8}")
        errors, counts = await school.outcome(await school.hand_out("work"))
        assert counts["done"] > 10  # these and some of the others
        for student, error in zip(school.students, errors, strict=True):
            found = {path.name: path.read_bytes() for path in school.home(student).glob("work/*")}
            assert found == {"task": b"new"} if error is None else FULL in error and found in ({}, {"task": OLD})
