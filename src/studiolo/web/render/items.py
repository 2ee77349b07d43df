"""What `POST /frame/render` answers: pieces of text to safe HTML."""

from collections.abc import Callable
from typing import Any

from studiolo.web.render.markdown import render_latex, render_markdown
from studiolo.web.render.sanitise import sanitise_html
from studiolo.web.render.text import list_of, mapping_of, text_of

MAX_ITEMS = 200
MAX_ITEM = 2_000_000

_RENDERERS: dict[str, Callable[[str, dict[str, Any]], str]] = {
    "markdown": lambda text, item: render_markdown(text, item.get("attachments")),
    "html": lambda text, _: sanitise_html(text),
    "latex": lambda text, _: render_latex(text),
}


def render_items(items: object) -> list[str]:
    """Return the HTML of each `{"kind": "markdown|html|latex", "text"}`; anything else becomes empty text."""
    return [_render(mapping_of(item)) for item in list_of(items)[:MAX_ITEMS]]


def _render(item: dict[str, Any]) -> str:
    render = _RENDERERS.get(text_of(item.get("kind")))
    return render(text_of(item.get("text"))[:MAX_ITEM], item) if render is not None else ""
