"""The OpenAPI document, made from the registry; `python -m studiolo.web.openapi FILE` writes it."""

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from studiolo import __version__
from studiolo.web import openapi_doors, openapi_transfers
from studiolo.web.api_v1.registry import NEVER_HANDLED, NOT_OFFERED, Call, Registry
from studiolo.web.calls import every_call
from studiolo.web.openapi_idempotency import IDEMPOTENCY_KEY, REPEATED
from studiolo.web.openapi_schemas import DoorError, ErrorEvent, Schemas

_ABOUT = """Every call is `POST /api/v1/NAME` with its parameters as JSON or as a form. The API key goes into the
`Authorization` header: `Bearer KEY`, or `Basic` with the key as user and no password.

What is wrong before the call runs (key, name, parameters) answers HTTP 400 with `{error, code}`. What goes wrong inside
answers HTTP 200 with `{event: "error", id, error, code}`. `code` is stable; `error` is for people.

Forms know only text: truth values are read from true/false, yes/no, on/off, 1/0; lists are repeated fields; objects are
JSON text. A parameter that is null counts as absent."""


def document(registry: Registry) -> dict[str, Any]:
    """Return the OpenAPI 3.1 document of all calls."""
    schemas = Schemas(registry)
    nouns = {call.noun for call in registry.v1}
    return {
        "openapi": "3.1.0",
        "info": {"title": "Studiolo API", "version": __version__, "description": _ABOUT},
        "servers": [{"url": "/"}],
        "x-not-offered": {**NOT_OFFERED, **dict.fromkeys(sorted(NEVER_HANDLED), "Billing: nobody ever answered it.")},
        "tags": [{"name": noun} for noun in sorted({"operations", *nouns} - set(openapi_doors.TAGS))]
        + [{"name": openapi_transfers.TAG, "description": openapi_transfers.ABOUT}]
        + [{"name": name, "description": about} for name, about in openapi_doors.TAGS.items()],
        "paths": {
            **{f"/api/v1/{call.name}": {"post": _operation(call, schemas)} for call in registry.v1},
            **openapi_transfers.paths(schemas),
            **openapi_doors.paths(registry, schemas),
            **_other_paths(),
        },
        "components": {
            "schemas": schemas.components,
            "securitySchemes": {
                "basic": {"type": "http", "scheme": "basic", "description": "The key as user, no password."},
                "bearer": {"type": "http", "scheme": "bearer"},
            },
        },
    }


def routes(document: Callable[[], dict[str, Any]]) -> list[Route]:
    """Return the route of `/api/openapi.json`, which shows the document; it is made when first asked for."""

    async def show_openapi(_request: Request) -> Response:
        return JSONResponse(document(), headers={"Cache-Control": "no-cache"})

    return [Route("/api/openapi.json", show_openapi, methods=["GET"])]


def text() -> str:
    """Return the document as it is committed in `openapi/studiolo.json`."""
    return json.dumps(document(every_call()), indent=2, ensure_ascii=False) + "\n"


def _operation(call: Call, schemas: Schemas) -> dict[str, Any]:
    request = {
        "schema": schemas.of(call.parameters),
        "examples": {
            f"example_{n}": {"summary": e.summary, "value": e.parameters} for n, e in enumerate(call.examples, 1)
        },
    }
    return {
        "operationId": call.name,
        "tags": [call.noun],
        "summary": call.summary,
        "description": f"Who may call it: {call.permission}",
        **({"x-creates": call.creates.value} if call.creates else {}),
        "security": [{"basic": []}, {"bearer": []}],
        **({"parameters": [IDEMPOTENCY_KEY]} if call.creates else {}),
        "requestBody": {
            "required": any(field.is_required() for field in call.parameters.model_fields.values()),
            "content": {
                "application/json": request,
                "application/x-www-form-urlencoded": {"schema": request["schema"]},
            },
        },
        "responses": {
            "200": {
                "description": "The call's answer, or an error inside the call.",
                "content": _answers(call, schemas),
            },
            "400": _refused("Wrong key, name or parameters.", schemas),
            **({status: _refused(words, schemas) for status, words in REPEATED.items()} if call.creates else {}),
            "413": _refused("The body is too large.", schemas),
            "429": {
                **_refused("Too much was asked for lately.", schemas),
                "headers": {"Retry-After": {"description": "Seconds to wait.", "schema": {"type": "integer"}}},
            },
            "default": _refused("The server cannot answer now, or broke.", schemas),
        },
    }


def _answers(call: Call, schemas: Schemas) -> dict[str, Any]:
    kinds = [*(schemas.of(answer) for answer in call.answers), schemas.of(ErrorEvent)]
    examples = {f"example_{n}": {"summary": e.summary, "value": e.answer} for n, e in enumerate(call.examples, 1)}
    return {"application/json": {"schema": {"oneOf": kinds}, "examples": examples}}


def _refused(words: str, schemas: Schemas) -> dict[str, Any]:
    return {"description": words, "content": {"application/json": {"schema": schemas.of(DoorError)}}}


def _other_paths() -> dict[str, Any]:
    """Return what operators read: no key needed, no call of the registry."""

    def reading(name: str, summary: str, media_type: str, schema: dict[str, Any]) -> dict[str, Any]:
        ok = {"description": summary, "content": {media_type: {"schema": schema}}}
        return {
            "get": {
                "operationId": name,
                "tags": ["operations"],
                "summary": summary,
                "security": [],
                "responses": {"200": ok, "default": {"description": "It cannot be told now."}},
            }
        }

    anything = {"type": "object"}
    return {
        "/healthz": reading("show_health", "Whether the server can do its work.", "application/json", anything),
        "/metrics": reading("show_metrics", "Figures in Prometheus' format.", "text/plain", {"type": "string"}),
        "/api/openapi.json": reading("show_openapi", "This document.", "application/json", anything),
        "/api": reading("show_reference", "This document, to be read.", "text/html", {"type": "string"}),
    }


if __name__ == "__main__":
    Path(sys.argv[1]).write_text(text(), encoding="utf-8")
