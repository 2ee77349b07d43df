"""A client of a room: a Yjs document of its own that is kept in step over a channel."""

import json
from pathlib import Path
from typing import Any

from pycrdt import Array, Doc, Map, Text

from studiolo.agent.documents.clients import Client
from studiolo.agent.documents.protocol import Sync, payload_of, sync_message
from studiolo.agent.documents.rooms import Room

Frame = dict[str, Any] | bytes


class Copy:
    """A client's copy of a document; `send` takes what must go to the room."""

    def __init__(self, send: Any) -> None:
        self.doc: Doc[Any] = Doc()
        self.cells: Array[Any] = self.doc.get("cells", type=Array)
        self.meta: Map[Any] = self.doc.get("meta", type=Map)
        self.source: Text = self.doc.get("source", type=Text)
        self.frames: list[dict[str, Any]] = []
        self.updates = 0
        self.is_synced = False
        self.is_muted = False
        self.send = send
        self._is_applying = False
        self._subscription = self.doc.observe(self._note)

    def hello(self) -> None:
        """Ask for everything."""
        self.send(sync_message(Sync.STEP1, self.doc.get_state()))

    def take(self, frame: Frame) -> None:
        """Take a frame from the room."""
        if isinstance(frame, dict):
            self.frames.append(frame)
        elif frame[0] == 0:
            self.updates += 1
            self._take_sync(frame)

    def type(self, place: int, text: str) -> None:
        """Append to the text of a cell."""
        source = self.cells[place]["source"]
        source += text

    def sources(self) -> list[str]:
        """Return the cells' texts."""
        return [str(cell["source"]) for cell in self.cells]

    def of_type(self, kind: str) -> list[dict[str, Any]]:
        """Return the frames of a type."""
        return [frame for frame in self.frames if frame.get("type") == kind]

    def _take_sync(self, message: bytes) -> None:
        payload = payload_of(message, 2)
        if message[1] == Sync.STEP1:
            self.send(sync_message(Sync.STEP2, self.doc.get_update(payload)))
            return
        self._is_applying = True
        self.doc.apply_update(payload)
        self._is_applying = False
        self.is_synced = self.is_synced or message[1] == Sync.STEP2

    def _note(self, event: Any) -> None:
        if not self._is_applying and not self.is_muted:
            self.send(sync_message(Sync.UPDATE, event.update))


class DirectChannel:
    """A channel to a client in the same process."""

    def __init__(self) -> None:
        self.is_closed = False
        self.sent: list[Frame] = []
        self.copy: Copy | None = None

    def post(self, frame: Frame) -> None:
        """Hand the frame to the copy."""
        self.sent.append(frame)
        if self.copy is not None:
            self.copy.take(frame)

    def close(self) -> None:
        """Note that the room has closed the client."""
        self.is_closed = True


class DirectPeer:
    """A client that has joined a room in the same process."""

    def __init__(self, room: Room, *, can_write: bool = True, is_fresh: bool = False) -> None:
        self.channel = DirectChannel()
        self.client = Client(self.channel, can_write=can_write, name="peer")  # type: ignore[arg-type]
        self.copy = Copy(self._send)
        self._room = room
        self.channel.copy = self.copy
        room.join(self.client, is_fresh=is_fresh)
        if not is_fresh:
            self.copy.hello()

    def _send(self, message: bytes) -> None:
        self._room.receive(self.client, message)


def write_notebook(file: Path, sources: list[str], **more: Any) -> bytes:
    """Write a notebook with ids c0, c1, ... and return the file's bytes."""
    cells: list[dict[str, Any]] = [
        {"cell_type": "code", "execution_count": None, "id": f"c{i}", "metadata": {}, "outputs": [], "source": [source]}
        for i, source in enumerate(sources)
    ]
    notebook: dict[str, Any] = {"cells": cells, "metadata": {}, "nbformat": 4, "nbformat_minor": 5, **more}
    file.write_text(json.dumps(notebook, indent=1) + "\n")
    return file.read_bytes()
