"""Nobody can swap a path under the keeper: what is a link is refused, and what is given away is given by descriptor."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from studiolo.core.errors import RunnerUnavailable
from studiolo.runtime.keeper.directories import DataDirectory
from studiolo.runtime.keeper.plan import UID_BASE
from studiolo.testing.keepers import ORDINARY_UID

IS_ROOT = os.geteuid() == 0


@pytest.fixture
def short() -> Iterator[Path]:
    """Give a directory whose path is short enough for sockets."""
    directory = Path(tempfile.mkdtemp(prefix="data-"))
    yield directory
    shutil.rmtree(directory, ignore_errors=True)


@pytest.fixture
def long(short: Path) -> Path:
    """Give a data directory in which no socket can have a name."""
    path = short / ("x" * 90) / "data"
    path.mkdir(parents=True)
    return path


def prepared(path: Path) -> DataDirectory:
    directory = DataDirectory(str(path), is_root=IS_ROOT)
    directory.prepare()
    return directory


@pytest.mark.parametrize("name", ["run", "projects", "agent"])
def test_link_in_the_place_of_a_directory_is_refused_and_not_followed(short: Path, name: str):
    elsewhere = short / "elsewhere"
    elsewhere.mkdir(mode=0o755)
    data = short / "data"
    data.mkdir()
    (data / name).symlink_to(elsewhere)
    with pytest.raises(RunnerUnavailable, match="symbolic link"):
        prepared(data)
    assert elsewhere.stat().st_mode & 0o7777 == 0o755
    assert elsewhere.stat().st_gid == os.getegid()


@pytest.mark.root
def test_only_plain_files_with_one_name_are_handed_to_the_hub(short: Path):
    secret = short / "secret"
    secret.write_text("of somebody else")
    data = short / "data"
    data.mkdir()
    (data / "studiolo.sqlite3").write_text("")
    (data / "studiolo.sqlite3-link").symlink_to(secret)
    os.link(secret, data / "studiolo.sqlite3-twin")
    prepared(data)
    assert (data / "studiolo.sqlite3").stat().st_uid == UID_BASE
    assert secret.stat().st_uid == 0


def test_sockets_of_a_deep_data_directory_lie_in_a_short_one_of_our_own(long: Path):
    directory = prepared(long)
    try:
        assert directory.run.parent != long
        assert directory.run.stat().st_uid == os.geteuid()
        assert directory.run.stat().st_mode & 0o007 == 0
        directory.listen("11111111-1111-4111-8111-111111111111").close()
        assert prepared(long).run == directory.run
    finally:
        shutil.rmtree(directory.run)


@pytest.mark.root
def test_short_directory_of_another_user_is_refused(long: Path):
    run = prepared(long).run
    try:
        os.chown(run, ORDINARY_UID, ORDINARY_UID)
        with pytest.raises(RunnerUnavailable, match="belongs to somebody else"):
            prepared(long)
    finally:
        shutil.rmtree(run)


def test_link_in_the_place_of_the_short_directory_is_refused(long: Path, tmp_path: Path):
    run = prepared(long).run
    shutil.rmtree(run)
    run.symlink_to(tmp_path)
    try:
        with pytest.raises(RunnerUnavailable, match="belongs to somebody else"):
            prepared(long)
        assert list(tmp_path.iterdir()) == []
    finally:
        run.unlink()
