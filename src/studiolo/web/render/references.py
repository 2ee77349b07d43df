"""Sources and links in documents that mean a file of the same home, or a place in the document.

The server cannot let a browser resolve them: the page of a document is not where the file is, and its frame has no
cookie to fetch with. So they stay what they are, as `data-` attributes, until the live page asks for the file:

1. `<img data-file="F">`, `<a href="#" data-file="F#ANCHOR">`: F begins with `./` or `../`, from the document's
   directory, or with `/`, from the home, as everywhere else in the API. It is percent-encoded and holds no other `..`.
2. `<a href="#ANCHOR">`, and `data-anchor` for the `id` or `name` of what it leads to: a real id could pass for a part
   of our page.
3. A query is no part of a file's name and is left out; `\\` is taken for `/`, as browsers do.
"""

import re
from urllib.parse import quote, unquote

MAX_REFERENCE = 2000
_MAX_ANCHOR = 300
_SCHEME = re.compile(r"[a-z][a-z0-9+.-]*:", re.IGNORECASE)
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
# of cleaned HTML: there `<` and `"` stand for themselves in tags only
_TAG = re.compile(r'<([a-z][a-z0-9]*)((?: [a-z-]+="[^"]*")+)')
_FILE = re.compile(r' (src|href)="(\.{1,2}/|/)')
_PLACE = re.compile(r' (?:id|name)="')
_NEW_TAB = ' target="_blank"'


def file_reference(text: str, *, anchor: bool = False) -> str | None:
    """Return a relative or absolute path in the form above, None for what names no file; `anchor` keeps that."""
    given, _, fragment = text.strip().replace("\\", "/").partition("#")
    given = given.partition("?")[0]
    if not given or len(text) > MAX_REFERENCE or given.startswith("//") or _SCHEME.match(given):
        return None
    path = _decoded(given)
    found = None if path is None else _joined(path.replace("\\", "/"))
    if found is None:
        return None
    kept = anchor_reference(fragment) if anchor and fragment else None
    return quote(found) + (kept or "")


def anchor_reference(fragment: str) -> str | None:
    """Return `#ANCHOR` for what follows a `#`; None where that is nothing one could look for."""
    name = _decoded(fragment)
    return f"#{quote(name)}" if name and len(name) <= _MAX_ANCHOR else None


def anchor_of(title: str) -> str:
    """Return the name by which links find a heading, as Jupyter makes it."""
    return title.strip().replace(" ", "-")[:_MAX_ANCHOR]


def mark_references(html: str) -> str:
    """Give cleaned HTML, whose references are in the form above, the attributes in which the live page finds them."""
    return _TAG.sub(_marked, html)


def _marked(tag: re.Match[str]) -> str:
    name, attributes = tag[1], tag[2]
    attributes = _PLACE.sub(' data-anchor="', attributes)
    if name == "img":
        attributes = _FILE.sub(r' data-file="\2', attributes)
    elif name == "a" and _FILE.search(attributes):
        attributes = _FILE.sub(r' href="#" data-file="\2', attributes).replace(_NEW_TAB, "")
    elif ' href="#' in attributes:
        attributes = attributes.replace(_NEW_TAB, "")
    return f"<{name}{attributes}"


def _decoded(text: str) -> str | None:
    try:
        decoded = unquote(text, errors="strict")
        decoded.encode()
    except UnicodeError:
        return None
    return None if _CONTROL.search(decoded) else decoded


def _joined(path: str) -> str | None:
    """Take out what `.` and `..` can be taken out for; None if that leads above the home."""
    is_absolute = path.startswith("/")
    up, parts = 0, list[str]()
    for part in path.split("/"):
        if part == ".." and parts:
            parts.pop()
        elif part == "..":
            up += 1
        elif part not in ("", "."):
            parts.append(part)
    if is_absolute and up:
        return None
    slash = "/" if parts and path.endswith(("/", "/.", "/..")) else ""
    return ("/" if is_absolute else "../" * up or "./") + "/".join(parts) + slash
