"""Listing, describing, moving, deleting and making entries, through the real agent."""

import os
import stat
from pathlib import Path

import pytest

from studiolo.core import file_names
from studiolo.core.errors import (
    AlreadyExists,
    DirectoryNotEmpty,
    FileNotFound,
    FileTypeUnsupported,
    InvalidRequest,
    PathOutsideProject,
    UploadNotFound,
)

pytestmark = pytest.mark.anyio
OUTSIDE = ["../x", "a/../../x", "/etc/passwd", "..", "out/x", "far/x"]


@pytest.fixture
def home(shared_agent) -> Path:
    """Give the home, with a neighbour that nobody may reach and links that lead there."""
    neighbour = shared_agent.home.parent / "neighbour"
    neighbour.mkdir(exist_ok=True)
    (neighbour / "x").write_text("secret")
    (shared_agent.home / "out").symlink_to("../neighbour")
    (shared_agent.home / "far").symlink_to(neighbour)
    return shared_agent.home


async def test_entries_come_page_by_page_in_the_order_of_their_names(call, home):
    for name in ("b", "a", "c", ".hidden"):
        (home / name).write_text(name)
    first = await call("files.page", limit=2)
    assert ([one["name"] for one in first["entries"]], first["next"]) == (["a", "b"], "b")
    rest = await call("files.page", limit=10, after="b")
    assert ([one["name"] for one in rest["entries"]], rest["next"]) == (["c", "far", "out"], None)
    shown = await call("files.page", limit=10, hidden=True)
    assert shown["entries"][0]["name"] == ".hidden"


async def test_links_are_shown_as_what_they_are(call, home):
    (home / "link").symlink_to("nowhere")
    (home / "pipe").parent.joinpath("pipe").touch()
    found = {one["name"]: one for one in (await call("files.page", limit=10))["entries"]}
    assert (found["link"]["type"], found["link"]["target"]) == ("symlink", "nowhere")
    assert found["out"]["type"] == "symlink"
    assert found["pipe"]["type"] == "file"


@pytest.mark.parametrize("name", [b"new\nline", "ünï".encode(), b"\xff\xfe bytes", "\uef80".encode()])
async def test_every_name_is_told_so_that_it_can_be_used(call, home, name):
    (home / os.fsdecode(name)).write_text("x")
    listed = [one["name"] for one in (await call("files.page", limit=10))["entries"]]
    text = next(one for one in listed if one not in ("out", "far"))
    assert file_names.to_bytes(text) == name
    assert (await call("files.describe", path=text))["size_bytes"] == 1
    await call("files.move", source=text, target="plain")
    assert (home / "plain").read_text() == "x"


async def test_link_is_described_with_what_it_leads_to(call, home):
    (home / "d").mkdir()
    (home / "inside").symlink_to(home / "d")
    (home / "loop").symlink_to("loop")
    assert (await call("files.describe", path="inside"))["leads_to"] == "directory"
    assert (await call("files.describe", path="out"))["leads_to"] is None
    assert (await call("files.describe", path="loop"))["leads_to"] is None


async def test_home_is_described_without_a_name(call, home):
    assert (await call("files.describe", path=""))["type"] == "directory"
    assert (await call("files.describe", path=""))["name"] == ""


@pytest.mark.parametrize("path", OUTSIDE)
async def test_nothing_outside_the_home_is_reached(call, home, path):
    (home / "mine").write_text("mine")
    (home / "a").mkdir()
    for name, given in (
        ("files.page", {"path": path, "limit": 5}),
        ("files.move", {"source": path, "target": "stolen"}),
        ("files.move", {"source": "mine", "target": path}),
        ("files.delete", {"path": path, "recursive": True}),
        ("files.make_directory", {"path": f"{path}/new"}),
        ("files.make_archive", {"paths": [path], "target": "a.zip"}),
        ("files.make_archive", {"paths": ["mine"], "target": path}),
        ("files.extract", {"path": path}),
    ):
        with pytest.raises((PathOutsideProject, FileNotFound, FileTypeUnsupported)) as refused:
            await call(name, **given)
        assert "secret" not in str(refused.value)
    assert (home.parent / "neighbour" / "x").read_text() == "secret"
    assert sorted(one.name for one in (home.parent / "neighbour").iterdir()) == ["x"]


async def test_absolute_link_into_the_home_is_followed(call, home):
    (home / "d").mkdir()
    (home / "d" / "f").write_text("x")
    (home / "abs").symlink_to(home / "d")
    assert [one["name"] for one in (await call("files.page", path="abs", limit=5))["entries"]] == ["f"]


async def test_narrowed_caller_is_held_to_its_part(call, home):
    (home / "mine").mkdir()
    (home / "other").mkdir()
    (home / "other" / "f").write_text("x")
    (home / "mine" / "there").symlink_to("../other")
    (home / "mine" / "absolute").symlink_to(home / "other")
    await call("files.make_directory", path="mine/new", within="mine")
    for path in ("mine/there", "mine/absolute", "other", ""):
        with pytest.raises(PathOutsideProject):
            await call("files.page", path=path, limit=5, within="mine")
    with pytest.raises(PathOutsideProject):
        await call("files.delete", path="mine/there/f", within="mine")
    with pytest.raises(PathOutsideProject):
        await call("files.page", path="other", limit=5, within="nowhere")


async def test_narrowed_caller_makes_no_directory_outside_of_its_part(call, home):
    (home / "mine").mkdir()
    (home / "other").mkdir()
    (home / "mine" / "there").symlink_to("../other")
    (home / "mine" / "f").write_text("x")
    for path in ("mine/there/new/x", "distant/x", "mine2/x"):
        for name, params in (
            ("files.make_directory", {"path": path}),
            ("files.move", {"source": "mine/f", "target": path}),
            ("files.write_text", {"path": path, "content": ""}),
            ("uploads.create", {"path": path, "size_bytes": 0}),
        ):
            with pytest.raises(PathOutsideProject):
                await call(name, **params, within="mine")
    assert not (home / "distant").exists()
    assert not (home / "mine2").exists()
    assert list((home / "other").iterdir()) == []


async def test_narrowed_caller_makes_its_part_with_what_is_in_it(call, home):
    assert (await call("uploads.create", path="a/b/f", size_bytes=0, within="a"))["is_complete"]
    (home / "c").mkdir()
    assert await call("files.make_directory", path="c/d/e", within="c/d") == {"created": True}
    assert (home / "a/b/f").is_file()
    assert (home / "c/d/e").is_dir()


async def test_move_makes_directories_and_replaces_nothing_unasked(call, home):
    (home / "a").write_text("a")
    (home / "b").write_text("b")
    await call("files.move", source="a", target="new/dir/a")
    assert (home / "new/dir/a").read_text() == "a"
    with pytest.raises(AlreadyExists):
        await call("files.move", source="b", target="new/dir/a")
    await call("files.move", source="b", target="new/dir/a", overwrite=True)
    assert (home / "new/dir/a").read_text() == "b"


async def test_directory_replaces_only_an_empty_one(call, home):
    for path in ("a/x", "b/y"):
        (home / path).parent.mkdir()
        (home / path).write_text("")
    with pytest.raises(DirectoryNotEmpty):
        await call("files.move", source="a", target="b", overwrite=True)
    (home / "b/y").unlink()
    await call("files.move", source="a", target="b", overwrite=True)
    assert (home / "b/x").exists()
    (home / "f").write_text("")
    with pytest.raises(AlreadyExists):
        await call("files.move", source="f", target="b", overwrite=True)


async def test_directory_is_not_moved_into_itself(call, home):
    (home / "a").mkdir()
    with pytest.raises(InvalidRequest):
        await call("files.move", source="a", target="a/b")


async def test_link_itself_is_moved_and_deleted(call, home):
    await call("files.move", source="out", target="moved")
    assert (home / "moved").is_symlink()
    await call("files.delete", path="moved", recursive=True)
    assert not (home / "moved").is_symlink()
    assert (home.parent / "neighbour" / "x").exists()


async def test_directory_is_emptied_only_when_asked(call, home):
    (home / "d/e").mkdir(parents=True)
    (home / "d/e/f").write_text("")
    (home / "d/link").symlink_to("../../neighbour")
    with pytest.raises(DirectoryNotEmpty) as refused:
        await call("files.delete", path="d")
    assert "recursive" in str(refused.value)
    assert (await call("files.delete", path="d", recursive=True))["deleted"] == 4
    assert not (home / "d").exists()
    assert (home.parent / "neighbour" / "x").exists()
    (home / "empty").mkdir()
    await call("files.delete", path="empty")


@pytest.mark.parametrize("path", ["", ".", "a/.."])
async def test_home_itself_is_kept(call, home, path):
    for name, given in (
        ("files.delete", {"path": path, "recursive": True}),
        ("files.move", {"source": path, "target": "x"}),
        ("files.move", {"source": "out", "target": path, "overwrite": True}),
    ):
        with pytest.raises(InvalidRequest):
            await call(name, **given)


async def test_directories_are_made_once(call, home):
    assert await call("files.make_directory", path="a/b/c") == {"created": True}
    assert await call("files.make_directory", path="a/b/c") == {"created": False}
    (home / "f").write_text("")
    with pytest.raises(AlreadyExists):
        await call("files.make_directory", path="f")
    assert stat.S_ISDIR((home / "a/b/c").stat().st_mode)


async def test_missing_path_is_said_in_the_words_of_the_system(call, home):
    with pytest.raises(FileNotFound, match="ENOENT: no such file or directory, lstat 'nothing'"):
        await call("files.describe", path="nothing")


async def test_caller_narrowed_to_a_file_may_make_it_and_no_other(call, home):
    assert (await call("uploads.create", path="only", size_bytes=0, within="only"))["is_complete"]
    assert (await call("uploads.create", path="only", size_bytes=0, within="only"))["is_complete"]
    assert (home / "only").is_file()
    for path in ("other", "far/only", "only2"):
        with pytest.raises(PathOutsideProject):
            await call("uploads.create", path=path, size_bytes=0, within="only")


async def test_uploads_that_were_given_up_are_deleted(call, home):
    old = await call("uploads.create", path="old", size_bytes=5)
    fresh = await call("uploads.create", path="fresh", size_bytes=5)
    done = await call("uploads.create", path="done", size_bytes=0)
    uploads = home / ".studiolo/uploads"
    long_ago = 1_000_000_000
    for one in (old, done):
        for path in uploads.glob(f"{one['upload_id']}*"):
            os.utime(path, (long_ago, long_ago))
    os.utime(uploads / f"{fresh['upload_id']}.json", (long_ago, long_ago))  # its bytes still come
    await call("uploads.create", path="next", size_bytes=5)
    left = {path.stem for path in uploads.iterdir()}
    assert fresh["upload_id"] in left
    assert not {old["upload_id"], done["upload_id"]} & left
    with pytest.raises(UploadNotFound):
        await call("uploads.state", upload_id=old["upload_id"])
