"""What a running cell puts out, written into the document in few updates."""

import asyncio
from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import Any, cast

from pycrdt import Array, Map, Text

from studiolo.agent.documents.cells import canonical_output, clean_text
from studiolo.agent.documents.notebooks import YCell, outputs_of, shared_output
from studiolo.agent.documents.rooms import Room

FLUSH_SECONDS = 0.03
MAX_OUTPUT_BYTES = 5 * 1024 * 1024
MAX_OUTPUTS = 2000
TRUNCATED = "\n[The rest of this cell's output is not shown: it is larger than {} MB.]\n"


class DisplayIds:
    """Where the outputs are that `update_display` may change."""

    def __init__(self) -> None:
        self._places: dict[str, list[tuple[OutputWriter, int]]] = {}

    def add(self, display_id: str, writer: "OutputWriter", place: int) -> None:
        """Remember that the writer's output at `place` has this id."""
        self._places.setdefault(display_id, []).append((writer, place))

    def forget(self, cell_id: str) -> None:
        """Forget the outputs of a cell that was cleared, whichever run they were of."""
        for display_id in list(self._places):
            kept = [entry for entry in self._places[display_id] if entry[0].cell_id != cell_id]
            if kept:
                self._places[display_id] = kept
            else:
                del self._places[display_id]

    def update(self, display_id: str, content: dict[str, Any]) -> None:
        """Give every output with this id new data."""
        for writer, place in self._places.get(display_id, []):
            writer.replace(place, content)


class OutputWriter:
    """Writes the outputs of one run of one cell; a cell that was deleted meanwhile is written no more.

    The beginning of the run goes into the document with whatever is the first to be written: a page that has only lost
    its old output would be drawn for nothing, and the new one shown a frame later.
    """

    def __init__(
        self,
        room: Room,
        cell_id: str,
        find: Callable[[str], YCell | None],
        display_ids: DisplayIds,
        max_bytes: int = MAX_OUTPUT_BYTES,
    ) -> None:
        self.cell_id = cell_id
        self._room = room
        self._find = find
        self._display_ids = display_ids
        self._max_bytes = max_bytes
        self._bytes = 0
        self._count = 0
        self._is_truncated = False
        self._is_clear_wanted = False
        self._stream = ""
        self._pending: list[str] = []
        self._timer: asyncio.TimerHandle | None = None
        self._flushed_at = 0.0
        self._execution_count: int | None = None
        self._has_begun = False

    def begin(self) -> None:
        """Take away what the last run put out, and show that this one runs, unless that was done."""
        if not self._has_begun:
            with self._cell():
                pass

    def count(self, count: int | None) -> None:
        """Set the run's number."""
        self._execution_count = count
        if self._has_begun:
            self.flush()
            with self._cell() as cell:
                _set_count(cell, count)

    def finish(self, count: int | None) -> None:
        """Write what is left and show that the run is over."""
        self.flush()
        with self._cell() as cell:
            if cell is not None:
                cell["execution_state"] = "idle"
            if count is not None:
                _set_count(cell, count)

    def close(self) -> None:
        """Write nothing by itself any more."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def take(self, kind: str, content: dict[str, Any]) -> None:
        """Take the content of a message with output."""
        if kind == "stream":
            self._add_text(str(content.get("name", "stdout")), str(content.get("text", "")))
        elif kind == "clear_output":
            self._want_clear(bool(content.get("wait")))
        elif kind == "update_display_data":
            self.flush()
            self._display_ids.update(_display_id(content), content)
        elif kind in ("display_data", "execute_result", "error"):
            self._add(kind, content)

    def flush(self) -> None:
        """Write the text that waits."""
        self.close()
        text, self._pending = clean_text("".join(self._pending)), []
        self._flushed_at = asyncio.get_running_loop().time()
        if not text:
            return
        with self._cell() as cell:
            if cell is not None:
                outputs = self._ready(cell)
                last = outputs[len(outputs) - 1] if len(outputs) else None
                if not _append_text(last, self._stream, text):
                    self._append(outputs, {"output_type": "stream", "name": self._stream, "text": text})

    def replace(self, place: int, content: dict[str, Any]) -> None:
        """Give the output at `place` new data."""
        with self._room.change():
            cell = self._find(self.cell_id)
            if cell is None:
                return
            outputs = outputs_of(cell)
            old = outputs[place] if place < len(outputs) else None
            if isinstance(old, dict):
                known = cast("dict[str, Any]", old)
                new = canonical_output({**known, "data": content.get("data"), "metadata": content.get("metadata")})
                if new is not None and self._has_room_for(new):
                    outputs[place] = shared_output(new)

    @contextmanager
    def _cell(self) -> Generator[YCell | None]:
        """Give the cell for a change, with the run's beginning in it; None if there is no such cell any more."""
        with self._room.change():
            cell = self._find(self.cell_id)
            if cell is not None and not self._has_begun:
                self._empty(cell)
                cell["execution_count"] = self._execution_count
                cell["execution_state"] = "busy"
                self._has_begun = True
            yield cell

    def _add_text(self, name: str, text: str) -> None:
        if self._is_truncated:
            return
        if name != self._stream:
            self.flush()
            self._stream = name
        room = self._max_bytes - self._bytes
        if len(text) > room:
            self._pending.append(text[:room])
            self._truncate()
            return
        self._bytes += len(text)
        self._pending.append(text)
        loop = asyncio.get_running_loop()
        if loop.time() - self._flushed_at >= FLUSH_SECONDS:
            self.flush()
        elif self._timer is None:
            self._timer = loop.call_at(self._flushed_at + FLUSH_SECONDS, self.flush)

    def _add(self, kind: str, content: dict[str, Any]) -> None:
        output = canonical_output({**content, "output_type": kind})
        if output is None or not self._has_room_for(output):
            return
        self.flush()
        with self._cell() as cell:
            if cell is not None:
                place = self._append(self._ready(cell), output)
                if _display_id(content):
                    self._display_ids.add(_display_id(content), self, place)

    def _append(self, outputs: Array[Any], output: dict[str, Any]) -> int:
        outputs.append(shared_output(output))
        self._count += 1
        return len(outputs) - 1

    def _has_room_for(self, output: dict[str, Any]) -> bool:
        if self._is_truncated and output["output_type"] != "error":
            return False
        self._bytes += _size(output)
        if output["output_type"] == "error" or (self._bytes <= 4 * self._max_bytes and self._count < MAX_OUTPUTS):
            return True
        self._truncate()
        return False

    def _truncate(self) -> None:
        self._is_truncated = True
        self.flush()
        self._stream = "stderr"
        self._pending.append(TRUNCATED.format(self._max_bytes // 1024 // 1024))
        self.flush()
        self._room.notice("warning", "output_truncated", "A cell's output was cut because it is too large.")

    def _want_clear(self, wait: bool) -> None:
        self.flush()
        self._is_clear_wanted = True
        if not wait:
            with self._cell() as cell:
                if cell is not None:
                    self._ready(cell)

    def _ready(self, cell: YCell) -> Array[Any]:
        if self._is_clear_wanted:
            self._clear(cell)
        return outputs_of(cell)

    def _clear(self, cell: YCell) -> None:
        self._is_clear_wanted = self._is_truncated = False
        self._bytes = self._count = 0
        self._empty(cell)

    def _empty(self, cell: YCell) -> None:
        self._display_ids.forget(self.cell_id)
        outputs = outputs_of(cell)
        if len(outputs):
            outputs.clear()


def _set_count(cell: YCell | None, count: int | None) -> None:
    if cell is not None and cell.get("execution_count") != count:
        cell["execution_count"] = count


def _append_text(last: Any, name: str, text: str) -> bool:
    """Append to a stream that is the cell's last output; tell whether it was one."""
    if not isinstance(last, Map) or cast("Map[Any]", last).get("name") != name:
        return False
    shared = cast("Map[Any]", last).get("text")
    if not isinstance(shared, Text):
        return False
    shared += text
    return True


def _display_id(content: dict[str, Any]) -> str:
    transient = content.get("transient")
    found = cast("dict[str, Any]", transient).get("display_id") if isinstance(transient, dict) else None
    return found if isinstance(found, str) else ""


def _size(output: dict[str, Any]) -> int:
    data = cast("dict[str, Any]", output.get("data") or {})
    return 200 + sum(len(value) if isinstance(value, str) else 1000 for value in data.values())
