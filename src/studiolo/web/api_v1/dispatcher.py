"""One dispatcher runs every call of API v1.

The order of the checks is part of the wire's contract:

1. the Authorization header is there and its scheme known, 2. the call exists, 3. over HTTP, 4. its parameters are
valid, 5. the call's own refusals, 6. `id` is filled in, 7. the key is resolved, 8. its account is not banned,
9. somebody handles the call, 10. it runs.

What fails before 10 is HTTP 400 with `{"error", "code"}`; what fails inside the call is HTTP 200 with
`{"event": "error", "id", "error", "code"}`. One check comes early: a body over `EARLY_BODY_BYTES` is read only for a
caller whose key is good, so that strangers cannot fill the memory.
"""

from typing import Any, cast

import structlog
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from studiolo.core.clock import Clock
from studiolo.core.errors import (
    BodyTooLarge,
    EndpointUnknown,
    IdempotencyKeyInUse,
    IdempotencyKeyReused,
    InvalidRequest,
    MethodNotAllowed,
    StudioloError,
)
from studiolo.core.models import Principal
from studiolo.core.secrets import SecretSource
from studiolo.core.settings import Settings
from studiolo.domain.services import Services
from studiolo.web import errors
from studiolo.web.api_v1.authorization import key_from_header, principal_of
from studiolo.web.api_v1.body import parameters_of
from studiolo.web.api_v1.parameters import Answer, Parameters, read_parameters
from studiolo.web.api_v1.registry import NEVER_HANDLED, Call, CallContext, Registry
from studiolo.web.body_sizes import allow_body_of
from studiolo.web.call_costs import charge_for_call
from studiolo.web.call_scopes import require_for_call
from studiolo.web.client_address import client_address
from studiolo.web.idempotency import fingerprint, once
from studiolo.web.middleware import note

EARLY_BODY_BYTES = 1024 * 1024


class Dispatcher:
    """The ASGI endpoint below `/api/v1/`."""

    def __init__(
        self, registry: Registry, services: Services, settings: Settings, clock: Clock, secrets: SecretSource
    ) -> None:
        self._registry = registry
        self._services = services
        self._settings = settings
        self._clock = clock
        self._secrets = secrets
        self._log = structlog.get_logger("studiolo.api")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        response = await self._answer(Request(scope, receive))
        await response(scope, receive, send)

    async def _answer(self, request: Request) -> Response:
        try:
            call, parameters, principal = await self._pass_door(request)
        except StudioloError as error:
            self._log_error(error)
            return errors.at_door(error)
        context = CallContext(self._services, principal, self._clock, self._settings, request)
        headers: dict[str, str] = {}
        message_id = self._secrets.uuid() if parameters.id is None else parameters.id
        try:
            require_for_call(principal, call.name)
            charge_for_call(self._services.spending, principal, call.name)
            answer, headers = await self._carry_out(call, context, parameters)
        except (IdempotencyKeyInUse, IdempotencyKeyReused) as error:  # the call has not begun: it is still the door
            return errors.at_door(error)
        except StudioloError as error:
            self._log_error(error)
            note(request.scope, error_code=error.code)
            if call.on_error is None:
                return errors.in_call(error, message_id)
            answer = call.on_error(error)
            headers = errors.headers_of(error)
        answer.id = message_id
        return errors.WireResponse(_written(answer), headers=headers)

    async def _carry_out(
        self, call: Call, context: CallContext, parameters: Parameters
    ) -> tuple[Answer, dict[str, str]]:
        return await once(
            self._services.idempotency,
            context.request,
            context.principal,
            call.creates,
            lambda: fingerprint(call.name, parameters.model_dump(exclude={"id"})),
            lambda: call.handler(context, parameters),
        )

    async def _pass_door(self, request: Request) -> tuple[Call, Parameters, Principal]:
        """Do checks 1 to 9."""
        if request.method != "POST":
            raise MethodNotAllowed(f"The method {request.method} is not possible here; use POST.", allow="POST")
        visitor = _Visitor(key_from_header(request.headers.get("authorization")), request, self._services)
        name = request.scope["path"].rpartition("/")[2]
        if name in NEVER_HANDLED:
            await visitor.principal(needs_key=True)
            raise EndpointUnknown(f"unknown message event type '{name}'")
        call = self._registry.over_http(name)
        note(request.scope, call=call.name)
        allow_body_of(self._settings, request.scope, call.name)
        raw = await _body(request, visitor, needs_key=call.needs_key)
        kind = cast("type[Parameters]", call.parameters)  # those of API v1 are
        parameters = read_parameters(kind, await parameters_of(request.headers.get("content-type", ""), raw))
        refusal = call.refuse(parameters) if call.refuse else None
        if refusal:
            raise InvalidRequest(refusal)
        return call, parameters, await visitor.principal(needs_key=call.needs_key)

    def _log_error(self, error: StudioloError) -> None:
        if error.internal or error.status >= 500:
            self._log.warning("call_failed", code=error.code, message=error.message, internal=error.internal)


class _Visitor:
    """Resolves the key of a request once, whenever it is first needed."""

    def __init__(self, key: str, request: Request, services: Services) -> None:
        self._key = key
        self._scope = request.scope
        self._services = services
        self._principal: Principal | None = None

    async def principal(self, *, needs_key: bool) -> Principal:
        if self._principal is None:
            address = client_address(self._scope)
            self._principal = await principal_of(self._key, address, self._services.api_keys, needs_key=needs_key)
            note(self._scope, caller=self._principal.wire_id)
        return self._principal


async def _body(request: Request, visitor: _Visitor, *, needs_key: bool) -> bytes:
    chunks: list[bytes] = []
    size_bytes = 0
    is_known = False
    async for chunk in request.stream():
        chunks.append(chunk)
        size_bytes += len(chunk)
        if size_bytes > EARLY_BODY_BYTES and not is_known:
            if (await visitor.principal(needs_key=needs_key)).is_anonymous:
                raise BodyTooLarge("A body of this size needs an API key.")
            is_known = True
    return b"".join(chunks)


def _written(answer: Answer) -> Any:
    try:
        return answer.model_dump_json(exclude_none=True).encode()
    except ValueError:  # half a surrogate pair, which only an escape can write, or an id nested too deeply
        return answer.model_dump(mode="python", exclude_none=True)
