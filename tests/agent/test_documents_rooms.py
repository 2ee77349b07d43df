"""Rooms: clients, the log, the file."""

import json
import os
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import nbformat
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pycrdt import Array, Map, Text, create_awareness_message, create_update_message, write_message, write_var_uint

from studiolo.agent.documents import disk
from studiolo.agent.documents.log import log_directory
from studiolo.agent.documents.notebooks import shared_cell
from studiolo.agent.documents.rooms import Room
from studiolo.core.errors import FileNotFound, FileTooLarge, FileTypeUnsupported, NotebookInvalid, PathOutsideProject
from studiolo.testing.clock import MovingClock
from studiolo.testing.peers import DirectPeer, write_notebook

pytestmark = pytest.mark.anyio

OpenRoom = Callable[..., Room]


@pytest.fixture
def open_room(tmp_path: Path, clock: MovingClock) -> OpenRoom:
    return lambda path="x.ipynb": Room(tmp_path, path, clock)


async def pass_time(room: Room, clock: MovingClock, seconds: float = 1.0) -> None:
    clock.move(seconds)
    await room.tick()


def sources(file: Path) -> list[str]:
    notebook = json.loads(file.read_text())
    nbformat.validate(notebook)
    return ["".join(cell["source"]) for cell in notebook["cells"]]


async def test_a_fresh_client_is_sent_everything_before_it_asks(tmp_path: Path, open_room: OpenRoom) -> None:
    write_notebook(tmp_path / "x.ipynb", ["a", "b"])
    peer = DirectPeer(open_room(), is_fresh=True)
    assert peer.copy.sources() == ["a", "b"]


async def test_two_clients_see_each_others_edits_and_the_file_follows(
    tmp_path: Path, open_room: OpenRoom, clock: MovingClock
) -> None:
    write_notebook(tmp_path / "x.ipynb", ["a", "b"])
    room = open_room()
    one, other = DirectPeer(room), DirectPeer(room)

    one.copy.type(0, "1")
    other.copy.type(1, "é😀")

    assert one.copy.sources() == other.copy.sources() == ["a1", "bé😀"]
    assert one.copy.of_type("saved")[-1] == {"type": "saved", "is_saved": False}
    assert one.copy.of_type("ack")[-1] == {"type": "ack", "count": 1}
    await pass_time(room, clock)
    assert sources(tmp_path / "x.ipynb") == ["a1", "bé😀"]
    assert one.copy.of_type("saved")[-1] == {"type": "saved", "is_saved": True}


async def test_opening_and_closing_does_not_touch_the_file(tmp_path: Path, open_room: OpenRoom) -> None:
    data = write_notebook(tmp_path / "x.ipynb", ["a"])
    before = disk.stamp_of(tmp_path / "x.ipynb")

    room = open_room()
    DirectPeer(room)
    await room.close()

    assert (tmp_path / "x.ipynb").read_bytes() == data
    assert disk.stamp_of(tmp_path / "x.ipynb") == before


async def test_saving_keeps_the_mode_and_follows_a_symlink(
    tmp_path: Path, open_room: OpenRoom, clock: MovingClock
) -> None:
    (tmp_path / "real.txt").write_text("a")
    (tmp_path / "real.txt").chmod(0o640)
    (tmp_path / "x.txt").symlink_to("real.txt")
    room = open_room("x.txt")

    DirectPeer(room).copy.source += "b"
    await pass_time(room, clock)

    assert (tmp_path / "x.txt").is_symlink()
    assert (tmp_path / "real.txt").read_text() == "ab"
    assert (tmp_path / "real.txt").stat().st_mode & 0o777 == 0o640


async def test_a_read_only_client_changes_nothing(tmp_path: Path, open_room: OpenRoom) -> None:
    write_notebook(tmp_path / "x.ipynb", ["a"])
    room = open_room()
    reader, writer = DirectPeer(room, can_write=False), DirectPeer(room)

    reader.copy.type(0, "hacked")

    assert writer.copy.sources() == ["a"]
    assert room.model().cells[0]["source"] == "a"
    assert reader.copy.of_type("ack") == []


async def test_what_was_acknowledged_survives_a_kill_before_the_save(
    tmp_path: Path, open_room: OpenRoom, clock: MovingClock
) -> None:
    write_notebook(tmp_path / "x.ipynb", ["a"])
    killed = open_room()
    peer = DirectPeer(killed)
    peer.copy.type(0, "bc")
    assert peer.copy.of_type("ack")
    state = peer.copy.doc.get_state()
    del killed  # no close, no save: as after kill -9

    room = open_room()

    assert room.doc.get_state() == state
    await pass_time(room, clock)
    assert sources(tmp_path / "x.ipynb") == ["abc"]


async def test_the_generation_and_the_identities_persist_when_the_file_changes_while_closed(
    tmp_path: Path, open_room: OpenRoom
) -> None:
    write_notebook(tmp_path / "x.ipynb", ["first", "second"])
    room = open_room()
    peer = DirectPeer(room)
    generation = room.generation
    await room.close()
    write_notebook(tmp_path / "x.ipynb", ["first!", "second", "third"])

    room = open_room()

    assert room.generation == generation
    peer.copy.doc.apply_update(room.doc.get_update(peer.copy.doc.get_state()))
    assert peer.copy.sources() == ["first!", "second", "third"]
    assert room.saver.is_saved


async def test_unsaved_edits_and_a_file_changed_after_a_kill_are_merged(
    tmp_path: Path, open_room: OpenRoom, clock: MovingClock
) -> None:
    write_notebook(tmp_path / "x.ipynb", ["one", "two"])
    killed = open_room()
    DirectPeer(killed).copy.type(0, " live")
    write_notebook(tmp_path / "x.ipynb", ["one", "two disk"])

    room = open_room()

    assert [cell["source"] for cell in room.model().cells] == ["one live", "two disk"]
    await pass_time(room, clock)
    assert sources(tmp_path / "x.ipynb") == ["one live", "two disk"]


async def test_a_log_that_is_no_log_begins_a_new_generation(tmp_path: Path, open_room: OpenRoom) -> None:
    write_notebook(tmp_path / "x.ipynb", ["a"])
    room = open_room()
    generation = room.generation
    await room.close()
    (log_directory(tmp_path, "x.ipynb") / "log").write_bytes(b"garbage, not a log at all")

    room = open_room()

    assert room.generation != generation
    assert [cell["source"] for cell in room.model().cells] == ["a"]


async def test_with_a_hostile_state_directory_edits_are_acknowledged_when_they_are_in_the_file(
    tmp_path: Path, open_room: OpenRoom, clock: MovingClock
) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / ".studiolo").symlink_to("elsewhere")
    write_notebook(tmp_path / "x.ipynb", ["a"])
    room = open_room()
    peer = DirectPeer(room)

    peer.copy.type(0, "b")

    assert peer.copy.of_type("ack") == []
    await pass_time(room, clock)
    assert sources(tmp_path / "x.ipynb") == ["ab"]
    assert peer.copy.of_type("ack") == [{"type": "ack", "count": 1}]
    assert list((tmp_path / "elsewhere").iterdir()) == []


async def test_an_update_that_misses_another_is_not_acknowledged_until_it_is_whole(
    tmp_path: Path, open_room: OpenRoom
) -> None:
    (tmp_path / "x.txt").write_text("")
    room = open_room("x.txt")
    peer = DirectPeer(room)
    peer.copy.is_muted = True
    peer.copy.source += "lost "
    peer.copy.is_muted = False

    replies: list[Any] = []
    peer.copy.send, send = replies.append, peer.copy.send
    peer.copy.source += "found"
    room.receive(peer.client, replies.pop(0))

    assert peer.copy.of_type("ack") == []
    send(replies.pop())  # the answer to the room's question
    assert peer.copy.of_type("ack") == [{"type": "ack", "count": 2}]
    assert room.model() == "lost found"


@pytest.mark.parametrize(
    "message",
    [
        b"\x00",
        b"\x00\x02",
        b"\x00\x02\x05ab",
        b"\x00\x02\x03abc",
        b"\x00\x02" + write_message(b"\xff" * 30),
        b"\x00\x00" + write_message(b"\xff" * 5),
        b"\x00\x02\xff\xff\xff\xff\xff\xff\xff\xff\xff",
        b"\x01",
        b"\x01\x03abc",
        b"\x01" + write_message(b"\x01\x01\x01\x05{{{{{"),
        b"\x01" + write_message(b"\x01\x01\x01" + write_message(b'"' + b"x" * 40_000 + b'"')),
    ],
)
async def test_a_client_that_sends_nonsense_is_closed_and_the_others_go_on(
    tmp_path: Path, open_room: OpenRoom, message: bytes
) -> None:
    (tmp_path / "x.txt").write_text("")
    room = open_room("x.txt")
    hostile, other = DirectPeer(room), DirectPeer(room)

    room.receive(hostile.client, message)

    assert hostile.channel.is_closed
    assert hostile.copy.of_type("closed")[0]["code"] == "protocol_error"
    other.copy.source += "x"
    assert room.model() == "x"
    assert not other.channel.is_closed


async def test_random_bytes_never_end_the_room(tmp_path: Path, open_room: OpenRoom) -> None:
    (tmp_path / "x.txt").write_text("hello")
    room = open_room("x.txt")
    generator = random.Random(1)
    good = create_update_message(room.doc.get_update())
    for _ in range(2000):
        hostile = DirectPeer(room)
        message = bytearray(good)
        for _ in range(generator.randrange(1, 6)):
            message[generator.randrange(3, len(message))] = generator.randrange(256)
        room.receive(hostile.client, bytes(message))
        if room.is_broken:
            room = open_room("x.txt")
        else:
            room.leave(hostile.client)

    assert room.model().count("hello") >= 1


async def test_awareness_is_relayed_to_the_others_and_to_late_comers_and_removed_on_leave(
    tmp_path: Path, open_room: OpenRoom
) -> None:
    (tmp_path / "x.txt").write_text("")
    room = open_room("x.txt")
    one, other = DirectPeer(room), DirectPeer(room)
    state = write_var_uint(1) + write_var_uint(77) + write_var_uint(1) + write_message(b'{"name":"Ann"}')

    room.receive(one.client, create_awareness_message(state))

    assert other.channel.sent[-1] == create_awareness_message(state)
    assert create_awareness_message(state) in DirectPeer(room).channel.sent
    # nobody speaks for somebody else
    room.receive(
        other.client, create_awareness_message(state.replace(b"Ann", b"Eve").replace(b"\x4d\x01", b"\x4d\x09"))
    )
    assert b"Eve" not in b"".join(frame for frame in one.channel.sent if isinstance(frame, bytes))
    room.leave(one.client)
    gone = write_var_uint(1) + write_var_uint(77) + write_var_uint(2) + write_message(b"null")
    assert other.channel.sent[-1] == create_awareness_message(gone)


async def test_a_hostile_document_is_saved_as_a_valid_notebook(
    tmp_path: Path, open_room: OpenRoom, clock: MovingClock
) -> None:
    write_notebook(tmp_path / "x.ipynb", ["a", "b"])
    room = open_room()
    peer = DirectPeer(room)

    cells = peer.copy.cells
    cells.append("not a cell")
    cells.append(Map({"id": 7, "cell_type": "evil", "source": 3, "metadata": "x", "outputs": 1}))
    cells.append(Map({"id": "c0", "cell_type": "code", "source": Text("twin")}))
    cells.append(Map({"cell_type": "code", "outputs": Array(["x", {"output_type": "stream"}, Map({"text": 1})])}))
    cells[0]["outputs"] = "none"
    cells[0]["execution_count"] = -1.5
    cells[0]["metadata"] = {"tags": 5}
    peer.copy.meta["metadata"] = [1]
    peer.copy.meta["nbformat_minor"] = "x"
    await pass_time(room, clock)

    assert sources(tmp_path / "x.ipynb")[:2] == ["a", "b"]
    assert "twin" in sources(tmp_path / "x.ipynb")
    assert json.loads((tmp_path / "x.ipynb").read_text())["cells"][0]["id"] == "c0"


async def test_a_cell_moved_by_two_people_at_once_is_there_once(
    tmp_path: Path, open_room: OpenRoom, clock: MovingClock
) -> None:
    write_notebook(tmp_path / "x.ipynb", ["a", "b", "c"])
    room = open_room()
    one, other = DirectPeer(room), DirectPeer(room)
    moved = room.model().cells[0]
    held: list[bytes] = []
    send, other.copy.send = other.copy.send, held.append
    for peer in (other, one):  # the other's move reaches the room only after the one's
        with peer.copy.doc.transaction():
            del peer.copy.cells[0]
            peer.copy.cells.append(shared_cell(moved))
    for message in held:
        send(message)
    await pass_time(room, clock)

    assert sorted(sources(tmp_path / "x.ipynb")) == ["a", "b", "c"]


async def test_new_outputs_and_metadata_are_written_in_a_settled_order(
    tmp_path: Path, open_room: OpenRoom, clock: MovingClock
) -> None:
    write_notebook(tmp_path / "x.ipynb", ["a"], metadata={"z": {"y": 1, "b": 2}, "a": 1})
    room = open_room()
    data = {f"application/x{number}": "x" for number in range(9)}
    with room.change():
        room.document.cells[0]["outputs"].append({"output_type": "display_data", "data": data, "metadata": {}})
        room.document.meta["metadata"]["m"] = 1
    await pass_time(room, clock)

    written = json.loads((tmp_path / "x.ipynb").read_text())
    assert list(written["cells"][0]["outputs"][0]["data"]) == sorted(data)
    assert json.dumps(written["metadata"]) == '{"z": {"y": 1, "b": 2}, "a": 1, "m": 1}'


async def test_a_file_changed_by_another_program_is_merged_into_the_open_document(
    tmp_path: Path, open_room: OpenRoom, clock: MovingClock
) -> None:
    write_notebook(tmp_path / "x.ipynb", ["one\ntwo\nthree", "b", "c"])
    room = open_room()
    peer = DirectPeer(room)
    peer.copy.type(0, "\nlive")
    write_notebook(tmp_path / "x.ipynb", ["zero\none\ntwo\nthree", "b", "c", "d"], metadata={"title": "t"})

    await pass_time(room, clock)

    assert peer.copy.sources() == ["zero\none\ntwo\nthree\nlive", "b", "c", "d"]
    assert peer.copy.meta["metadata"].to_py() == {"title": "t"}
    await pass_time(room, clock)
    assert sources(tmp_path / "x.ipynb") == ["zero\none\ntwo\nthree\nlive", "b", "c", "d"]


async def test_cells_of_a_program_that_gives_new_ids_keep_theirs(
    tmp_path: Path, open_room: OpenRoom, clock: MovingClock
) -> None:
    write_notebook(tmp_path / "x.ipynb", ["a", "b"])
    room = open_room()
    text = (tmp_path / "x.ipynb").read_text().replace('"c0"', '"n0"').replace('"c1"', '"n1"')
    (tmp_path / "x.ipynb").write_text(text)

    await pass_time(room, clock)

    assert [cell["id"] for cell in room.model().cells] == ["c0", "c1"]


@pytest.mark.parametrize("content", ['{"cells": [', "<<<<<<< HEAD", '{"nbformat": 4}'])
async def test_a_file_that_is_no_notebook_any_more_is_not_overwritten(
    tmp_path: Path, open_room: OpenRoom, clock: MovingClock, content: str
) -> None:
    data = write_notebook(tmp_path / "x.ipynb", ["a"])
    room = open_room()
    peer = DirectPeer(room)
    (tmp_path / "x.ipynb").write_text(content)
    peer.copy.type(0, "b")

    await pass_time(room, clock)

    assert (tmp_path / "x.ipynb").read_text() == content
    assert [notice["code"] for notice in peer.copy.of_type("notice")] == ["notebook_invalid"]
    # whole again: merged and saved
    (tmp_path / "x.ipynb").write_bytes(data.replace(b'"a"', b'"za"'))
    await pass_time(room, clock)
    await pass_time(room, clock)
    assert sources(tmp_path / "x.ipynb") == ["zab"]


async def test_saving_by_hand_replaces_a_file_that_is_no_notebook_any_more(
    tmp_path: Path, open_room: OpenRoom, clock: MovingClock
) -> None:
    write_notebook(tmp_path / "x.ipynb", ["a"])
    room = open_room()
    (tmp_path / "x.ipynb").write_text("broken")
    await pass_time(room, clock)

    await room.saver.save(is_forced=True)

    assert sources(tmp_path / "x.ipynb") == ["a"]


async def test_a_deleted_file_comes_back_with_the_next_edit(
    tmp_path: Path, open_room: OpenRoom, clock: MovingClock
) -> None:
    write_notebook(tmp_path / "x.ipynb", ["a"])
    room = open_room()
    peer = DirectPeer(room)
    (tmp_path / "x.ipynb").unlink()
    await pass_time(room, clock)

    assert not (tmp_path / "x.ipynb").exists()
    assert peer.copy.of_type("notice")[0]["code"] == "file_deleted"
    peer.copy.type(0, "b")
    await pass_time(room, clock)
    assert sources(tmp_path / "x.ipynb") == ["ab"]


async def test_a_save_that_fails_is_told_and_tried_again(
    tmp_path: Path, open_room: OpenRoom, clock: MovingClock
) -> None:
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "x.txt").write_text("a")
    room = open_room("sub/x.txt")
    peer = DirectPeer(room)
    (tmp_path / "sub").rename(tmp_path / "moved")
    (tmp_path / "sub").write_text("a file where the directory was")
    peer.copy.source += "b"

    await pass_time(room, clock)

    assert peer.copy.of_type("notice")[-1]["code"] == "not_saved"
    assert peer.copy.of_type("ack") == [{"type": "ack", "count": 1}]
    (tmp_path / "sub").unlink()
    (tmp_path / "moved").rename(tmp_path / "sub")
    await pass_time(room, clock, 6)
    assert (tmp_path / "sub" / "x.txt").read_text() == "ab"


async def test_typing_without_a_pause_is_saved_all_the_same(
    tmp_path: Path, open_room: OpenRoom, clock: MovingClock
) -> None:
    (tmp_path / "x.txt").write_text("")
    room = open_room("x.txt")
    peer = DirectPeer(room)
    for _ in range(25):
        peer.copy.source += "x"
        await pass_time(room, clock, 0.1)

    assert len((tmp_path / "x.txt").read_text()) >= 20


async def test_the_log_is_made_small_when_the_room_closes(tmp_path: Path, open_room: OpenRoom) -> None:
    (tmp_path / "x.txt").write_text("")
    room = open_room("x.txt")
    peer = DirectPeer(room)
    for _ in range(500):
        peer.copy.source += "x"
    await room.close()

    assert (log_directory(tmp_path, "x.txt") / "log").stat().st_size < 2000
    again = open_room("x.txt")
    assert again.generation == room.generation
    assert again.model() == "x" * 500


async def test_dos_line_ends_are_kept_in_the_file(tmp_path: Path, open_room: OpenRoom, clock: MovingClock) -> None:
    (tmp_path / "x.txt").write_bytes(b"a\r\nb\r\n")
    room = open_room("x.txt")
    peer = DirectPeer(room)
    assert str(peer.copy.source) == "a\nb\n"

    peer.copy.source += "c\n"
    await pass_time(room, clock)

    assert (tmp_path / "x.txt").read_bytes() == b"a\r\nb\r\nc\r\n"


@pytest.mark.parametrize(
    ("make", "path", "error"),
    [
        (lambda home: None, "x.ipynb", FileNotFound),
        (lambda home: (home / "x.ipynb").mkdir(), "x.ipynb", FileTypeUnsupported),
        (lambda home: os.mkfifo(home / "x.txt"), "x.txt", FileTypeUnsupported),
        (lambda home: (home / "x.txt").write_bytes(b"\0"), "x.txt", FileTypeUnsupported),
        (lambda home: (home / "x.ipynb").write_bytes(b"{"), "x.ipynb", NotebookInvalid),
        (lambda home: os.truncate(_made(home / "x.txt"), 2**30), "x.txt", FileTooLarge),
    ],
)
async def test_what_cannot_be_opened_is_refused(
    tmp_path: Path, open_room: OpenRoom, make: Callable[[Path], Any], path: str, error: type[Exception]
) -> None:
    make(tmp_path)

    with pytest.raises(error):
        open_room(path)


@pytest.mark.parametrize("path", ["../x", "a/../../x", "/etc/passwd", "link/x", "a\0b", "", "."])
def test_a_path_out_of_the_home_is_refused(tmp_path: Path, path: str) -> None:
    home = tmp_path / "home"
    home.mkdir()
    (home / "link").symlink_to("/etc")

    with pytest.raises((PathOutsideProject, disk.InvalidRequest)):
        disk.document_path(home, path)


@pytest.mark.parametrize("path", ["a b/ü 'quoted' \"x\".ipynb", "new\nline.md", "./a//b.txt", "x/../y.txt"])
def test_a_strange_name_is_a_name(tmp_path: Path, path: str) -> None:
    assert disk.document_path(tmp_path, path) == os.path.normpath(path)
    assert disk.document_path(tmp_path, str(tmp_path / path)) == os.path.normpath(path)


line = st.sampled_from(["alpha\n", "beta\n", "gamma é\n", "delta 😀\n"])
cell_edit = st.tuples(
    st.sampled_from(["type", "insert", "delete", "disk_type", "disk_insert", "disk_delete", "disk_move", "save"]),
    st.integers(0, 5),
    line,
)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(edits=st.lists(cell_edit, max_size=12))
async def test_edits_of_two_people_and_of_the_disk_converge_and_lose_no_insertion(
    tmp_path_factory: pytest.TempPathFactory, edits: list[tuple[str, int, str]]
) -> None:
    home, clock = tmp_path_factory.mktemp("home"), MovingClock()
    file = home / "x.ipynb"
    write_notebook(file, ["one\n", "two\n", "three\n"])
    room = Room(home, "x.ipynb", clock)
    peers = [DirectPeer(room), DirectPeer(room)]
    typed: set[str] = set()
    deleted = False
    for number, (kind, place, text) in enumerate(edits):
        mark = f"<{number}>{text}"
        if kind == "save":
            await pass_time(room, clock)
            continue
        if kind.startswith("disk"):
            # whatever is written in between must be in the file, as a program that reads first would see it
            _edit_file(file, kind, place, mark, number)
        else:
            _edit_live(peers[number % 2], kind, place, mark, number)
        deleted = deleted or kind.endswith("delete")
        if not kind.endswith(("delete", "move")):
            typed.add(mark)
        if kind.startswith("disk"):
            await pass_time(room, clock)
    await pass_time(room, clock)
    await pass_time(room, clock)

    assert peers[0].copy.sources() == peers[1].copy.sources() == sources(file)
    if not deleted:
        for mark in typed:
            assert sum(source.count(mark) for source in sources(file)) == 1
    await room.close()


def _edit_live(peer: DirectPeer, kind: str, place: int, mark: str, number: int) -> None:
    cells = peer.copy.cells
    if kind == "insert" or not len(cells):
        cell = {"id": f"live{number}", "cell_type": "markdown", "source": mark, "metadata": {}}
        cells.insert(min(place, len(cells)), shared_cell(cell))
    elif kind == "delete":
        del cells[place % len(cells)]
    else:
        peer.copy.type(place % len(cells), mark)


def _edit_file(file: Path, kind: str, place: int, mark: str, number: int) -> None:
    notebook = json.loads(file.read_text())
    cells = notebook["cells"]
    if kind == "disk_insert" or not cells:
        cell = {"id": f"disk{number}", "cell_type": "markdown", "source": mark, "metadata": {}}
        cells.insert(min(place, len(cells)), cell)
    elif kind == "disk_delete":
        del cells[place % len(cells)]
    elif kind == "disk_move":
        cells.append(cells.pop(place % len(cells)))
    else:
        cell = cells[place % len(cells)]
        cell["source"] = mark + "".join(cell["source"])
    # through a new file, so that the change shows even within the clock's grain
    fresh = file.with_name("fresh")
    fresh.write_text(json.dumps(notebook, indent=1))
    fresh.replace(file)


def _made(file: Path) -> Path:
    file.touch()
    return file
