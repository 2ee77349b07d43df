"""Signing browsers in and out."""

from studiolo.core.errors import Unauthenticated
from studiolo.web import cookies, csrf
from studiolo.web.api_v1.parameters import Content, Flag, Text
from studiolo.web.api_v1.registry import Call, CallContext, Example, Form
from studiolo.web.client_address import client_address
from studiolo.web.doors.shapes import Given, Reply


class SignInGiven(Given):
    """Who signs in."""

    email: Text
    password: Content


class SignOutGiven(Given):
    """Where one signs out: here, or everywhere."""

    all: Flag = False


class SignedIn(Reply):
    """Who is signed in now; the cookie comes beside it."""

    account_id: str


async def sign_in(context: CallContext, given: SignInGiven) -> SignedIn:
    """Sign a browser in with a cookie."""
    address = client_address(dict(context.request.scope))
    made, secret = await context.services.sign_ins.sign_in(given.email, given.password, address)
    is_secure = csrf.is_served_securely(context.settings, context.request)
    line = cookies.set_sign_in(secret, lifetime_seconds=context.settings.sign_in_lifetime_seconds, is_secure=is_secure)
    context.cookies.append(line)
    return SignedIn(account_id=made.account_id)


async def sign_out(context: CallContext, given: SignOutGiven) -> None:
    """End the sign-in of this browser, or all of the account's."""
    if given.all:
        await context.services.sign_ins.sign_out_everywhere(context.principal)
    elif context.secret is None:
        raise Unauthenticated("There is no sign-in of a browser; end all of them with `all`.")
    if context.secret is not None:
        await context.services.sign_ins.sign_out(context.secret)
        is_secure = csrf.is_served_securely(context.settings, context.request)
        context.cookies.append(cookies.clear_sign_in(is_secure=is_secure))


FORMS = dict[str, tuple[Form, ...]]()

CALLS = (
    Call(
        name="sign_in",
        noun="accounts",
        summary="Sign a browser in with a cookie.",
        permission="Everybody.",
        parameters=SignInGiven,
        handler=sign_in,
        needs_key=False,
        is_over_v1=False,
        forms=(Form(v2="auth/sign-in"),),
        examples=(
            Example(
                "Sign in",
                {"email": "student@example.edu", "password": "student-password"},
                {"account_id": "99ebde5c-58f8-4e29-b6e4-b55b8fd71a1b"},
            ),
        ),
    ),
    Call(
        name="sign_out",
        noun="accounts",
        summary="End the sign-in of this browser, or all.",
        permission="Any account.",
        parameters=SignOutGiven,
        handler=sign_out,
        is_over_v1=False,
        forms=(Form(v2="accounts/sign-out", done="success"),),
        examples=(Example("Sign out everywhere", {"all": True}, {"status": "success"}),),
    ),
)
