"""Content-Security-Policies, one function a kind of page; nothing inline runs but what a hash names."""

import base64
import hashlib
from urllib.parse import urlsplit

from studiolo.core.origins import Origins


def source_hash(text: str) -> str:
    """Return the source expression that allows exactly this inline script."""
    digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
    return f"'sha256-{digest}'"


def page_policy(*, form_target: str = "") -> str:
    """Return the policy of ordinary pages: no script at all, never framed.

    `form_target` is a further origin that a form's answer may redirect to: Chromium applies `form-action` to
    redirects too.
    """
    return _policy(
        {
            "default-src": "'none'",
            "style-src": "'self'",
            "img-src": "'self' data:",
            "form-action": f"'self' {form_target}".strip(),
            "base-uri": "'none'",
            "frame-ancestors": "'none'",
        }
    )


def shell_policy(origins: Origins, *, own_origin: str, script_hashes: tuple[str, ...], style_nonce: str) -> str:
    """Return the policy of the page that shows a document, in a frame of an allowed origin or on its own.

    Scripts: the inline boot script by its hash, and files of the build. HTML reaches the page through one Trusted
    Types policy, `studiolo`. The socket is named beside 'self' for browsers that do not count it in.
    """
    socket = urlsplit(own_origin)
    socket_source = f"{'wss' if socket.scheme == 'https' else 'ws'}://{socket.netloc}" if socket.netloc else ""
    return _policy(
        {
            "default-src": "'none'",
            "script-src": " ".join([*script_hashes, f"{own_origin}/assets/"]),
            "style-src": f"'self' 'nonce-{style_nonce}'",
            "img-src": "'self' data: blob: https:",
            "media-src": "'self' data: blob: https:",
            "font-src": "'self' data:",
            "connect-src": f"'self' {socket_source}".strip(),
            "frame-src": "'self'",
            "object-src": "'none'",
            "base-uri": "'none'",
            "form-action": "'none'",
            "require-trusted-types-for": "'script'",
            "trusted-types": "studiolo",
            "frame-ancestors": origins.frame_ancestors,
        }
    )


def output_policy(origins: Origins) -> str:
    """Return the policy of the frame in which active outputs run.

    `sandbox` without `allow-same-origin` gives it an origin of its own: no cookies, no storage, no way to the page
    around it. `frame-ancestors` names the host pages too, since it is checked against every page further out.
    """
    return _policy(
        {
            "sandbox": "allow-scripts allow-popups",
            "default-src": "'none'",
            "script-src": "'unsafe-inline' 'unsafe-eval' https:",
            "style-src": "'unsafe-inline' https:",
            "img-src": "data: blob: https:",
            "font-src": "data: https:",
            "media-src": "data: blob: https:",
            "connect-src": "https:",
            "worker-src": "blob:",
            "frame-src": "https:",
            "object-src": "'none'",
            "base-uri": "'none'",
            "form-action": "'none'",
            "frame-ancestors": origins.frame_ancestors,
        }
    )


def _policy(directives: dict[str, str]) -> str:
    return "; ".join(f"{name} {value}" for name, value in directives.items())
