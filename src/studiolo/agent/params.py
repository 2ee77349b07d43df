"""Typed readers of a call's params: each returns the value or raises InvalidRequest naming the field.

The agent has no pydantic (its import alone costs more than the agent's whole start), so these few functions are the
validation.
"""

import math
from typing import Any, cast

from studiolo.core.errors import InvalidRequest

Params = dict[str, Any]


def text(params: Params, name: str, default: str | None = None) -> str:
    """Return a text without NUL; a missing one is `default`, or an error if there is none."""
    value = params.get(name)
    if value is None:
        if default is None:
            raise InvalidRequest(f"{name} is missing", fields={name: "is missing"})
        return default
    if not isinstance(value, str):
        raise _wrong(name, "must be text")
    if "\0" in value:
        raise _wrong(name, "must not contain a NUL character")
    return value


def texts(params: Params, name: str) -> list[str]:
    """Return a list of texts without NUL; a missing one is empty."""
    value = params.get(name)
    if value is None:
        return []
    if not isinstance(value, list):
        raise _wrong(name, "must be a list of texts")
    return [text({name: item}, name) for item in cast("list[Any]", value)]


def flag(params: Params, name: str, default: bool = False) -> bool:
    """Return true or false; a missing one is `default`."""
    value = params.get(name)
    if value is None:
        return default
    if not isinstance(value, bool):
        raise _wrong(name, "must be true or false")
    return value


def number(params: Params, name: str, default: float) -> float:
    """Return a finite number above zero; a missing one is `default`."""
    value = params.get(name)
    if value is None:
        return default
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value) or value <= 0:
        raise _wrong(name, "must be a number above zero")
    return float(value)


def count(params: Params, name: str) -> int | None:
    """Return a whole number of at least zero; a missing one is None."""
    value = params.get(name)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise _wrong(name, "must be a whole number of at least zero")
    return value


def _wrong(name: str, problem: str) -> InvalidRequest:
    return InvalidRequest(f"{name} {problem}", fields={name: problem})
