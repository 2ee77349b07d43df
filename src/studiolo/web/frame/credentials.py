"""Who a frame is: four ways to prove it, each ending in a short-lived bearer that the page keeps in memory.

1. An auth token from the page's address. It makes (or finds again) the sign-in of this frame and a cookie of its own.
2. A bearer that is still good, to get the next one.
3. The frame's key: its cookie proves the rest. This is how a reload works.
4. Nothing: the visitor's own sign-in, where the browser sends it (never from inside another site's page).

Forms 3 and 4 live on cookies alone, so they ask for what another site's page cannot send: the header
`X-Studiolo-Frame: 1` and the browser's word `Sec-Fetch-Site: same-origin`. No form ever writes the visitor's own
sign-in.
"""

import hashlib
from dataclasses import dataclass

from starlette.requests import Request

from studiolo.core.clock import Clock
from studiolo.core.errors import Forbidden, Unauthenticated
from studiolo.core.models import Principal
from studiolo.core.settings import Settings
from studiolo.domain.sign_ins import Admitted, SignIns
from studiolo.web import cookies, csrf
from studiolo.web.client_address import client_address

_MAX_BEARER_LENGTH = 256


@dataclass(frozen=True, slots=True)
class Admission:
    """A frame that was let in, and the `Set-Cookie` values that its answer must carry."""

    principal: Principal
    bearer: str
    expires_in_seconds: int
    frame_key: str | None
    name: str | None = None  # of the account; None where it was not looked up
    set_cookies: tuple[str, ...] = ()


class Credentials:
    """Tells who a frame is."""

    def __init__(self, sign_ins: SignIns, settings: Settings, clock: Clock) -> None:
        self._sign_ins = sign_ins
        self._settings = settings
        self._clock = clock

    async def admit(self, request: Request, *, auth_token: str | None, frame_key: str | None) -> Admission:
        """Prove who the frame is by the strongest form given; raise Unauthenticated or Forbidden."""
        self._refuse_foreign(request)
        if auth_token is not None:
            return await self._by_token(request, auth_token)
        if request.headers.get("authorization") is not None:
            return await self._by_bearer(request)
        self._require_frame_marks(request)
        if frame_key is not None:
            return await self._by_frame(request, frame_key)
        return await self._by_own_sign_in(request)

    async def bearer_principal(self, request: Request) -> Principal:
        """Return who the request's bearer belongs to; raise Unauthenticated or Forbidden."""
        self._refuse_foreign(request)
        return await self._sign_ins.resolve_bearer(_bearer_of(request), client_address(dict(request.scope)))

    async def _by_token(self, request: Request, auth_token: str) -> Admission:
        key = frame_key_of(auth_token)
        known = cookies.frame_cookie(request.cookies, key)
        address = client_address(dict(request.scope))
        found = await self._sign_ins.admit_frame(auth_token, known.secret if known else None, address)
        return _admission(found, key, self._frame_cookies(request, key, found.secret))

    async def _by_bearer(self, request: Request) -> Admission:
        principal = await self.bearer_principal(request)
        if principal.sign_in_id is None:
            raise Unauthenticated("This is not a browser's sign-in.")
        bearer, expires_in_seconds = await self._sign_ins.mint_bearer(principal.sign_in_id)
        return Admission(principal, bearer, expires_in_seconds, None)

    async def _by_frame(self, request: Request, frame_key: str) -> Admission:
        cookie = cookies.frame_cookie(request.cookies, frame_key) if cookies.is_frame_key(frame_key) else None
        if cookie is None:
            raise Unauthenticated("This frame is not signed in.")
        address = client_address(dict(request.scope))
        return _admission(await self._sign_ins.admit(cookie.secret, address), frame_key)

    async def _by_own_sign_in(self, request: Request) -> Admission:
        is_secure = csrf.is_served_securely(self._settings, request)
        secret = cookies.sign_in_secret(request.cookies, is_secure=is_secure)
        if secret is None:
            raise Unauthenticated("missing auth_token.")
        address = client_address(dict(request.scope))
        return _admission(await self._sign_ins.admit(secret, address), None)

    def _frame_cookies(self, request: Request, key: str, secret: str) -> tuple[str, ...]:
        cookie = cookies.FrameCookie(key, int(self._clock.now().timestamp()), secret)
        kept = cookies.set_frame(cookie, lifetime_seconds=self._settings.frame_sign_in_lifetime_seconds)
        return kept, *(cookies.clear_frame(old) for old in cookies.surplus_frames(request.cookies, key))

    def _refuse_foreign(self, request: Request) -> None:
        says_something = "origin" in request.headers or "sec-fetch-site" in request.headers
        if says_something and not csrf.has_own_origin(self._settings, request):
            raise Forbidden(
                "Only this server's own pages may ask this. Behind a proxy, public_url must be set.",
                internal=f"origin {request.headers.get('origin')}, own {csrf.own_origin(self._settings, request)}",
            )

    def _require_frame_marks(self, request: Request) -> None:
        is_marked = request.headers.get("x-studiolo-frame") == "1"
        if not is_marked or request.headers.get("sec-fetch-site") != "same-origin":
            raise Forbidden("A sign-in kept in a cookie is good for requests of this server's own pages only.")


def _admission(found: Admitted, key: str | None, set_cookies: tuple[str, ...] = ()) -> Admission:
    account = found.account
    name = f"{account.first_name} {account.last_name}".strip()
    return Admission(found.principal, found.bearer, found.expires_in_seconds, key, name, set_cookies)


def frame_key_of(auth_token: str) -> str:
    """Return the key under which the frame of this token keeps its sign-in; the token cannot be told from it."""
    return hashlib.sha256(auth_token.encode("utf-8", "replace")).hexdigest()[:16]


def _bearer_of(request: Request) -> str:
    scheme, _, bearer = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not 0 < len(bearer) <= _MAX_BEARER_LENGTH:
        raise Unauthenticated("The request needs a bearer.")
    return bearer
