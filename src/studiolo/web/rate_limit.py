"""How many requests one address and one key may make: refused before anything is read, in the shape of each door.

1. Each network address (of IPv6: each /64) has a bucket. The machine's own addresses have none: behind a proxy that
   nobody named in `trusted_proxies` all the world comes from there.
2. Each key, token or bearer has a bucket of its own, found by its hash, before it is known to be good. However the
   header is written, it is the same one: else every request could bring a fresh bucket.
3. Health, metrics and the hashed files of the front end are free.
"""

import hashlib

from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from studiolo.core.clock import Clock
from studiolo.core.errors import RateLimited
from studiolo.core.settings import Settings
from studiolo.domain.buckets import TokenBuckets, whole_seconds
from studiolo.domain.throttles import subject_of
from studiolo.web import errors
from studiolo.web.basic_auth import basic_user
from studiolo.web.client_address import client_address, is_own_address

CLOSE_CODE = 4429
_FREE = ("/healthz", "/metrics", "/assets/")


class RateLimit:
    """Refuses who asks too often."""

    def __init__(self, app: ASGIApp, *, settings: Settings, clock: Clock) -> None:
        self._app = app
        self._clock = clock
        self._addresses = TokenBuckets(rate=settings.rate_per_address, burst=settings.burst_per_address)
        self._keys = TokenBuckets(rate=settings.rate_per_key, burst=settings.burst_per_key)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request or socket."""
        if scope["type"] not in ("http", "websocket") or scope["path"].startswith(_FREE):
            await self._app(scope, receive, send)
            return
        seconds = self._seconds_to_wait(scope)
        if not seconds:
            await self._app(scope, receive, send)
            return
        wait = whole_seconds(seconds)
        error = RateLimited(f"Too many requests. Try again in {wait} seconds.", retry_after_seconds=wait)
        if scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": CLOSE_CODE, "reason": error.code})
        else:
            await _answer(Request(scope), error)(scope, receive, send)

    def _seconds_to_wait(self, scope: Scope) -> float:
        now = self._clock.monotonic()
        address = client_address(scope)
        wait = 0.0 if is_own_address(address) else self._addresses.take(subject_of(address), now)
        header = Headers(scope=scope).get("authorization")
        if wait or not header:
            return wait
        return self._keys.take(hashlib.sha256(_secret_in(header).encode()).hexdigest(), now)


def _secret_in(header: str) -> str:
    """Return the key, token or bearer of a header, as any of the doors may read it."""
    scheme, _, credentials = header.partition(" ")
    if scheme.lower() == "basic":
        return basic_user(credentials.strip())
    return next(iter(credentials.split()), "")


def _answer(request: Request, error: RateLimited) -> Response:
    path = request.url.path
    if path == "/frame/open":  # the door whose answers are events, one a line
        return errors.as_event(error)
    if "/api/" in path or path.startswith("/frame/"):
        return errors.at_door(error)
    return errors.for_client(error, request.headers.get("accept", ""))
