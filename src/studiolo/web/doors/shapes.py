"""What parameters and answers look like at the doors beside API v1, and how they are read and written."""

from collections.abc import Mapping
from typing import Annotated, Any, TypeVar

from pydantic import (
    BaseModel,
    ConfigDict,
    SerializerFunctionWrapHandler,
    TypeAdapter,
    ValidationError,
    model_serializer,
)

from studiolo.core.errors import InvalidParameters
from studiolo.web.api_v1.parameters import Answer, Shape, Text
from studiolo.web.api_v1.registry import CallAt

Milliseconds = Annotated[int, "since 1970"]


class Given(BaseModel):
    """Base of parameters: what is not known is passed over."""

    model_config = ConfigDict(extra="ignore", defer_build=True)


class Nothing(Given):
    """Nothing is needed."""


class InProject(Given):
    """What is asked of one project."""

    project_id: Text


class Reply(Shape):
    """Base of answers; what is None is told as null."""


class SparseReply(Reply):
    """Base of answers in which what is None is left out."""

    @model_serializer(mode="wrap")
    def _without_nulls(self, write: SerializerFunctionWrapHandler):  # noqa: ANN202 - an annotation would replace the schema
        written: dict[str, Any] = write(self)
        return {name: value for name, value in written.items() if value is not None}


P = TypeVar("P", bound=BaseModel)


def read_given(kind: type[P], given: Mapping[str, Any]) -> P:
    """Build a call's parameters: null counts as absent, what is not known is passed over; raise InvalidParameters."""
    present = {name: value for name, value in given.items() if value is not None and name in kind.model_fields}
    missing = [name for name, field in kind.model_fields.items() if field.is_required() and name not in present]
    if missing:
        raise InvalidParameters(f"{missing[0]} must be specified", fields={missing[0]: "must be specified"})
    try:
        return kind.model_validate(present)
    except RecursionError as error:
        raise InvalidParameters("the parameters are nested too deeply") from error
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        name = str(first["loc"][0]) if first["loc"] else ""
        words = first["msg"].removeprefix("Value error, ")
        raise InvalidParameters(f"parameter '{name}' {words}", fields={name: words}) from error


def told(one: CallAt, result: Any) -> Any:
    """Return a handler's result as JSON has it, or None where there is nothing to tell.

    An answer of API v1 goes without what only its door has.
    """
    if isinstance(result, Answer):
        members = set(type(result).model_fields) - {"event", "id"}
        kept = members if one.form.only is None else members.intersection(one.form.only)
        return result.model_dump(include=kept, exclude_none=True) or None if kept else None
    return _WRITER.dump_python(result)


_WRITER: TypeAdapter[Any] = TypeAdapter(Any)
