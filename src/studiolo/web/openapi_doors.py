"""How the OpenAPI document tells of the doors of the official client and of API v2."""

from typing import Any, Literal

from studiolo.web.api_v1.registry import CallAt, Registry
from studiolo.web.openapi_idempotency import IDEMPOTENCY_KEY
from studiolo.web.openapi_schemas import CallError, DoorError, Schemas

_ALWAYS_200 = "Every answer is HTTP 200: what was asked for, or `{error, code}`."
TAGS = {
    "v2": f"API v2: JSON by an API key, or by the sign-in of a browser on our own pages. {_ALWAYS_200}",
    "official client": "What the package `cocalc-api` sends: a name, and a list of arguments, mostly one object. "
    + _ALWAYS_200,
}
_SUMMARIES = {
    "hub": "The official client's calls, with the API key of an account.",
    "project": "The official client's calls to one project, also with its own key.",
}


def paths(registry: Registry, schemas: Schemas) -> dict[str, Any]:
    """Return the paths of both doors."""
    described = {f"/api/v2/{name}": _v2(name, one, schemas) for name, one in registry.at("v2").items()}
    described["/api/conat/hub"] = _form("hub", registry, schemas)
    described["/api/conat/project"] = _form("project", registry, schemas)
    return dict(sorted(described.items()))


def _v2(name: str, one: CallAt, schemas: Schemas) -> dict[str, Any]:
    given = schemas.given(one)
    told = schemas.told(one, is_bare=False) or {
        "type": "object",
        "required": ["status"],
        "properties": {"status": {"const": one.form.done}},
        "additionalProperties": False,
    }
    operation: dict[str, Any] = {
        "operationId": "v2_" + name.replace("/", "_").replace("-", "_"),
        "tags": ["v2"],
        "summary": one.call.summary,
        "description": f"Who may call it: {one.call.permission}",
        "security": [{"basic": []}, {"bearer": []}],
        **({"x-creates": one.creates.value, "parameters": [IDEMPOTENCY_KEY]} if one.creates else {}),
        "requestBody": {
            "required": any(field.is_required() for field in one.parameters.model_fields.values()),
            "content": {"application/json": {"schema": given, "examples": _examples(one, "parameters")}},
        },
        "responses": _responses({"anyOf": [schemas.of(CallError), told]}, schemas, _examples(one, "answer")),
    }
    return {"post": operation if one.needs_key else {**operation, "security": [{}, *operation["security"]]}}


def _form(door: Literal["hub", "project"], registry: Registry, schemas: Schemas) -> dict[str, Any]:
    calls = dict(sorted(registry.at(door).items()))
    lines = [f"- `{name}`: {one.call.summary} {one.call.permission}" for name, one in calls.items()]
    answers = {name: schemas.told(one, is_bare=True) or {"type": "null"} for name, one in calls.items()}
    different: list[dict[str, Any]] = []
    for answer in answers.values():
        if answer not in different:
            different.append(answer)
    return {
        "post": {
            "operationId": f"conat_{door}",
            "tags": ["official client"],
            "summary": _SUMMARIES[door],
            "description": "\n".join(lines),
            "security": [{"basic": []}, {"bearer": []}],
            "parameters": [IDEMPOTENCY_KEY],
            "x-answers": answers,
            "x-creates": {name: one.creates.value for name, one in calls.items() if one.creates},
            "requestBody": {
                "required": True,
                "content": {
                    "application/json": {
                        "schema": {"oneOf": [_request(name, one, schemas, door) for name, one in calls.items()]},
                        "examples": {
                            f"{name}_{n}": {"summary": e.summary, "value": _body(name, e.parameters, door)}
                            for name, one in calls.items()
                            for n, e in enumerate(one.examples, 1)
                        },
                    }
                },
            },
            "responses": _responses({"anyOf": [schemas.of(CallError), *different]}, schemas, {}),
        }
    }


def _body(name: str, parameters: dict[str, Any], door: str) -> dict[str, Any]:
    if door == "hub":
        return {"name": name, "args": [parameters]}
    arguments = {key: value for key, value in parameters.items() if key != "project_id"}
    return {"name": name, "args": [arguments], "project_id": parameters["project_id"]}


def _request(name: str, one: CallAt, schemas: Schemas, door: str) -> dict[str, Any]:
    """Return the schema of a body: the name and one object of arguments, which may be wrapped in `opts`."""
    given = schemas.given(one)
    properties: dict[str, Any] = {
        "name": {"const": name},
        "args": {
            "type": "array",
            "minItems": 1,
            "maxItems": 1,
            "items": given,
            "description": "One object, also inside `{opts: ...}`"
            + (f"; or by position: {', '.join(one.form.positional)}." if one.form.positional else "."),
        },
        "timeout": {"type": "number", "description": "Milliseconds."},
    }
    if door == "project":
        properties["args"]["items"] = schemas.without(given, "project_id")
        properties["project_id"] = {"type": "string", "description": "May be left out with a project's own key."}
    return {"title": name, "type": "object", "required": ["name", "args"], "properties": properties}


def _examples(one: CallAt, what: Literal["parameters", "answer"]) -> dict[str, Any]:
    return {
        f"example_{n}": {"summary": e.summary, "value": e.parameters if what == "parameters" else e.answer}
        for n, e in enumerate(one.examples, 1)
    }


def _responses(answer: dict[str, Any], schemas: Schemas, examples: dict[str, Any]) -> dict[str, Any]:
    failed = {"application/json": {"schema": schemas.of(DoorError)}}
    return {
        "200": {
            "description": "What was asked for, or why not.",
            "content": {"application/json": {"schema": answer, **({"examples": examples} if examples else {})}},
        },
        "default": {"description": "The server cannot answer now, or broke.", "content": failed},
    }
