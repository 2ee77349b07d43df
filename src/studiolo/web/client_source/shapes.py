"""What the client must know of each call, read from the models' JSON schemas."""

import keyword
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, cast, get_type_hints

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from studiolo.web.api_v1.registry import Call

_READING = re.compile(r"(^|_)(get|list|read|search|status|state|ping|kernels|usernames|info|show|find|count)(_|$)")
_SIMPLE = {"string": "str", "integer": "int", "number": "float", "boolean": "bool", "null": "None"}
_LEFT_OUT = ("id", "event")  # the wire's own; of no use to who calls a method


@dataclass(frozen=True, slots=True)
class Field:
    """A parameter of a call or a field of an answer."""

    name: str  # in Python
    wire: str
    kind: str  # a Python type
    description: str
    default: str | None  # in Python; None: required


@dataclass(frozen=True, slots=True)
class Shape:
    """An object on the wire."""

    name: str
    about: str
    fields: tuple[Field, ...]
    uses: tuple[str, ...]  # names of other shapes
    event: str = ""
    is_parameter: bool = False


@dataclass(frozen=True, slots=True)
class Method:
    """A call as a method of the client."""

    call: str
    noun: str
    name: str
    summary: str
    permission: str
    parameters: tuple[Field, ...]
    uses: tuple[str, ...]
    answers: tuple[Shape, ...]  # none: there is nothing to return
    is_reading: bool
    is_once: bool  # the server knows it again by its Idempotency-Key


class Shapes:
    """All calls as the client sees them: `methods`, and `shapes` by name."""

    def __init__(self, calls: Iterable[Call]) -> None:
        """Read the calls that HTTP offers."""
        offered = [call for call in calls if "http" in call.doors]
        self._schemas = _schemas(offered)
        self._parameter_names = {call.parameters.__name__ for call in offered}
        self.shapes: dict[str, Shape] = {}
        names = _method_names(offered)
        self.methods = tuple(self._method(call, names[call.name]) for call in offered)

    def nouns(self) -> dict[str, list[Method]]:
        """Return the methods by noun, both in order."""
        found: dict[str, list[Method]] = {}
        for method in sorted(self.methods, key=lambda method: (method.noun, method.name)):
            found.setdefault(method.noun, []).append(method)
        return found

    def needed(self, methods: Iterable[Method]) -> list[Shape]:
        """Return the shapes that these methods speak of, each after those that it uses."""
        found: dict[str, Shape] = {}

        def visit(names: Iterable[str], on_the_way: tuple[str, ...] = ()) -> None:
            for name in names:
                if name not in found and name not in on_the_way:
                    visit(self.shapes[name].uses, (*on_the_way, name))
                    found[name] = self.shapes[name]

        for method in methods:
            visit([*method.uses, *(answer.name for answer in method.answers)])
        return list(found.values())

    def _method(self, call: Call, name: str) -> Method:
        schema = self._schemas[call.parameters.__name__]
        parameters = self._fields(schema, is_parameter=True)
        answers = [self._shape(answer.__name__, hidden=hidden) for answer, hidden in _results(call)]
        return Method(
            call=call.name,
            noun=call.noun,
            name=name,
            summary=call.summary,
            permission=call.permission,
            parameters=tuple(sorted(parameters, key=lambda field: field.default is not None)),
            uses=self._used(schema, is_parameter=True),
            answers=tuple(answers) if any(answer.fields for answer in answers) else (),
            is_reading=bool(_READING.search(call.name)),
            is_once=call.creates is not None,
        )

    def _shape(self, name: str, *, hidden: tuple[str, ...] = (), is_parameter: bool = False) -> Shape:
        if name not in self.shapes:
            schema = self._schemas[name]
            uses = tuple(one for one in _references(schema) if one != name)
            self.shapes[name] = Shape(name, "", (), ())  # a shape that uses itself finds this
            self.shapes[name] = Shape(
                name=name,
                about=schema.get("description", f"{name}."),
                fields=tuple(f for f in self._fields(schema, is_parameter=is_parameter) if f.wire not in hidden),
                uses=self._used(schema, is_parameter=is_parameter) if uses else (),
                event=schema.get("properties", {}).get("event", {}).get("const", ""),
                is_parameter=is_parameter,
            )
        return self.shapes[name]

    def _used(self, schema: dict[str, Any], *, is_parameter: bool) -> tuple[str, ...]:
        names = [name for name in dict.fromkeys(_references(schema)) if self._is_object(name)]
        return tuple(self._shape(name, is_parameter=is_parameter).name for name in names)

    def _is_object(self, name: str) -> bool:
        return bool(self._schemas.get(name, {}).get("properties"))

    def _fields(self, schema: dict[str, Any], *, is_parameter: bool) -> list[Field]:
        required = schema.get("required", [])
        found: list[Field] = []
        for wire, field in schema.get("properties", {}).items():
            if wire in _LEFT_OUT and (wire == "event" or field.get("$ref") == "JsonValue"):
                continue
            kind = self.kind(field, is_parameter=is_parameter)
            default = None if wire in required else _default(field, kind)
            if default == "None" and "None" not in _parts(kind) and kind != "Any":
                kind += " | None"
            found.append(Field(_python_name(wire), wire, kind, field.get("description", ""), default))
        return found

    def kind(self, schema: dict[str, Any], *, is_parameter: bool) -> str:
        """Return the Python type of a value."""
        if "$ref" in schema:
            name = schema["$ref"]
            return name if self._is_object(name) else self._kind_of_name(name, is_parameter=is_parameter)
        if "const" in schema:
            return f"Literal[{schema['const']!r}]"
        if "enum" in schema:
            return f"Literal[{', '.join(map(repr, schema['enum']))}]"
        for several in ("anyOf", "oneOf"):
            if several in schema:
                return _union(self.kind(one, is_parameter=is_parameter) for one in schema[several])
        return self._kind_of_type(schema, is_parameter=is_parameter)

    def _kind_of_name(self, name: str, *, is_parameter: bool) -> str:
        schema = self._schemas.get(name, {})
        return self.kind(schema, is_parameter=is_parameter) if schema else "Any"

    def _kind_of_type(self, schema: dict[str, Any], *, is_parameter: bool) -> str:
        kind = schema.get("type")
        if kind == "array":
            item = self.kind(schema.get("items", {}), is_parameter=is_parameter)
            return f"Sequence[{item}]" if is_parameter and item != "str" else f"list[{item}]"
        if kind == "object":
            values = schema.get("additionalProperties")
            of = self.kind(values, is_parameter=is_parameter) if isinstance(values, dict) else "Any"  # pyright: ignore[reportUnknownArgumentType] - JSON
            return f"Mapping[str, {of}]" if is_parameter else f"dict[str, {of}]"
        if kind == "string" and schema.get("format") == "date-time":
            return "datetime"
        return _SIMPLE.get(str(kind), "Any")


def _schemas(calls: list[Call]) -> dict[str, Any]:
    """Return the schemas by name; those of reading, since only they say which text is a moment."""
    models: list[type[BaseModel]] = []
    for call in calls:
        models += [call.parameters, *call.answers]
    _, made = models_json_schema([(model, "validation") for model in dict.fromkeys(models)], ref_template="{model}")
    return made["$defs"]


def _results(call: Call) -> Iterator[tuple[type[BaseModel], tuple[str, ...]]]:
    """Give the answers that are no failures, with the fields that only a failure fills."""
    failure = get_type_hints(call.on_error).get("return") if call.on_error else None
    for answer in call.answers:
        if answer is not failure:
            yield answer, ()
        elif answer is call.answers[0]:  # one shape for both
            yield answer, ("error", "code", "reason")


def _method_names(calls: list[Call]) -> dict[str, str]:
    """Shorten the calls' names where the noun already says the rest; never two to one."""
    things = {call.noun.removesuffix("s") for call in calls}
    short = {call.name: _short(call.name, call.noun, things) for call in calls}
    taken = [(call.noun, short[call.name]) for call in calls]
    return {
        call.name: short[call.name] if taken.count((call.noun, short[call.name])) == 1 else call.name for call in calls
    }


def _short(name: str, noun: str, things: set[str]) -> str:
    """Return `create` for `create_project` of the projects; what would be left of `project_exec` is no verb."""
    for word in (noun, noun.removesuffix("s")):
        for rest in (name.removesuffix(f"_{word}"), name.removeprefix(f"{word}_")):
            if rest != name and rest not in things:
                return _python_name(rest)
    return _python_name(name)


def _references(schema: Any) -> Iterator[str]:
    if isinstance(schema, dict):
        for key, value in schema.items():  # pyright: ignore[reportUnknownVariableType] - JSON
            if key == "$ref" and value != "JsonValue":
                yield value
            else:
                yield from _references(value)
    elif isinstance(schema, list):
        for item in schema:  # pyright: ignore[reportUnknownVariableType] - JSON
            yield from _references(item)


def _union(kinds: Iterable[str]) -> str:
    found = list(dict.fromkeys(part for kind in kinds for part in _parts(kind)))
    if "Any" in found:
        return "Any"
    return " | ".join([kind for kind in found if kind != "None"] + (["None"] if "None" in found else []))


def _parts(kind: str) -> list[str]:
    """Split a union, but not those within brackets."""
    parts: list[str] = []
    for piece in kind.split(" | "):
        if parts and parts[-1].count("[") > parts[-1].count("]"):
            parts[-1] += f" | {piece}"
        else:
            parts.append(piece)
    return parts


def _default(field: dict[str, Any], kind: str) -> str:
    default: Any = field.get("default")
    if kind == "datetime" or (isinstance(default, dict | list) and default):
        return "None"
    return repr(cast("object", default))


def _python_name(wire: str) -> str:
    return f"{wire}_" if keyword.iskeyword(wire) else wire
