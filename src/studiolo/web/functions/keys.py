"""API keys and auth tokens."""

from datetime import datetime
from typing import Any, Literal

from studiolo.core.clock import iso_milliseconds
from studiolo.core.errors import InvalidRequest
from studiolo.core.ids import AccountId, ApiKeyId, ProjectId
from studiolo.core.models import ApiKey
from studiolo.domain.moments import parse_moment
from studiolo.web.api_v1.parameters import Content, Integer, Text
from studiolo.web.functions.registry import Context, Function, Given

_MAX_ID = 2**31 - 1


class KeysGiven(Given):
    """What is to be done with which key."""

    action: Literal["get", "create", "edit", "delete"]
    project_id: Text | None = None
    id: Integer = None
    name: Text | None = None
    expire: Text | None = None


class TokenGiven(Given):
    """Whom a token signs in."""

    user_account_id: Text | None = None
    account_id: Text | None = None
    password: Content = ""


class RevokeGiven(Given):
    """Which token."""

    authToken: Text


async def manage(context: Context, given: KeysGiven) -> dict[str, Any]:
    """List, make, change or delete keys."""
    keys, principal = context.services.api_keys, context.principal
    if given.action == "get":
        found = [one for one in await keys.list(principal) if one.project_id == given.project_id]
        return {"response": [_row(one) for one in found]}
    if given.action == "create":
        project_id = ProjectId(given.project_id) if given.project_id is not None else None
        made, secret = await keys.create(
            principal, project_id=project_id, name=given.name or "", expires_at=_moment(given.expire)
        )
        return {"response": [{**_row(made), "secret": secret}]}
    api_key_id = _id(given)
    if given.action == "delete":
        await keys.revoke(principal, api_key_id)
    else:
        if given.name is not None:
            await keys.rename(principal, api_key_id, given.name)
        if given.expire is not None:
            await keys.set_expiry(principal, api_key_id, _moment(given.expire))
    return {"response": []}


async def make_token(context: Context, given: TokenGiven) -> str:
    """Make an auth token."""
    account_id = given.user_account_id or given.account_id
    if account_id is None:
        raise InvalidRequest("user_account_id must be specified")
    return await context.services.auth_tokens.mint(
        context.principal, account_id=AccountId(account_id), password=given.password
    )


async def revoke_token(context: Context, given: RevokeGiven) -> None:
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
    times = {"created": key.created_at, "expire": key.expires_at, "last_active": key.last_active_at}
    return {
        "id": key.api_key_id,
        "account_id": key.account_id,
        "project_id": key.project_id,
        "name": key.name,
        "trunc": key.trunc,
        **{name: iso_milliseconds(moment) if moment is not None else None for name, moment in times.items()},
    }


_OWNER = "Any account, for its own keys."

FUNCTIONS = (
    Function(
        "List, make, change or delete API keys, of the account or of one project.",
        _OWNER,
        KeysGiven,
        manage,
        hub="system.manageApiKeys",
        v2="api-keys",
        bare="response",
        is_for_tokens=False,
    ),
    Function(
        "Make an auth token that signs a browser in.",
        "Any account that knows the password; administrators without it.",
        TokenGiven,
        make_token,
        hub="system.generateUserAuthToken",
        is_for_tokens=False,
    ),
    Function(
        "End an auth token.",
        "Its account, who made it, administrators.",
        RevokeGiven,
        revoke_token,
        hub="system.revokeUserAuthToken",
        is_for_tokens=False,
    ),
)
