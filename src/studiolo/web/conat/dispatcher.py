"""What the official client sends, and how it is answered.

1. The body is `{"name", "args", "timeout"?, "project_id"?}`: the name of a call, a list of arguments (mostly one
   object, sometimes inside `{"opts": ...}`, rarely values by position), milliseconds.
2. Only a key counts, as the user of Basic or as a Bearer; cookies do not. An auth token may stand in for a key where a
   call allows it: what it narrows is narrowed here too.
3. The form `hub` is for keys of accounts, the form `project` also for a project's own key, which names its project.
4. Every answer is HTTP 200: the bare result, or `{"error", "code"}`.
"""

import math
from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any, cast

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from studiolo.core.clock import Clock
from studiolo.core.errors import ApiKeyInvalid, EndpointUnknown, Forbidden, InvalidRequest, StudioloError
from studiolo.core.models import Principal
from studiolo.core.settings import Settings
from studiolo.domain.auth_tokens import TOKEN_CHARACTERS
from studiolo.domain.services import Services
from studiolo.web.api_v1.authorization import key_from_header
from studiolo.web.api_v1.registry import CallAt, CallContext, DoorName, Registry
from studiolo.web.call_costs import charge_for_call
from studiolo.web.call_scopes import require_for_call
from studiolo.web.client_address import client_address
from studiolo.web.doors.answering import carry_out, failed, read_body
from studiolo.web.doors.shapes import read_given, told
from studiolo.web.errors import WireResponse
from studiolo.web.middleware import note


class _Dispatcher(ABC):
    """What both forms share."""

    door: DoorName

    def __init__(self, registry: Registry, services: Services, settings: Settings, clock: Clock) -> None:
        self._calls = registry.at(self.door)
        self._services = services
        self._settings = settings
        self._clock = clock

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        request = Request(scope, receive)
        await (await self._answer(request))(scope, receive, send)

    async def _answer(self, request: Request) -> Response:
        try:
            answer, headers = await self._run(request)
            return WireResponse(answer, headers=headers)
        except StudioloError as error:
            return failed(request, error)

    async def _run(self, request: Request) -> tuple[Any, dict[str, str]]:
        principal, is_token = await self._principal(request)
        body = await read_body(request)
        one = self._call(body.get("name"))
        note(request.scope, call=str(body["name"]), caller=principal.wire_id)
        if is_token and not one.form.is_for_tokens:
            raise Forbidden("This call needs an API key.")
        require_for_call(principal, one.call.name)
        charge_for_call(self._services.spending, principal, one.call.name)
        given = self._complete(_arguments(one, body.get("args")), body, principal)
        context = CallContext(
            services=self._services,
            settings=self._settings,
            clock=self._clock,
            principal=principal,
            request=request,
            timeout_seconds=_seconds(body.get("timeout")),
        )
        result, headers = await carry_out(one, context, read_given(one.parameters, given))
        answer = told(one, result)
        return answer[one.form.bare] if one.form.bare is not None else answer, headers

    async def _principal(self, request: Request) -> tuple[Principal, bool]:
        """Return who asks, and whether an auth token says so."""
        key = key_from_header(request.headers.get("authorization"))
        address = client_address(dict(request.scope))
        if not key:
            raise ApiKeyInvalid("No account found. Is your API key wrong?")
        if len(key) == TOKEN_CHARACTERS and not key.startswith("sk-"):
            return await self._services.auth_tokens.resolve(key, address), True
        return await self._services.api_keys.resolve(key, address), False

    def _call(self, name: object) -> CallAt:
        one = self._calls.get(name) if isinstance(name, str) else None
        if one is None:
            raise EndpointUnknown(f"unknown function '{name}'"[:200])
        return one

    @abstractmethod
    def _complete(self, given: dict[str, Any], body: dict[str, Any], principal: Principal) -> dict[str, Any]:
        """Return the arguments with what this form says elsewhere; refuse who may not use the form."""


class HubDispatcher(_Dispatcher):
    """Answers `POST /api/conat/hub`."""

    door: DoorName = "hub"

    def _complete(self, given: dict[str, Any], body: dict[str, Any], principal: Principal) -> dict[str, Any]:
        if principal.account_id is None:
            raise Forbidden("This call needs the API key of an account, not of a project.")
        return given


class ProjectDispatcher(_Dispatcher):
    """Answers `POST /api/conat/project`."""

    door: DoorName = "project"

    def _complete(self, given: dict[str, Any], body: dict[str, Any], principal: Principal) -> dict[str, Any]:
        project_id = body.get("project_id") or principal.key_project_id
        if not isinstance(project_id, str):
            raise InvalidRequest("project_id must be specified")
        return {**given, "project_id": project_id}


def _arguments(one: CallAt, args: object) -> dict[str, Any]:
    if args is None:
        return {}
    if not isinstance(args, list):
        raise InvalidRequest("args must be a list")
    values = cast("Sequence[Any]", args)
    first = cast("dict[str, Any]", values[0]) if values and isinstance(values[0], dict) else None
    positional = one.form.positional
    if first is None or (first and positional and not any(name in first for name in positional)):
        return dict(zip(positional, values, strict=False))
    opts = first.get("opts")
    return cast("dict[str, Any]", opts) if isinstance(opts, dict) and len(first) == 1 else first


def _seconds(timeout_ms: object) -> float | None:
    if isinstance(timeout_ms, int | float) and math.isfinite(timeout_ms) and timeout_ms > 0:
        return timeout_ms / 1000
    return None
