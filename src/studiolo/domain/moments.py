"""Moments as clients write them: ISO 8601, and the forms that browsers' `Date.parse` understands."""

import re
from datetime import UTC, date, datetime, time, timedelta, timezone
from itertools import product

_COMMENT = re.compile(r"\([^)]*\)")
_WEEKDAY = re.compile(r"^(mon|tue|wed|thu|fri|sat|sun)[a-z]*\.?,?\s+", re.IGNORECASE)
_ZONE_NAME = re.compile(r"\s*\b(?:GMT|UTC?|Z)(?=$|[+-])", re.IGNORECASE)
_ZONE = re.compile(r"\s*([+-]\d\d:?\d\d)$")
_ISO = re.compile(
    r"(?P<date>\d{4}(?:-?\d\d-?\d\d|-?W\d\d(?:-?\d)?|-?\d{3}|-\d\d)?)"
    r"(?:[T ]\s*(?P<time>\d\d(?::?\d\d(?::?\d\d)?)?)(?:[.,](?P<part>\d*))?)?"
    r"\s*(?P<zone>Z|[+-]\d\d(?::?\d\d(?::?\d\d)?)?)?",
    re.ASCII,
)
_ORDINAL = re.compile(r"(\d{4})-?(\d{3})")
_DAY = timedelta(days=1)
_UNITS = (timedelta(hours=1), timedelta(minutes=1), timedelta(seconds=1))
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
    """Read every form of ISO 8601 that names a moment; `datetime.fromisoformat` takes parts of an hour for seconds."""
    found = _ISO.fullmatch(text.upper().replace("\N{MINUS SIGN}", "-"))
    if found is None:
        return None
    day, clock, part, zone = found.group("date", "time", "part", "zone")
    if zone and not clock and len(day) < len("20260329"):  # more likely a month that somebody wrote in another way
        return None
    try:
        passed = _parse_time(clock or "00", part or "")
        return datetime.combine(_parse_date(day), time(), _parse_zone(zone)) + passed
    except (ValueError, OverflowError):
        return None


def _parse_date(text: str) -> date:
    if ordinal := _ORDINAL.fullmatch(text):
        year, number = int(ordinal[1]), int(ordinal[2])
        found = date(year, 1, 1) + (number - 1) * _DAY
        if found.year != year:
            raise ValueError("no such day of the year")
        return found
    return date.fromisoformat(text if len(text) > len("2026-03") or "W" in text else (text + "-01-01")[:10])


def _parse_time(text: str, part: str) -> timedelta:
    """Return how much of the day has passed; `part` are the decimals of the smallest unit given."""
    numbers = [int(number) for number in re.findall(r"\d\d", text)]
    passed = sum((number * unit for number, unit in zip(numbers, _UNITS, strict=False)), timedelta())
    if part:
        passed += _UNITS[len(numbers) - 1] * int(part[:12]) // 10 ** len(part[:12])
    if any(number >= 60 for number in numbers[1:]) or passed > _DAY:  # 24:00 is the end of the day
        raise ValueError("no such time of the day")
    return passed


def _parse_zone(text: str | None) -> timezone | None:
    if text is None:
        return None
    if text == "Z":
        return UTC
    passed = _parse_time(text[1:], "")
    return timezone(-passed if text[0] == "-" else passed)


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
