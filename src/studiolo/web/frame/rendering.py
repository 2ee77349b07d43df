"""The renderer (`web/render`), loaded when somebody comes who will need it.

It takes 3 MB and 25 ms: a server that shows no document does without. Whoever gets a shell is about to open something,
so it is loaded behind that answer, while the browser starts the page; an opening finds it there, or waits for the rest.
"""

import asyncio
from collections.abc import Iterable, Mapping
from typing import Any


def render_document(snapshot: Mapping[str, Any]) -> str:
    """Return the HTML of a document as `documents.open` gave it."""
    from studiolo.web import render  # the reason is above

    return render.render_document(snapshot)


def render_items(items: Iterable[Any]) -> list[str]:
    """Return the HTML of texts, each written in what its `kind` says."""
    from studiolo.web import render  # the reason is above

    return render.render_items(items)


async def load() -> None:
    """Have everything ready for the first document."""
    await asyncio.to_thread(render_items, [{"kind": "markdown", "text": "*"}])
