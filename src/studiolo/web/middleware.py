"""What happens around every request: its id, limits, headers, one log line. Pure ASGI.

From the outside in:

1. `SecurityHeaders` adds the headers that every answer carries unless a route says otherwise.
2. `RequestLog` gives the request an id, measures it, logs it, and answers 500 for what nobody foresaw.
3. `RateLimit` (`rate_limit.py`) refuses who asks too often.
4. `Compression` (`encodings.py`) makes answers small where that tells nobody a secret.
5. `BodyLimit` counts the body as it arrives.

Nothing here looks at query strings, bodies or the Authorization header: they carry secrets.
"""

from typing import Any

import structlog
from starlette.datastructures import Headers, MutableHeaders
from starlette.middleware import Middleware
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from studiolo.core.clock import Clock
from studiolo.core.errors import BodyTooLarge
from studiolo.core.secrets import SecretSource
from studiolo.core.settings import Settings
from studiolo.web import errors
from studiolo.web.client_address import TrustedProxies, client_address
from studiolo.web.encodings import Compression
from studiolo.web.metrics import Metrics
from studiolo.web.rate_limit import RateLimit

_QUIET = ("/healthz", "/metrics", "/assets/")
_DEFAULT_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    # what is no page is never framed and runs nothing, even if a browser could be made to take it for one
    "Content-Security-Policy": "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
}


def middleware(settings: Settings, clock: Clock, secrets: SecretSource, metrics: Metrics) -> list[Middleware]:
    """Return the middleware of the application, outermost first."""
    proxies = TrustedProxies(settings.trusted_proxies)
    return [
        Middleware(SecurityHeaders),
        Middleware(RequestLog, clock=clock, secrets=secrets, metrics=metrics, proxies=proxies),
        Middleware(RateLimit, settings=settings, clock=clock),
        Middleware(Compression),
        Middleware(BodyLimit, max_bytes=settings.max_body_mb * 1024 * 1024),
    ]


def note(scope: Scope, **fields: Any) -> None:
    """Add fields to the request's log line (`call`, `account_id`, ...); never secrets."""
    scope["state"]["log"].update(fields)


class RequestLog:
    """Gives each request an id, corrects the client's address, logs one line at the end, counts."""

    def __init__(
        self, app: ASGIApp, *, clock: Clock, secrets: SecretSource, metrics: Metrics, proxies: TrustedProxies
    ) -> None:
        self._app = app
        self._clock = clock
        self._secrets = secrets
        self._metrics = metrics
        self._proxies = proxies
        self._log = structlog.get_logger("studiolo.access")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request or socket."""
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        self._proxies.correct(scope)
        state: dict[str, Any] = scope.setdefault("state", {})
        state["request_id"] = request_id = self._secrets.uuid()
        state["log"] = {}
        watched = _Watched(send, request_id)
        began = self._clock.monotonic()
        with structlog.contextvars.bound_contextvars(request_id=request_id):
            try:
                await self._app(scope, receive, watched)
            except ClientDisconnect:
                watched.status = 499
            except Exception as error:  # noqa: BLE001 - the last edge: logged with its traceback, answered with 500
                await self._fail(scope, watched, error)
            finally:
                self._finish(scope, watched, self._clock.monotonic() - began)

    async def _fail(self, scope: Scope, watched: "_Watched", error: Exception) -> None:
        request_id = scope["state"]["request_id"]
        self._log.error("request_broke", path=scope["path"], error=repr(error), exc_info=error)
        if scope["type"] == "http" and watched.status == 0:
            accept = Headers(scope=scope).get("accept", "")
            answer = errors.for_client(errors.internal_error(request_id), accept)
            await answer(scope, _nothing_more, watched)
        else:
            watched.status = watched.status or 500
            if scope["type"] == "http":
                raise error  # half an answer went out already: the server must cut the connection

    def _finish(self, scope: Scope, watched: "_Watched", seconds: float) -> None:
        fields = scope["state"]["log"]
        call = fields.get("call") or _endpoint_name(scope)
        if scope["type"] == "http":
            self._metrics.observe_request(call, watched.status, seconds)
        method = self._log.debug if scope["path"].startswith(_QUIET) else self._log.info
        method(
            "request" if scope["type"] == "http" else "socket",
            method=scope.get("method"),
            path=scope["path"],
            status=watched.status,
            size_bytes=watched.size_bytes,
            duration_ms=round(seconds * 1000, 1),
            address=client_address(scope),
            **fields,
        )


class SecurityHeaders:
    """Adds the headers that every answer carries, unless the route set its own."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request."""

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in _DEFAULT_HEADERS.items():
                    headers.setdefault(name, value)
            await send(message)

        await self._app(scope, receive, send_with_headers if scope["type"] == "http" else send)


class BodyLimit:
    """Refuses a body over the limit: at once if its length is announced, else as soon as it is too long.

    The error is raised where the route reads, so that it has the shape of the route's door. A route that holds no body
    in memory may take more from those whom it knows: it sets `max_body_bytes` in the request's state before it reads.
    """

    def __init__(self, app: ASGIApp, *, max_bytes: int) -> None:
        self._app = app
        self._max_bytes = max_bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        header = Headers(scope=scope).get("content-length", "0")
        # more digits than any length has: Python would refuse to read them
        announced = int(header[:19]) if header.isascii() and header.isdigit() else 0
        received = 0

        async def receive_counted() -> Message:
            nonlocal received
            most: int = scope.get("state", {}).get("max_body_bytes", self._max_bytes)
            _check_size(announced, most)
            message = await receive()
            received += len(message.get("body", b""))
            _check_size(received, most)
            return message

        await self._app(scope, receive_counted, send)


class _Watched:
    """A `send` that remembers status and size, and stamps the request's id on the answer."""

    def __init__(self, send: Send, request_id: str) -> None:
        self._send = send
        self._request_id = request_id
        self.status = 0
        self.size_bytes = 0

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            MutableHeaders(scope=message)["X-Request-Id"] = self._request_id
        elif message["type"] == "http.response.body":
            self.size_bytes += len(message.get("body", b""))
        elif message["type"] == "websocket.close":
            self.status = message.get("code", 1000)
        await self._send(message)


def _check_size(size_bytes: int, max_bytes: int) -> None:
    if size_bytes > max_bytes:
        limit_mb = max_bytes // (1024 * 1024)
        raise BodyTooLarge(f"The request's body is larger than {limit_mb} MB, the most this server takes.")


async def _nothing_more() -> Message:
    return {"type": "http.disconnect"}


def _endpoint_name(scope: Scope) -> str:
    """Return the name of the endpoint that answered: a closed set, unlike paths."""
    endpoint = scope.get("endpoint")
    if endpoint is None:
        return "none"
    return getattr(endpoint, "__name__", type(endpoint).__name__)
