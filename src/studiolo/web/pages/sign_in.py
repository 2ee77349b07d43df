"""The sign-in page and the way out."""

from urllib.parse import parse_qs, urlsplit

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from studiolo.core.errors import AccountBanned, RateLimited, Unauthenticated
from studiolo.core.settings import Settings
from studiolo.domain.sign_ins import SignIns
from studiolo.web import cookies
from studiolo.web.client_address import client_address
from studiolo.web.pages.forms import read_form
from studiolo.web.pages.rendering import Pages, redirect
from studiolo.web.pages.visitors import Visitors
from studiolo.web.targets import own_path

WRONG = "The e-mail address or the password is wrong."
NEEDS_HTTPS = "This server is reached over plain http: the browser would not keep a sign-in. Use its https address."


class SignInPages:
    """Signs people in and out with e-mail address and password."""

    def __init__(self, pages: Pages, visitors: Visitors, sign_ins: SignIns, settings: Settings) -> None:
        self._pages = pages
        self._visitors = visitors
        self._sign_ins = sign_ins
        self._settings = settings

    def routes(self) -> list[BaseRoute]:
        """Return the routes of /sign-in and /sign-out."""
        guarded = self._pages.guarded
        return [
            Route("/sign-in", guarded(self.show_sign_in), methods=["GET"]),
            Route("/sign-in", guarded(self.sign_in), methods=["POST"]),
            Route("/sign-out", guarded(self.sign_out), methods=["POST"]),
        ]

    async def show_sign_in(self, request: Request) -> Response:
        """Show the form, or go on if somebody is signed in already."""
        target = own_path(request.query_params.get("next"), "/")
        if await self._visitors.find(request) is not None:
            return redirect(target)
        return self._form(request, target)

    async def sign_in(self, request: Request) -> Response:
        """Check the password; the answer never tells whether the account exists."""
        form = await read_form(request, self._settings, None)
        target = own_path(form.get("next"), "/")
        email_address = form.get("email_address", "").strip()
        try:
            _, secret = await self._sign_ins.sign_in(
                email_address, form.get("password", ""), client_address(dict(request.scope))
            )
        except RateLimited as error:
            wait_seconds = int(error.details.get("retry_after_seconds", 60)) + 1
            message = f"Too many attempts. Please wait {_spoken(wait_seconds)} and try again."
            response = self._form(request, target, email_address, message, status=429)
            response.headers["retry-after"] = str(wait_seconds)
            return response
        except AccountBanned as error:
            return self._form(request, target, email_address, error.message, status=403)
        except Unauthenticated:
            return self._form(request, target, email_address, WRONG, status=403)
        await self._end_old_sign_in(request)
        response = redirect(target)
        line = cookies.set_sign_in(
            secret,
            lifetime_seconds=self._settings.sign_in_lifetime_seconds,
            is_secure=self._visitors.is_secure(request),
        )
        response.headers.append("set-cookie", line)
        return response

    async def sign_out(self, request: Request) -> Response:
        """End the sign-in, here and in the database."""
        visitor = await self._visitors.require(request)
        await read_form(request, self._settings, visitor.secret)
        await self._sign_ins.sign_out(visitor.secret)
        response = redirect("/sign-in")
        response.headers.append("set-cookie", cookies.clear_sign_in(is_secure=self._visitors.is_secure(request)))
        return response

    async def _end_old_sign_in(self, request: Request) -> None:
        old = await self._visitors.find(request)
        if old is not None:
            await self._sign_ins.sign_out(old.secret)

    def _form(
        self, request: Request, target: str, email_address: str = "", message: str = "", *, status: int = 200
    ) -> Response:
        can_keep = self._visitors.is_secure(request) or self._settings.development
        return self._pages.render(
            "sign_in.html",
            None,
            status=status,
            target=target,
            email_address=email_address,
            message=message,
            warning="" if can_keep else NEEDS_HTTPS,
            app_name=app_name_of(target),
        )


def app_name_of(address: str) -> str:
    """Return the name of the program for which `address` asks an API key, or nothing."""
    parts = urlsplit(address)
    names = parse_qs(parts.query).get("get_api_key", [""])
    return clean_app_name(names[0]) if parts.path == "/app" else ""


def clean_app_name(text: str) -> str:
    """Return the name a program gave itself, without what could disguise it."""
    return " ".join("".join(char if char.isprintable() else " " for char in text).split())[:64]


def _spoken(seconds: int) -> str:
    return f"{seconds} seconds" if seconds < 90 else f"{(seconds + 59) // 60} minutes"
