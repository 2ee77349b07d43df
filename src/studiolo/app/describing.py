"""`studiolo openapi`: what the API promises, without a server."""

from typing import Any

from studiolo.web import openapi
from studiolo.web.api_v1.calls import all_calls


def openapi_document() -> dict[str, Any]:
    """Return the OpenAPI document."""
    return openapi.document(all_calls())
