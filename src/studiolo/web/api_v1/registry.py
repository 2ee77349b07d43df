"""The one registry of calls, from which the dispatchers of all doors and the OpenAPI document come.

A call is an entry: its models, its handler, who may call it, examples. What is common to all calls (decoding, keys,
errors, documentation, tests) is done for every entry alike; `docs/contributing/add-an-endpoint.md` is the checklist.

A call that also exists at the doors of the official client (`hub`, `project`) or of API v2 has a `Form` for each shape
that it has there; `docs/adr/0009` says which shapes differ and why.
"""

from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal, TypeVar, get_type_hints

from pydantic import BaseModel
from starlette.requests import Request

from studiolo.core.clock import Clock
from studiolo.core.errors import EndpointUnknown, StudioloError
from studiolo.core.models import Principal
from studiolo.core.settings import Settings
from studiolo.domain.idempotency import Made
from studiolo.domain.services import Services
from studiolo.web.api_v1.parameters import Answer

# Messages of the historical protocol that never were, or no longer are, calls over HTTP.
NOT_OVER_HTTP = frozenset(
    {
        "account_created",
        "account_creation_failed",
        "account_deleted",
        "api_key",
        "api_key_info",
        "api_keys",
        "api_keys_response",
        "changed_email_address",
        "changed_password",
        "connect",
        "cookies",
        "copy_path_between_projects_response",
        "copy_path_status_response",
        "error",
        "file_written_to_project",
        "forgot_password_response",
        "json",
        "pong",
        "project_created",
        "project_exec_output",
        "project_set_quotas",
        "query_cancel",
        "remove_all_upgrades",
        "reconnect",
        "redirect",
        "remember_me_failed",
        "reset_forgot_password_response",
        "sign_in",
        "sign_in_failed",
        "sign_in_using_auth_token",
        "sign_out",
        "signed_in",
        "signed_out",
        "success",
        "terminate_session",
        "text_file_read_from_project",
        "user_auth_token",
        "user_search_results",
        "usernames",
        "webapp_error",
        "syncdoc_history",
        "available_upgrades",
        "invite_noncloud_collaborators_resp",
        "jupyter_execute_response",
    }
)

# Calls of the past that are not offered, by design; they answer as unknown ones do, and the reference says why.
_BILLING = "Billing: there is nothing to buy here."
_TELEMETRY = "Telemetry of browsers is not collected."
_WEEKS_ONLY = "Was a call for a few weeks of 2017 only."
_LANGUAGE_MODELS = "Asked an external language model; not part of the product."
NOT_OFFERED: Mapping[str, str] = {
    "email_address_availability": "Would tell anybody who has an account; was a call for weeks only.",
    "unlink_passport": "There is no single sign-on that could be unlinked.",
    "save_project": _WEEKS_ONLY,
    "project_users": _WEEKS_ONLY,
    "jupyter_port": "Led to a classic notebook server, of which there is none.",
    "public_get_project_info": _WEEKS_ONLY,
    "public_directory_listing": "An answer, flagged as a call by mistake in 2017.",
    "public_text_file_contents": "An answer, flagged as a call by mistake in 2017.",
    "public_project_info": "An answer, flagged as a call by mistake in 2017.",
    "add_license_to_project": "There are no licenses to buy or attach.",
    "remove_license_from_project": "There are no licenses to buy or attach.",
    "purchase_license": _BILLING,
    "create_support_ticket": "There is no support desk; see the setting `help_email`.",
    "get_support_tickets": "There is no support desk; see the setting `help_email`.",
    "user_tracking": _TELEMETRY,
    "metrics": _TELEMETRY,
    "start_metrics": _TELEMETRY,
    "chatgpt": _LANGUAGE_MODELS,
    **{f"openai_embeddings_{what}": _LANGUAGE_MODELS for what in ("search", "save", "remove", "get")},
    **{
        f"stripe_{what}": _BILLING
        for what in (
            "get_customer",
            "create_source",
            "delete_source",
            "set_default_source",
            "update_source",
            "create_subscription",
            "cancel_subscription",
            "update_subscription",
            "get_subscriptions",
            "get_coupon",
            "get_charges",
            "get_invoices",
            "get_plans",
        )
    },
}

# Messages that were calls over HTTP but never had anybody to answer them.
NEVER_HANDLED = frozenset({"stripe_customer", "stripe_plans"})


DoorName = Literal["v2", "hub", "project"]  # the doors beside API v1
DOORS: tuple[DoorName, ...] = ("v2", "hub", "project")


@dataclass(frozen=True, slots=True)
class CallContext:
    """What a handler works with beside its parameters."""

    services: Services
    principal: Principal
    clock: Clock
    settings: Settings
    request: Request
    secret: str | None = None  # of the sign-in, if the caller is a browser
    timeout_seconds: float | None = None  # which the official client sends beside the parameters
    cookies: list[str] = field(default_factory=list[str])  # `Set-Cookie` lines for the answer


@dataclass(frozen=True, slots=True)
class Example:
    """One way to make a call, and what it answers; the test suite runs every one."""

    summary: str
    parameters: dict[str, Any]
    answer: Any


Handler = Callable[[CallContext, Any], Awaitable[Any]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Form:
    """How a call looks at other doors than API v1: its name at one of them or several.

    Parameters that are not known there are passed over, since clients of many versions call. A form without a handler
    is the call's own, whose answer goes without `event` and `id`. Where there is nothing to tell, the official client
    gets null and API v2 a status.
    """

    hub: str | None = None
    project: str | None = None
    v2: str | None = None
    parameters: type[BaseModel] | None = None  # without them, the call's own
    handler: Handler | None = None
    bare: str | None = None  # the member that the official client gets instead of the whole
    only: tuple[str, ...] | None = None  # the members of the call's own answer that are told; () for none
    positional: tuple[str, ...] = ()  # names of arguments that clients may give by position
    done: str = "ok"  # the status at API v2 when there is nothing to tell
    creates: Made | None = None  # what it makes, if the call itself makes nothing
    needs_key: bool = True  # False: anybody may make it in this form
    is_for_tokens: bool = True  # the official client may show an auth token instead of a key
    examples: tuple[Example, ...] = ()

    def name_at(self, door: DoorName) -> str | None:
        """Return the name at a door, if there is one."""
        return {"hub": self.hub, "project": self.project, "v2": self.v2}[door]

    @property
    def names(self) -> dict[DoorName, str]:
        """Return the names by door."""
        return {door: name for door in DOORS if (name := self.name_at(door)) is not None}


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One call: everything that dispatching, documenting and testing need.

    Parameters, answers, handler and examples are those of API v1, unless `is_over_v1` is false; then they are what all
    of its forms share.
    """

    name: str
    noun: str
    summary: str
    permission: str  # who may call it, in words
    parameters: type[BaseModel]
    handler: Handler
    answers: tuple[type[Answer], ...] = ()
    examples: tuple[Example, ...] = ()
    needs_key: bool = True
    refuse: Callable[[Any], str | None] | None = None  # words with which the door refuses valid parameters
    on_error: Callable[[StudioloError], Answer] | None = None  # where the call has its own shape for failure
    creates: Made | None = None  # what it makes: then it takes an Idempotency-Key (see `domain/idempotency.py`)
    forms: tuple[Form, ...] = ()
    is_over_v1: bool = True

    @property
    def doors(self) -> frozenset[str]:
        """Return where the call is; `http` is API v1, which our own client speaks."""
        own = {"http"} if self.is_over_v1 else set[str]()
        return frozenset(own.union(*(form.names for form in self.forms)))

    def at(self, form: Form) -> "CallAt":
        """Return the call as it is in one of its forms."""
        return CallAt(self, form)


@dataclass(frozen=True, slots=True)
class CallAt:
    """A call in one of its forms."""

    call: Call
    form: Form

    @property
    def parameters(self) -> type[BaseModel]:
        """Return what it takes."""
        return self.form.parameters or self.call.parameters

    @property
    def handler(self) -> Handler:
        """Return who answers."""
        return self.form.handler or self.call.handler

    @property
    def creates(self) -> Made | None:
        """Return what it makes."""
        return self.form.creates or self.call.creates

    @property
    def needs_key(self) -> bool:
        """Tell whether the caller must be known."""
        return self.call.needs_key and self.form.needs_key

    @property
    def answer(self) -> Any:
        """Return the type of what the handler returns."""
        return get_type_hints(self.handler)["return"]

    @property
    def examples(self) -> tuple[Example, ...]:
        """Return examples in this form."""
        return self.form.examples or (() if self.call.is_over_v1 else self.call.examples)


class Registry:
    """The calls by name."""

    def __init__(self, calls: Iterable[Call]) -> None:
        """Take the calls; raise ValueError if two have one name, at any door."""
        self._calls: dict[str, Call] = {}
        self._forms: dict[DoorName, dict[str, CallAt]] = {door: {} for door in DOORS}
        for call in calls:
            _put(self._calls, call.name, call)
            for form in call.forms:
                for door, name in form.names.items():
                    _put(self._forms[door], name, call.at(form))

    def __iter__(self) -> Iterator[Call]:
        """Iterate over the calls in the order of their names."""
        return iter(sorted(self._calls.values(), key=lambda call: call.name))

    @property
    def by_name(self) -> Mapping[str, Call]:
        """Return the calls by name."""
        return self._calls

    @property
    def v1(self) -> list[Call]:
        """Return the calls of API v1 in the order of their names."""
        return [call for call in self if call.is_over_v1]

    def at(self, door: DoorName) -> Mapping[str, CallAt]:
        """Return the calls of a door by their names there."""
        return self._forms[door]

    def with_forms(self, forms: Mapping[str, Iterable[Form]]) -> "Registry":
        """Return a registry whose calls have these forms, too; raise ValueError for a call that is not there."""
        lost = set(forms) - set(self._calls)
        if lost:
            raise ValueError(f"forms of no call: {sorted(lost)}")
        return Registry(replace(call, forms=(*call.forms, *forms.get(call.name, ()))) for call in self._calls.values())

    def over_http(self, name: str) -> Call:
        """Return API v1's call of that name; raise EndpointUnknown, in the words of old, if it does not have it."""
        call = self._calls.get(name)
        if call is not None and call.is_over_v1:
            return call
        if name in NOT_OVER_HTTP:
            raise EndpointUnknown(f"endpoint '{name}' is not part of the HTTP API")
        raise EndpointUnknown(f"unknown endpoint '{name}'")


T = TypeVar("T")


def _put(known: dict[str, T], name: str, value: T) -> None:
    if name in known:
        raise ValueError(f"two calls are named {name}")
    known[name] = value
