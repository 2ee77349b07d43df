"""The JSON schemas of all models, by the names under which the OpenAPI document has them."""

from collections.abc import Iterator
from typing import Any

from pydantic import Field, TypeAdapter
from pydantic.json_schema import JsonSchemaMode

from studiolo.core.errors import all_errors
from studiolo.web.api_v1.parameters import Answer, Parameters, Shape
from studiolo.web.api_v1.registry import DOORS, CallAt, Registry

TEMPLATE = "#/components/schemas/{model}"


class DoorError(Shape):
    """The call did not run."""

    error: str = Field(description="For people.")
    code: str = Field(description="Stable, for programs.", json_schema_extra={"enum": []})


class ErrorEvent(Shape):
    """The call ran and failed."""

    event: str = Field(json_schema_extra={"const": "error"})
    id: Any = Field(description="The request's id.")
    error: str = Field(description="For people.")
    code: str = Field(description="Stable, for programs.", json_schema_extra={"enum": []})


class CallError(Shape):
    """The call did not run, or failed; with HTTP status 200."""

    error: str = Field(description="For people.")
    code: str = Field(description="Stable, for programs.", json_schema_extra={"enum": []})


_ERRORS = (DoorError, ErrorEvent, CallError)
_Key = tuple[str, JsonSchemaMode]


class Schemas:
    """All schemas of a registry: `components`, and references to them."""

    def __init__(self, registry: Registry) -> None:
        """Make the schemas of everything that calls take and answer."""
        wanted: dict[_Key, TypeAdapter[Any]] = {
            (repr(kind), mode): TypeAdapter(kind) for kind, mode in _kinds(registry)
        }
        made, defs = TypeAdapter.json_schemas(
            [(name, mode, adapter) for (name, mode), adapter in wanted.items()], ref_template=TEMPLATE
        )
        self._made = {key: dict[str, Any](schema) for key, schema in made.items()}
        self.components: dict[str, Any] = dict(sorted(defs["$defs"].items()))
        codes = sorted({error.code for error in all_errors()})
        for error in _ERRORS:
            self.components[error.__name__]["properties"]["code"]["enum"] = codes

    def of(self, kind: Any) -> dict[str, Any]:
        """Return the schema of a type: a reference, if it is a model."""
        name = repr(kind)
        return self._made[(name, "validation")] if (name, "validation") in self._made else self._made[name, _WRITTEN]

    def given(self, one: CallAt) -> dict[str, Any]:
        """Return the schema of the parameters in a form: what is not known is passed over there, `id` too."""
        reference = self.of(one.parameters)
        if not issubclass(one.parameters, Parameters):
            return reference
        schema = {name: value for name, value in self.resolved(reference).items() if name != "additionalProperties"}
        return self.without(schema, "id")

    def without(self, schema: dict[str, Any], name: str) -> dict[str, Any]:
        """Return the schema of an object without one of its properties."""
        whole = self.resolved(schema)
        properties = {key: of for key, of in whole["properties"].items() if key != name}
        return {
            **whole,
            "properties": properties,
            "required": [one for one in whole.get("required", []) if one != name],
        }

    def told(self, one: CallAt, *, is_bare: bool) -> dict[str, Any] | None:
        """Return the schema of the answer in a form, None where there is nothing to tell."""
        if one.answer is type(None):
            return None
        schema = self.of(one.answer)
        if isinstance(one.answer, type) and issubclass(one.answer, Answer):
            schema = self._without_event(schema, one.form.only)
            if not schema["properties"]:
                return None
        if is_bare and one.form.bare is not None:
            member: dict[str, Any] = self.resolved(schema)["properties"][one.form.bare]
            return member
        return schema

    def resolved(self, schema: dict[str, Any]) -> dict[str, Any]:
        """Return the schema that a reference leads to, or the schema itself."""
        return self.components[schema["$ref"].rpartition("/")[2]] if "$ref" in schema else schema

    def _without_event(self, reference: dict[str, Any], only: tuple[str, ...] | None) -> dict[str, Any]:
        schema = self.resolved(reference)
        kept = {
            name: of
            for name, of in schema["properties"].items()
            if name not in ("event", "id") and (only is None or name in only)
        }
        required = [name for name in schema.get("required", []) if name in kept]
        return {**schema, "properties": kept, "required": required}


_WRITTEN: JsonSchemaMode = "serialization"


def _kinds(registry: Registry) -> Iterator[tuple[Any, JsonSchemaMode]]:
    """Give what is read and what is written."""
    for call in registry.v1:
        yield call.parameters, "validation"
        for answer in call.answers:
            yield answer, _WRITTEN
    for door in DOORS:
        for one in registry.at(door).values():
            yield one.parameters, "validation"
            yield one.answer, _WRITTEN
    for error in _ERRORS:
        yield error, _WRITTEN
