"""The one registry of calls, from which the dispatcher and the OpenAPI document come.

A call is an entry: its models, its handler, who may call it, examples. What is common to all calls (decoding, keys,
errors, documentation, tests) is done for every entry alike; `docs/contributing/add-an-endpoint.md` is the checklist.
"""

from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from studiolo.core.clock import Clock
from studiolo.core.errors import EndpointUnknown, StudioloError
from studiolo.core.models import Principal
from studiolo.domain.services import Services
from studiolo.web.api_v1.parameters import Answer, Parameters

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


@dataclass(frozen=True, slots=True)
class CallContext:
    """What a handler works with beside its parameters."""

    services: Services
    principal: Principal
    clock: Clock


@dataclass(frozen=True, slots=True)
class Example:
    """One way to make a call, and what it answers; the test suite runs every one."""

    summary: str
    parameters: dict[str, Any]
    answer: dict[str, Any]


Handler = Callable[[CallContext, Any], Awaitable[Answer]]


@dataclass(frozen=True, slots=True)
class Call:
    """One call: everything that dispatching, documenting and testing need."""

    name: str
    noun: str
    summary: str
    permission: str  # who may call it, in words
    parameters: type[Parameters]
    answers: tuple[type[Answer], ...]
    handler: Handler
    examples: tuple[Example, ...]
    needs_key: bool = True
    refuse: Callable[[Any], str | None] | None = None  # words with which the door refuses valid parameters
    on_error: Callable[[StudioloError], Answer] | None = None  # where the call has its own shape for failure
    doors: frozenset[Literal["http"]] = frozenset({"http"})


class Registry:
    """The calls by name."""

    def __init__(self, calls: Iterable[Call]) -> None:
        """Take the calls; raise ValueError if two have one name."""
        self._calls: dict[str, Call] = {}
        for call in calls:
            if call.name in self._calls:
                raise ValueError(f"two calls are named {call.name}")
            self._calls[call.name] = call

    def __iter__(self) -> Iterator[Call]:
        """Iterate over the calls in the order of their names."""
        return iter(sorted(self._calls.values(), key=lambda call: call.name))

    @property
    def by_name(self) -> Mapping[str, Call]:
        """Return the calls by name."""
        return self._calls

    def over_http(self, name: str) -> Call:
        """Return the call of that name; raise EndpointUnknown, in the words of old, if HTTP does not have it."""
        call = self._calls.get(name)
        if call is not None and "http" in call.doors:
            return call
        if call is not None or name in NOT_OVER_HTTP:
            raise EndpointUnknown(f"endpoint '{name}' is not part of the HTTP API")
        raise EndpointUnknown(f"unknown endpoint '{name}'")
