"""What the doors for streams have in common: who asks, which file, errors of one shape, and when to give up.

Unlike the calls beside them, these doors speak HTTP's own language: a method, headers, and the status that the error
has. Every error is JSON, `{"error", "code"}`, also for a browser.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import aclosing, suppress
from urllib.parse import unquote_to_bytes

import structlog
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from studiolo.core import file_names
from studiolo.core.errors import InvalidRequest, MethodNotAllowed, StudioloError
from studiolo.core.models import KeyScope, Principal
from studiolo.domain.scopes import require_scope
from studiolo.domain.services import Services
from studiolo.web import errors
from studiolo.web.api_v1.authorization import key_from_header, principal_of
from studiolo.web.client_address import client_address
from studiolo.web.middleware import note

STALL_SECONDS = 120.0  # a client that takes nothing for so long is gone

_TOLD = (("Content-Range", "bytes */{}", "size_bytes"), ("Upload-Offset", "{}", "offset"))

Answer = Callable[[Request, Send], Awaitable[Response | None]]
_log = structlog.get_logger("studiolo.api")


class Door:
    """An ASGI endpoint with one function a method; a function that has sent its answer itself returns None."""

    def __init__(self, methods: Mapping[str, Answer], headers: Mapping[str, str] | None = None) -> None:
        self._methods = methods
        self._headers = dict(headers or {})

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        request = Request(scope, receive)
        try:
            response = await self._answer(request, send)
        except StudioloError as error:
            response = failed(request, error)
        if response is not None:
            for name, value in self._headers.items():
                response.headers.setdefault(name, value)
            await response(scope, receive, send)

    async def _answer(self, request: Request, send: Send) -> Response | None:
        answer = self._methods.get(_method(request))
        if answer is None:
            allowed = ", ".join(self._methods)
            raise MethodNotAllowed(f"The method {request.method} is not possible here; use {allowed}.", allow=allowed)
        return await answer(request, send)


class Doorkeeper:
    """Knows who asks."""

    def __init__(self, services: Services) -> None:
        self._api_keys = services.api_keys

    async def admit(self, request: Request, call: str, scope: KeyScope) -> Principal:
        """Return who asks, by the key in the Authorization header; raise Unauthenticated or ScopeMissing."""
        note(request.scope, call=call)
        key = key_from_header(request.headers.get("authorization"))
        principal = await principal_of(key, client_address(dict(request.scope)), self._api_keys, needs_key=True)
        note(request.scope, caller=principal.wire_id)
        require_scope(principal, scope)
        return principal


def failed(request: Request, error: StudioloError) -> Response:
    """Render an error; a body that is still on its way is not read any more."""
    note(request.scope, error_code=error.code)
    if error.internal or error.status >= 500:
        _log.warning("call_failed", code=error.code, message=error.message, internal=error.internal)
    response = errors.for_client(error, "application/json")
    if request.method not in ("GET", "HEAD", "OPTIONS"):
        response.headers["Connection"] = "close"
    response.headers["Cache-Control"] = "no-store"
    for name, form, detail in _TOLD:
        value = error.details.get(detail)
        if isinstance(value, int):  # an agent may have said it: only a number can break no header
            response.headers[name] = form.format(value)
    return response


def file_path(request: Request, project_id: str) -> str:
    """Return the path in the address after the project's id.

    From the address as it was sent: `%FF` is a byte that a file's name may hold and that no text can.
    """
    raw: bytes = request.scope.get("raw_path") or b""
    _, found, rest = raw.partition(b"/files/" + project_id.encode() + b"/")
    if not found:
        raise InvalidRequest("The address names no file.")
    return file_names.to_text(unquote_to_bytes(rest))


async def send_pieces(
    receive: Receive, send: Send, status: int, headers: Mapping[str, str], pieces: AsyncIterator[bytes]
) -> None:
    """Send an answer whose body comes in pieces; stop when the client has left or takes nothing.

    An answer that cannot be completed is broken off, so that nobody takes a part for the whole.
    """
    raw = [(name.lower().encode(), value.encode("latin-1")) for name, value in headers.items()]
    gone = asyncio.ensure_future(_wait_until_gone(receive))
    try:
        await _send(send, {"type": "http.response.start", "status": status, "headers": raw})
        async with aclosing(pieces) as checked:  # pyright: ignore[reportArgumentType, reportUnknownVariableType] - all of ours are generators
            async for piece in checked:  # pyright: ignore[reportUnknownVariableType] - as above
                if gone.done():
                    raise ClientDisconnect
                await _send(send, {"type": "http.response.body", "body": piece, "more_body": True})
        await _send(send, {"type": "http.response.body", "body": b"", "more_body": False})
    except StudioloError as error:
        _log.warning("stream_broke_off", code=error.code, message=error.message, internal=error.internal)
        raise ClientDisconnect from error
    except TimeoutError as error:
        raise ClientDisconnect from error
    finally:
        gone.cancel()
        with suppress(asyncio.CancelledError):
            await gone


async def _send(send: Send, message: dict[str, object]) -> None:
    async with asyncio.timeout(STALL_SECONDS):
        await send(message)


async def _wait_until_gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


def _method(request: Request) -> str:
    """Return the method that is meant: some clients and proxies know no other than GET and POST."""
    meant = request.headers.get("x-http-method-override")
    return meant.upper() if meant and request.method == "POST" else request.method
