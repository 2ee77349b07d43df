"""A text as a Yjs document, and edits to shared texts."""

from collections.abc import Sequence
from typing import Any

from pycrdt import Doc, Text

from studiolo.agent.documents.cells import clean_text
from studiolo.agent.documents.merging import Edit, merged_edits


class TextDocument:
    """Reads and writes a text in a Yjs document."""

    def __init__(self, doc: Doc[Any]) -> None:
        self._doc = doc
        self.source: Text = doc.get("source", type=Text)

    def fill(self, model: str) -> None:
        """Write the whole text into the empty document."""
        self.source += model

    def model(self) -> str:
        """Return the text."""
        return str(self.source)

    def repaired_model(self) -> str:
        """Return the text, which cannot be out of shape."""
        return self.model()

    def merge(self, base: str, disk: str) -> None:
        """Carry over what changed from `base` to `disk`."""
        with self._doc.transaction():
            merge_text(self.source, base, disk)


def merge_text(text: Text, base: str, disk: str) -> None:
    """Carry over what changed from `base` to `disk` into a shared text that may have been edited since."""
    live = str(text)
    edit_text(text, live, merged_edits(base, live, disk))


def edit_text(text: Text, live: str, edits: Sequence[Edit]) -> None:
    """Apply edits, in order and in characters of `live`; pycrdt counts UTF-8 bytes."""
    for edit in reversed(edits):
        start = len(live[: edit.start].encode())
        if edit.end > edit.start:
            del text[start : start + len(live[edit.start : edit.end].encode())]
        if edit.text:
            text.insert(start, clean_text(edit.text))
