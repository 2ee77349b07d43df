"""The page at `/api`: the OpenAPI document for people. One request, no script, nothing from elsewhere."""

import base64
import functools
import hashlib
import json
from collections.abc import Callable
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route

_STYLE = """
:root { color-scheme: light dark; --accent: #2f6f5e; --line: color-mix(in srgb, currentColor 18%, transparent) }
@media (prefers-color-scheme: dark) { :root { --accent: #7cc4ae } }
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
code, pre { font: 13px/1.5 ui-monospace, monospace }
pre { padding: 12px 16px; border: 1px solid var(--line); border-radius: 6px; overflow: auto }
.about { white-space: pre-line }
table { border-collapse: collapse; width: 100%; margin: 8px 0 16px }
th, td { text-align: left; vertical-align: top; padding: 4px 16px 4px 0; border-bottom: 1px solid var(--line) }
th { font-size: 13px; font-weight: 600 }
@media (max-width: 760px) { body { display: block } nav { position: static; height: auto; border: 0 } }
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
    environment = Environment(
        loader=PackageLoader("studiolo.web", "templates"), autoescape=True, undefined=StrictUndefined, trim_blocks=True
    )
    template = environment.get_template("reference.html")
    return template.render(
        about=openapi["info"],
        nouns=_by_noun(openapi),
        not_offered=openapi.get("x-not-offered", {}),
        style=Markup(_STYLE),  # noqa: S704 - a constant of this file
    )


def _by_noun(openapi: dict[str, Any]) -> dict[str, list[dict[str, Any]]]:
    nouns: dict[str, list[dict[str, Any]]] = {}
    for path, operations in openapi["paths"].items():
        for method, operation in operations.items():
            nouns.setdefault(operation["tags"][0], []).append(_entry(openapi, path, method, operation))
    return dict(sorted(nouns.items()))


def _entry(openapi: dict[str, Any], path: str, method: str, operation: dict[str, Any]) -> dict[str, Any]:
    content = operation.get("requestBody", {}).get("content", {}).get("application/json", {})
    answers = operation["responses"]["200"]["content"].get("application/json", {}).get("examples", {})
    return {
        "name": operation["operationId"],
        "line": f"{method.upper()} {path}",
        "summary": operation["summary"],
        "description": operation.get("description", ""),
        "parameters": _parameters(openapi, content.get("schema")),
        "examples": [
            {"summary": e["summary"], "request": _pretty(e["value"]), "answer": _pretty(answers[key]["value"])}
            for key, e in content.get("examples", {}).items()
            if key in answers
        ],
    }


def _parameters(openapi: dict[str, Any], schema: dict[str, Any] | None) -> list[dict[str, Any]]:
    if schema is None:
        return []
    reference = schema.get("$ref", "").rpartition("/")[2]
    model = openapi["components"]["schemas"][reference] if reference else schema
    required = model.get("required", [])
    return [
        {
            "name": name,
            "kind": _kind(field),
            "default": "required" if name in required else _pretty(field.get("default")),
            "description": field.get("description", ""),
        }
        for name, field in model.get("properties", {}).items()
    ]


def _kind(field: dict[str, Any]) -> str:
    if "anyOf" in field:
        return " or ".join(_kind(option) for option in field["anyOf"] if option.get("type") != "null")
    kind = field.get("type", "anything")
    return f"list of {_kind(field['items'])}" if kind == "array" and field.get("items") else kind


def _pretty(value: Any) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False)
