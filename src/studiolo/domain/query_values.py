"""Checks of values that a query wants to store."""

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from studiolo.core.errors import InvalidRequest, TooLarge
from studiolo.domain.moments import parse_moment
from studiolo.domain.projects import is_storable

MAX_STORED_CHARACTERS = 1_000_000


def check_types(table: str, values: Mapping[str, Any], types: Mapping[str, tuple[type, ...]]) -> None:
    """Raise InvalidRequest for a value of another type than the field has."""
    for field, value in values.items():
        expected = types[field]
        is_flag = isinstance(value, bool)
        if not isinstance(value, expected) or (is_flag and bool not in expected):
            words = " or ".join(kind.__name__ for kind in expected)
            raise InvalidRequest(f"FATAL: invalid value for {table}.{field} -- must be {words}")


def check_size(table: str, stored: Any) -> None:
    """Raise for what is more than one record may hold, or what a database cannot keep."""
    text = json.dumps(stored, ensure_ascii=False)
    if len(text) > MAX_STORED_CHARACTERS:
        raise TooLarge(f"FATAL: a record of {table} cannot hold so much")
    if not is_storable(text) or "\\u0000" in text:
        raise InvalidRequest(f"FATAL: a value for {table} contains a character that cannot be stored")


def moment_of(table: str, values: Mapping[str, Any], field: str) -> datetime | None:
    """Return the moment that a field gives; None if it is not given; raise InvalidRequest for what is no moment."""
    given = values.get(field)
    if given is None:
        return None
    moment = parse_moment(given)
    if moment is None:
        raise InvalidRequest(f"FATAL: invalid value for {table}.{field} -- must be a date")
    return moment
