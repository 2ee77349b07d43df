"""Moments as clients write them: ISO 8601, and the forms that browsers' `Date.parse` understands."""

import re
from datetime import UTC, datetime
from itertools import product

_COMMENT = re.compile(r"\([^)]*\)")
_WEEKDAY = re.compile(r"^(mon|tue|wed|thu|fri|sat|sun)[a-z]*\.?,?\s+", re.IGNORECASE)
_ZONE_NAME = re.compile(r"\s*\b(?:GMT|UTC?|Z)(?=$|[+-])", re.IGNORECASE)
_ZONE = re.compile(r"\s*([+-]\d\d:?\d\d)$")
_SHORT_ISO = re.compile(r"\d{4}(-\d\d)?")
_DATES = ("%Y-%m-%d", "%Y/%m/%d", "%m/%d/%Y", "%d %b %Y", "%d %B %Y", "%b %d %Y", "%B %d %Y")
_TIMES = ("", " %H:%M", " %H:%M:%S", " %H:%M:%S.%f", " %I:%M %p", " %I:%M:%S %p")
_FORMATS = tuple(date + time + zone for date, time, zone in product(_DATES, _TIMES, ("", " %z")))


def parse_moment(text: str) -> datetime | None:
    """Return the moment in UTC, which also is the zone of a text without one; None if it is no date."""
    text = text.strip()
    moment = _parse_iso(text) or _parse_words(text)
    if moment is None:
        return None
    try:
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except OverflowError:
        return None


def _parse_iso(text: str) -> datetime | None:
    if _SHORT_ISO.fullmatch(text):
        text = (text + "-01-01")[:10]
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        return None


def _parse_words(text: str) -> datetime | None:
    if len(text) > 100:
        return None
    text = _WEEKDAY.sub("", _COMMENT.sub("", text).strip())
    has_zone_name = _ZONE_NAME.search(text) is not None
    text = _ZONE_NAME.sub(" ", text)
    text = _ZONE.sub(r" \1", " ".join(text.replace(",", " ").split()))
    if has_zone_name and not _ZONE.search(text):
        text += " +0000"
    for form in _FORMATS:
        try:
            return datetime.strptime(text, form)  # noqa: DTZ007 - the caller adds UTC where there is no zone
        except ValueError:
            continue
    return None
