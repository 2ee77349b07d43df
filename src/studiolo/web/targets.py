"""Where a browser may be sent on: a path of our own, never another origin."""

import re
from urllib.parse import urlsplit

_CONTROL = re.compile(r"[\x00-\x20\x7f\\]")
_MAX_LENGTH = 4096


def own_path(text: str | None, default: str) -> str:
    """Return `text` if it is a path on this server with an optional query and fragment, else `default`.

    Refused: other origins, `//host`, backslashes (browsers read them as slashes), white space and control
    characters (browsers drop some of them), and a path that climbs into `//` by way of dots.
    """
    if not text or len(text) > _MAX_LENGTH or _CONTROL.search(text):
        return default
    if not text.startswith("/") or text.startswith("//"):
        return default
    try:
        parts = urlsplit(text)
    except ValueError:
        return default
    is_plain = not parts.scheme and not parts.netloc and "/.//" not in parts.path and "/..//" not in parts.path
    return text if is_plain else default
