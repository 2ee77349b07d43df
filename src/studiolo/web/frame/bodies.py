"""JSON bodies of the frame's requests: small, typed, never a form (a form could come from any site)."""

from typing import TypeVar

from pydantic import BaseModel, ValidationError
from starlette.requests import Request

from studiolo.core.errors import InvalidRequest, TooLarge

Model = TypeVar("Model", bound=BaseModel)


async def read_model(request: Request, kind: type[Model], *, max_bytes: int) -> Model:
    """Read and check the body; raise InvalidRequest or TooLarge.

    The content type must be JSON: another site cannot send that without a preflight, which we do not answer.
    """
    media_type = request.headers.get("content-type", "").split(";")[0].strip().lower()
    if media_type != "application/json":
        raise InvalidRequest("The body must be JSON, with the content type application/json.")
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > max_bytes:
            raise TooLarge(f"The body must not be larger than {max_bytes} bytes.")
    try:
        return kind.model_validate_json(bytes(body))
    except ValidationError as error:
        raise InvalidRequest("The body is not what was expected.", fields=_fields(error)) from error


def _fields(error: ValidationError) -> dict[str, str]:
    return {".".join(str(part) for part in one["loc"]) or "body": one["msg"] for one in error.errors()}
