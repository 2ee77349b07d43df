"""`studiolo openapi`: what the API promises, without a server."""

from studiolo.web import openapi


def openapi_text() -> str:
    """Return the OpenAPI document as JSON, the way it is committed in `openapi/studiolo.json`."""
    return openapi.text()
