"""The registry of functions behind the doors of the official client (`hub`, `project`) and of API v2.

A function is written once and has a name at each door. Parameters that are not known are passed over, since clients of
many versions call. What it answers is an object; where a door historically gives only one member of it, `bare` names
that member. A function that has nothing to tell answers None: null to the official client, a status to API v2.
"""

from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError
from starlette.requests import Request

from studiolo.core.clock import Clock
from studiolo.core.errors import InvalidParameters
from studiolo.core.models import Principal
from studiolo.core.settings import Settings
from studiolo.domain.services import Services


class Given(BaseModel):
    """Base of every function's parameters."""

    model_config = ConfigDict(extra="ignore")


class Nothing(Given):
    """A function without parameters."""


@dataclass(frozen=True, slots=True)
class Context:
    """What a function works with beside its parameters."""

    services: Services
    settings: Settings
    clock: Clock
    principal: Principal
    request: Request
    secret: str | None = None  # of the sign-in, if the caller is a browser
    timeout_seconds: float | None = None  # which the official client sends beside the parameters
    cookies: list[str] = field(default_factory=list[str])  # `Set-Cookie` lines for the answer


Handler = Callable[[Context, Any], Awaitable[Any]]


@dataclass(frozen=True, slots=True)
class Function:
    """One function: its name at each door, what it takes, who may call it."""

    summary: str
    permission: str  # who may call it, in words
    parameters: type[Given]
    handler: Handler
    hub: str | None = None
    project: str | None = None
    v2: str | None = None
    bare: str | None = None  # the member that the official client gets instead of the whole
    positional: tuple[str, ...] = ()  # names of arguments that clients may give by position
    done: str = "ok"  # the status at API v2 when there is nothing to tell
    needs_key: bool = True
    is_for_tokens: bool = True  # an auth token that is shown instead of a key is enough


P = TypeVar("P", bound=Given)


def by_name(functions: Iterable[Function], name_of: Callable[[Function], str | None]) -> Mapping[str, Function]:
    """Return the functions of one door by their names there; raise ValueError if two have one name."""
    found: dict[str, Function] = {}
    for function in functions:
        name = name_of(function)
        if name is not None:
            if name in found:
                raise ValueError(f"two functions are named {name}")
            found[name] = function
    return found


def read_given(kind: type[P], given: Mapping[str, Any]) -> P:
    """Build a function's parameters, null counting as absent; raise InvalidParameters."""
    present = {name: value for name, value in given.items() if value is not None}
    names = {field.alias or name: name for name, field in kind.model_fields.items() if field.is_required()}
    missing = [name for name in names if name not in present and names[name] not in present]
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
