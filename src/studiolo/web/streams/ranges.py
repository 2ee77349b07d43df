"""Parts of files and conditions on them, as RFC 9110 has them."""

import re
from dataclasses import dataclass
from datetime import datetime
from email.utils import format_datetime, parsedate_to_datetime

from starlette.datastructures import Headers

from studiolo.core.errors import RangeNotSatisfiable

_RANGE = re.compile(r"bytes[ \t]*=[ \t]*(\d{0,19})-(\d{0,19})[ \t]*", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Part:
    """What of a file is to be sent."""

    start: int
    length: int
    size_bytes: int  # of the whole

    @property
    def content_range(self) -> str:
        """Return the part as the header `Content-Range` has it."""
        return f"bytes {self.start}-{self.start + self.length - 1}/{self.size_bytes}"


def part_of(headers: Headers, size_bytes: int, etag: str, modified_at: datetime) -> Part | None:
    """Return the part that is asked for, None for the whole; raise RangeNotSatisfiable.

    What is no single range of bytes is passed over, as is any range of a file that has changed since (`If-Range`).
    """
    given = headers.get("range")
    found = _RANGE.fullmatch(given.strip()) if given else None
    if found is None or found[1] == found[2] == "" or not _is_unchanged(headers.get("if-range"), etag, modified_at):
        return None
    if found[1] == "":
        wanted = int(found[2])
        start, last = max(0, size_bytes - wanted), size_bytes - 1
        is_possible = wanted > 0 and size_bytes > 0
    else:
        start, last = int(found[1]), min(int(found[2] or size_bytes), size_bytes - 1)
        if found[2] and int(found[2]) < start:
            return None
        is_possible = start < size_bytes
    if not is_possible:
        raise RangeNotSatisfiable(f"The file has {size_bytes} bytes.", size_bytes=size_bytes)
    return Part(start, last - start + 1, size_bytes)


def is_not_modified(headers: Headers, etag: str, modified_at: datetime) -> bool:
    """Tell whether the client has this very file already."""
    given = headers.get("if-none-match")
    if given is not None:
        return given.strip() == "*" or etag in [one.strip().removeprefix("W/") for one in given.split(",")]
    since = _moment(headers.get("if-modified-since"))
    return since is not None and modified_at <= since


def http_date(moment: datetime) -> str:
    """Return a moment as HTTP's headers have it."""
    return format_datetime(moment.replace(microsecond=0), usegmt=True)


def _is_unchanged(condition: str | None, etag: str, modified_at: datetime) -> bool:
    if condition is None:
        return True
    if condition.strip().startswith(('"', "W/")):
        return condition.strip() == etag  # a weak mark never equals a strong one
    return _moment(condition) == modified_at


def _moment(text: str | None) -> datetime | None:
    try:
        found = parsedate_to_datetime(text) if text else None
    except ValueError:
        return None
    return found if found is not None and found.tzinfo is not None else None
