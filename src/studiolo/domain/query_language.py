"""The language of `query`: options, filters, substitutions, defaults, merging. It knows no table."""

import operator
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, cast

from studiolo.core.errors import InvalidRequest
from studiolo.domain.moments import parse_moment

MAX_ROWS = 100_000
MAX_OPTIONS = 100
MAX_FILTERS = 100
MAX_PATTERN_CHARACTERS = 1_000
MAX_STEPS = 1_000_000  # to find one part of a pattern with `_` in one text; all else waits meanwhile
UNIT_SECONDS = {
    "second": 1,
    "minute": 60,
    "hour": 3_600,
    "day": 86_400,
    "week": 604_800,
    "month": 2_592_000,
    "year": 31_536_000,
}

Row = dict[str, Any]
Order = tuple[str, bool]  # a field, and whether it is descending


@dataclass(frozen=True, slots=True)
class Options:
    """What stands in the `options` of a query."""

    limit: int | None = None
    order_by: tuple[Order, ...] = ()
    is_set: bool | None = None
    is_delete: bool = False


@dataclass(frozen=True, slots=True)
class Filter:
    """A condition on one field."""

    field: str
    operator: str
    value: Any

    def matches(self, row: Row) -> bool:
        """Tell whether a row fulfils it; as in SQL, a field that is null fulfils only `IS`."""
        found, wanted = row[self.field], self.value
        if self.operator in ("IS", "IS NOT"):
            return (found == wanted) == (self.operator == "IS")
        if found is None or wanted is None:
            return False
        if isinstance(found, datetime) and isinstance(wanted, str):
            wanted = parse_moment(wanted)
            if wanted is None:
                raise InvalidRequest(f"FATAL: '{self.value}' is not a date")
        return _holds(self.operator, found, wanted)


def read_options(given: object) -> Options:
    """Read a list of one-key objects; raise InvalidRequest in the words of the wire."""
    if given is None:
        return Options()
    if not isinstance(given, list):
        raise InvalidRequest("options must be an array of objects")
    several = cast("list[object]", given)
    if len(several) > MAX_OPTIONS:
        raise InvalidRequest(f"options must be an array of at most {MAX_OPTIONS} objects")
    options = Options()
    for one in several:
        if not isinstance(one, dict):
            raise InvalidRequest("options must be an array of objects")
        for name, value in cast("dict[str, Any]", one).items():
            options = _with_option(options, name, value)
    return options


def has_null(value: object) -> bool:
    """Tell whether any leaf is null, which makes a query one that asks."""
    if isinstance(value, dict):
        return any(has_null(one) for one in cast("dict[str, object]", value).values())
    if isinstance(value, list):
        return any(has_null(one) for one in cast("list[object]", value))
    return value is None


def substitute(value: Any, words: Mapping[str, Any]) -> Any:
    """Replace the strings `{account_id}`, `{project_id}` and `{now}` wherever they stand as a whole value."""
    if isinstance(value, dict):
        return {name: substitute(one, words) for name, one in cast("dict[str, Any]", value).items()}
    if isinstance(value, list):
        return [substitute(one, words) for one in cast("list[Any]", value)]
    return words.get(value, value) if isinstance(value, str) else value


def read_filters(fields: Mapping[str, Any], now: datetime) -> list[Filter]:
    """Return the conditions of a query's fields; a null asks for the field without a condition."""
    filters: list[Filter] = []
    for field, value in fields.items():
        if isinstance(value, dict):
            conditions = cast("dict[str, Any]", value)
            filters += [Filter(field, _operator(name), _operand(one, now)) for name, one in conditions.items()]
        elif value is not None:
            filters.append(Filter(field, "=", value))
    if len(filters) > MAX_FILTERS:
        raise InvalidRequest(f"FATAL: at most {MAX_FILTERS} conditions fit into one query")
    for one in filters:
        if one.operator.endswith("LIKE") and isinstance(one.value, str) and len(one.value) > MAX_PATTERN_CHARACTERS:
            raise InvalidRequest(f"FATAL: a pattern has at most {MAX_PATTERN_CHARACTERS} characters")
    return filters


def in_order(rows: Sequence[Row], order_by: Sequence[Order]) -> list[Row]:
    """Sort by several fields, the first one counting most; null is the smallest."""
    found = list(rows)
    for field, is_descending in reversed(order_by):
        try:
            found.sort(key=lambda row: (row[field] is not None, row[field]), reverse=is_descending)
        except TypeError:
            raise InvalidRequest(f"FATAL: cannot order by '{field}'") from None
    return found


def with_default(value: Any, default: Any) -> Any:
    """Return the value, or the default for null; an object is completed by what the default has more."""
    if value is None:
        return default
    if isinstance(value, dict) and isinstance(default, dict):
        return {**cast("Row", default), **cast("Row", value)}
    return cast("Any", value)


def deep_merge(old: Any, new: Any) -> Any:
    """Return what is stored after setting `new`: objects are merged at every depth, all else is overwritten."""
    if not isinstance(old, dict) or not isinstance(new, dict):
        return new
    kept = cast("dict[str, Any]", old)
    return {**kept, **{name: deep_merge(kept.get(name), value) for name, value in cast("Row", new).items()}}


def is_like(text: str, pattern: str, *, ignore_case: bool) -> bool:
    """Tell whether a text fits an SQL pattern; raise InvalidRequest where that would take long.

    Parts without `_` are found in a time that grows with the text alone, others with the product of both lengths.
    """
    if ignore_case:
        text, pattern = text.lower(), pattern.lower()
    first, *others = _segments(pattern)
    if not others:
        return len(text) == len(first) and _fits(text, 0, first)
    if not _fits(text, 0, first):
        return False
    position = len(first)
    for segment in others[:-1]:
        found = _find(text, segment, position)
        if found < 0:
            return False
        position = found + len(segment)
    end = len(text) - len(others[-1])
    return end >= position and _fits(text, end, others[-1])


def _segments(pattern: str) -> list[list[str | None]]:
    """Cut at each `%`; a `_` becomes None, which fits any character."""
    segments: list[list[str | None]] = [[]]
    characters = iter(pattern)
    for character in characters:
        if character == "%":
            segments.append([])
        elif character == "_":
            segments[-1].append(None)
        else:
            segments[-1].append(next(characters, "\\") if character == "\\" else character)
    return segments


def _find(text: str, segment: Sequence[str | None], start: int) -> int:
    """Return where a segment fits first, -1 if nowhere."""
    known = [char for char in segment if char is not None]
    if len(known) == len(segment):
        return text.find("".join(known), start)
    if len(text) * len(segment) > MAX_STEPS:
        raise InvalidRequest("FATAL: a pattern with _ after % is too long for what it is compared with")
    pattern = "".join("." if char is None else re.escape(char) for char in segment)
    found = re.compile(pattern, re.DOTALL).search(text, start)
    return -1 if found is None else found.start()


def _fits(text: str, at: int, segment: Sequence[str | None]) -> bool:
    if at + len(segment) > len(text):
        return False
    return all(wanted is None or text[at + index] == wanted for index, wanted in enumerate(segment))


def _like(*, ignore_case: bool, is_negated: bool) -> Callable[[Any, Any], bool]:
    def holds(found: Any, pattern: Any) -> bool:
        if not isinstance(found, str) or not isinstance(pattern, str):
            return False
        return is_like(found, pattern, ignore_case=ignore_case) != is_negated

    return holds


_OPERATORS: dict[str, Callable[[Any, Any], bool]] = {
    "=": operator.eq,
    "==": operator.eq,
    "!=": operator.ne,
    "<>": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
    "LIKE": _like(ignore_case=False, is_negated=False),
    "ILIKE": _like(ignore_case=True, is_negated=False),
    "NOT LIKE": _like(ignore_case=False, is_negated=True),
    "NOT ILIKE": _like(ignore_case=True, is_negated=True),
    "IS": operator.eq,
    "IS NOT": operator.ne,
}


def _holds(name: str, found: Any, wanted: Any) -> bool:
    try:
        return bool(_OPERATORS[name](found, wanted))
    except TypeError:  # values that have no order among each other
        return False


def _operator(name: str) -> str:
    if name.upper() not in _OPERATORS:
        raise InvalidRequest(f"FATAL: unknown operator '{name}'")
    return name.upper()


def _operand(value: Any, now: datetime) -> Any:
    """Return the value to compare with; `{"relative_time": N, "unit": "days"}` is the moment N days ago."""
    match value:
        case {"relative_time": int(number) | float(number), "unit": str(unit)} if (
            unit.removesuffix("s") in UNIT_SECONDS
        ):
            pass
        case dict():
            raise InvalidRequest("FATAL: a value to compare with must not be an object")
        case _:
            return value
    try:
        return now - timedelta(seconds=number * UNIT_SECONDS[unit.removesuffix("s")])
    except (OverflowError, ValueError):
        raise InvalidRequest("FATAL: relative_time is out of range") from None


def _with_option(options: Options, name: str, value: Any) -> Options:
    match name:
        case "limit":
            return _changed(options, limit=_limit(value))
        case "order_by":
            if not isinstance(value, str):
                raise InvalidRequest("order_by must be the name of a field")
            order = (value.removeprefix("-"), value.startswith("-"))
            return _changed(options, order_by=(*options.order_by, order))
        case "set":
            return _changed(options, is_set=bool(value))
        case "delete":
            return _changed(options, is_delete=bool(value))
        case "only_changes" | "heartbeat":
            return options  # about change feeds, which do not exist over HTTP
        case "slice":
            raise InvalidRequest("slice not implemented")
        case _:
            raise InvalidRequest(f"unknown option '{name}'")


def _changed(options: Options, **values: Any) -> Options:
    kept = {name: getattr(options, name) for name in Options.__dataclass_fields__}
    return Options(**{**kept, **values})


def _limit(value: Any) -> int:
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) < 10:
        value = int(value)
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise InvalidRequest(f"invalid limit '{value}'")
    return min(value, MAX_ROWS)
