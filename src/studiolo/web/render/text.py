"""Text out of untrusted JSON, and its signature."""

import re
import zlib
from html import escape
from typing import Any, cast

_LONE_SURROGATE = re.compile(r"[\ud800-\udfff]")


def text_of(value: object) -> str:
    """Return a notebook's "multiline string" (text, or a list of pieces) as text; anything else is empty.

    Lone surrogates, which JSON can carry but UTF-8 cannot, become U+FFFD.
    """
    if isinstance(value, list):
        pieces = cast("list[object]", value)
        value = "".join(piece for piece in pieces if isinstance(piece, str))
    if not isinstance(value, str):
        return ""
    return value if value.isascii() else _LONE_SURROGATE.sub("\ufffd", value)


def mapping_of(value: object) -> dict[str, Any]:
    """Return a JSON object as it is, and an empty one for anything else."""
    if not isinstance(value, dict):
        return {}
    return {key: item for key, item in cast("dict[object, Any]", value).items() if isinstance(key, str)}


def list_of(value: object) -> list[Any]:
    """Return a JSON array as it is, and an empty one for anything else."""
    return cast("list[Any]", value) if isinstance(value, list) else []


def signature(text: str) -> str:
    """Return a short fingerprint; the live page computes the same one. It is no protection against forgery."""
    return f"{zlib.crc32(text.encode('utf-8', 'replace')):08x}"


def element(tag: str, content: str, **attributes: str | None) -> str:
    """Return an element around ready HTML; attribute values are escaped, `_` in names means `-`, None leaves out."""
    given = "".join(
        f' {name.rstrip("_").replace("_", "-")}="{escape(value)}"'
        for name, value in attributes.items()
        if value is not None
    )
    return f"<{tag}{given}>{content}</{tag}>"
