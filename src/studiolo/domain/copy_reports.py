"""What an engine says of a copy, cut to what may be kept: it comes from the side of the files, which is not trusted."""

from typing import Any, cast

MAX_NAMES = 100  # of each list
MAX_CHARACTERS = 16_000  # of all names together
_MAX_KEYS = 30


def bounded(report: object) -> dict[str, Any] | None:
    """Return the numbers and the lists of texts of a report, cut; None when there is nothing in it."""
    if not isinstance(report, dict):
        return None
    kept: dict[str, Any] = {}
    left = MAX_CHARACTERS
    for name, value in list(cast("dict[object, Any]", report).items())[:_MAX_KEYS]:
        if not isinstance(name, str) or len(name) > 40:
            continue
        if type(value) is int and 0 <= value < 1 << 62:
            kept[name] = value
        elif isinstance(value, list):
            kept[name] = []
            for item in cast("list[object]", value)[:MAX_NAMES]:
                text = storable(item) if isinstance(item, str) else ""
                if not text or len(text) > left:
                    continue
                left -= len(text)
                kept[name].append(text)
    return kept or None


def storable(text: str) -> str:
    """Return a text that every database takes."""
    return text.replace("\0", "\ufffd").encode("utf-8", "replace").decode()
