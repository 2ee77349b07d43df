"""The OpenAPI document, made from the registry; `python -m studiolo.web.openapi FILE` writes it."""

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field
from pydantic.json_schema import JsonSchemaMode, models_json_schema
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from studiolo import __version__
from studiolo.core.errors import all_errors
from studiolo.web.api_v1.calls import all_calls
from studiolo.web.api_v1.registry import NEVER_HANDLED, NOT_OFFERED, Call, Registry
from studiolo.web.functions import describing

_TEMPLATE = "#/components/schemas/{model}"
_ABOUT = """Every call is `POST /api/v1/NAME` with its parameters as JSON or as a form. The API key goes into the
`Authorization` header: `Bearer KEY`, or `Basic` with the key as user and no password.

What is wrong before the call runs (key, name, parameters) answers HTTP 400 with `{error, code}`. What goes wrong inside
answers HTTP 200 with `{event: "error", id, error, code}`. `code` is stable; `error` is for people.

Forms know only text: truth values are read from true/false, yes/no, on/off, 1/0; lists are repeated fields; objects are
JSON text. A parameter that is null counts as absent."""


class DoorError(BaseModel):
    """The call did not run."""

    model_config = ConfigDict(extra="forbid")

    error: str = Field(description="For people.")
    code: str = Field(description="Stable, for programs.", json_schema_extra={"enum": []})


class ErrorEvent(BaseModel):
    """The call ran and failed."""

    model_config = ConfigDict(extra="forbid")

    event: str = Field(json_schema_extra={"const": "error"})
    id: Any = Field(description="The request's id.")
    error: str = Field(description="For people.")
    code: str = Field(description="Stable, for programs.", json_schema_extra={"enum": []})


def document(registry: Registry) -> dict[str, Any]:
    """Return the OpenAPI 3.1 document of all calls."""
    return {
        "openapi": "3.1.0",
        "info": {"title": "Studiolo API", "version": __version__, "description": _ABOUT},
        "servers": [{"url": "/"}],
        "x-not-offered": {**NOT_OFFERED, **dict.fromkeys(sorted(NEVER_HANDLED), "Billing: nobody ever answered it.")},
        "tags": [
            {"name": noun} for noun in sorted({call.noun for call in registry} | {"operations", *describing.TAGS})
        ],
        "paths": {
            **{f"/api/v1/{call.name}": {"post": _operation(call)} for call in registry},
            **describing.paths(),
            **_other_paths(),
        },
        "components": {
            "schemas": _schemas(registry),
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
    return json.dumps(document(all_calls()), indent=2, ensure_ascii=False) + "\n"


def _operation(call: Call) -> dict[str, Any]:
    request = {
        "schema": _reference(call.parameters),
        "examples": {
            f"example_{n}": {"summary": e.summary, "value": e.parameters} for n, e in enumerate(call.examples, 1)
        },
    }
    return {
        "operationId": call.name,
        "tags": [call.noun],
        "summary": call.summary,
        "description": f"Who may call it: {call.permission}",
        "security": [{"basic": []}, {"bearer": []}],
        "requestBody": {
            "required": any(field.is_required() for field in call.parameters.model_fields.values()),
            "content": {
                "application/json": request,
                "application/x-www-form-urlencoded": {"schema": request["schema"]},
            },
        },
        "responses": {
            "200": {"description": "The call's answer, or an error inside the call.", "content": _answers(call)},
            "400": {"description": "Wrong key, name or parameters.", "content": _door_error()},
            "413": {"description": "The body is too large.", "content": _door_error()},
            "default": {"description": "The server cannot answer now, or broke.", "content": _door_error()},
        },
    }


def _answers(call: Call) -> dict[str, Any]:
    kinds = [*(_reference(answer) for answer in call.answers), _reference(ErrorEvent)]
    examples = {f"example_{n}": {"summary": e.summary, "value": e.answer} for n, e in enumerate(call.examples, 1)}
    return {"application/json": {"schema": {"oneOf": kinds}, "examples": examples}}


def _door_error() -> dict[str, Any]:
    return {"application/json": {"schema": _reference(DoorError)}}


def _reference(model: type[BaseModel]) -> dict[str, str]:
    return {"$ref": _TEMPLATE.format(model=model.__name__)}


def _schemas(registry: Registry) -> dict[str, Any]:
    models: list[tuple[type[BaseModel], JsonSchemaMode]] = []
    for call in registry:
        models.append((call.parameters, "validation"))
        models.extend((answer, "serialization") for answer in call.answers)
    models.extend((error, "serialization") for error in (DoorError, ErrorEvent))
    _, made = models_json_schema(list(dict.fromkeys(models)), ref_template=_TEMPLATE)
    schemas: dict[str, Any] = made["$defs"]
    codes = sorted({error.code for error in all_errors()})
    for name in ("DoorError", "ErrorEvent"):
        schemas[name]["properties"]["code"]["enum"] = codes
    return dict(sorted(schemas.items()))


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
