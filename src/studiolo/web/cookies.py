"""The cookies of sign-ins, written by hand: http.cookies cannot write `Partitioned` before Python 3.14.

1. `__Host-studiolo-sign-in` is the visitor's own sign-in: SameSite=Lax, so no other site's page can use it, framed or
   not. Served over plain http in development it is called `studiolo-sign-in` and lacks `Secure`.
2. `__Host-studiolo-frame-KEY` is the sign-in of one frame (KEY comes from its auth token): SameSite=None and
   Partitioned, so it works inside a foreign page where third-party cookies are blocked, and is seen under that page
   only. The two never touch each other.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass

SIGN_IN_NAME = "__Host-studiolo-sign-in"
INSECURE_SIGN_IN_NAME = "studiolo-sign-in"
FRAME_PREFIX = "__Host-studiolo-frame-"
MAX_FRAME_COOKIES = 8

_FRAME_KEY = re.compile(r"[0-9a-f]{16}")
_SECRET = re.compile(r"[A-Za-z0-9_-]{16,256}")
_FRAME_VALUE = re.compile(r"([0-9]{1,12})\.([A-Za-z0-9_-]{16,256})")


@dataclass(frozen=True, slots=True)
class FrameCookie:
    """One frame's sign-in as the browser keeps it; `made_at` (Unix seconds) tells which one is the oldest."""

    frame_key: str
    made_at: int
    secret: str


def sign_in_secret(cookies: Mapping[str, str], *, is_secure: bool) -> str | None:
    """Return the secret of the visitor's own sign-in, or None."""
    value = cookies.get(SIGN_IN_NAME if is_secure else INSECURE_SIGN_IN_NAME, "")
    return value if _SECRET.fullmatch(value) else None


def set_sign_in(secret: str, *, lifetime_seconds: int, is_secure: bool) -> str:
    """Return the `Set-Cookie` value that keeps the visitor's own sign-in."""
    name, flag = (SIGN_IN_NAME, "; Secure") if is_secure else (INSECURE_SIGN_IN_NAME, "")
    return f"{name}={secret}; Path=/; Max-Age={lifetime_seconds}; HttpOnly; SameSite=Lax{flag}"


def clear_sign_in(*, is_secure: bool) -> str:
    """Return the `Set-Cookie` value that ends the visitor's own sign-in in this browser."""
    return set_sign_in("", lifetime_seconds=0, is_secure=is_secure)


def is_frame_key(text: str) -> bool:
    """Tell whether `text` has the form of a frame's key."""
    return _FRAME_KEY.fullmatch(text) is not None


def frame_cookie(cookies: Mapping[str, str], frame_key: str) -> FrameCookie | None:
    """Return the frame's cookie if the browser sent a well-formed one."""
    found = _FRAME_VALUE.fullmatch(cookies.get(FRAME_PREFIX + frame_key, ""))
    return FrameCookie(frame_key, int(found[1]), found[2]) if found else None


def set_frame(cookie: FrameCookie, *, lifetime_seconds: int) -> str:
    """Return the `Set-Cookie` value that keeps a frame's sign-in."""
    return _frame_line(cookie.frame_key, f"{cookie.made_at}.{cookie.secret}", lifetime_seconds)


def clear_frame(frame_key: str) -> str:
    """Return the `Set-Cookie` value that ends a frame's sign-in in this browser."""
    return _frame_line(frame_key, "", 0)


def surplus_frames(cookies: Mapping[str, str], newest: str) -> list[str]:
    """Return the keys of the frames to forget, oldest first, so that with `newest` there are at most eight.

    A cookie that cannot be read counts as the oldest of all.
    """
    keys = [name.removeprefix(FRAME_PREFIX) for name in cookies if name.startswith(FRAME_PREFIX)]
    others = [key for key in keys if is_frame_key(key) and key != newest]
    others.sort(key=lambda key: _made_at(cookies, key))
    return others[: max(0, len(others) + 1 - MAX_FRAME_COOKIES)]


def _made_at(cookies: Mapping[str, str], key: str) -> int:
    found = frame_cookie(cookies, key)
    return found.made_at if found else 0


def _frame_line(frame_key: str, value: str, lifetime_seconds: int) -> str:
    name = FRAME_PREFIX + frame_key
    return f"{name}={value}; Path=/; Max-Age={lifetime_seconds}; HttpOnly; Secure; SameSite=None; Partitioned"
