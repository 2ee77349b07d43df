"""A request's body becomes the parameters of a call."""

import json
from typing import Any, NoReturn, cast

import anyio.to_thread

from studiolo.core.errors import BodyMalformed
from studiolo.web.api_v1.form import decode_form

_LARGE_BYTES = 256 * 1024


async def parameters_of(content_type: str, raw: bytes) -> dict[str, Any]:
    """Decode a body; any content type but JSON and forms counts as empty. Large ones do not hold up the others."""
    if len(raw) > _LARGE_BYTES:
        return await anyio.to_thread.run_sync(_decode, content_type, raw)
    return _decode(content_type, raw)


def _decode(content_type: str, raw: bytes) -> dict[str, Any]:
    media_type = content_type.partition(";")[0].strip().lower()
    if media_type == "application/json":
        return _decode_json(raw)
    if media_type == "application/x-www-form-urlencoded":
        return decode_form(raw)
    return {}


def _decode_json(raw: bytes) -> dict[str, Any]:
    if not raw.strip():
        return {}
    try:
        value = json.loads(raw, parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as error:
        raise BodyMalformed("The body is not valid JSON.", internal=repr(error)) from error
    if not isinstance(value, dict):
        raise BodyMalformed("The JSON body must be an object.")
    return cast("dict[str, Any]", value)


def _refuse_constant(name: str) -> NoReturn:
    """Refuse NaN and the infinities, which Python reads although JSON does not know them."""
    raise ValueError(f"{name} is not JSON")
