"""A notebook as a Yjs document, in the shape of jupyter_ydoc."""

import json
from collections.abc import Iterator
from typing import Any, cast

from pycrdt import Array, Doc, Map, Text

from studiolo.agent.documents.cells import Cell, Output, canonical_cells, clean, is_id
from studiolo.agent.documents.merging import longest_kept, merged_object, merged_order
from studiolo.agent.documents.metadata import valid_notebook_metadata
from studiolo.agent.documents.models import NotebookModel
from studiolo.agent.documents.texts import merge_text

YCell = Map[Any]


class NotebookDocument:
    """Reads and writes a notebook in a Yjs document; clients may have written anything into it."""

    def __init__(self, doc: Doc[Any]) -> None:
        self._doc = doc
        self.cells: Array[Any] = doc.get("cells", type=Array)
        self.meta: Map[Any] = doc.get("meta", type=Map)
        self._places: dict[str, int] = {}

    def fill(self, model: NotebookModel) -> None:
        """Write a whole notebook into the empty document."""
        with self._doc.transaction():
            self.meta["nbformat"] = 4
            self.meta["nbformat_minor"] = model.minor
            self.meta["metadata"] = Map(dict(model.metadata))
            self.cells.extend([shared_cell(cell) for cell in model.cells])

    def model(self) -> NotebookModel:
        """Return what the document says, made valid."""
        return self._model_of(canonical_cells(self._raw_cells()))

    def repaired_model(self) -> NotebookModel:
        """Return what the document says, after `repair`; the document is read once if nothing is wrong."""
        raw = self._raw_cells()
        cells = canonical_cells(raw)
        if _are_sound(raw, cells):
            return self._model_of(cells)
        self.repair()
        return self.model()

    def _model_of(self, cells: list[Cell]) -> NotebookModel:
        minor = clean(cast("dict[str, Any]", _read(self.meta)).get("nbformat_minor"))
        return NotebookModel(
            cells,
            self.metadata(),
            minor if isinstance(minor, int) and minor >= 0 else 5,
        )

    def merge(self, base: NotebookModel, disk: NotebookModel) -> None:
        """Carry over what changed from `base` to `disk`, cell by cell and edit by edit."""
        with self._doc.transaction():
            self.repair()
            base_cells = {cell["id"]: cell for cell in base.cells}
            disk_cells = {cell["id"]: cell for cell in matched_cells(base.cells, disk.cells)}
            self._merge_metadata(base, disk)
            self._delete_gone(base_cells, disk_cells)
            for cell in list(self.shared_cells()):
                found = disk_cells.get(cell["id"])
                if found is not None and cell["id"] in base_cells:
                    _merge_cell(cell, base_cells[cell["id"]], found)
            self._arrange(list(base_cells), disk_cells)

    def repair(self) -> None:
        """Make every cell a map with a valid id of its own.

        Two people who move one cell at the same time leave two copies of it: the second goes if it says the same.
        """
        raw = self._raw_cells()
        if _are_sound(raw, canonical_cells(raw)):
            return
        with self._doc.transaction():
            self._delete_strays()
            for place, known in enumerate(canonical_cells(self._raw_cells())):
                if self.cells[place].get("id") != known["id"]:
                    self.cells[place]["id"] = known["id"]

    def find(self, cell_id: str) -> YCell | None:
        """Return the cell with this id; where cells were at the last search is remembered."""
        place = self._places.get(cell_id, -1)
        if not self._is_at(place, cell_id):
            self._places = {_id_of(cell): place for place, cell in enumerate(self._raw_cells())}
            place = self._places.get(cell_id, -1)
        return cast("YCell", self.cells[place]) if self._is_at(place, cell_id) else None

    def metadata(self) -> dict[str, Any]:
        """Return the notebook's metadata, made valid."""
        metadata = clean(cast("dict[str, Any]", _read(self.meta)).get("metadata"))
        return valid_notebook_metadata(cast("dict[str, Any]", metadata) if isinstance(metadata, dict) else {})

    def set_idle(self) -> None:
        """Show no cell as running or waiting."""
        for place, cell in enumerate(self._raw_cells()):
            if isinstance(cell, dict) and cast("Cell", cell).get("execution_state") in ("busy", "queued"):
                self.cells[place]["execution_state"] = "idle"

    def shared_cells(self) -> Iterator[YCell]:
        """Iterate over the cells that are maps, as they all should be."""
        for cell in self.cells:
            if isinstance(cell, Map):
                yield cast("YCell", cell)

    def _is_at(self, place: int, cell_id: str) -> bool:
        if not 0 <= place < len(self.cells):
            return False
        cell = self.cells[place]
        return isinstance(cell, Map) and cast("YCell", cell).get("id") == cell_id

    def _raw_cells(self) -> list[Any]:
        return cast("list[Any]", _read(self.cells))

    def _delete_strays(self) -> None:
        strays: list[int] = []
        said: set[tuple[Any, str, str]] = set()
        for place, cell in enumerate(self.cells):
            if not isinstance(cell, Map):
                strays.append(place)
                continue
            shared = cast("YCell", cell)
            key = (shared.get("id"), str(shared.get("cell_type")), str(shared.get("source")))
            if is_id(key[0]) and key in said:
                strays.append(place)
            said.add(key)
        for place in reversed(strays):
            del self.cells[place]

    def _merge_metadata(self, base: NotebookModel, disk: NotebookModel) -> None:
        live = self.model().metadata
        merged = merged_object(base.metadata, live, disk.metadata)
        if merged != live:
            _set_object(self.meta, "metadata", merged)
        if disk.minor != base.minor:
            self.meta["nbformat_minor"] = disk.minor

    def _delete_gone(self, base: dict[str, Cell], disk: dict[str, Cell]) -> None:
        live = {cell["id"]: cell for cell in self.model().cells}
        for place in reversed(range(len(self.cells))):
            cell_id = self.cells[place]["id"]
            # Deleted on disk, but not if somebody has changed its text since.
            if cell_id in base and cell_id not in disk and live[cell_id]["source"] == base[cell_id]["source"]:
                del self.cells[place]

    def _arrange(self, base: list[str], disk: dict[str, Cell]) -> None:
        live = {cell["id"]: cell for cell in self.model().cells}
        deleted_here = {cell_id for cell_id in base if cell_id in disk and cell_id not in live}
        wanted = merged_order(base, list(live), [cell_id for cell_id in disk if cell_id not in deleted_here])
        kept = longest_kept(list(live), wanted)
        for place in reversed(range(len(self.cells))):
            if self.cells[place]["id"] not in kept:
                del self.cells[place]
        for place, cell_id in enumerate(wanted):
            if cell_id not in kept:
                self.cells.insert(place, shared_cell(live.get(cell_id) or disk[cell_id]))


def shared_cell(cell: Cell) -> YCell:
    """Return a canonical cell as a map that can be put into the document."""
    shared: dict[str, Any] = {**cell, "source": Text(cell["source"]), "metadata": Map(dict(cell["metadata"]))}
    if cell["cell_type"] == "code":
        shared["outputs"] = Array([shared_output(output) for output in cell["outputs"]])
        shared["execution_state"] = "idle"
    return Map(shared)


def shared_output(output: Output) -> Any:
    """Return an output for the document: a map with a text that can grow for a stream, plain data for the others."""
    if output["output_type"] == "stream":
        return Map({**output, "text": Text(output["text"])})
    return output


def outputs_of(cell: YCell) -> Array[Any]:
    """Return the cell's outputs, making the list if a client has not."""
    outputs = cell.get("outputs")
    if not isinstance(outputs, Array):
        cell["outputs"] = Array()
        outputs = cell["outputs"]
    return cast("Array[Any]", outputs)


def _read(shared: Array[Any] | Map[Any]) -> Any:
    """Return what a shared type holds, through the JSON that the library writes: `to_py` takes 20 times as long."""
    return json.loads(str(shared))


def _id_of(cell: Any) -> str:
    found = cast("Cell", cell).get("id") if isinstance(cell, dict) else None
    return found if isinstance(found, str) else ""


def _are_sound(raw: list[Any], cells: list[Cell]) -> bool:
    """Tell whether all cells are maps with ids that canonical cells have too."""
    return len(raw) == len(cells) and all(
        isinstance(given, dict) and _id_of(given) == known["id"] for given, known in zip(raw, cells, strict=True)
    )


def matched_cells(base: list[Cell], disk: list[Cell]) -> list[Cell]:
    """Return the cells of `disk` under the ids of the cells of `base` that they evidently are.

    A program that writes notebooks without ids gives every cell a new one: such cells are recognised by their text,
    or by standing between the same neighbours.
    """
    known = {cell["id"] for cell in base}
    if all(cell["id"] in known for cell in disk) or not base:
        return disk
    return _rematched(base, disk, known)


def _rematched(base: list[Cell], disk: list[Cell], known: set[str]) -> list[Cell]:
    taken = {cell["id"] for cell in disk} & known
    by_text: dict[tuple[str, str], list[str]] = {}
    for cell in base:
        if cell["id"] not in taken:
            by_text.setdefault((cell["cell_type"], cell["source"]), []).append(cell["id"])
    result: list[Cell] = []
    for cell in disk:
        same = by_text.get((cell["cell_type"], cell["source"]))
        if cell["id"] not in known and same:
            cell = {**cell, "id": same.pop(0)}
        result.append(cell)
    return result


def _merge_cell(cell: YCell, base: Cell, disk: Cell) -> None:
    if disk == base:
        return
    live = canonical_cells([_read(cell)])[0]
    if disk["source"] != base["source"]:
        source = cell.get("source")
        if isinstance(source, Text):
            merge_text(source, base["source"], disk["source"])
        else:
            cell["source"] = Text(disk["source"])
    metadata = merged_object(base["metadata"], live["metadata"], disk["metadata"])
    if metadata != live["metadata"]:
        _set_object(cell, "metadata", metadata)
    is_running = cell.get("execution_state") in ("busy", "queued")
    for key in sorted({*base, *disk} - {"id", "source", "metadata"}):
        is_held = is_running and key in ("outputs", "execution_count")
        if base.get(key) != disk.get(key) and live.get(key) == base.get(key) and not is_held:
            _set_value(cell, key, disk)


def _set_value(cell: YCell, key: str, disk: Cell) -> None:
    if key == "outputs":
        outputs = outputs_of(cell)
        outputs.clear()
        outputs.extend([shared_output(output) for output in disk.get("outputs", [])])
    elif key in disk:
        cell[key] = disk[key]
    else:
        cell.pop(key, None)


def _set_object(owner: Map[Any], key: str, value: dict[str, Any]) -> None:
    """Bring a nested map to `value` key by key, so that its identity persists."""
    shared = owner.get(key)
    if not isinstance(shared, Map):
        owner[key] = Map(dict(value))
        return
    known = cast("Map[Any]", shared)
    for name in [name for name in (known.to_py() or {}) if name not in value]:
        del known[name]
    for name, item in value.items():
        if clean(known.get(name)) != item:
            known[name] = item
