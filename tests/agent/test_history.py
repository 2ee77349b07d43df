"""The history of a document, from its log."""

import base64
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from studiolo.agent.documents.log import Log, LogContents, log_directory, read_log
from studiolo.core.errors import Conflict, FileNotFound, PathOutsideProject

pytestmark = pytest.mark.anyio
Call = Callable[..., Awaitable[dict[str, Any]]]


def edited(home: Path, path: str, *updates: bytes) -> Log:
    log = Log(log_directory(home, path), path, LogContents("g1"))
    log.open()
    for update in updates:
        log.append_update(update)
    return log


async def test_history_tells_when_and_how_much(call: Call, shared_agent: Any) -> None:
    edited(shared_agent.home, "a.md", b"one", b"three").close()
    history = (await call("documents.history", path="a.md"))["history"]
    assert [entry["patch_length"] for entry in history] == [3, 5]
    assert all(entry["time_ms"] > 1_600_000_000_000 for entry in history)
    assert all("patch" not in entry for entry in history)


async def test_history_shows_the_updates_if_wanted(call: Call, shared_agent: Any) -> None:
    edited(shared_agent.home, "a.md", b"one", b"two").close()
    history = (await call("documents.history", path="./a.md", patches=True))["history"]
    assert [base64.b64decode(entry["patch"]) for entry in history] == [b"one", b"two"]


async def test_a_document_that_was_never_edited_together_has_none(call: Call) -> None:
    with pytest.raises(FileNotFound):
        await call("documents.history", path="never.md")


async def test_a_log_of_something_else_is_no_history(call: Call, shared_agent: Any) -> None:
    directory = log_directory(shared_agent.home, "a.md")
    directory.mkdir(parents=True)
    (directory / "log").write_bytes(b"no log at all, but long enough to look at")
    with pytest.raises(Conflict):
        await call("documents.history", path="a.md")


async def test_compaction_keeps_a_time(tmp_path: Path) -> None:
    log = edited(tmp_path, "a.md", b"one", b"two")
    log.compact(b"both", "digest")
    log.append_update(b"three")
    log.close()
    contents = read_log(log_directory(tmp_path, "a.md"), "a.md")
    assert contents is not None
    assert contents.updates == [b"both", b"three"]
    assert all(time_ms > 1_600_000_000_000 for time_ms in contents.times_ms)


async def test_history_behind_a_link_is_no_part_of_the_narrowed_path(call: Call, shared_agent: Any) -> None:
    edited(shared_agent.home, "secret.md", b"one").close()
    inside = Path(shared_agent.home) / "in"
    inside.mkdir()
    (inside / "link.md").symlink_to("../secret.md")
    with pytest.raises(PathOutsideProject):
        await call("documents.history", path="in/link.md", within="in")
