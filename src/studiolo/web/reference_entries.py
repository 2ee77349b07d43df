"""What the reference tells of each call: its doors, parameters, answers and examples, read from the registry."""

import json
from dataclasses import dataclass
from typing import Any

from studiolo.web.api_v1.registry import Call, CallAt, Example, Registry
from studiolo.web.openapi_schemas import Schemas


@dataclass(frozen=True, slots=True)
class Field:
    """A parameter, or a member of an answer."""

    name: str
    kind: str
    default: str | None  # None: it must be given, or is always there
    description: str


@dataclass(frozen=True, slots=True)
class Shown:
    """An example at one door: what is posted where, and what comes back."""

    summary: str
    address: str
    parameters: dict[str, Any]  # of the call
    body: dict[str, Any]
    answer: Any


@dataclass(frozen=True, slots=True)
class Shape:
    """How a call looks at one door or several."""

    doors: tuple[tuple[str, str], ...]  # each door with the name there; `v1` is API v1
    parameters: tuple[Field, ...]
    answers: tuple[tuple[str, tuple[Field, ...]], ...]  # a sentence about each, and its members
    examples: tuple[Shown, ...]

    @property
    def lines(self) -> list[str]:
        """Return where it is called."""
        return [line(door, name) for door, name in self.doors]


@dataclass(frozen=True, slots=True)
class Entry:
    """All that is told of one call."""

    name: str
    noun: str
    summary: str
    permission: str
    shapes: tuple[Shape, ...]


def entries(registry: Registry, schemas: Schemas) -> dict[str, list[Entry]]:
    """Return the calls by noun, both in order."""
    found: dict[str, list[Entry]] = {}
    for call in registry:
        shapes = _shapes(call, schemas)
        found.setdefault(call.noun, []).append(Entry(call.name, call.noun, call.summary, call.permission, shapes))
    return dict(sorted(found.items()))


def line(door: str, name: str) -> str:
    """Return how the call is made at a door, in one line."""
    if door in ("hub", "project"):
        return f"POST /api/conat/{door} · {name}"
    return f"POST /api/{door}/{name}"


def _shapes(call: Call, schemas: Schemas) -> tuple[Shape, ...]:
    shapes: list[Shape] = []
    same = [form for form in call.forms if form.handler is None and call.is_over_v1]
    if call.is_over_v1:
        doors = (("v1", call.name), *(named for form in same for named in form.names.items()))
        answers = tuple((_about(answer), _fields(schemas.of(answer), schemas)) for answer in call.answers)
        examples = tuple(_shown("v1", call.name, example, example.answer) for example in call.examples)
        shapes.append(Shape(doors, _fields(schemas.of(call.parameters), schemas), answers, examples))
    others = (_shape_of(call.at(form), schemas) for form in call.forms if form not in same)
    return (*shapes, *others)


def _shape_of(one: CallAt, schemas: Schemas) -> Shape:
    doors = tuple(one.form.names.items())
    door, name = doors[0]
    told = schemas.told(one, is_bare=False)
    answers = ((_told_about(told, one), _fields(told, schemas) if told else ()),)
    examples = tuple(_shown(door, name, example, example.answer) for example in one.examples)
    return Shape(doors, _fields(schemas.given(one), schemas), answers, examples)


def _shown(door: str, name: str, example: Example, answer: Any) -> Shown:
    body: dict[str, Any] = example.parameters
    address = f"/api/{door}/{name}"
    if door in ("hub", "project"):
        given = {key: value for key, value in body.items() if key != "project_id" or door == "hub"}
        body = {"name": name, "args": [given]}
        if door == "project":
            body["project_id"] = example.parameters.get("project_id")
        address = f"/api/conat/{door}"
    return Shown(example.summary, address, example.parameters, body, answer)


def _about(kind: Any) -> str:
    return str(kind.__doc__ or "").strip().split("\n")[0]


def _told_about(told: dict[str, Any] | None, one: CallAt) -> str:
    if told is None:
        return f"Nothing: null, at API v2 `{json.dumps({'status': one.form.done})}`."
    words = _about(one.answer) if hasattr(one.answer, "model_fields") else f"A {_kind(told)}."
    return words if one.form.bare is None else f"{words} The official client gets `{one.form.bare}` alone."


def _fields(schema: dict[str, Any], schemas: Schemas) -> tuple[Field, ...]:
    model = schemas.resolved(schema)
    if model.get("type") == "array" and "$ref" in model.get("items", {}):
        model = schemas.resolved(model["items"])
    required = model.get("required", [])
    return tuple(
        Field(
            name=name,
            kind=_kind(field),
            default=None if name in required else json.dumps(field.get("default"), ensure_ascii=False),
            description=field.get("description", ""),
        )
        for name, field in model.get("properties", {}).items()
    )


def _kind(field: dict[str, Any]) -> str:
    if "$ref" in field:
        name = field["$ref"].rpartition("/")[2]
        return "anything" if name == "JsonValue" else name
    for several in ("anyOf", "oneOf"):
        if several in field:
            return " or ".join(
                dict.fromkeys(_kind(option) for option in field[several] if option.get("type") != "null")
            )
    if "const" in field:
        return json.dumps(field["const"])
    if "enum" in field:
        return " or ".join(json.dumps(value) for value in field["enum"])
    kind = str(field.get("type", "anything"))
    return f"list of {_kind(field['items'])}" if kind == "array" and field.get("items") else kind
