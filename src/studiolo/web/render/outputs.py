"""One output of a code cell to HTML."""

import base64
import binascii
import json
import struct
from collections.abc import Callable
from html import escape
from typing import Any

from studiolo.web.render.ansi import ansi_to_html
from studiolo.web.render.markdown import image_url, render_latex, render_markdown
from studiolo.web.render.sanitise import needs_frame, sanitise_html
from studiolo.web.render.text import element, list_of, mapping_of, signature, text_of

MAX_TEXT = 40_000  # characters of one output in the first paint; the live page brings the rest
MAX_PICTURE = 400_000
MAX_JSON = 4000
TRUNCATED = "truncated"

# the first of these that an output has is shown; web/packages/notebook/src/outputs/mime.ts has the same order
MIME_ORDER = (
    "text/html",
    "text/markdown",
    "text/latex",
    "image/svg+xml",
    "image/png",
    "image/jpeg",
    "image/gif",
    "image/webp",
    "application/javascript",
    "application/json",
    "text/plain",
)


def render_output(output: object) -> str:
    """Return one output as HTML; what cannot be shown says so."""
    given = mapping_of(output)
    kind = given.get("output_type")
    if kind == "stream":
        return _stream(given)
    if kind == "error":
        return _error(given)
    if kind in ("display_data", "execute_result"):
        return _display(given)
    return _output("text", "", element("pre", "An output of an unknown kind.", class_="text muted"))


def render_later(note: str) -> str:
    """Return the place of an output that the live page brings."""
    return _output("text", TRUNCATED, element("p", escape(note), class_="muted"))


def pick_mime(data: dict[str, Any]) -> str | None:
    """Return the type that is shown of those an output has."""
    return next((mime for mime in MIME_ORDER if mime in data), None)


def _output(kind: str, sig: str, content: str, name: str | None = None) -> str:
    return element("div", content, class_="output", data_kind=kind, data_name=name, data_sig=sig)


def _stream(given: dict[str, Any]) -> str:
    text = text_of(given.get("text"))
    name = "stderr" if given.get("name") == "stderr" else "stdout"
    if len(text) > MAX_TEXT:
        return _output("stream", TRUNCATED, _pre(text[:MAX_TEXT]), name)
    return _output("stream", signature(text), _pre(text), name)


def _error(given: dict[str, Any]) -> str:
    text = error_text(given)
    if len(text) > MAX_TEXT:
        return _output("error", TRUNCATED, _pre(text[:MAX_TEXT]))
    return _output("error", signature(text), _pre(text))


def error_text(given: dict[str, Any]) -> str:
    """Return the text of an error output: its traceback, or its name and value where there is none."""
    joined = "\n".join(text_of(line) for line in list_of(given.get("traceback")))
    return joined or f"{text_of(given.get('ename'))}: {text_of(given.get('evalue'))}"


def _pre(text: str) -> str:
    return element("pre", ansi_to_html(text.removesuffix("\n")), class_="text")


def _display(given: dict[str, Any]) -> str:
    data = mapping_of(given.get("data"))
    mime = pick_mime(data)
    if mime is None:
        names = ", ".join(sorted(data)[:5])
        return _output(
            "text", "", element("pre", escape(f"No viewer for this output ({names[:200]})."), class_="text muted")
        )
    if mime == "application/json":
        return _json(data[mime])
    text = text_of(data[mime])
    if mime.startswith("image/"):
        return _picture(mime, text, mapping_of(given.get("metadata")))
    if mime == "application/javascript" or (mime == "text/html" and needs_frame(text)):
        return _output("frame", TRUNCATED, element("p", "Interactive output is loading\u2026", class_="muted"))
    return _rich(mime, text)


_RICH: dict[str, tuple[str, Callable[[str], str]]] = {
    "text/html": ("html", sanitise_html),
    "text/markdown": ("markdown", render_markdown),
    "text/latex": ("latex", render_latex),
}


def _rich(mime: str, text: str) -> str:
    is_long = len(text) > MAX_TEXT
    sig = TRUNCATED if is_long else signature(text)
    text = text[:MAX_TEXT]
    if mime == "text/plain":
        return _output("text", sig, _pre(text))
    kind, render = _RICH[mime]
    return _output(kind, sig, element("div", render(text), class_="rich"))


def _json(value: object) -> str:
    try:
        text = _beginning_of_json(value)
    except (ValueError, RecursionError):
        text = "This JSON is too deep to show."
    return _output("json", TRUNCATED, element("pre", escape(text_of(text)), class_="text"))


def _beginning_of_json(value: object) -> str:
    """Write no more than is shown: indented, a deep value of a few megabytes would become gigabytes."""
    pieces: list[str] = []
    room = MAX_JSON
    for piece in json.JSONEncoder(indent=2, ensure_ascii=False).iterencode(value):
        pieces.append(piece[:room])
        room -= len(piece)
        if room <= 0:
            break
    return "".join(pieces)


def _picture(mime: str, data: str, metadata: dict[str, Any]) -> str:
    sig = signature(data)
    if len(data) > MAX_PICTURE:
        return _output("image", TRUNCATED, element("p", "A large picture is loading\u2026", class_="muted"))
    if mime == "image/svg+xml":
        data = base64.b64encode(data.encode()).decode()
    url = image_url(mime, data)
    if url is None:
        return _output("text", "", element("pre", "A picture that cannot be read.", class_="text muted"))
    width, height = _size(mime, data, mapping_of(metadata.get(mime)))
    image = element("img", "", src=url, alt="Output", width=width, height=height).removesuffix("</img>")
    return _output("image", sig, image)


def _size(mime: str, data: str, metadata: dict[str, Any]) -> tuple[str | None, str | None]:
    """Return width and height, so that nothing shifts when the picture is decoded."""
    width, height = metadata.get("width"), metadata.get("height")
    if isinstance(width, int) and isinstance(height, int) and 0 < width < 20_000 and 0 < height < 20_000:
        return str(width), str(height)
    if mime != "image/png":
        return None, None
    try:
        header = base64.b64decode(data[:32], validate=False)
        found = struct.unpack(">II", header[16:24])
    except (binascii.Error, struct.error):
        return None, None
    return (str(found[0]), str(found[1])) if max(found) < 20_000 and min(found) > 0 else (None, None)
