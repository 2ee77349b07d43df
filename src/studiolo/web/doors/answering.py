"""What the doors of the official client and of API v2 have in common: bodies and errors."""

import math
from typing import Any

import structlog
from pydantic import BaseModel
from starlette.requests import Request
from starlette.responses import Response

from studiolo.core.errors import BodyTooLarge, StudioloError
from studiolo.web import errors
from studiolo.web.api_v1.body import parameters_of
from studiolo.web.api_v1.parameters import Parameters
from studiolo.web.api_v1.registry import CallAt, CallContext
from studiolo.web.idempotency import fingerprint, once
from studiolo.web.middleware import note

STRANGERS_BYTES = 64 * 1024  # so that who is nobody cannot fill the memory
_log = structlog.get_logger("studiolo.api")


async def read_body(request: Request, *, max_bytes: int | None = None) -> dict[str, Any]:
    """Return the body, an object in JSON; raise BodyMalformed or BodyTooLarge."""
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if max_bytes is not None and len(body) > max_bytes:
            raise BodyTooLarge("A body of this size needs an API key.")
    return await parameters_of("application/json", bytes(body))


async def carry_out(one: CallAt, context: CallContext, given: BaseModel) -> tuple[Any, dict[str, str]]:
    """Make a call, or give what it made before under its Idempotency-Key; return headers of the answer, too."""
    is_message = isinstance(given, Parameters)  # whose `id` is only repeated; other models have ids of things
    return await once(
        context.services.idempotency,
        context.request,
        context.principal,
        one.creates,
        lambda: fingerprint(one.call.name, given.model_dump(exclude={"id"} if is_message else None)),
        lambda: one.handler(context, given),
    )


def failed(request: Request, error: StudioloError) -> Response:
    """Render an error as both doors do: HTTP 200 with `error`, and our `code` beside it."""
    note(request.scope, error_code=error.code)
    if error.internal or error.status >= 500:
        _log.warning("call_failed", code=error.code, message=error.message, internal=error.internal)
    response = errors.WireResponse({"error": error.message, "code": error.code})
    if "retry_after_seconds" in error.details:
        response.headers["Retry-After"] = str(max(1, math.ceil(float(error.details["retry_after_seconds"]))))
    if error.status == 413:
        response.headers["Connection"] = "close"  # the rest of the body is still on its way and will not be read
    return response
