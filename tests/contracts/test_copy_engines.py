"""Copies between homes: the rules of the wire, and what hostile trees cannot do.

Every engine, as root and as an ordinary user.
"""

import os
import shutil
import stat
import subprocess
import tempfile
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import anyio
import pytest

from studiolo.core.errors import CopyFailed, FileNotFound, PathOutsideProject
from studiolo.core.ids import ProjectId
from studiolo.core.limits import Limits
from studiolo.core.models import CopyOrder, ProjectSpec
from studiolo.runtime.copying.engine import ChoosingEngine
from studiolo.runtime.copying.rsync import RsyncEngine
from studiolo.runtime.copying.streamed import StreamedEngine
from studiolo.runtime.keeper.plan import UID_BASE
from studiolo.runtime.protocols import CopyEngine
from studiolo.testing.hosts import two_hosts
from studiolo.testing.keepers import ORDINARY_UID, live_keeper

pytestmark = [pytest.mark.anyio, pytest.mark.live]

Engine = type[ChoosingEngine] | type[RsyncEngine] | type[StreamedEngine]
IS_ROOT = os.geteuid() == 0
USERS = [pytest.param("root", marks=pytest.mark.root), "ordinary"]
NO_LIMITS = Limits(None, None, None, None)
SOURCE = ProjectSpec(ProjectId("aaaaaaaa-1111-4111-8111-111111111111"), 11, NO_LIMITS)
TARGET = ProjectSpec(ProjectId("bbbbbbbb-2222-4222-8222-222222222222"), 22, NO_LIMITS)


@dataclass
class Homes:
    """Two homes and the engine between them."""

    engine: CopyEngine
    source: Path
    target: Path
    owners: dict[Path, int]
    inside: str  # the source's home as its project sees it

    def write(self, path: Path, content: str = "x", mode: int = 0o644, moment: float | None = None) -> Path:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)
        path.chmod(mode)
        if moment is not None:
            os.utime(path, (moment, moment))
        self.give()
        return path

    def link(self, path: Path, to: str) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.symlink_to(to)
        self.give()

    def give(self) -> None:
        """Hand what the test made to the owners of the homes."""
        if IS_ROOT:
            for home, owner in self.owners.items():
                for path in (home, *home.rglob("*")):
                    os.chown(path, owner, owner, follow_symlinks=False)

    async def copy(self, source: str, target: str | None = None, **options: object) -> None:
        order = CopyOrder(SOURCE, source, TARGET, source if target is None else target, **options)  # type: ignore[arg-type]
        with anyio.fail_after(30):
            await self.engine.copy(order)

    def tree(self) -> list[str]:
        return sorted(str(path.relative_to(self.target)) for path in self.target.rglob("*"))


@pytest.fixture(scope="module", params=[ChoosingEngine, RsyncEngine, StreamedEngine])
def engine(request: pytest.FixtureRequest) -> Engine:
    return request.param


@pytest.fixture(scope="module", params=USERS)
async def shared_homes(engine: Engine, request: pytest.FixtureRequest) -> AsyncIterator[Homes]:
    """Give homes that a keeper or two agents, run by root or not, work in for all tests of the file."""
    data = Path(tempfile.mkdtemp(prefix="data-"))
    uid = ORDINARY_UID if IS_ROOT and request.param == "ordinary" else None
    owners = {
        spec.project_id: UID_BASE + spec.uid if IS_ROOT and uid is None else os.geteuid() for spec in (SOURCE, TARGET)
    }
    if uid is not None:
        os.chown(data, uid, uid)
        owners = dict.fromkeys(owners, uid)
    try:
        if engine is StreamedEngine:
            os.chmod(data, 0o711)  # noqa: PTH101 - not worth a thread
            of_source, of_target = owners.values()
            async with two_hosts(data, uids=(of_source, of_target) if IS_ROOT else (None, None)) as hosts:
                source, target = hosts.source.home, hosts.target.home
                yield Homes(hosts.engine, source, target, {source: of_source, target: of_target}, str(source))
            return
        async with live_keeper(data, uid=uid) as keeper:
            paths: list[Path] = []
            for project_id, owner in owners.items():
                home = data / "projects" / project_id / "home"
                home.mkdir(parents=True)
                home.chmod(0o700)
                home.parent.chmod(0o711)
                if IS_ROOT:
                    os.chown(home, owner, owner)
                    os.chown(home.parent, owner if uid else 0, owner if uid else 0)
                paths.append(home)
            inside = f"/projects/{SOURCE.project_id}"
            yield Homes(engine(keeper.client), *paths, dict(zip(paths, owners.values(), strict=True)), inside)
    finally:
        shutil.rmtree(data, ignore_errors=True)


@pytest.fixture
def homes(shared_homes: Homes) -> Homes:
    """Give the shared homes, empty."""
    for home in (shared_homes.source, shared_homes.target):
        subprocess.run(["/usr/bin/find", home, "-mindepth", "1", "-delete"], check=True)
    return shared_homes


async def test_file_arrives_with_content_mode_time_and_the_targets_owner(homes: Homes):
    homes.write(homes.source / "a.txt", "hello", 0o640, 1_000_000_000)
    await homes.copy("a.txt")
    found = (homes.target / "a.txt").stat()
    assert (homes.target / "a.txt").read_text() == "hello"
    assert stat.S_IMODE(found.st_mode) == 0o640
    assert found.st_mtime == 1_000_000_000
    assert found.st_uid == homes.owners[homes.target]
    assert homes.tree() == ["a.txt"]


async def test_content_of_a_directory_goes_into_the_target_directory(homes: Homes):
    homes.write(homes.source / "src" / "sub" / "f")
    for number, (source, target) in enumerate([("src", "d0"), ("src/", "d1"), ("src", "d2/"), ("src/", "x/y/d3/")]):
        await homes.copy(source, target)
        assert (homes.target / target / "sub" / "f").is_file(), number


async def test_file_is_renamed_or_lands_inside_a_directory(homes: Homes):
    homes.write(homes.source / "doc.txt")
    (homes.target / "existing").mkdir()
    homes.give()
    await homes.copy("doc.txt", "new name.txt")
    await homes.copy("doc.txt", "made/")
    await homes.copy("doc.txt", "existing")
    await homes.copy("doc.txt", "deep/down/other.txt")
    assert homes.tree() == [
        "deep",
        "deep/down",
        "deep/down/other.txt",
        "existing",
        "existing/doc.txt",
        "made",
        "made/doc.txt",
        "new name.txt",
    ]


async def test_names_may_hold_anything(homes: Homes):
    for name in ["with space", "quo'te\"s", "new\nline", "-rf", "ünï:code", "$(touch bad)", "[a]*?", "#x", "a\\b"]:
        homes.write(homes.source / name, name)
        await homes.copy(name)
        assert (homes.target / name).read_text() == name


async def test_newer_file_stays_unless_it_may_be_overwritten(homes: Homes):
    homes.write(homes.source / "f", "old", moment=1_000_000_000)
    homes.write(homes.target / "f", "new", moment=1_500_000_000)
    await homes.copy("f")
    assert (homes.target / "f").read_text() == "new"
    await homes.copy("f", overwrite_newer=True)
    assert (homes.target / "f").read_text() == "old"


async def test_missing_files_are_deleted_and_backups_kept_on_request(homes: Homes):
    homes.write(homes.source / "d" / "f", "one", moment=1_500_000_000)
    homes.write(homes.target / "d" / "f", "two", moment=1_000_000_000)
    homes.write(homes.target / "d" / "extra")
    await homes.copy("d", backup=True)
    assert homes.tree() == ["d", "d/extra", "d/f", "d/f~"]
    await homes.copy("d", delete_missing=True)
    assert homes.tree() == ["d", "d/f"]


async def test_excluded_names_stay_behind(homes: Homes):
    for name in ("keep", "drop.log", "sub/drop.log", "--delete"):
        homes.write(homes.source / "d" / name)
    await homes.copy("d", exclude=("*.log", "--delete"))
    assert homes.tree() == ["d", "d/keep", "d/sub"]


async def test_same_path_in_the_same_project_is_a_success_without_work(homes: Homes):
    await homes.engine.copy(CopyOrder(SOURCE, "a/../b", SOURCE, "b/"))


async def test_directory_is_copied_inside_its_own_project(homes: Homes):
    homes.write(homes.source / "d" / "f")
    await homes.engine.copy(CopyOrder(SOURCE, "d", SOURCE, "d/copy"))
    assert (homes.source / "d" / "copy" / "f").is_file()


async def test_missing_source_is_said_in_the_promised_words(homes: Homes):
    with pytest.raises(
        FileNotFound, match=f"^ENOENT: no such file or directory, stat '/projects/{SOURCE.project_id}/no'"
    ):
        await homes.copy("no")


@pytest.mark.parametrize("path", ["..", "../x", "a/../../x", "/../x"])
async def test_paths_out_of_the_home_are_refused(homes: Homes, path: str):
    homes.write(homes.source / "a")
    with pytest.raises(PathOutsideProject, match=r"^source path must be contained in project home dir$"):
        await homes.copy(path, "t")
    with pytest.raises(PathOutsideProject, match=r"^target path must be contained in target project home dir$"):
        await homes.copy("a", path)


async def test_leading_slash_and_the_homes_own_name_mean_the_home(homes: Homes):
    homes.write(homes.source / "d" / "f")
    await homes.copy("/d/f", f"/projects/{TARGET.project_id}/g")
    assert homes.tree() == ["g"]


@pytest.mark.parametrize("to", ["/etc", "../../..", f"/projects/{TARGET.project_id}", "/proc/self/root"])
async def test_links_that_lead_out_of_a_home_are_refused_on_both_sides(homes: Homes, to: str):
    homes.write(homes.source / "f")
    homes.link(homes.source / "out", to)
    homes.link(homes.target / "out", to if "projects" not in to else f"/projects/{SOURCE.project_id}")
    with pytest.raises(PathOutsideProject):
        await homes.copy("out", "stolen")
    with pytest.raises(PathOutsideProject):
        await homes.copy("out/passwd", "stolen")
    with pytest.raises(PathOutsideProject):
        await homes.copy("f", "out/f")
    with pytest.raises(PathOutsideProject):
        await homes.copy("f", "out")


async def test_links_inside_the_home_are_followed_in_paths(homes: Homes):
    homes.write(homes.source / "real" / "f", "here")
    homes.link(homes.source / "relative", "real")
    homes.link(homes.source / "absolute", f"{homes.inside}/real")
    await homes.copy("relative/f", "one")
    await homes.copy("absolute/f", "two")
    await homes.copy("absolute", "three")
    assert homes.tree() == ["one", "three", "three/f", "two"]


async def test_links_in_the_path_of_what_is_public_lead_no_further(homes: Homes):
    homes.write(homes.source / "public" / "week" / "a.txt")
    homes.write(homes.source / "private" / "secret.txt")
    homes.link(homes.source / "public" / "out", "../private")
    homes.link(homes.source / "public" / "secret.txt", "../private/secret.txt")
    homes.link(homes.source / "public" / "in", "week")
    homes.link(homes.source / "shown", "public")
    for path in ("public/out", "public/out/secret.txt", "public/secret.txt", "shown/out"):
        with pytest.raises(PathOutsideProject):
            await homes.copy(path, "stolen", source_within=path.partition("/")[0])
    assert homes.tree() == []
    await homes.copy("public/in", "one", source_within="public")
    await homes.copy("shown/week/a.txt", "two.txt", source_within="shown")
    assert homes.tree() == ["one", "one/a.txt", "two.txt"]


async def test_links_in_a_tree_stay_links_and_never_redirect_a_write(homes: Homes, tmp_path: Path):
    homes.write(homes.source / "d" / "sub" / "f", "new")
    homes.link(homes.source / "d" / "link", "/etc/passwd")
    homes.write(homes.target / "victim" / "f", "old", moment=1)
    homes.link(homes.target / "d" / "sub", "../victim")
    await homes.copy("d")
    assert (homes.target / "d" / "link").readlink() == Path("/etc/passwd")
    assert (homes.target / "victim" / "f").read_text() == "old"
    assert not (homes.target / "d" / "sub").is_symlink()


async def test_link_loop_and_file_as_directory_are_clear_errors(homes: Homes):
    homes.link(homes.source / "loop", "loop")
    homes.write(homes.source / "file")
    homes.write(homes.target / "taken")
    (homes.source / "dir").mkdir()
    homes.give()
    with pytest.raises(CopyFailed, match="ELOOP"):
        await homes.copy("loop")
    with pytest.raises(CopyFailed, match="ENOTDIR"):
        await homes.copy("file/below")
    with pytest.raises(CopyFailed, match="ENOTDIR"):
        await homes.copy("dir", "taken")


async def test_special_files_and_set_uid_bits_stay_behind(homes: Homes):
    homes.write(homes.source / "d" / "tool", mode=0o755)
    os.mkfifo(homes.source / "d" / "fifo")
    homes.give()
    (homes.source / "d" / "tool").chmod(0o6755)
    await homes.copy("d")
    assert homes.tree() == ["d", "d/tool"]
    assert stat.S_IMODE((homes.target / "d" / "tool").stat().st_mode) == 0o755
    with pytest.raises(CopyFailed):
        await homes.copy("d/fifo")


async def test_files_closed_to_others_are_copied_all_the_same(homes: Homes):
    homes.write(homes.source / "d" / "secret", "s", 0o600)
    (homes.source / "d").chmod(0o700)
    await homes.copy("d")
    assert (homes.target / "d" / "secret").read_text() == "s"


# between hosts a part stays for a while, for the next try: tests/agent/test_copies.py
@pytest.mark.parametrize("engine", [ChoosingEngine, RsyncEngine], indirect=True)
async def test_copy_given_up_midway_leaves_no_torn_file_and_the_next_one_clears_up(homes: Homes):
    big = homes.source / "big"
    with big.open("wb") as file:
        os.posix_fallocate(file.fileno(), 0, 3_000_000_000)
    homes.give()
    async with anyio.create_task_group() as group:
        group.start_soon(homes.copy, "big")
        with anyio.fail_after(20):
            while not homes.tree():  # noqa: ASYNC110 - the file system calls nobody
                await anyio.sleep(0.005)
        group.cancel_scope.cancel()
    with anyio.fail_after(20):
        while any(path.stat().st_size for path in homes.target.rglob("*") if path.is_file()):  # noqa: ASYNC110 - as above
            await anyio.sleep(0.005)
    assert not (homes.target / "big").exists()
    with big.open("wb") as file:
        file.write(b"small")
    await homes.copy("big")
    assert homes.tree() == ["big"]
    assert (homes.target / "big").read_text() == "small"


async def test_many_copies_run_beside_each_other(homes: Homes):
    homes.write(homes.source / "f", "content")
    async with anyio.create_task_group() as group:
        for number in range(12):
            group.start_soon(homes.copy, "f", f"t/{number}")
    assert len(homes.tree()) == 13
