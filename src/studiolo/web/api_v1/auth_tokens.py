"""Auth tokens: how a portal signs a browser in."""

from typing import Literal
from urllib.parse import quote, urlencode

from pydantic import Field

from studiolo.core.ids import AccountId, ProjectId
from studiolo.core.models import AuthToken, Scope
from studiolo.domain.auth_tokens import Narrowing
from studiolo.domain.idempotency import Made
from studiolo.web.api_v1.answers import Success
from studiolo.web.api_v1.parameters import Answer, Content, Flag, Integer, Moment, Parameters, Shape, Text
from studiolo.web.api_v1.registry import Call, CallContext, Example


class UserAuthParameters(Parameters):
    """What `user_auth` takes."""

    account_id: Text = Field(description="The account to be signed in.")
    password: Content = Field(description="That account's password; an administrator may give the empty string.")


class UserAuthToken(Answer):
    """A token for `?auth_token=`."""

    event: Literal["user_auth_token"] = "user_auth_token"
    auth_token: str = Field(description="24 characters of A-Z, a-z and 0-9.")


class MintAuthTokenParameters(Parameters):
    """What `mint_auth_token` takes."""

    account_id: Text | None = Field(default=None, description="The account to be signed in; without it, one's own.")
    project_id: Text | None = Field(default=None, description="The only project that can be reached.")
    path: Text | None = Field(
        default=None,
        description="The only file, or the only directory and what is below it; relative to the project's home.",
    )
    read_only: Flag = Field(default=False, description="Nothing can be changed or run.")
    may_start: Flag = Field(default=True, description="Without it, a project that does not run is not started.")
    single_use: Flag | None = Field(default=None, description="Good for one browser; without it, as the settings say.")
    lifetime: Integer = Field(default=None, description="For how many seconds the token can be used.")
    sign_in_lifetime: Integer = Field(
        default=None, description="For how many seconds a browser then stays signed in; without it, as the settings."
    )


class AuthTokenRow(Shape):
    """An auth token, without its secret."""

    auth_token_id: str
    account_id: str
    created_by: str | None = Field(default=None, description="The account that made it.")
    created_at: Moment
    expires_at: Moment
    used_at: Moment | None = Field(default=None, description="When a browser first used it.")
    project_id: str | None = None
    path: str | None = None
    read_only: bool
    may_start: bool
    single_use: bool


class AuthTokenMinted(Answer):
    """The token exists now."""

    event: Literal["auth_token_minted"] = "auth_token_minted"
    auth_token: str = Field(description="24 characters of A-Z, a-z and 0-9, shown this once.")
    address: str = Field(description="The page to open or to frame, on this server.")
    token: AuthTokenRow


class ListAuthTokensParameters(Parameters):
    """What `list_auth_tokens` takes."""

    account_id: Text | None = Field(default=None, description="Only tokens that sign in as this account.")


class AuthTokenList(Answer):
    """Tokens that are still good, the newest first, at most 1,000."""

    event: Literal["auth_token_list"] = "auth_token_list"
    tokens: list[AuthTokenRow]


class RevokeAuthTokenParameters(Parameters):
    """What `revoke_auth_token` takes: one of the two."""

    auth_token: Text | None = Field(default=None, description="The token itself.")
    auth_token_id: Text | None = Field(default=None, description="As `list_auth_tokens` gives it.")


async def user_auth(context: CallContext, parameters: UserAuthParameters) -> UserAuthToken:
    """Make an auth token for an account."""
    token = await context.services.auth_tokens.mint(
        context.principal, account_id=AccountId(parameters.account_id), password=parameters.password
    )
    return UserAuthToken(auth_token=token)


async def mint_auth_token(context: CallContext, parameters: MintAuthTokenParameters) -> AuthTokenMinted:
    """Make a token without a password."""
    narrowing = Narrowing(
        scope=Scope(
            project_id=ProjectId(parameters.project_id) if parameters.project_id else None,
            path_prefix=parameters.path or None,
            is_read_only=parameters.read_only,
            may_start=parameters.may_start,
        ),
        lifetime_seconds=parameters.lifetime,
        sign_in_seconds=parameters.sign_in_lifetime,
        is_single_use=parameters.single_use,
    )
    account_id = AccountId(parameters.account_id) if parameters.account_id else None
    secret, token = await context.services.auth_tokens.mint_for(context.principal, account_id, narrowing)
    return AuthTokenMinted(auth_token=secret, address=_address(token, secret), token=_row(token))


async def list_auth_tokens(context: CallContext, parameters: ListAuthTokensParameters) -> AuthTokenList:
    """Return living tokens."""
    account_id = AccountId(parameters.account_id) if parameters.account_id else None
    found = await context.services.auth_tokens.list(context.principal, account_id)
    return AuthTokenList(tokens=[_row(one) for one in found])


async def revoke_auth_token(context: CallContext, parameters: RevokeAuthTokenParameters) -> Success:
    """End an auth token."""
    if parameters.auth_token is not None:
        await context.services.auth_tokens.revoke(context.principal, parameters.auth_token)
    else:
        await context.services.auth_tokens.revoke_by_id(context.principal, parameters.auth_token_id or "")
    return Success()


def _not_one(parameters: RevokeAuthTokenParameters) -> str | None:
    if (parameters.auth_token is None) is (parameters.auth_token_id is None):
        return "one of auth_token and auth_token_id must be given"
    return None


def _address(token: AuthToken, secret: str) -> str:
    scope = token.scope
    if scope.project_id is None:
        return f"/auth/impersonate?{urlencode({'auth_token': secret})}"
    path = quote(scope.path_prefix or "")
    return f"/projects/{scope.project_id}/files/{path}?{urlencode({'auth_token': secret, 'fullscreen': 'kiosk'})}"


def _row(token: AuthToken) -> AuthTokenRow:
    return AuthTokenRow(
        auth_token_id=token.auth_token_id,
        account_id=token.account_id,
        created_by=token.created_by,
        created_at=token.created_at,
        expires_at=token.expires_at,
        used_at=token.used_at,
        project_id=token.scope.project_id,
        path=token.scope.path_prefix,
        read_only=token.scope.is_read_only,
        may_start=token.scope.may_start,
        single_use=token.is_single_use,
    )


_STUDENT = "99ebde5c-58f8-4e29-b6e4-b55b8fd71a1b"
_ADMIN = "2f4cd30d-a5b5-4cb1-8a7c-1de9b0a4a4e6"
_PROJECT = "2f5b3c4e-6d1a-4a4e-9c0d-7b8f6a5e4d3c"
_TOKEN = "BQokikJOvBiI2HlWgH4olfQ2"  # noqa: S105 - an example
_ROW = {
    "auth_token_id": "c5a1e7d3-6b2f-4c98-9e04-7d8f3a1b2c65",
    "account_id": _ADMIN,
    "created_by": _ADMIN,
    "created_at": "2026-11-22T08:00:00.000Z",
    "expires_at": "2026-11-22T08:05:00.000Z",
    "project_id": _PROJECT,
    "path": "week1/sheet.ipynb",
    "read_only": True,
    "may_start": True,
    "single_use": True,
}

CALLS = (
    Call(
        name="user_auth",
        creates=Made.AUTH_TOKEN,
        noun="accounts",
        summary="Make a short-lived auth token that signs a browser in as an account: `?auth_token=` in an IFrame.",
        permission="Any account that knows the password of the account to sign in; administrators without it.",
        parameters=UserAuthParameters,
        answers=(UserAuthToken,),
        handler=user_auth,
        examples=(
            Example(
                "Sign a student in, as an administrator",
                {"account_id": _STUDENT, "password": ""},
                {"event": "user_auth_token", "id": "9e8b68ac-08e8-432a-a853-398042fae8c9", "auth_token": _TOKEN},
            ),
        ),
    ),
    Call(
        name="mint_auth_token",
        creates=Made.AUTH_TOKEN,
        noun="auth_tokens",
        summary="Make an auth token without a password, narrowed to a project, a path, reading, one use, a lifetime.",
        permission=(
            "Any account, for itself and for the accounts that it made (as long as these are no administrator's); "
            "administrators, for all accounts."
        ),
        parameters=MintAuthTokenParameters,
        answers=(AuthTokenMinted,),
        handler=mint_auth_token,
        examples=(
            Example(
                "Show one notebook for reading, to one browser, within five minutes",
                {
                    "project_id": _PROJECT,
                    "path": "week1/sheet.ipynb",
                    "read_only": True,
                    "single_use": True,
                    "lifetime": 300,
                },
                {
                    "event": "auth_token_minted",
                    "id": "7e4b2d9c-1a63-4f85-8c07-5d9e0b3a6f12",
                    "auth_token": _TOKEN,
                    "address": f"/projects/{_PROJECT}/files/week1/sheet.ipynb?auth_token={_TOKEN}&fullscreen=kiosk",
                    "token": _ROW,
                },
            ),
        ),
    ),
    Call(
        name="list_auth_tokens",
        noun="auth_tokens",
        summary="List the auth tokens that are still good, without their secrets.",
        permission=(
            "Any account, for tokens that sign it in or that it made; administrators, for those of any account."
        ),
        parameters=ListAuthTokensParameters,
        answers=(AuthTokenList,),
        handler=list_auth_tokens,
        examples=(
            Example(
                "Tokens of one account",
                {"account_id": _ADMIN},
                {"event": "auth_token_list", "id": "e3d6b0a8-5c19-4e72-9f4b-2a8c7d1e0f53", "tokens": [_ROW]},
            ),
        ),
    ),
    Call(
        name="revoke_auth_token",
        noun="auth_tokens",
        summary="End an auth token, and sign out every browser that was signed in with it, open frames at once.",
        permission="The account it signs in, the account that made it, administrators.",
        parameters=RevokeAuthTokenParameters,
        answers=(Success,),
        handler=revoke_auth_token,
        refuse=_not_one,
        examples=(
            Example(
                "End a token",
                {"auth_token": _TOKEN},
                {"event": "success", "id": "5f2d7c1e-4a3b-4c8d-9e0f-1a2b3c4d5e6f"},
            ),
        ),
    ),
)
