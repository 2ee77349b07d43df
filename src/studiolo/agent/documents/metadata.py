"""Metadata as the notebook format allows it: a known key whose value is of the wrong shape is left out."""

from collections.abc import Callable
from typing import Any, cast

Metadata = dict[str, Any]
Check = Callable[[Any], bool]


def valid_cell_metadata(metadata: Metadata, kind: str) -> Metadata:
    """Return a cell's metadata without what the format forbids."""
    return _valid(metadata, _CELL | _OF_KIND.get(kind, {}))


def valid_notebook_metadata(metadata: Metadata) -> Metadata:
    """Return a notebook's metadata without what the format forbids; a kernel without a title gets its name."""
    spec = metadata.get("kernelspec")
    if isinstance(spec, dict) and "name" in spec and "display_name" not in spec:
        known = cast("Metadata", spec)
        metadata = {**metadata, "kernelspec": {**known, "display_name": known["name"]}}
    return _valid(metadata, _NOTEBOOK)


def _valid(metadata: Metadata, checks: dict[str, Check]) -> Metadata:
    return {key: value for key, value in metadata.items() if key not in checks or checks[key](value)}


def _is_text(value: Any) -> bool:
    return isinstance(value, str)


def _is_flag(value: Any) -> bool:
    return isinstance(value, bool)


def _is_object(value: Any) -> bool:
    return isinstance(value, dict)


def _is_name(value: Any) -> bool:
    return isinstance(value, str) and bool(value) and "\n" not in value


def _is_tags(value: Any) -> bool:
    if not isinstance(value, list):
        return False
    tags = cast("list[Any]", value)
    return all(_is_name(tag) and "," not in tag for tag in tags) and len(set(tags)) == len(tags)


def _is_times(value: Any) -> bool:
    return isinstance(value, dict) and all(isinstance(time, str) for time in cast("dict[str, Any]", value).values())


def _is_kernelspec(value: Any) -> bool:
    return isinstance(value, dict) and all(_is_text(value.get(key)) for key in ("name", "display_name"))  # pyright: ignore[reportUnknownMemberType, reportUnknownArgumentType] - JSON


def _is_language(value: Any) -> bool:
    if not isinstance(value, dict):
        return False
    about = cast("Metadata", value)
    texts = ("file_extension", "mimetype", "pygments_lexer")
    return (
        _is_text(about.get("name"))
        and isinstance(about.get("codemirror_mode", ""), str | dict)
        and all(_is_text(about.get(key, "")) for key in texts)
    )


_CELL: dict[str, Check] = {"name": _is_name, "tags": _is_tags, "jupyter": _is_object}
_OF_KIND: dict[str, dict[str, Check]] = {
    "code": {
        "collapsed": _is_flag,
        "execution": _is_times,
        "scrolled": lambda value: isinstance(value, bool) or value == "auto",
    },
    "raw": {"format": _is_text},
}
_NOTEBOOK: dict[str, Check] = {
    "kernelspec": _is_kernelspec,
    "language_info": _is_language,
    "orig_nbformat": lambda value: isinstance(value, int) and not isinstance(value, bool) and value >= 1,
    "title": _is_text,
    "authors": lambda value: isinstance(value, list),
}
