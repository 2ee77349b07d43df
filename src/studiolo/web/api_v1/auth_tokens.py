"""Auth tokens: how a portal signs a browser in."""

from typing import Literal

from pydantic import Field

from studiolo.core.ids import AccountId
from studiolo.web.api_v1.answers import Success
from studiolo.web.api_v1.parameters import Answer, Content, Parameters, Text
from studiolo.web.api_v1.registry import Call, CallContext, Example


class UserAuthParameters(Parameters):
    """What `user_auth` takes."""

    account_id: Text = Field(description="The account to be signed in.")
    password: Content = Field(description="That account's password; an administrator may give the empty string.")


class UserAuthToken(Answer):
    """A token for `?auth_token=`."""

    event: Literal["user_auth_token"] = "user_auth_token"
    auth_token: str = Field(description="24 characters of A-Z, a-z and 0-9.")


async def user_auth(context: CallContext, parameters: UserAuthParameters) -> UserAuthToken:
    """Make an auth token for an account."""
    token = await context.services.auth_tokens.mint(
        context.principal, account_id=AccountId(parameters.account_id), password=parameters.password
    )
    return UserAuthToken(auth_token=token)


class RevokeAuthTokenParameters(Parameters):
    """What `revoke_auth_token` takes."""

    auth_token: Text = Field(description="The token, as `user_auth` gave it.")


async def revoke_auth_token(context: CallContext, parameters: RevokeAuthTokenParameters) -> Success:
    """End an auth token."""
    await context.services.auth_tokens.revoke(context.principal, parameters.auth_token)
    return Success()


CALLS = (
    Call(
        name="user_auth",
        noun="accounts",
        summary="Make a short-lived auth token that signs a browser in as an account: `?auth_token=` in an IFrame.",
        permission="Any account that knows the password of the account to sign in; administrators without it.",
        parameters=UserAuthParameters,
        answers=(UserAuthToken,),
        handler=user_auth,
        examples=(
            Example(
                "Sign a student in, as an administrator",
                {"account_id": "99ebde5c-58f8-4e29-b6e4-b55b8fd71a1b", "password": ""},
                {
                    "event": "user_auth_token",
                    "id": "9e8b68ac-08e8-432a-a853-398042fae8c9",
                    "auth_token": "BQokikJOvBiI2HlWgH4olfQ2",
                },
            ),
        ),
    ),
    Call(
        name="revoke_auth_token",
        noun="accounts",
        summary="End an auth token, and sign out every browser that was signed in with it.",
        permission="The account it signs in, the account that made it, administrators.",
        parameters=RevokeAuthTokenParameters,
        answers=(Success,),
        handler=revoke_auth_token,
        examples=(
            Example(
                "End a token",
                {"auth_token": "BQokikJOvBiI2HlWgH4olfQ2"},
                {"event": "success", "id": "5f2d7c1e-4a3b-4c8d-9e0f-1a2b3c4d5e6f"},
            ),
        ),
    ),
)
