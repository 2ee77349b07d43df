"""The pages for a forgotten password: asking for a code by mail, and setting a new password with it.

1. The answer to the first form never tells whether somebody has an account with the address, neither in its words nor
   by how long it takes: the mail is sent after the answer.
2. Merely opening the mail's link changes nothing: the code is used by a form that our own page must have sent.
"""

import structlog
from starlette.background import BackgroundTask
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from studiolo.core.errors import InvalidRequest, StudioloError
from studiolo.core.settings import Settings
from studiolo.domain.password_resets import PasswordResets
from studiolo.web.client_address import client_address
from studiolo.web.pages.forms import read_form
from studiolo.web.pages.rendering import Pages

MAX_CODE_CHARACTERS = 64
_log = structlog.get_logger(__name__)


class PasswordResetPages:
    """Helps people who forgot their passwords."""

    def __init__(self, pages: Pages, password_resets: PasswordResets, settings: Settings) -> None:
        self._pages = pages
        self._password_resets = password_resets
        self._settings = settings

    def routes(self) -> list[BaseRoute]:
        """Return the routes of /forgot-password and /reset-password."""
        guarded = self._pages.guarded
        return [
            Route("/forgot-password", guarded(self.show_request), methods=["GET"]),
            Route("/forgot-password", guarded(self.request), methods=["POST"]),
            Route("/reset-password", guarded(self.show_redeem), methods=["GET"]),
            Route("/reset-password", guarded(self.redeem), methods=["POST"]),
        ]

    async def show_request(self, request: Request) -> Response:
        """Ask for the address."""
        return self._pages.render("forgot_password.html", None, is_sent=False)

    async def request(self, request: Request) -> Response:
        """Say that a code is on its way, if it is, and send it."""
        form = await read_form(request, self._settings, None)
        response = self._pages.render("forgot_password.html", None, is_sent=True)
        email_address, address = form.get("email_address", "").strip(), client_address(dict(request.scope))
        response.background = BackgroundTask(self._send, email_address, address)
        return response

    async def show_redeem(self, request: Request) -> Response:
        """Ask for the code, if the address does not hold it, and for the new password."""
        return self._form(request.query_params.get("code", ""))

    async def redeem(self, request: Request) -> Response:
        """Set the password."""
        form = await read_form(request, self._settings, None)
        code = form.get("code", "").strip()
        try:
            await self._password_resets.redeem(code, form.get("new_password", ""))
        except InvalidRequest as error:
            return self._form(code, error)
        return self._pages.render("reset_password.html", None, is_set=True, code="", error=None)

    async def _send(self, email_address: str, address: str) -> None:
        try:
            await self._password_resets.request(email_address, address)
        except StudioloError as error:
            _log.info("no_reset_code_sent", code=error.code, internal=error.internal)
        except Exception:  # noqa: BLE001 - the edge: nobody waits for this any more
            _log.exception("no_reset_code_sent")

    def _form(self, code: str, error: StudioloError | None = None) -> Response:
        status = 200 if error is None else error.status
        code = code[:MAX_CODE_CHARACTERS]
        return self._pages.render("reset_password.html", None, status=status, is_set=False, code=code, error=error)
