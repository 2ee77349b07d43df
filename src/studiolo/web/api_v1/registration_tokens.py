"""Registration tokens: with which people make accounts for themselves."""

from typing import Literal

from pydantic import Field

from studiolo.core.errors import InvalidRequest
from studiolo.core.models import RegistrationToken
from studiolo.domain.idempotency import Made
from studiolo.domain.moments import parse_moment
from studiolo.web.api_v1.answers import Success
from studiolo.web.api_v1.parameters import Answer, Integer, Moment, Parameters, Shape, Text
from studiolo.web.api_v1.registry import Call, CallContext, Example


class CreateRegistrationTokenParameters(Parameters):
    """What `create_registration_token` takes."""

    description: Text = Field(default="", description="What it is for.")
    usage_limit: Integer = Field(default=None, description="How many accounts it makes; without it, any number.")
    expires_at: Text | None = Field(default=None, description="A moment; without it, it is good until it is ended.")
    ephemeral_lifetime: Integer = Field(
        default=None,
        description="It makes throw-away accounts (`auth/ephemeral`), which live for so many seconds, and no others.",
    )


class ListRegistrationTokensParameters(Parameters):
    """What `list_registration_tokens` takes."""


class RevokeRegistrationTokenParameters(Parameters):
    """What `revoke_registration_token` takes."""

    registration_token_id: Text = Field(description="As `list_registration_tokens` gives it.")


class RegistrationTokenRow(Shape):
    """A registration token, without its secret."""

    registration_token_id: str
    description: str
    created_by: str | None = None
    created_at: Moment
    expires_at: Moment | None = None
    usage_limit: int | None = None
    uses: int = Field(description="How many accounts were made with it.")
    disabled: bool
    ephemeral_lifetime: int | None = None


class RegistrationTokenCreated(Answer):
    """The token exists now."""

    event: Literal["registration_token_created"] = "registration_token_created"
    registration_token: str = Field(description="24 characters of A-Z, a-z and 0-9, shown this once.")
    token: RegistrationTokenRow


class RegistrationTokenList(Answer):
    """The tokens, the newest first, at most 1,000."""

    event: Literal["registration_token_list"] = "registration_token_list"
    tokens: list[RegistrationTokenRow]


async def create_registration_token(
    context: CallContext, parameters: CreateRegistrationTokenParameters
) -> RegistrationTokenCreated:
    """Make a token."""
    moment = parse_moment(parameters.expires_at) if parameters.expires_at else None
    if parameters.expires_at and moment is None:
        raise InvalidRequest("expires_at must be a date", fields={"expires_at": "must be a date"})
    token, secret = await context.services.registration_tokens.create(
        context.principal,
        description=parameters.description,
        usage_limit=parameters.usage_limit,
        expires_at=moment,
        ephemeral_seconds=parameters.ephemeral_lifetime,
    )
    return RegistrationTokenCreated(registration_token=secret, token=_row(token))


async def list_registration_tokens(
    context: CallContext, _parameters: ListRegistrationTokensParameters
) -> RegistrationTokenList:
    """Return the tokens."""
    found = await context.services.registration_tokens.list(context.principal)
    return RegistrationTokenList(tokens=[_row(one) for one in found])


async def revoke_registration_token(context: CallContext, parameters: RevokeRegistrationTokenParameters) -> Success:
    """End a token."""
    await context.services.registration_tokens.revoke(context.principal, parameters.registration_token_id)
    return Success()


def _row(token: RegistrationToken) -> RegistrationTokenRow:
    return RegistrationTokenRow(
        registration_token_id=token.registration_token_id,
        description=token.description,
        created_by=token.created_by,
        created_at=token.created_at,
        expires_at=token.expires_at,
        usage_limit=token.usage_limit,
        uses=token.uses,
        disabled=token.is_disabled,
        ephemeral_lifetime=token.ephemeral_seconds,
    )


_ADMINS = "Administrators."
_ROW = {
    "registration_token_id": "4b7d2c90-8e1f-4a36-b5d8-0f3c9a6e7d21",
    "description": "Exam of 4 February",
    "created_by": "2f4cd30d-a5b5-4cb1-8a7c-1de9b0a4a4e6",
    "created_at": "2026-11-22T08:00:00.000Z",
    "expires_at": "2030-02-05T00:00:00.000Z",
    "usage_limit": 120,
    "uses": 0,
    "disabled": False,
    "ephemeral_lifetime": 10800,
}

CALLS = (
    Call(
        name="create_registration_token",
        creates=Made.REGISTRATION_TOKEN,
        noun="registration_tokens",
        summary="Make a registration token, with which people make accounts, or throw-away accounts, for themselves.",
        permission=_ADMINS,
        parameters=CreateRegistrationTokenParameters,
        answers=(RegistrationTokenCreated,),
        handler=create_registration_token,
        examples=(
            Example(
                "Throw-away accounts of three hours for an exam",
                {
                    "description": "Exam of 4 February",
                    "usage_limit": 120,
                    "expires_at": "2030-02-05",
                    "ephemeral_lifetime": 10800,
                },
                {
                    "event": "registration_token_created",
                    "id": "a9c3f5e1-7d24-4b80-96ea-5c1d8f0b3e74",
                    "registration_token": "Zp8sQ1mX5vTn7RbY3kWd9LcG",
                    "token": _ROW,
                },
            ),
        ),
    ),
    Call(
        name="list_registration_tokens",
        noun="registration_tokens",
        summary="List the registration tokens, without their secrets, and how often each was used.",
        permission=_ADMINS,
        parameters=ListRegistrationTokensParameters,
        answers=(RegistrationTokenList,),
        handler=list_registration_tokens,
        examples=(
            Example(
                "All tokens",
                {},
                {"event": "registration_token_list", "id": "1e6b8d04-c2f7-4935-a0d1-7b9e4c5f2a83", "tokens": [_ROW]},
            ),
        ),
    ),
    Call(
        name="revoke_registration_token",
        noun="registration_tokens",
        summary="End a registration token; accounts that were made with it stay.",
        permission=_ADMINS,
        parameters=RevokeRegistrationTokenParameters,
        answers=(Success,),
        handler=revoke_registration_token,
        examples=(
            Example(
                "End a token",
                {"registration_token_id": "4b7d2c90-8e1f-4a36-b5d8-0f3c9a6e7d21"},
                {"event": "success", "id": "f2a8c6d0-4e19-4b73-8d5c-6a0f9e1b7c38"},
            ),
        ),
    ),
)
