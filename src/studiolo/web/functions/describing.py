"""How the OpenAPI document tells of the doors of the official client and of API v2."""

from collections.abc import Callable, Mapping
from typing import Any

from studiolo.web.functions.calls import all_functions
from studiolo.web.functions.registry import Function, by_name

TAGS = ("v2", "official client")
_ERROR = {
    "type": "object",
    "required": ["error", "code"],
    "properties": {"error": {"type": "string"}, "code": {"type": "string"}},
}
_FORMS: Mapping[str, tuple[str, Callable[[Function], str | None]]] = {
    "hub": ("The official client's calls, with the API key of an account.", lambda one: one.hub),
    "project": ("The official client's calls to one project, also with its own key.", lambda one: one.project),
}


def paths() -> dict[str, Any]:
    """Return the paths of both doors."""
    functions = all_functions()
    described = {f"/api/v2/{name}": _v2(name, one) for name, one in by_name(functions, lambda one: one.v2).items()}
    for form, (summary, name_of) in _FORMS.items():
        described[f"/api/conat/{form}"] = _form(form, summary, by_name(functions, name_of))
    return dict(sorted(described.items()))


def _v2(name: str, function: Function) -> dict[str, Any]:
    operation = {
        "operationId": "v2_" + name.replace("/", "_").replace("-", "_"),
        "tags": ["v2"],
        "summary": function.summary,
        "description": f"Who may call it: {function.permission}",
        "requestBody": _json(function.parameters.model_json_schema()),
        "responses": _responses(),
    }
    return {"post": operation if function.needs_key else {**operation, "security": []}}


def _form(form: str, summary: str, functions: Mapping[str, Function]) -> dict[str, Any]:
    lines = [f"- `{name}`: {one.summary} {one.permission}" for name, one in sorted(functions.items())]
    body: dict[str, Any] = {
        "type": "object",
        "required": ["name"],
        "properties": {
            "name": {"type": "string", "enum": sorted(functions)},
            "args": {"type": "array", "description": "Mostly one object with the parameters."},
            "timeout": {"type": "number", "description": "Milliseconds."},
        },
    }
    if form == "project":
        body["properties"]["project_id"] = {"type": "string", "description": "May be left out with a project's key."}
    return {
        "post": {
            "operationId": f"conat_{form}",
            "tags": ["official client"],
            "summary": summary,
            "description": "\n".join(lines),
            "requestBody": _json(body),
            "responses": _responses(),
        }
    }


def _json(schema: dict[str, Any]) -> dict[str, Any]:
    return {"required": True, "content": {"application/json": {"schema": schema}}}


def _responses() -> dict[str, Any]:
    answer = {"anyOf": [_ERROR, {"description": "What was asked for."}]}
    return {
        "200": {
            "description": "What was asked for, or why not.",
            "content": {"application/json": {"schema": answer}},
        }
    }
