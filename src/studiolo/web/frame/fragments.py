"""A snapshot of a document to the HTML fragment that the frame shows first."""

from typing import Any

from studiolo.domain.documents import Cell, Snapshot
from studiolo.web.render import render_document


def render_snapshot(snapshot: Snapshot) -> str:
    """Return the fragment; CPU only, so for a long document it belongs in a thread."""
    document: dict[str, Any] = {"kind": snapshot.kind, "content": snapshot.content}
    if snapshot.notebook is not None:
        cells = [_cell(cell) for cell in snapshot.notebook.cells]
        document["notebook"] = {"cells": cells, "metadata": snapshot.notebook.metadata}
    return render_document(document)


def _cell(cell: Cell) -> dict[str, Any]:
    return {
        "id": cell.cell_id,
        "cell_type": cell.cell_type,
        "source": cell.source,
        "outputs": list(cell.outputs),
        "execution_count": cell.execution_count,
        "attachments": cell.attachments,
    }
