"""The append log of a document."""

from pathlib import Path

import pytest

from studiolo.agent.documents.log import Log, LogContents, LogUnusable, log_directory, read_log


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    return log_directory(tmp_path, "x.ipynb")


def written(directory: Path) -> Log:
    log = Log(directory, "x.ipynb", LogContents("g1"))
    log.open()
    log.append_update(b"one")
    log.append_saved("d1", 1)
    log.append_update(b"two")
    return log


def test_a_log_gives_back_what_was_appended(directory: Path) -> None:
    written(directory).close()

    contents = read_log(directory, "x.ipynb")

    assert contents is not None
    assert (contents.generation, contents.updates) == ("g1", [b"one", b"two"])
    assert (contents.saved_digest, contents.saved_count, contents.is_clean) == ("d1", 1, False)


def test_no_log_is_no_error(directory: Path) -> None:
    assert read_log(directory, "x.ipynb") is None


def test_a_log_torn_at_any_byte_keeps_every_whole_record_and_goes_on(directory: Path) -> None:
    written(directory).close()
    whole = (directory / "log").read_bytes()
    for length in range(len(whole)):
        (directory / "log").write_bytes(whole[:length])
        try:
            contents = read_log(directory, "x.ipynb") or LogContents("g2")
        except LogUnusable:
            continue  # cut inside the first record
        assert contents.updates in ([], [b"one"])

        log = Log(directory, "x.ipynb", contents)
        log.open()
        log.append_update(b"three")
        log.close()

        again = read_log(directory, "x.ipynb")
        assert again is not None
        assert again.updates == [*contents.updates, b"three"]


def test_a_flipped_bit_ends_the_log_there(directory: Path) -> None:
    written(directory).close()
    data = bytearray((directory / "log").read_bytes())
    data[-1] ^= 1
    (directory / "log").write_bytes(data)

    contents = read_log(directory, "x.ipynb")

    assert contents is not None
    assert contents.updates == [b"one"]


def test_compaction_leaves_one_update_and_the_log_open(directory: Path) -> None:
    log = written(directory)

    log.compact(b"both", "d2")
    log.append_update(b"three")
    log.close()

    contents = read_log(directory, "x.ipynb")
    assert contents is not None
    assert (contents.generation, contents.updates) == ("g1", [b"both", b"three"])
    assert (contents.saved_digest, contents.saved_count) == ("d2", 1)


@pytest.mark.parametrize("data", [b"nonsense" * 10, b"\x00" * 64])
def test_a_file_that_is_no_log_is_unusable(directory: Path, data: bytes) -> None:
    directory.mkdir(parents=True)
    (directory / "log").write_bytes(data)

    with pytest.raises(LogUnusable):
        read_log(directory, "x.ipynb")


def test_the_log_of_another_document_is_unusable(directory: Path) -> None:
    written(directory).close()

    with pytest.raises(LogUnusable):
        read_log(directory, "y.ipynb")


@pytest.mark.parametrize("depth", [0, 1, 2, 3])
def test_a_symlink_on_the_way_is_refused(tmp_path: Path, directory: Path, depth: int) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    place = [directory / "log", directory, directory.parent, directory.parent.parent][depth]
    place.parent.mkdir(parents=True, exist_ok=True)
    place.symlink_to(elsewhere)

    log = Log(directory, "x.ipynb", LogContents("g1"))
    with pytest.raises(LogUnusable):
        log.open()
    with pytest.raises(LogUnusable):
        read_log(directory, "x.ipynb")
    assert list(elsewhere.iterdir()) == []
