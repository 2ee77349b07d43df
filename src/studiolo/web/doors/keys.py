"""API keys and auth tokens."""

from datetime import datetime
from typing import Any, Literal

from pydantic import Field

from studiolo.core.errors import InvalidRequest
from studiolo.core.ids import AccountId, ApiKeyId, ProjectId
from studiolo.core.models import ApiKey
from studiolo.domain.api_keys import KeyChange
from studiolo.domain.idempotency import Made
from studiolo.domain.moments import parse_moment
from studiolo.domain.scopes import scope_names
from studiolo.web.api_v1.parameters import Content, Integer, Moment, Text, Texts
from studiolo.web.api_v1.registry import Call, CallContext, Example, Form
from studiolo.web.doors.shapes import Given, Reply

_MAX_ID = 2**31 - 1


class KeysGiven(Given):
    """What is to be done with which key."""

    action: Literal["get", "create", "edit", "delete"]
    project_id: Text | None = None
    id: Integer = None
    name: Text | None = None
    expire: Text | None = None
    scopes: Texts | None = Field(default=None, description="What it is good for, as in `create_api_key`.")


class SignInTokenGiven(Given):
    """Whom a token signs in."""

    user_account_id: Text | None = None
    account_id: Text | None = None
    password: Content = ""


class RevokeTokenGiven(Given):
    """Which token."""

    authToken: Text


class KeyRow(Reply):
    """An API key, without its secret."""

    id: int
    account_id: str
    project_id: str | None
    name: str
    trunc: str
    created: Moment
    expire: Moment | None
    last_active: Moment | None
    scopes: list[str]


class NewKey(KeyRow):
    """A key that was just made."""

    secret: str


class Keys(Reply):
    """The keys that were asked for or made; none after a change."""

    response: list[NewKey | KeyRow]


async def manage_api_keys(context: CallContext, given: KeysGiven) -> Keys:
    """List, make, change or delete keys."""
    keys, principal = context.services.api_keys, context.principal
    if given.action == "get":
        found = [one for one in await keys.list(principal) if one.project_id == given.project_id]
        return Keys(response=[KeyRow(**_row(one)) for one in found])
    if given.action == "create":
        project_id = ProjectId(given.project_id) if given.project_id is not None else None
        made, secret = await keys.create(
            principal,
            project_id=project_id,
            name=given.name or "",
            expires_at=_moment(given.expire),
            scopes=given.scopes,
        )
        return Keys(response=[NewKey(**_row(made), secret=secret)])
    api_key_id = _id(given)
    if given.action == "delete":
        await keys.revoke(principal, api_key_id)
    else:
        ends_at = _moment(given.expire)
        never_ends = given.expire is not None and ends_at is None
        await keys.edit(principal, api_key_id, KeyChange(given.name, given.scopes, ends_at, never_ends=never_ends))
    return Keys(response=[])


async def user_auth(context: CallContext, given: SignInTokenGiven) -> str:
    """Make an auth token."""
    account_id = given.user_account_id or given.account_id
    if account_id is None:
        raise InvalidRequest("user_account_id must be specified")
    return await context.services.auth_tokens.mint(
        context.principal, account_id=AccountId(account_id), password=given.password
    )


async def revoke_auth_token(context: CallContext, given: RevokeTokenGiven) -> None:
    """End an auth token."""
    await context.services.auth_tokens.revoke(context.principal, given.authToken)


def _id(given: KeysGiven) -> ApiKeyId:
    if given.id is None or not 0 < given.id <= _MAX_ID:
        raise InvalidRequest("id must be specified", fields={"id": "must be that of a key"})
    return ApiKeyId(given.id)


def _moment(given: str | None) -> datetime | None:
    if not given:
        return None
    moment = parse_moment(given)
    if moment is None:
        raise InvalidRequest("expire must be a date", fields={"expire": "must be a date"})
    return moment


def _row(key: ApiKey) -> dict[str, Any]:
    return {
        "id": key.api_key_id,
        "account_id": key.account_id,
        "project_id": key.project_id,
        "name": key.name,
        "trunc": key.trunc,
        "created": key.created_at,
        "expire": key.expires_at,
        "last_active": key.last_active_at,
        "scopes": scope_names(key.scopes),
    }


_STUDENT = "99ebde5c-58f8-4e29-b6e4-b55b8fd71a1b"
_TOKEN = "BQokikJOvBiI2HlWgH4olfQ2"  # noqa: S105 - of the examples

FORMS = {
    "user_auth": (
        Form(
            hub="system.generateUserAuthToken",
            parameters=SignInTokenGiven,
            handler=user_auth,
            is_for_tokens=False,
            examples=(Example("Sign a student in, as an administrator", {"user_account_id": _STUDENT}, _TOKEN),),
        ),
    ),
    "revoke_auth_token": (
        Form(
            hub="system.revokeUserAuthToken",
            parameters=RevokeTokenGiven,
            handler=revoke_auth_token,
            is_for_tokens=False,
            examples=(Example("End a token", {"authToken": _TOKEN}, None),),
        ),
    ),
}

CALLS = (
    Call(
        name="manage_api_keys",
        creates=Made.API_KEY,
        noun="api_keys",
        summary="List, make, change or delete API keys, of the account or of one project.",
        permission="Any account, for its own keys.",
        parameters=KeysGiven,
        handler=manage_api_keys,
        is_over_v1=False,
        forms=(Form(hub="system.manageApiKeys", v2="api-keys", bare="response", is_for_tokens=False),),
        examples=(
            Example(
                "Make a key for one project",
                {"action": "create", "name": "grader", "project_id": "2f5b3c4e-6d1a-4a4e-9c0d-7b8f6a5e4d3c"},
                {
                    "response": [
                        {
                            "id": 7,
                            "account_id": "2f4cd30d-a5b5-4cb1-8a7c-1de9b0a4a4e6",
                            "project_id": "2f5b3c4e-6d1a-4a4e-9c0d-7b8f6a5e4d3c",
                            "name": "grader",
                            "trunc": "sk-...00000h",
                            "created": "2026-05-01T09:30:00.125Z",
                            "expire": None,
                            "last_active": None,
                            "scopes": ["everything"],
                            "secret": "sk-Yq8wXe2Rt5Zu1PaS00000h",
                        }
                    ]
                },
            ),
            Example("Delete a key", {"action": "delete", "id": 7}, {"response": []}),
        ),
    ),
)
