"""Pages of a listing: a cursor says where the next page begins, in a text that only we understand.

A cursor names the last thing of the page, not its number, so that what is added or removed meanwhile neither repeats
nor hides anything. It gives no right: who may see what is asked anew for every page.
"""

import binascii
import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar, cast

from studiolo.core.errors import InvalidRequest

USUAL_LIMIT = 100
MOST = 1000
_MAX_CURSOR_CHARACTERS = 1000

Item = TypeVar("Item")
Key = tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class Page(Generic[Item]):
    """Some items, and the cursor of the next page if there is one."""

    items: list[Item]
    next_cursor: str | None


@dataclass(frozen=True, slots=True)
class Asked:
    """Which page is wanted."""

    after: Key | None
    limit: int

    @property
    def look(self) -> int:
        """Return how many rows to read: one more than wanted tells whether there is another page."""
        return self.limit + 1

    def page(self, rows: Sequence[Item], key_of: Callable[[Item], Key]) -> Page[Item]:
        """Return the page of the rows that were read; `key_of` says what its cursor names."""
        items = list(rows[: self.limit])
        return Page(items, _written(key_of(items[-1])) if len(rows) > self.limit else None)


def asked(cursor: str | None, limit: int | None, *kinds: type) -> Asked:
    """Read what a caller asks for; the cursor's parts must be of the `kinds`. Raises InvalidRequest."""
    wanted = USUAL_LIMIT if limit is None else limit
    if not 1 <= wanted <= MOST:
        text = f"limit must be 1 to {MOST}"
        raise InvalidRequest(text, fields={"limit": text})
    return Asked(_read(cursor, kinds) if cursor else None, wanted)


def _written(key: Key) -> str:
    return urlsafe_b64encode(json.dumps(key, separators=(",", ":")).encode()).decode().rstrip("=")


def _read(cursor: str, kinds: tuple[type, ...]) -> Key:
    text = "cursor must be the next_cursor of a page before, unchanged"
    refused = InvalidRequest(text, fields={"cursor": text})
    if len(cursor) > _MAX_CURSOR_CHARACTERS or not cursor.isascii():
        raise refused
    try:
        found = json.loads(urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
    except (binascii.Error, ValueError, RecursionError) as error:
        raise refused from error
    values = cast("list[Any]", found) if isinstance(found, list) else []
    if len(values) != len(kinds) or any(type(value) is not kind for value, kind in zip(values, kinds, strict=True)):
        raise refused
    if any(isinstance(value, int) and abs(value) >= 2**63 for value in values):
        raise refused
    if any(isinstance(value, str) and "\0" in value for value in values):
        raise refused
    return tuple(values)
