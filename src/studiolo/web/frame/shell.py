"""The shell: the page of a document before anything is known of it.

It is the same for every visitor: the boot script finds out who is there by POST /frame/open. So it can be sent at
once, and it tells a stranger nothing about what exists.
"""

import json
import secrets
from dataclasses import dataclass
from html import escape
from typing import Any, Literal
from urllib.parse import parse_qs, urlsplit

from starlette.background import BackgroundTask
from starlette.requests import Request
from starlette.responses import HTMLResponse, PlainTextResponse, Response

from studiolo.core.origins import Origins
from studiolo.core.settings import Settings
from studiolo.web import csrf
from studiolo.web.assets import Assets, Shell
from studiolo.web.content_security import shell_policy
from studiolo.web.encodings import choose, compress
from studiolo.web.frame import rendering
from studiolo.web.targets import own_path

SITE_NAME = "Studiolo"

PageName = Literal["file", "banner", "app", "impersonate"]


@dataclass(frozen=True, slots=True)
class ShellPage:
    """Which page the shell is to become; the path was decoded exactly once."""

    name: PageName
    project_id: str | None = None
    path: str | None = None
    target: str | None = None


class Shells:
    """Makes shell pages."""

    def __init__(self, assets: Assets, origins: Origins, settings: Settings) -> None:
        self._assets = assets
        self._origins = origins
        self._settings = settings
        self._has_loaded = False  # what an opening needs

    def respond(self, request: Request, page: ShellPage) -> Response:
        """Return the shell as the answer to `request`."""
        shell = self._assets.shell
        if shell is None:
            return not_built()
        nonce = secrets.token_urlsafe(16)
        # the page in the browser takes absolute addresses of this server, too, so not `page.target`
        leads_to_kiosk = page.name == "impersonate" and _is_kiosk_address(request.query_params.get("target", ""))
        is_kiosk = wants_kiosk(request) or leads_to_kiosk
        body = _html(shell, nonce, self._config(shell, nonce, page, is_kiosk=is_kiosk), is_kiosk=is_kiosk)
        has_token = "auth_token" in request.query_params
        headers = {
            "content-security-policy": shell_policy(
                self._origins,
                own_origin=csrf.own_origin(self._settings, request),
                script_hashes=(shell.boot_hash,),
                style_nonce=nonce,
            ),
            "referrer-policy": "no-referrer",
            "cache-control": "no-store" if has_token else "private, no-cache",
            "x-content-type-options": "nosniff",
        }
        response = _packed(request, body, headers)
        if not self._has_loaded:
            self._has_loaded = True
            response.background = BackgroundTask(rendering.load)
        return response

    async def app(self, request: Request) -> Response:
        """Answer GET /app in a frame: the loading screen, then the green banner."""
        return self.respond(request, ShellPage("app"))

    async def impersonate(self, request: Request) -> Response:
        """Answer GET /auth/impersonate: sign in by the token of the address, then go to `target`.

        The token is not touched here: whoever merely looks at the link (a scanner, a preview) must not use it up.
        The words about an empty token are historical, and so is their status 200.
        """
        if not request.query_params.get("auth_token"):
            text = "ERROR: impersonate error -- Error: invalid empty token"
            policy = f"default-src 'none'; frame-ancestors {self._origins.frame_ancestors}"
            headers = {"cache-control": "no-store", "content-security-policy": policy}
            return PlainTextResponse(text, headers=headers)
        target = own_path(request.query_params.get("target"), "/app")
        return self.respond(request, ShellPage("impersonate", target=target))

    def _config(self, shell: Shell, nonce: str, page: ShellPage, *, is_kiosk: bool) -> dict[str, Any]:
        return {
            "origins": list(self._origins.rules),
            "assets": shell.assets,
            "nonce": nonce,
            "is_kiosk": is_kiosk,
            "help_email": self._settings.help_email,
            "site_name": SITE_NAME,
            "page": page.name,
            "project_id": page.project_id,
            "path": page.path,
            "target": page.target,
        }


def wants_kiosk(request: Request) -> bool:
    """Tell whether the address asks for a document and nothing else."""
    return request.query_params.get("fullscreen") == "kiosk"


def _is_kiosk_address(address: str) -> bool:
    try:
        query = urlsplit(address).query
    except ValueError:
        return False
    return parse_qs(query).get("fullscreen") == ["kiosk"]


def _packed(request: Request, body: str, headers: dict[str, str]) -> Response:
    """Compress it even when it is `no-store`: its only secret, the nonce, is new in each answer."""
    content = body.encode()
    encoding = choose(request.headers.get("accept-encoding", ""))
    if encoding is not None:
        content = compress(content, encoding)
        headers = {**headers, "content-encoding": encoding}
    return HTMLResponse(content, headers={**headers, "vary": "accept-encoding"})


def not_built() -> Response:
    """Return the answer of an installation whose front end is missing."""
    text = "The front end has not been built. In a checkout, run: make setup\n"
    return PlainTextResponse(text, 503, {"cache-control": "no-store"})


def script_json(value: object) -> str:
    """Write JSON that cannot end the script element around it."""
    text = json.dumps(value, separators=(",", ":"))
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


def _html(shell: Shell, nonce: str, config: dict[str, Any], *, is_kiosk: bool) -> str:
    return (
        f'<!doctype html><html lang="en" data-kiosk="{"true" if is_kiosk else "false"}"><head><meta charset="utf-8">'
        f"<title>{escape(SITE_NAME)}</title>"
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        '<meta name="referrer" content="no-referrer">'
        f'<style nonce="{nonce}">{shell.css}</style>'
        f'<script type="application/json" id="studiolo-config">{script_json(config)}</script>'
        f'</head><body><main id="studiolo"></main><script>{shell.boot}</script></body></html>'
    )
