"""Proof that a request comes from our own pages: origin, `Sec-Fetch-Site`, and a token bound to the sign-in."""

import hashlib
import hmac
import re
from urllib.parse import urlsplit

from starlette.requests import HTTPConnection

from studiolo.core.secrets import is_same_secret
from studiolo.core.settings import Settings

_HTTP_SCHEME = {"ws": "http", "wss": "https"}
_DEFAULT_PORT = {"http": 80, "https": 443}
_HOST = re.compile(r"[a-z0-9._-]+|[0-9a-f:.]+", re.IGNORECASE)  # a Host header becomes part of a policy
_LOCAL_HOSTS = ("localhost", "127.0.0.1", "::1")


def own_origin(settings: Settings, connection: HTTPConnection) -> str:
    """Return the origin under which the browser sees us: `public_url`, else scheme and Host of the request."""
    if settings.public_url:
        return normal_origin(settings.public_url)
    scheme = connection.url.scheme
    return normal_origin(f"{_HTTP_SCHEME.get(scheme, scheme)}://{connection.headers.get('host', '')}")


def normal_origin(url: str) -> str:
    """Return scheme, host and port of `url` as a browser writes an origin; "" when it has none."""
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        return ""
    if not _HOST.fullmatch(host) or "@" in parts.netloc:
        return ""
    host = f"[{host}]" if ":" in host else host
    suffix = "" if port is None or port == _DEFAULT_PORT.get(parts.scheme) else f":{port}"
    return f"{parts.scheme}://{host}{suffix}"


def is_served_securely(settings: Settings, connection: HTTPConnection) -> bool:
    """Tell whether browsers keep a `Secure` cookie from us: https, or this very machine."""
    origin = urlsplit(own_origin(settings, connection))
    is_local = (origin.hostname or "") in _LOCAL_HOSTS or (origin.hostname or "").endswith(".localhost")
    return origin.scheme == "https" or (is_local and not settings.development)


def has_own_origin(settings: Settings, connection: HTTPConnection) -> bool:
    """Tell whether the request says that it comes from one of our own pages.

    `Sec-Fetch-Site` and `Origin` must not contradict it, and at least one of them must be there: every browser of
    today sends `Origin` with a POST and with a WebSocket handshake.
    """
    site = connection.headers.get("sec-fetch-site")
    origin = connection.headers.get("origin")
    if site is None and origin is None:
        return False
    own = own_origin(settings, connection)
    return site in (None, "same-origin") and (origin is None or (own != "" and normal_origin(origin) == own))


def form_token(sign_in_secret: str) -> str:
    """Return the token that forms of this sign-in carry; it tells nothing about the secret."""
    return hmac.new(sign_in_secret.encode(), b"studiolo form", hashlib.sha256).hexdigest()


def is_form_token(token: str, sign_in_secret: str) -> bool:
    """Tell whether `token` belongs to the sign-in."""
    return is_same_secret(token, form_token(sign_in_secret))
