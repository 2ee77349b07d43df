"""Files as the official client names them, over real homes."""

from pathlib import Path
from typing import Any

import pytest

from studiolo.testing.homes import HomeRunner

pytestmark = pytest.mark.anyio


@pytest.fixture
def runner(home_runner: HomeRunner) -> HomeRunner:
    return home_runner


@pytest.fixture
def home(runner: HomeRunner, project_id: Any) -> Path:
    home = runner.home(project_id)
    (home / "data").mkdir()
    (home / "data" / "a.txt").write_text("a")
    (home / "link").symlink_to("data/a.txt")
    (home / "out").symlink_to("/usr/share")
    return home


@pytest.fixture
def ask(reach, as_owner, project_id):
    async def call(name: str, /, **given: Any) -> Any:
        return await reach(as_owner.key, "project", f"system.{name}", {**given, "project_id": project_id})

    return call


async def test_files_and_whole_directories_are_deleted_and_what_is_not_there_is_passed_over(ask, home: Path):
    assert await ask("deleteFiles", paths=["nothing", "link", "data"]) is None
    assert not (home / "link").is_symlink()
    assert not (home / "data").exists()


async def test_nothing_outside_the_home_is_deleted(ask, home: Path):
    assert (await ask("deleteFiles", paths=["../other"]))["code"] == "path_outside_project"
    assert (await ask("deleteFiles", paths=["out/doc"]))["code"] == "path_outside_project"


async def test_files_are_moved_into_a_directory_and_renamed(ask, home: Path):
    assert await ask("moveFiles", paths=["data/a.txt"], dest="texts") is None
    assert (home / "texts" / "a.txt").read_text() == "a"
    assert await ask("moveFiles", paths=["texts/a.txt"], dest="") is None
    assert await ask("renameFile", src="a.txt", dest="b.txt") is None
    assert (home / "b.txt").read_text() == "a"


async def test_paths_are_resolved_past_links(ask, home: Path):
    assert await ask("realpath", path="link") == "data/a.txt"
    assert await ask("canonicalPaths", paths=["data/../link", "nothing", "out/nothing", ""]) == [
        "data/a.txt",
        "nothing",
        "/usr/share/nothing",
        "",
    ]
    assert (await ask("realpath", path="nothing"))["code"] == "command_failed"
    assert (await ask("canonicalPaths", paths=["a"] * 1001))["code"] == "invalid_request"


async def test_a_signal_reaches_a_process_and_nothing_but_numbers_is_taken(ask, home: Path):
    started = await ask("exec", command="sleep 60 >/dev/null 2>&1 & echo $!", bash=True)
    pid = int(started["stdout"])
    assert await ask("signal", pid=pid, signal=9) is None
    lives = f"[ -d /proc/{pid} ] && ! grep -q '^State:.Z' /proc/{pid}/status"  # who inherits it need not have reaped it
    gone = await ask("exec", command=f"while {lives}; do :; done", bash=True)
    assert gone["exit_code"] == 0
    for wrong in ({}, {"pid": 0}, {"pid": -1}, {"pid": pid, "signal": 0}, {"pids": ["$(reboot)"]}):
        assert (await ask("signal", **wrong))["code"] in ("invalid_request", "invalid_parameters")


async def test_a_new_file_never_replaces_one(reach, as_owner, project_id, home: Path):
    async def make(path: str) -> Any:
        return await reach(as_owner.key, "project", "editor.newFile", {"path": path, "project_id": project_id})

    assert await make("new.ipynb") is None
    assert '"cells": []' in (home / "new.ipynb").read_text()
    assert (await make("data/a.txt"))["code"] == "already_exists"
    assert (home / "data" / "a.txt").read_text() == "a"


async def test_a_message_to_a_project_is_a_call_of_api_v1(reach, as_owner, as_stranger, project_id, home: Path):
    async def send(who: Any, mesg: Any) -> Any:
        return await reach(who.key, "v2", "projects/call", {"project_id": project_id, "mesg": mesg})

    assert (await send(as_owner, {"event": "ping", "id": "1"}))["id"] == "1"
    read = {"event": "read_text_file_from_project", "path": "data/a.txt"}
    assert await send(as_owner, read) == {"event": "text_file_read_from_project", "content": "a"}
    assert (await send(as_stranger, read))["code"] == "project_not_found"
    for wrong in ({}, {"event": "delete_account"}, {"event": ["ping"]}, [read], {"event": "project_exec"}):
        assert (await send(as_owner, wrong))["code"] in ("invalid_request", "invalid_parameters")


async def test_a_message_names_no_other_project(reach, as_owner, as_stranger, project_id, home: Path):
    read = {"event": "read_text_file_from_project", "path": "data/a.txt", "project_id": project_id}
    other = (await as_stranger.call("create_project"))["project_id"]
    answer = await reach(as_stranger.key, "v2", "projects/call", {"project_id": other, "mesg": read})
    assert answer["code"] == "file_not_found"
