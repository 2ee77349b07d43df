"""What an engine says of a copy, cut to what may be kept: it comes from the side of the files, which is not trusted."""

from typing import Any, cast

MAX_NAMES = 100  # of each list
MAX_CHARACTERS = 16_000  # of all names together
_MAX_KEYS = 30
_MAX_KEY = 40
_MAX_FIELDS = 4


def bounded(report: object) -> dict[str, Any] | None:
    """Return the numbers and the lists of a report, cut; None when there is nothing in it.

    A list holds texts, or small objects of texts.
    """
    if not isinstance(report, dict):
        return None
    kept: dict[str, Any] = {}
    left = MAX_CHARACTERS
    for name, value in list(cast("dict[object, Any]", report).items())[:_MAX_KEYS]:
        if not isinstance(name, str) or len(name) > _MAX_KEY:
            continue
        if type(value) is int and 0 <= value < 1 << 62:
            kept[name] = value
        elif isinstance(value, list):
            kept[name], left = _bounded_list(cast("list[object]", value), left)
    return kept or None


def _bounded_list(items: list[object], left: int) -> tuple[list[str | dict[str, str]], int]:
    kept: list[str | dict[str, str]] = []
    for item in items[:MAX_NAMES]:
        one = _texts(item)
        size = sum(map(len, one.values())) if isinstance(one, dict) else len(one)
        if 0 < size <= left:
            left -= size
            kept.append(one)
    return kept, left


def _texts(item: object) -> str | dict[str, str]:
    if not isinstance(item, dict):
        return storable(item) if isinstance(item, str) else ""
    fields = list(cast("dict[object, object]", item).items())[:_MAX_FIELDS]
    return {key: storable(text) for key, text in fields if isinstance(key, str) and isinstance(text, str)}


def storable(text: str) -> str:
    """Return a text that every database takes."""
    return text.replace("\0", "\ufffd").encode("utf-8", "replace").decode()
