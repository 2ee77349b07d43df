"""How API v2 is answered.

1. The body is a JSON object; another site cannot send that content type without asking first, and is not let.
2. Who asks is told by an API key (Basic or Bearer), else by the sign-in cookie of a browser. The cookie counts only in
   a request that says it comes from our own pages and carries the header `X-Studiolo-Request: 1`.
3. A browser's request from anywhere else may not even sign somebody in.
4. Every answer is HTTP 200: an object or a list, `{"status"}` where there is nothing to tell, or `{"error", "code"}`.
"""

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from studiolo.core.clock import Clock
from studiolo.core.errors import EndpointUnknown, Forbidden, InvalidRequest, StudioloError, Unauthenticated
from studiolo.core.models import ANONYMOUS, Principal
from studiolo.core.settings import Settings
from studiolo.domain.services import Services
from studiolo.web import cookies, csrf
from studiolo.web.api_v1.authorization import key_from_header, principal_of
from studiolo.web.api_v1.registry import CallContext, Registry
from studiolo.web.body_sizes import allow_body_of
from studiolo.web.call_costs import charge_for_call
from studiolo.web.call_scopes import require_for_call
from studiolo.web.client_address import client_address
from studiolo.web.doors.answering import STRANGERS_BYTES, carry_out, failed, read_body
from studiolo.web.doors.shapes import read_given, told
from studiolo.web.errors import WireResponse
from studiolo.web.middleware import note

REQUEST_HEADER = "x-studiolo-request"


class Dispatcher:
    """The ASGI endpoint below `/api/v2/`."""

    def __init__(self, registry: Registry, services: Services, settings: Settings, clock: Clock) -> None:
        self._calls = registry.at("v2")
        self._services = services
        self._settings = settings
        self._clock = clock

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        request = Request(scope, receive)
        await (await self._answer(request))(scope, receive, send)

    async def _answer(self, request: Request) -> Response:
        try:
            return await self._run(request)
        except StudioloError as error:
            return failed(request, error)

    async def _run(self, request: Request) -> Response:
        name = str(request.path_params["call"])
        one = self._calls.get(name)
        if one is None:
            raise EndpointUnknown(f"unknown endpoint '{name[:100]}'")
        note(request.scope, call=f"v2 {name}")
        principal, secret = await self._principal(request)
        if one.needs_key and principal.is_anonymous:
            raise Unauthenticated("Must be signed in or give an API key.")
        note(request.scope, caller=principal.wire_id)
        require_for_call(principal, one.call.name)
        charge_for_call(self._services.spending, principal, one.call.name)
        _require_json(request)
        allow_body_of(self._settings, request.scope, one.call.name)
        context = CallContext(
            services=self._services,
            settings=self._settings,
            clock=self._clock,
            principal=principal,
            request=request,
            secret=secret,
        )
        body = await read_body(request, max_bytes=STRANGERS_BYTES if principal.is_anonymous else None)
        result, headers = await carry_out(one, context, read_given(one.parameters, body))
        answer = told(one, result)
        response = WireResponse({"status": one.form.done} if answer is None else answer, headers=headers)
        for line in context.cookies:
            response.headers.append("set-cookie", line)
        return response

    async def _principal(self, request: Request) -> tuple[Principal, str | None]:
        """Return who asks, and the secret of the sign-in if a browser's cookie says so."""
        address = client_address(dict(request.scope))
        header = request.headers.get("authorization")
        if header is not None:
            key = key_from_header(header)
            return await principal_of(key, address, self._services.api_keys, needs_key=True), None
        is_browser = "origin" in request.headers or "sec-fetch-site" in request.headers
        if is_browser and not csrf.has_own_origin(self._settings, request):
            raise Forbidden("This request comes from another site.")
        is_secure = csrf.is_served_securely(self._settings, request)
        secret = cookies.sign_in_secret(request.cookies, is_secure=is_secure)
        if secret is None or request.headers.get(REQUEST_HEADER) != "1":
            return Principal(address=address) if address else ANONYMOUS, None
        if not is_browser:
            raise Forbidden("A sign-in's cookie counts only in requests from our own pages.")
        return await self._services.sign_ins.resolve_own(secret, address), secret


def _require_json(request: Request) -> None:
    """Refuse a body of another type; no body at all is fine."""
    media_type = request.headers.get("content-type", "application/json").partition(";")[0].strip().lower()
    if media_type != "application/json":
        raise InvalidRequest("The body must be JSON, with the content type application/json.")
