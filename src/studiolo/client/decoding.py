"""JSON from the wire becomes the dataclasses of `client/nouns`; what a newer server adds is left out."""

import dataclasses
import functools
import keyword
import types
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Literal, Union, cast, get_args, get_origin, get_type_hints


class NotDecodable(Exception):
    """The value is not of the type that was expected."""


def one_of(kinds: tuple[type[Any], ...], answer: Mapping[str, Any]) -> Any:
    """Return the answer as the first of these dataclasses that it fits, by its event and its fields."""
    by_event = [kind for kind in kinds if getattr(kind, "EVENT", "") == answer.get("event")]
    return _union(tuple(by_event) or kinds, answer)


def decoded(kind: Any, value: Any) -> Any:
    """Return the value as this type; raise NotDecodable if it is of another."""
    if kind is Any:
        return value
    origin = get_origin(kind)
    if origin in (Union, types.UnionType):
        return _union(get_args(kind), value)
    if origin is Literal:
        return _checked(value, any(value == allowed and type(value) is type(allowed) for allowed in get_args(kind)))
    if origin in (list, dict):
        return _container(origin, get_args(kind), value)
    if dataclasses.is_dataclass(kind):
        return _dataclass(cast("type[Any]", kind), value)
    return _plain(kind, value)


def _union(kinds: tuple[Any, ...], value: Any) -> Any:
    for kind in kinds:
        try:
            return decoded(kind, value)
        except NotDecodable:
            continue
    raise NotDecodable(f"{_short(value)} is none of {', '.join(str(kind) for kind in kinds)}")


def _container(origin: Any, arguments: tuple[Any, ...], value: Any) -> Any:
    _checked(value, isinstance(value, origin))
    if origin is list:
        return [decoded(arguments[0], item) for item in cast("list[Any]", value)]
    return {name: decoded(arguments[1], item) for name, item in cast("dict[str, Any]", value).items()}


def _dataclass(kind: type[Any], value: Any) -> Any:
    _checked(value, isinstance(value, dict))
    known = _fields(kind)
    given = {known[wire][0]: decoded(known[wire][1], item) for wire, item in value.items() if wire in known}
    try:
        return kind(**given)
    except TypeError as error:  # something that is required is not there
        raise NotDecodable(str(error)) from error


@functools.cache
def _fields(kind: type[Any]) -> dict[str, tuple[str, Any]]:
    """Return for each name on the wire the field's name and type."""
    hints = get_type_hints(kind)
    return {_wire_name(field.name): (field.name, hints[field.name]) for field in dataclasses.fields(kind)}


def _wire_name(name: str) -> str:
    return name[:-1] if name.endswith("_") and keyword.iskeyword(name[:-1]) else name


def _plain(kind: Any, value: Any) -> Any:
    if kind is type(None):
        return _checked(value, value is None)
    if kind is datetime:
        return _moment(value)
    if kind is float:
        return float(_checked(value, isinstance(value, int | float) and not isinstance(value, bool)))
    return _checked(value, isinstance(value, kind) and (kind is bool or not isinstance(value, bool)))


def _moment(value: Any) -> datetime:
    try:
        return datetime.fromisoformat(_checked(value, isinstance(value, str)))
    except ValueError as error:
        raise NotDecodable(f"{_short(value)} is no moment") from error


def _checked(value: Any, is_right: bool) -> Any:
    if not is_right:
        raise NotDecodable(f"{_short(value)} is not of the expected type")
    return value


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 100 else f"{text[:97]}..."
