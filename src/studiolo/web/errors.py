"""How an error looks at each door. Errors themselves are defined in `core/errors.py`.

door                         shape
API v1, before the call      HTTP 400 (405, 409, ...)  {"error", "code"}
API v1, inside the call      HTTP 200                  {"event": "error", "id", "error", "code"}
other JSON                   the error's status        {"error", "code"}
pages                        the error's status        a small HTML page
"""

import json
import math
from collections.abc import Awaitable, Callable
from html import escape
from typing import Any

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from studiolo.core.clock import iso_milliseconds
from studiolo.core.errors import EndpointUnknown, InvalidRequest, MethodNotAllowed, StudioloError
from studiolo.web.content_security import source_hash

Handler = Callable[[Request, Any], Awaitable[Response]]

_PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>{title}</title><style>{style}</style></head>
<body><main><h1>{title}</h1><p>{message}</p><p><a href="/">To the start</a></p></main></body></html>
"""
_STYLE = """:root{color-scheme:light dark;font:15px/1.5 system-ui,sans-serif;background:light-dark(#fff,#15171c)}
body{color:light-dark(#1b1f27,#e4e7ec)}main{max-width:44ch;margin:18vh auto;padding:0 24px}h1{font-size:20px}
a{color:light-dark(#3451d1,#93a8ff)}"""
_DOOR_STATUSES = (405, 409, 413, 422, 429)
_TITLES = {401: "Please sign in", 403: "Not allowed", 404: "Not found", 405: "Not possible", 500: "Something broke"}


class WireResponse(Response):
    """JSON as it goes over the wire: compact UTF-8, falling back to escapes for text that UTF-8 cannot carry."""

    media_type = "application/json"

    def render(self, content: Any) -> bytes:
        """Return the bytes of the body."""
        if isinstance(content, bytes):
            return content
        try:
            return _dumped(content, is_ascii=False)
        except UnicodeEncodeError:
            return _dumped(content, is_ascii=True)


def _dumped(content: Any, *, is_ascii: bool) -> bytes:
    return json.dumps(content, ensure_ascii=is_ascii, separators=(",", ":"), default=iso_milliseconds).encode()


def door_status(error: StudioloError) -> int:
    """Return the HTTP status of an error at the door of API v1: historically 400 for all that the caller did wrong."""
    return error.status if error.status in _DOOR_STATUSES or error.status >= 500 else 400


def at_door(error: StudioloError) -> Response:
    """Render an error of API v1 that was found before the call ran."""
    return _json(error, door_status(error))


def in_call(error: StudioloError, message_id: Any) -> Response:
    """Render an error of API v1 from inside a call."""
    content = {"event": "error", "id": message_id, "error": error.message, "code": error.code}
    return WireResponse(content, headers=headers_of(error))


def as_event(error: StudioloError) -> Response:
    """Render an error as the only event of a stream, one JSON object a line."""
    line = _dumped({"event": "error", "code": error.code, "message": error.message}, is_ascii=True) + b"\n"
    headers = {**headers_of(error), "Cache-Control": "no-store"}
    return Response(line, error.status, headers, "application/x-ndjson")


def at_page(error: StudioloError) -> Response:
    """Render an error as a small page."""
    title = _TITLES.get(error.status, "That did not work")
    body = _PAGE.format(title=escape(title), message=escape(error.message), style=_STYLE)
    style = source_hash(_STYLE)
    policy = f"default-src 'none'; style-src {style}; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
    headers = {**headers_of(error), "Content-Security-Policy": policy, "Cache-Control": "no-store"}
    return HTMLResponse(body, status_code=error.status, headers=headers)


def for_client(error: StudioloError, accept: str) -> Response:
    """Render an error as a page for a browser that asks for one, else as JSON with the error's own status."""
    return at_page(error) if "text/html" in accept else _json(error, error.status)


def internal_error(request_id: str) -> StudioloError:
    """Return what the caller may know of an unforeseen exception: where to find it in the log."""
    return StudioloError(f"Something broke on the server. The log has it under request {request_id}.")


def exception_handlers() -> dict[Any, Handler]:
    """Return the handlers with which the application renders errors that routes raise."""
    return {StudioloError: _studiolo_error, HTTPException: _http_exception}


async def _studiolo_error(request: Request, error: StudioloError) -> Response:
    return for_client(error, request.headers.get("accept", ""))


async def _http_exception(request: Request, error: HTTPException) -> Response:
    return for_client(_from_http(error, request), request.headers.get("accept", ""))


def _from_http(error: HTTPException, request: Request) -> StudioloError:
    if error.status_code == 404:
        return EndpointUnknown("There is nothing at this address.")
    if error.status_code == 405:
        allow = (error.headers or {}).get("Allow", "")
        return MethodNotAllowed(f"The method {request.method} is not possible here.", allow=allow)
    return InvalidRequest(error.detail)


def _json(error: StudioloError, status: int) -> Response:
    return WireResponse({"error": error.message, "code": error.code}, status_code=status, headers=headers_of(error))


def headers_of(error: StudioloError) -> dict[str, str]:
    """Return the headers that an error's answer carries at every door."""
    headers: dict[str, str] = {}
    if "allow" in error.details:
        headers["Allow"] = str(error.details["allow"])
    if "retry_after_seconds" in error.details:
        headers["Retry-After"] = str(max(1, math.ceil(float(error.details["retry_after_seconds"]))))
    if error.status == 413:
        headers["Connection"] = "close"  # the rest of the body is still on its way and will not be read
    return headers
