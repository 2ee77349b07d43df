"""Making an account for oneself, for good or to be thrown away."""

from pydantic import Field

from studiolo.web import cookies, csrf
from studiolo.web.api_v1.parameters import Content, Flag, Text
from studiolo.web.api_v1.registry import Call, CallContext, Example, Form
from studiolo.web.client_address import client_address
from studiolo.web.doors.shapes import Given, Nothing, Reply


class SignUpGiven(Given):
    """The new account."""

    email: Text
    password: Content
    firstName: Text = ""
    lastName: Text = ""
    terms: Flag = False
    registrationToken: Text | None = Field(default=None, description="Where the server asks for one.")


class SignedUp(Reply):
    """The account exists now."""

    account_id: str


class EphemeralGiven(Given):
    """What allows a throw-away account."""

    registrationToken: Text


class EphemeralSignedIn(Reply):
    """A throw-away account; the browser is signed in by the cookie beside it."""

    account_id: str
    auth_token: str = Field(description="Signs frames in as the account.")
    lifetime: int = Field(description="For how many seconds the account lives.")


class RequiresToken(Reply):
    """Whether one needs a registration token to make an account."""

    required: bool


async def sign_up(context: CallContext, given: SignUpGiven) -> SignedUp:
    """Make an account, as the setting `account_creation` allows."""
    made = await context.services.accounts.create(
        context.principal,
        email_address=given.email,
        password=given.password,
        first_name=given.firstName,
        last_name=given.lastName,
        agreed_to_terms=given.terms,
        registration_token=given.registrationToken,
    )
    return SignedUp(account_id=made.account_id)


async def sign_up_ephemeral(context: CallContext, given: EphemeralGiven) -> EphemeralSignedIn:
    """Make a throw-away account and sign the browser in."""
    address = client_address(dict(context.request.scope))
    made = await context.services.ephemeral_accounts.create(given.registrationToken, address)
    is_secure = csrf.is_served_securely(context.settings, context.request)
    context.cookies.append(
        cookies.set_sign_in(made.secret, lifetime_seconds=made.lifetime_seconds, is_secure=is_secure)
    )
    return EphemeralSignedIn(
        account_id=made.account.account_id, auth_token=made.auth_token, lifetime=made.lifetime_seconds
    )


async def requires_registration_token(context: CallContext, _given: Nothing) -> RequiresToken:
    """Tell whether people who make an account for themselves need a token."""
    return RequiresToken(required=context.settings.account_creation == "registration_token")


FORMS = {
    "create_account": (
        Form(
            v2="auth/sign-up",
            parameters=SignUpGiven,
            handler=sign_up,
            needs_key=False,
            examples=(
                Example(
                    "An administrator makes an account",
                    {"email": "emmy@example.edu", "password": "a-good-password", "firstName": "Emmy"},
                    {"account_id": "5e0f7c1b-9d3a-4268-8b4e-2c6d1a7f9e05"},
                ),
            ),
        ),
    ),
}

CALLS = (
    Call(
        name="sign_up_ephemeral",
        noun="accounts",
        summary="Make a throw-away account with a registration token, and sign the browser in as it.",
        permission="Whoever has a registration token for throw-away accounts.",
        parameters=EphemeralGiven,
        handler=sign_up_ephemeral,
        needs_key=False,
        is_over_v1=False,
        forms=(Form(v2="auth/ephemeral"),),
        examples=(
            Example(
                "Begin an exam",
                {"registrationToken": "Zp8sQ1mX5vTn7RbY3kWd9LcG"},
                {
                    "account_id": "8c2e6a90-5f1d-4b37-a8c4-0d9b3e7f1a62",
                    "auth_token": "BQokikJOvBiI2HlWgH4olfQ2",
                    "lifetime": 10800,
                },
            ),
        ),
    ),
    Call(
        name="requires_registration_token",
        noun="accounts",
        summary="Tell whether people who make an account for themselves need a registration token.",
        permission="Everybody.",
        parameters=Nothing,
        handler=requires_registration_token,
        needs_key=False,
        is_over_v1=False,
        forms=(Form(v2="auth/requires-token"),),
        examples=(Example("Ask", {}, {"required": False}),),
    ),
)
