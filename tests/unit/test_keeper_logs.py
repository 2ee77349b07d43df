"""Logs of agents stay small."""

import os
from pathlib import Path

from studiolo.runtime.keeper import logs
from studiolo.runtime.keeper.directories import DataDirectory
from studiolo.runtime.keeper.loop import Loop

PROJECT_ID = "2f5b3c4e-6d1a-4a4e-9c0d-7b8f6a5e4d3c"


def test_log_that_has_grown_is_emptied_and_its_end_kept(tmp_path: Path) -> None:
    path = tmp_path / "agent.log"
    with path.open("ab", buffering=0) as writer:  # as the agent holds it
        writer.write(b"x" * logs.MAX_BYTES + b"the end")
        logs.trim(path)
        assert path.stat().st_size == 0
        writer.write(b"more")
    assert path.read_bytes() == b"more"
    old = tmp_path / "agent.log.old"
    assert old.stat().st_size == logs.KEPT_BYTES
    assert old.read_bytes().endswith(b"the end")


def test_small_log_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "agent.log"
    path.write_bytes(b"x" * logs.MAX_BYTES)
    logs.trim(path)
    assert path.stat().st_size == logs.MAX_BYTES
    assert not (tmp_path / "agent.log.old").exists()


def test_link_is_not_followed(tmp_path: Path) -> None:
    target = tmp_path / "target"
    target.write_bytes(b"x" * (logs.MAX_BYTES + 1))
    (tmp_path / "agent.log").symlink_to(target)
    logs.trim(tmp_path / "agent.log")
    assert target.stat().st_size == logs.MAX_BYTES + 1


def test_projects_that_run_are_looked_after(tmp_path: Path) -> None:
    directory = DataDirectory(str(tmp_path), is_root=False)
    directory.prepare()
    directory.make_home(PROJECT_ID, 1)
    (directory.run / f"{PROJECT_ID}.json").write_text("{}")
    log = directory.home(PROJECT_ID).with_name("agent.log")
    log.write_bytes(os.urandom(logs.MAX_BYTES + 1))
    logs.Logs(directory, Loop(print)).look_after()
    assert log.stat().st_size == 0
