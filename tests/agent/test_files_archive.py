"""Archives, through the real agent."""

import io
import os
import stat
import tarfile
import zipfile
from pathlib import Path

import pytest

from studiolo.core.errors import (
    AlreadyExists,
    InvalidRequest,
    PathOutsideProject,
    PreconditionFailed,
    QuotaExceeded,
    StudioloError,
)

pytestmark = pytest.mark.anyio


@pytest.fixture
def home(shared_agent) -> Path:
    home: Path = shared_agent.home
    (home / "d/empty").mkdir(parents=True)
    (home / "d/f.txt").write_text("text")
    (home / "d/ünï\n").write_bytes(os.urandom(700_000))
    (home / "d/link").symlink_to("../../outside")
    os.mkfifo(home / "d/pipe")
    (home / "d" / os.fsdecode(b"\xff")).write_text("odd")
    return home


async def stream(connector, agent, **given) -> bytes:
    async with connector.channel(agent.socket_path, "files.archive", given, timeout_seconds=10) as channel:
        pieces = []
        async for frame in channel.frames():
            if not isinstance(frame, bytes):
                assert frame == {"end": True}
                return b"".join(pieces)
            pieces.append(frame)
        raise AssertionError("it broke off")


@pytest.mark.parametrize("form", ["zip", "tar.gz"])
async def test_what_was_packed_is_unpacked(call, home, form):
    made = await call("files.make_archive", paths=["d"], format=form, target=f"out/a.{form}")
    assert made["size_bytes"] == (home / f"out/a.{form}").stat().st_size
    result = await call("files.extract", path=f"out/a.{form}", target="copy")
    assert (result["files"], result["skipped"]) == (4, 0)
    copy = home / "copy/d"
    assert {one.name for one in copy.iterdir()} == {one.name for one in (home / "d").iterdir()} - {"pipe"}
    assert (copy / "ünï\n").read_bytes() == (home / "d/ünï\n").read_bytes()
    assert str((copy / "link").readlink()) == "../../outside"
    assert (copy / "empty").is_dir()


async def test_archive_is_streamed_and_readable_by_others(connector, shared_agent, home):
    packed = await stream(connector, shared_agent, paths=["d/f.txt", "d"], format="zip")
    with zipfile.ZipFile(io.BytesIO(packed)) as archive:
        assert archive.testzip() is None
        assert archive.read("f.txt") == archive.read("d/f.txt") == b"text"
        assert stat.S_ISLNK(archive.getinfo("d/link").external_attr >> 16)
    packed = await stream(connector, shared_agent, paths=[""], format="tar.gz")
    with tarfile.open(fileobj=io.BytesIO(packed)) as archive:
        names = archive.getnames()
        assert "d/f.txt" in names
        assert "d/pipe" not in names


async def test_unfinished_uploads_stay_out_of_archives(call, connector, shared_agent, home):
    await call("uploads.create", path="big", size_bytes=5)
    packed = await stream(connector, shared_agent, paths=[""], format="zip")
    with zipfile.ZipFile(io.BytesIO(packed)) as archive:
        assert [name for name in archive.namelist() if "uploads" in name] == []


async def test_existing_file_is_not_replaced_by_an_archive_unasked(call, home):
    with pytest.raises(PreconditionFailed):
        await call("files.make_archive", paths=["d"], target="d/f.txt")
    await call("files.make_archive", paths=["d/empty"], target="d/f.txt", overwrite=True)
    assert zipfile.is_zipfile(home / "d/f.txt")


async def test_existing_file_is_not_replaced_by_an_entry_unasked(call, home):
    await call("files.make_archive", paths=["d/f.txt"], target="a.zip")
    (home / "d/f.txt").write_text("newer")
    with pytest.raises(AlreadyExists):
        await call("files.extract", path="a.zip", target="d")
    assert (home / "d/f.txt").read_text() == "newer"
    await call("files.extract", path="a.zip", target="d", overwrite=True)
    assert (home / "d/f.txt").read_text() == "text"


@pytest.mark.parametrize("name", ["../escaped", "/tmp/escaped", "a/../../escaped"])
@pytest.mark.parametrize("form", ["zip", "tar"])
async def test_entry_that_leads_out_ends_it_before_it_begins(call, home, name, form):
    path = home / "evil"
    if form == "zip":
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("first", "x")
            archive.writestr(name, "x")
    else:
        with tarfile.open(path, "w") as archive:
            archive.addfile(tarfile.TarInfo("first"))
            archive.addfile(tarfile.TarInfo(name))
    with pytest.raises(PathOutsideProject):
        await call("files.extract", path="evil", target="t")
    assert not (home / "t").exists()
    assert not (home.parent / "escaped").exists()


async def test_link_in_an_archive_does_not_lead_the_next_entry_out(call, home):
    with tarfile.open(home / "evil", "w") as archive:
        link = tarfile.TarInfo("door")
        link.type, link.linkname = tarfile.SYMTYPE, str(home.parent)
        archive.addfile(link)
        archive.addfile(tarfile.TarInfo("door/escaped"))
    with pytest.raises(PathOutsideProject):
        await call("files.extract", path="evil", target="t")
    assert not (home.parent / "escaped").exists()


async def test_special_entries_are_skipped_and_modes_are_tamed(call, home):
    with tarfile.open(home / "a.tar", "w") as archive:
        device = tarfile.TarInfo("device")
        device.type = tarfile.CHRTYPE
        archive.addfile(device)
        program = tarfile.TarInfo("program")
        program.mode = 0o4755
        archive.addfile(program)
    assert (await call("files.extract", path="a.tar", target="t"))["skipped"] == 1
    assert stat.S_IMODE((home / "t/program").stat().st_mode) == 0o755


async def test_bomb_is_stopped_at_the_quota(call, home):
    with zipfile.ZipFile(home / "bomb", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("zeros", bytes(40_000_000))
    with pytest.raises(QuotaExceeded):
        await call("files.extract", path="bomb", target="t", disk_bytes=8_000_000)
    assert not (home / "t/zeros").exists()


async def test_archive_does_not_grow_over_the_quota(call, home):
    (home / "noise").write_bytes(os.urandom(3_000_000))
    with pytest.raises(QuotaExceeded):
        await call("files.make_archive", paths=["noise"], target="a.zip", disk_bytes=2_000_000)
    assert not (home / "a.zip").exists()


@pytest.mark.parametrize("content", [b"", b"no archive", b"PK\x03\x04 broken", b"\x1f\x8b broken"])
async def test_what_is_no_archive_is_refused(call, home, content):
    (home / "x").write_bytes(content)
    with pytest.raises(InvalidRequest):
        await call("files.extract", path="x", target="t")


@pytest.mark.parametrize(
    "given", [{"paths": []}, {"paths": ["d"], "format": "rar"}, {"paths": ["nothing"]}, {"paths": ["d"], "target": ""}]
)
async def test_nonsense_is_refused(call, home, given):
    with pytest.raises(StudioloError):
        await call("files.make_archive", **({"target": "a.zip"} | given))
