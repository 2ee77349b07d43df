"""Signing browsers in and out."""

from typing import Any

from studiolo.core.errors import Unauthenticated
from studiolo.web import cookies, csrf
from studiolo.web.api_v1.parameters import Content, Flag, Text
from studiolo.web.client_address import client_address
from studiolo.web.functions.registry import Context, Function, Given


class SignInGiven(Given):
    """Who signs in."""

    email: Text
    password: Content


class SignUpGiven(SignInGiven):
    """The new account."""

    firstName: Text = ""
    lastName: Text = ""
    terms: Flag = False


class SignOutGiven(Given):
    """Where one signs out: here, or everywhere."""

    all: Flag = False


async def sign_in(context: Context, given: SignInGiven) -> dict[str, Any]:
    """Sign a browser in with a cookie."""
    address = client_address(dict(context.request.scope))
    sign_in, secret = await context.services.sign_ins.sign_in(given.email, given.password, address)
    is_secure = csrf.is_served_securely(context.settings, context.request)
    line = cookies.set_sign_in(secret, lifetime_seconds=context.settings.sign_in_lifetime_seconds, is_secure=is_secure)
    context.cookies.append(line)
    return {"account_id": sign_in.account_id}


async def sign_up(context: Context, given: SignUpGiven) -> dict[str, Any]:
    """Make an account, as the setting `account_creation` allows."""
    made = await context.services.accounts.create(
        context.principal,
        email_address=given.email,
        password=given.password,
        first_name=given.firstName,
        last_name=given.lastName,
        agreed_to_terms=given.terms,
    )
    return {"account_id": made.account_id}


async def sign_out(context: Context, given: SignOutGiven) -> None:
    """End the sign-in of this browser, or all of the account's."""
    if given.all:
        await context.services.sign_ins.sign_out_everywhere(context.principal)
    elif context.secret is None:
        raise Unauthenticated("There is no sign-in of a browser; end all of them with `all`.")
    if context.secret is not None:
        await context.services.sign_ins.sign_out(context.secret)
        is_secure = csrf.is_served_securely(context.settings, context.request)
        context.cookies.append(cookies.clear_sign_in(is_secure=is_secure))


FUNCTIONS = (
    Function(
        "Sign a browser in with a cookie.", "Everybody.", SignInGiven, sign_in, v2="auth/sign-in", needs_key=False
    ),
    Function("Make an account.", "As the setting `account_creation` says.", SignUpGiven, sign_up, v2="auth/sign-up"),
    Function(
        "End the sign-in of this browser, or all.",
        "Any account.",
        SignOutGiven,
        sign_out,
        v2="accounts/sign-out",
        done="success",
    ),
)
