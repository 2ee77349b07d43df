"""Listing, describing, moving, deleting, making, packing and unpacking, with the real agent behind."""

import os
from pathlib import Path

import pytest

from studiolo.core.ids import ProjectId
from studiolo.core.models import Principal, Scope
from studiolo.core.settings import Settings
from studiolo.testing.homes import HomeRunner

pytestmark = pytest.mark.anyio


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(data=tmp_path, disk_mb=5)


@pytest.fixture
def runner(home_runner: HomeRunner) -> HomeRunner:
    return home_runner


@pytest.fixture
def home(runner: HomeRunner, project_id: ProjectId) -> Path:
    return runner.home(project_id)


async def test_directory_is_listed_page_by_page(as_owner, project_id, home):
    for name in ("a", "b", "c"):
        (home / name).write_text(name)
    (home / "link").symlink_to("a")
    (home / ".hidden").mkdir()
    names: list[str] = []
    after = ""
    while True:
        answer = await as_owner.call("list_directory", project_id=project_id, limit=2, after=after)
        names += [entry["name"] for entry in answer["entries"]]
        after = answer.get("next", "")
        if not after:
            break
    assert names == ["a", "b", "c", "link"]
    assert (answer["entries"][-1]["type"], answer["entries"][-1]["target"]) == ("symlink", "a")
    shown = await as_owner.call("list_directory", project_id=project_id, hidden=True)
    assert shown["entries"][0]["name"] == ".hidden"


async def test_odd_names_are_told_and_taken(as_owner, project_id, home):
    (home / os.fsdecode(b"\xff\n")).write_text("x")
    listed = await as_owner.call("list_directory", project_id=project_id)
    name = listed["entries"][0]["name"]
    assert name == "\uefff\n"
    assert (await as_owner.call("stat_path", project_id=project_id, path=name))["size_bytes"] == 1
    await as_owner.call("delete_path", project_id=project_id, path=name)
    assert list(home.iterdir()) == []


@pytest.mark.parametrize("form", ["a/b", "/a/b", "/projects/{}/a/b", "a//./b/", "x/../a/b"])
async def test_paths_are_relative_to_the_home(as_owner, project_id, home, form):
    (home / "a").mkdir()
    (home / "a/b").write_text("12")
    answer = await as_owner.call("stat_path", project_id=project_id, path=form.format(project_id))
    assert (answer["type"], answer["size_bytes"]) == ("file", 2)


async def test_entries_are_moved_and_deleted(as_owner, project_id, home):
    (home / "a").write_text("a")
    await as_owner.call("create_directory", project_id=project_id, path="d/e")
    await as_owner.call("move_path", project_id=project_id, source="a", target="d/e/a")
    refused = await as_owner.call("delete_path", project_id=project_id, path="d")
    assert (refused["event"], refused["code"]) == ("error", "directory_not_empty")
    answer = await as_owner.call("delete_path", project_id=project_id, path="d", recursive=True)
    assert answer["deleted"] == 3
    assert list(home.iterdir()) == []


@pytest.mark.parametrize(
    ("name", "parameters", "code"),
    [
        ("list_directory", {"path": "../x"}, "path_outside_project"),
        ("list_directory", {"path": "out"}, "path_outside_project"),
        ("list_directory", {"path": "f"}, "file_type_unsupported"),
        ("list_directory", {"path": "nothing"}, "file_not_found"),
        ("list_directory", {"limit": 0}, "invalid_request"),
        ("list_directory", {"limit": 1_000_000}, "invalid_request"),
        ("stat_path", {"path": "nothing"}, "file_not_found"),
        ("move_path", {"source": "f", "target": "out/f"}, "path_outside_project"),
        ("move_path", {"source": "f", "target": "g"}, "already_exists"),
        ("move_path", {"source": "nothing", "target": "h"}, "file_not_found"),
        ("delete_path", {"path": ""}, "invalid_request"),
        ("delete_path", {"path": "out/f", "recursive": True}, "path_outside_project"),
        ("create_directory", {"path": "f"}, "already_exists"),
        ("create_directory", {"path": "out/d"}, "path_outside_project"),
        ("archive_paths", {"paths": ["nothing"], "target": "a.zip"}, "file_not_found"),
        ("archive_paths", {"paths": ["f"], "target": "out/a.zip"}, "path_outside_project"),
        ("archive_paths", {"paths": ["f"], "target": "g"}, "precondition_failed"),
        ("archive_paths", {"paths": [], "target": "a.zip"}, "invalid_request"),
        ("archive_paths", {"paths": ["noise"], "target": "a.zip"}, "quota_exceeded"),
        ("extract_archive", {"path": "f"}, "invalid_request"),
    ],
)
async def test_refusal_says_why(as_owner, project_id, home, name, parameters, code):
    (home / "f").write_text("")
    (home / "g").write_text("")
    (home / "noise").write_bytes(os.urandom(3_000_000))
    (home / "out").symlink_to("/tmp")
    answer = await as_owner.call(name, project_id=project_id, **parameters)
    assert (answer["event"], answer["code"]) == ("error", code), answer


async def test_archive_comes_and_goes(as_owner, project_id, home):
    (home / "d").mkdir()
    (home / "d/f").write_text("text")
    await as_owner.call("archive_paths", project_id=project_id, paths=["d"], target="d.tar.gz", format="tar.gz")
    answer = await as_owner.call("extract_archive", project_id=project_id, path="d.tar.gz", target="copy")
    assert (answer["files"], answer["size_bytes"], answer["skipped"]) == (1, 4, 0)
    assert (home / "copy/d/f").read_text() == "text"


async def test_narrowed_sign_in_stays_in_its_part(as_owner, project_id, home, services):
    (home / "mine").mkdir()
    (home / "mine/f").write_text("f")
    (home / "other").mkdir()
    (home / "mine/there").symlink_to("../other")
    scope = Scope(project_id=project_id, path_prefix="mine")
    narrowed = Principal(as_owner.account_id, scope=scope)
    page = await services.entries.list(narrowed, project_id, "mine", limit=10, after="", hidden=False)
    assert [entry.name for entry in page.entries] == ["f", "there"]
    for path in ("mine/there", "other", "", "mine/../other"):
        with pytest.raises(Exception) as refused:  # noqa: PT011 - which one, is told below
            await services.entries.list(narrowed, project_id, path, limit=10, after="", hidden=False)
        assert refused.value.code in ("path_outside_project", "file_not_found", "forbidden")
    upload = await services.transfers.create_upload(Principal(as_owner.account_id), project_id, "other/f", 3)
    with pytest.raises(Exception) as refused:  # noqa: PT011 - as above
        await services.transfers.find_upload(narrowed, project_id, upload.upload_id)
    assert refused.value.code == "path_outside_project"
