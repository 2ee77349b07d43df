"""The page at `/api`: the OpenAPI document for people. One request, no script, nothing from elsewhere."""

import base64
import functools
import hashlib
import json
from collections.abc import Callable
from typing import Any

from markupsafe import Markup, escape
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route

from studiolo.web.calls import every_call
from studiolo.web.openapi_schemas import Schemas
from studiolo.web.reference_entries import entries

_STYLE = """
:root { color-scheme: light dark; --accent: #3451d1; --line: color-mix(in srgb, currentColor 18%, transparent) }
@media (prefers-color-scheme: dark) { :root { --accent: #93a8ff } }
* { box-sizing: border-box }
body { margin: 0; font: 16px/1.5 system-ui, sans-serif; display: grid; grid-template-columns: 16rem minmax(0, 1fr) }
nav { padding: 24px 16px; border-right: 1px solid var(--line); position: sticky; top: 0; height: 100vh; overflow: auto }
nav h2 { font-size: 13px; margin: 16px 0 4px; opacity: .75 }
nav a { display: block; padding: 4px 0; font: 13px/1.4 ui-monospace, monospace; overflow-wrap: anywhere }
a { color: var(--accent); text-decoration: none }
a:hover { text-decoration: underline }
a:focus-visible { outline: 2px solid var(--accent); outline-offset: 2px }
main { padding: 32px; max-width: 60rem }
h1 { font-size: 28px; margin: 0 0 16px }
article { border-top: 1px solid var(--line); margin-top: 32px; padding-top: 16px }
article h3 { font: 600 18px/1.4 ui-monospace, monospace; margin: 0 }
article h4 { font: 600 13px/1.4 ui-monospace, monospace; margin: 16px 0 8px }
article h5 { font-size: 14px; margin: 8px 0 }
code, pre { font: 13px/1.5 ui-monospace, monospace }
pre { padding: 12px 16px; border: 1px solid var(--line); border-radius: 6px; overflow: auto }
table { border-collapse: collapse; width: 100%; margin: 8px 0 16px }
th, td { text-align: left; vertical-align: top; padding: 4px 16px 4px 0; border-bottom: 1px solid var(--line) }
th { font-size: 13px; font-weight: 600 }
@media (max-width: 760px) {
  body { display: block }
  nav { position: static; height: auto; max-height: 40vh; border: 0; border-bottom: 1px solid var(--line) }
}
"""


def routes(openapi: Callable[[], dict[str, Any]]) -> list[Route]:
    """Return the route of `/api`, which shows the OpenAPI document; the page is made when first asked for."""
    page = functools.cache(lambda: render(openapi()))
    digest = base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()
    policy = (
        f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )

    async def show_reference(_request: Request) -> Response:
        return HTMLResponse(page(), headers={"Content-Security-Policy": policy, "Cache-Control": "no-cache"})

    return [Route("/api", show_reference, methods=["GET"])]


def render(openapi: dict[str, Any]) -> str:
    """Return the page's HTML."""
    from jinja2 import Environment, PackageLoader, StrictUndefined  # 1.6 MB, for a page that is made once

    environment = Environment(
        loader=PackageLoader("studiolo.web", "templates"), autoescape=True, undefined=StrictUndefined, trim_blocks=True
    )
    registry = every_call()
    return environment.get_template("reference.html").render(
        about=openapi["info"],
        nouns=entries(registry, Schemas(registry)),
        marked=_marked,
        pretty=_pretty,
        others=_others(openapi),
        not_offered=openapi.get("x-not-offered", {}),
        style=Markup(_STYLE),  # noqa: S704 - a constant of this file
    )


def _others(openapi: dict[str, Any]) -> list[tuple[str, str]]:
    """Return what can be asked for that is no call: where, and what it is for."""
    return [
        (f"{method.upper()} {path}", operation["summary"])
        for path, operations in openapi["paths"].items()
        for method, operation in operations.items()
        if operation["tags"][0] in ("operations", "transfers")
    ]


def _marked(text: str) -> Markup:
    """Return a text whose words between backticks are code."""
    parts = text.split("`")
    if len(parts) % 2 == 0:
        return escape(text)
    code = Markup("<code>{}</code>")
    return Markup("").join(code.format(part) if at % 2 else escape(part) for at, part in enumerate(parts))


def _pretty(value: Any) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False)
