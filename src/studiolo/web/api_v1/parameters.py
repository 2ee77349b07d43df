"""The types of parameters: what JSON and forms may write for a truth value, a number, a list.

A form knows only text. `wait_until_done=false` must not count as true, `timeout=20` is a number, `args=x` a list of
one. Every type here reads both encodings; what it cannot read is refused in words.
"""

import json
import math
from datetime import datetime
from typing import Annotated, Any, TypeVar, cast

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, JsonValue, PlainSerializer, ValidationError

from studiolo.core.clock import iso_milliseconds
from studiolo.core.errors import InvalidParameters

MAX_DEPTH = 50

_TRUE = ("true", "1", "yes", "on")
_FALSE = ("false", "0", "no", "off", "")


def _as_text(value: Any) -> str:
    """Refuse what no database or file name can hold: NUL and halves of surrogate pairs."""
    text = _as_content(value)
    if "\x00" in text:
        raise ValueError("must not contain a NUL character")
    return text


def _as_content(value: Any) -> str:
    if not isinstance(value, str):
        raise ValueError("must be a string")
    if not _is_encodable(value):
        raise ValueError("must be valid Unicode")
    return value


def _as_flag(value: Any) -> bool:
    if isinstance(value, bool):
        return value
    text = str(value).strip().lower() if isinstance(value, str | int) else None
    if text in _TRUE:
        return True
    if text in _FALSE:
        return False
    raise ValueError("must be true or false")


def _as_number(value: Any) -> float | None:
    if value == "":
        return None
    if isinstance(value, str | int | float) and not isinstance(value, bool):
        try:
            number = float(value)
        except (ValueError, OverflowError):
            number = math.nan
        if math.isfinite(number):
            return number
    raise ValueError("must be a number")


def _as_integer(value: Any) -> int | None:
    number = _as_number(value)
    if number is None:
        return None
    if number != int(number):
        raise ValueError("must be a whole number")
    return int(number)


def _as_texts(value: Any) -> list[str]:
    """Read a list; a single text is a list of one, unless it is JSON for a list."""
    if isinstance(value, str):
        value = _parsed_json(value, "[", [value] if value else [])
    if not isinstance(value, list):
        raise ValueError("must be a list of strings")
    return [_as_text(_number_as_text(item)) for item in cast("list[Any]", value)]


def _as_text_or_texts(value: Any) -> str | list[str]:
    return [_as_text(item) for item in cast("list[Any]", value)] if isinstance(value, list) else _as_text(value)


def _as_structure(value: Any) -> Any:
    """Read an object or a list, or JSON text for one."""
    if isinstance(value, str):
        value = _parsed_json(value, "[{", None)
    if not isinstance(value, dict | list):
        raise ValueError("must be an object or a list, in a form as JSON text")
    if not _is_storable(cast("object", value)):
        raise ValueError("must be valid Unicode without NUL characters, and not nested too deeply")
    return cast("Any", value)


def _number_as_text(item: Any) -> Any:
    return str(item) if isinstance(item, int | float) and not isinstance(item, bool) else item


def _parsed_json(text: str, starts: str, otherwise: Any) -> Any:
    if text.strip()[:1] not in tuple(starts):
        return otherwise
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return otherwise


def _is_encodable(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _is_storable(value: object, depth: int = 0) -> bool:
    if isinstance(value, str):
        return "\x00" not in value and _is_encodable(value)
    if isinstance(value, dict | list) and depth >= MAX_DEPTH:
        return False
    if isinstance(value, dict):
        fields = cast("dict[str, object]", value)
        return all(_is_storable(key) and _is_storable(item, depth + 1) for key, item in fields.items())
    if isinstance(value, list):
        return all(_is_storable(item, depth + 1) for item in cast("list[object]", value))
    return not isinstance(value, float) or math.isfinite(value)


Text = Annotated[str, BeforeValidator(_as_text)]
Content = Annotated[str, BeforeValidator(_as_content)]  # what goes into a file: any characters at all
Flag = Annotated[bool, BeforeValidator(_as_flag)]
Number = Annotated[float | None, BeforeValidator(_as_number)]
Integer = Annotated[int | None, BeforeValidator(_as_integer)]
Texts = Annotated[list[str], BeforeValidator(_as_texts)]
TextOrTexts = Annotated[str | list[str], BeforeValidator(_as_text_or_texts)]
Structure = Annotated[dict[str, Any] | list[Any], BeforeValidator(_as_structure)]
Moment = Annotated[datetime, PlainSerializer(iso_milliseconds, return_type=str, when_used="json")]


class Shape(BaseModel):
    """Base of what travels: nothing but what is defined. What checks it is built when it is first used."""

    # of some 200 shapes a server uses a few: built at once they take 4 MB
    model_config = ConfigDict(extra="forbid", defer_build=True)


class Parameters(Shape):
    """Base of every call's parameters: nothing but what is defined, and an `id` that the answer repeats."""

    id: JsonValue = Field(default=None, description="Repeated in the answer; without it the server makes a UUID.")


class Answer(Shape):
    """Base of every call's answer, which adds an `event`; fields that are None are left out."""

    id: JsonValue = Field(default=None, description="The request's id.")


P = TypeVar("P", bound=Parameters)


def read_parameters(kind: type[P], given: dict[str, Any]) -> P:
    """Build a call's parameters.

    null counts as absent. `event` is documented as a parameter of every message: it is taken and ignored.
    Raises InvalidParameters, a missing parameter before an unexpected one before one of the wrong kind.
    """
    present = {name: value for name, value in given.items() if value is not None and name != "event"}
    unknown = [name for name in given if name not in kind.model_fields and name != "event"]
    missing = [name for name, field in kind.model_fields.items() if field.is_required() and name not in present]
    if missing:
        raise _refused(missing[0], f"misc.defaults -- TypeError: property '{missing[0]}' must be specified: ")
    if unknown:
        raise _refused(unknown[0], f"misc.defaults -- TypeError: got an unexpected argument '{unknown[0]}' ")
    try:
        return kind.model_validate(present)
    except RecursionError as error:
        raise _refused("", "the parameters are nested too deeply") from error
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        name = str(first["loc"][0]) if first["loc"] else ""
        words = first["msg"].removeprefix("Value error, ")
        raise _refused(name, f"parameter '{name}' {words}") from error


def _refused(name: str, words: str) -> InvalidParameters:
    return InvalidParameters(f"invalid parameters 'Error: {words}'", fields={name: words})
