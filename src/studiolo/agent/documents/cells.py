"""What a notebook's cell means, whatever way it is written: one canonical form, made valid, and the way back.

Canonical: `id, cell_type, source` (text), `metadata`; code cells have `outputs` and `execution_count`; markdown and
raw cells may have `attachments`; keys that the format does not know are kept. Texts of outputs are one string.
"""

import hashlib
import json
import re
from collections.abc import Iterable
from typing import Any, cast

from studiolo.agent.documents.metadata import valid_cell_metadata

Cell = dict[str, Any]
Output = dict[str, Any]

CELL_TYPES = ("code", "markdown", "raw")
LIVE_KEYS = frozenset({"execution_state"})  # live in the room, never in the file
_KNOWN = frozenset({"id", "cell_type", "source", "metadata", "outputs", "execution_count", "attachments"}) | LIVE_KEYS
_ID = re.compile(r"[a-zA-Z0-9_-]{1,64}")
_SURROGATES = re.compile("[\ud800-\udfff]")


def canonical_cells(cells: Iterable[Any]) -> list[Cell]:
    """Return the canonical form of every cell, each with a valid id of its own.

    A missing, malformed or repeated id is replaced by one that depends only on the cells' types, texts and places,
    so that everybody who reads the same file gives the same ids.
    """
    found = [canonical_cell(cell) for cell in cells if isinstance(cell, dict)]
    taken: set[str] = set()
    for cell in found:
        if is_id(cell["id"]) and cell["id"] not in taken:
            taken.add(cell["id"])
        else:
            cell["id"] = ""
    for place, cell in enumerate(found):
        if not cell["id"]:
            cell["id"] = _new_id(place, cell, taken)
            taken.add(cell["id"])
    return found


def canonical_cell(given: Any) -> Cell:
    """Return the canonical form of one cell; whatever does not belong there is left out, never an error."""
    raw = cast("dict[Any, Any]", given)
    kind = raw.get("cell_type")
    cell: Cell = {
        "id": raw.get("id"),
        "cell_type": kind if kind in CELL_TYPES else "raw",
        "source": with_newlines(joined(raw.get("source", ""))),
        "metadata": {},
    }
    cell["metadata"] = valid_cell_metadata(_object(raw.get("metadata")), cell["cell_type"])
    if cell["cell_type"] == "code":
        outputs = raw.get("outputs")
        listed = cast("list[Any]", outputs) if isinstance(outputs, list) else []
        cell["outputs"] = [output for output in map(canonical_output, listed) if output is not None]
        cell["execution_count"] = _count(raw.get("execution_count"))
    elif isinstance(raw.get("attachments"), dict):
        files = cast("dict[Any, Any]", raw["attachments"])
        cell["attachments"] = {clean_text(str(name)): _bundle(data) for name, data in files.items()}
    for key, value in raw.items():
        if isinstance(key, str) and key not in _KNOWN:
            cell[clean_text(key)] = clean(value)
    return cell


def canonical_output(given: Any) -> Output | None:
    """Return the canonical form of an output, or None when it is none."""
    if not isinstance(given, dict):
        return None
    raw = cast("dict[Any, Any]", given)
    kind = raw.get("output_type")
    if kind == "stream":
        name = raw.get("name")
        return {"output_type": kind, "name": name if name == "stderr" else "stdout", "text": joined(raw.get("text"))}
    if kind == "error":
        lines = raw.get("traceback")
        listed = cast("list[Any]", lines) if isinstance(lines, list) else []
        return {
            "output_type": kind,
            "ename": joined(raw.get("ename")),
            "evalue": joined(raw.get("evalue")),
            "traceback": [joined(line) for line in listed],
        }
    if kind not in ("display_data", "execute_result"):
        return None
    output: Output = {"output_type": kind, "metadata": _object(raw.get("metadata")), "data": _bundle(raw.get("data"))}
    if kind == "execute_result":
        output["execution_count"] = _count(raw.get("execution_count"))
    return output


def written_cell(cell: Cell, original: Cell | None) -> Cell:
    """Return how `cell` is written to a file: like `original`, the value that was read, wherever they mean the same."""
    meant = canonical_cell(original) if original is not None else {}
    order = {key: place for place, key in enumerate(original or {})}
    new_keys = sorted(key for key in cell if key not in order)
    written: Cell = {}
    for key in [*(key for key in order if key in cell), *new_keys]:
        if original is not None and key in original and cell[key] == meant.get(key):
            written[key] = original[key]
        elif key == "source":
            written[key] = split_lines(cell[key])
        elif key == "outputs":
            written[key] = _written_outputs(cell[key], cast("list[Any]", (original or {}).get("outputs") or []))
        elif original is not None or key in _KNOWN:
            written[key] = ordered_like(cell[key], (original or {}).get(key))
    return written


def ordered_like(value: Any, original: Any) -> Any:
    """Return `value` with the keys of its objects in the order of `original`, new ones sorted; Yjs knows no order."""
    if isinstance(value, list):
        return [ordered_like(item, None) for item in cast("list[Any]", value)]
    if not isinstance(value, dict):
        return value
    found = cast("dict[str, Any]", value)
    known = cast("dict[str, Any]", original) if isinstance(original, dict) else {}
    keys = [*(key for key in known if key in found), *sorted(key for key in found if key not in known)]
    return {key: ordered_like(found[key], known.get(key)) for key in keys}


def joined(value: Any) -> str:
    """Return a multi-line text of the format, a string or a list of strings, as one string."""
    if isinstance(value, list):
        return clean_text("".join(part for part in cast("list[Any]", value) if isinstance(part, str)))
    return clean_text(value) if isinstance(value, str) else ""


def with_newlines(text: str) -> str:
    r"""Return the text with every line end as `\n`: editors in browsers count each as one character."""
    return text.replace("\r\n", "\n").replace("\r", "\n") if "\r" in text else text


def split_lines(text: str) -> list[str]:
    """Return a text as the format writes it: one string a line, line ends kept."""
    return text.splitlines(keepends=True)


def is_id(value: Any) -> bool:
    """Tell whether the format allows `value` as a cell's id."""
    return isinstance(value, str) and _ID.fullmatch(value) is not None


def clean(value: Any) -> Any:
    """Return JSON-able data without anything that a file or a Yjs document cannot hold."""
    if isinstance(value, str):
        return clean_text(value)
    if isinstance(value, dict):
        return {clean_text(str(key)): clean(item) for key, item in cast("dict[Any, Any]", value).items()}
    if isinstance(value, list):
        return [clean(item) for item in cast("list[Any]", value)]
    if isinstance(value, float):
        return _number(value)
    return value if value is None or isinstance(value, (bool, int)) else None


def clean_text(text: str) -> str:
    """Replace halves of surrogate pairs, which are not characters."""
    return _SURROGATES.sub("\ufffd", text) if not text.isascii() else text


def _number(value: float) -> float | int | None:
    if value != value or value in (float("inf"), float("-inf")):
        return None
    # Yjs knows only floats up to 2**53: a whole number was an integer, or is as good as one.
    return int(value) if value.is_integer() and abs(value) <= 2**53 else value


def _object(value: Any) -> dict[str, Any]:
    return cast("dict[str, Any]", clean(value)) if isinstance(value, dict) else {}


def _count(value: Any) -> int | None:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or value != value or abs(value) > 2**53:
        return None
    return int(value) if value >= 0 else None


def _bundle(value: Any) -> dict[str, Any]:
    """Return a mimebundle with every text as one string; JSON stays what it is."""
    if not isinstance(value, dict):
        return {}
    bundle: dict[str, Any] = {}
    for mime, data in cast("dict[Any, Any]", value).items():
        if not isinstance(mime, str):
            continue
        if is_json_mime(mime):
            bundle[clean_text(mime)] = clean(data)
        elif isinstance(data, (str, list)):
            bundle[clean_text(mime)] = joined(data)
    return bundle


def is_json_mime(mime: str) -> bool:
    """Tell whether data of this type is JSON rather than text."""
    return mime == "application/json" or (mime.startswith("application/") and mime.endswith("+json"))


def _written_outputs(outputs: list[Output], originals: list[Any]) -> list[Any]:
    meant = [canonical_output(original) for original in originals]
    written: list[Any] = []
    for place, output in enumerate(outputs):
        if place < len(meant) and output == meant[place]:
            written.append(originals[place])
        else:
            written.append(_written_output(output))
    return written


def _written_output(output: Output) -> Output:
    written = cast("Output", ordered_like(output, None))
    if "text" in written:
        written["text"] = split_lines(written["text"])
    if "data" in written:
        written["data"] = {
            mime: split_lines(data) if isinstance(data, str) and _is_split(mime) else data
            for mime, data in written["data"].items()
        }
    return written


def _is_split(mime: str) -> bool:
    return not is_json_mime(mime) and (mime.startswith("text/") or mime in ("application/javascript", "image/svg+xml"))


def _new_id(place: int, cell: Cell, taken: set[str]) -> str:
    attempt = 0
    while True:
        seed = json.dumps([place, cell["cell_type"], cell["source"], attempt])
        found = hashlib.sha256(seed.encode()).hexdigest()[:8]
        if found not in taken:
            return found
        attempt += 1
