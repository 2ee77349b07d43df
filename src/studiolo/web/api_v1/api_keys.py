"""API keys: making them, saying what they are good for, ending them."""

from typing import Literal

from pydantic import Field

from studiolo.core.errors import InvalidRequest
from studiolo.core.ids import AccountId, ApiKeyId, ProjectId
from studiolo.core.models import ApiKey, KeyScope
from studiolo.domain.api_keys import KeyChange
from studiolo.domain.idempotency import Made
from studiolo.domain.moments import parse_moment
from studiolo.domain.scopes import EVERYTHING, scope_names
from studiolo.web.api_v1.answers import Success
from studiolo.web.api_v1.parameters import Answer, Integer, Moment, Parameters, Shape, Text, Texts
from studiolo.web.api_v1.registry import Call, CallContext, Example

MAX_ID = 2**31 - 1
_SCOPES = f"What it is good for: `{EVERYTHING}` or some of {', '.join(f'`{scope}`' for scope in KeyScope)}."


class CreateApiKeyParameters(Parameters):
    """What `create_api_key` takes."""

    name: Text = Field(default="", description="At most 128 characters.")
    project_id: Text | None = Field(default=None, description="Open this project only; without it, the whole account.")
    scopes: Texts | None = Field(
        default=None, description=f"{_SCOPES} Without it: all that the key which makes the call is good for."
    )
    expires_at: Text | None = Field(default=None, description="A moment; without it, as the key that makes the call.")
    account_id: Text | None = Field(default=None, description="For administrators: whose key it is to be.")


class ListApiKeysParameters(Parameters):
    """What `list_api_keys` takes."""

    account_id: Text | None = Field(default=None, description="For administrators: whose keys.")


class EditApiKeyParameters(Parameters):
    """What `edit_api_key` takes; what is not given stays."""

    api_key_id: Integer = Field(description="As `list_api_keys` gives it.")
    name: Text | None = None
    scopes: Texts | None = Field(default=None, description=_SCOPES)
    expires_at: Text | None = Field(default=None, description="A moment; empty: never.")


class RevokeApiKeyParameters(Parameters):
    """What `revoke_api_key` takes."""

    api_key_id: Integer = Field(description="As `list_api_keys` gives it.")


class ApiKeyRow(Shape):
    """An API key, without its secret."""

    api_key_id: int
    account_id: str
    project_id: str | None = Field(default=None, description="The only project that it opens.")
    name: str
    trunc: str = Field(description="How the key begins and ends.")
    scopes: list[str]
    created_at: Moment
    expires_at: Moment | None = None
    last_active_at: Moment | None = None


class ApiKeyCreated(Answer):
    """The key exists now."""

    event: Literal["api_key_created"] = "api_key_created"
    api_key: str = Field(description="The secret, shown this once.")
    key: ApiKeyRow


class ApiKeyEdited(Answer):
    """The key is changed."""

    event: Literal["api_key_edited"] = "api_key_edited"
    key: ApiKeyRow


class ApiKeyList(Answer):
    """The keys, the newest first."""

    event: Literal["api_key_list"] = "api_key_list"
    keys: list[ApiKeyRow]


async def create_api_key(context: CallContext, parameters: CreateApiKeyParameters) -> ApiKeyCreated:
    """Make a key."""
    made, secret = await context.services.api_keys.create(
        context.principal,
        account_id=AccountId(parameters.account_id) if parameters.account_id else None,
        project_id=ProjectId(parameters.project_id) if parameters.project_id else None,
        name=parameters.name,
        expires_at=_change(parameters.expires_at).expires_at,
        scopes=parameters.scopes,
    )
    return ApiKeyCreated(api_key=secret, key=_row(made))


async def list_api_keys(context: CallContext, parameters: ListApiKeysParameters) -> ApiKeyList:
    """Return keys."""
    account_id = AccountId(parameters.account_id) if parameters.account_id else None
    found = await context.services.api_keys.list(context.principal, account_id=account_id)
    return ApiKeyList(keys=[_row(one) for one in found])


async def edit_api_key(context: CallContext, parameters: EditApiKeyParameters) -> ApiKeyEdited:
    """Change a key."""
    change = _change(parameters.expires_at, parameters.name, parameters.scopes)
    key = await context.services.api_keys.edit(context.principal, _id(parameters.api_key_id), change)
    return ApiKeyEdited(key=_row(key))


async def revoke_api_key(context: CallContext, parameters: RevokeApiKeyParameters) -> Success:
    """End a key."""
    await context.services.api_keys.revoke(context.principal, _id(parameters.api_key_id))
    return Success()


def _id(given: int | None) -> ApiKeyId:
    return ApiKeyId(given if given is not None and 0 < given <= MAX_ID else 0)


def _change(expires_at: str | None, name: str | None = None, scopes: list[str] | None = None) -> KeyChange:
    moment = parse_moment(expires_at) if expires_at else None
    if expires_at and moment is None:
        raise InvalidRequest("expires_at must be a date", fields={"expires_at": "must be a date"})
    return KeyChange(name, scopes, moment, never_ends=expires_at == "")


def _row(key: ApiKey) -> ApiKeyRow:
    return ApiKeyRow(
        api_key_id=key.api_key_id,
        account_id=key.account_id,
        project_id=key.project_id,
        name=key.name,
        trunc=key.trunc,
        scopes=scope_names(key.scopes),
        created_at=key.created_at,
        expires_at=key.expires_at,
        last_active_at=key.last_active_at,
    )


_OWN = "Any account, for its own keys; administrators. A key with the scope `keys` for keys that are not stronger."
_ADMIN = "2f4cd30d-a5b5-4cb1-8a7c-1de9b0a4a4e6"
_KEY = {
    "api_key_id": 7,
    "account_id": _ADMIN,
    "name": "portal",
    "trunc": "sk-...00000b",
    "scopes": ["projects:read", "files:read"],
    "created_at": "2026-11-22T08:00:00.000Z",
    "expires_at": "2030-01-01T00:00:00.000Z",
}

CALLS = (
    Call(
        name="create_api_key",
        noun="api_keys",
        summary="Make an API key, of the account or for one project, good for everything or for some scopes.",
        permission=_OWN,
        parameters=CreateApiKeyParameters,
        answers=(ApiKeyCreated,),
        handler=create_api_key,
        creates=Made.API_KEY,
        examples=(
            Example(
                "A key that reads files for a while",
                {"name": "portal", "scopes": ["projects:read", "files:read"], "expires_at": "2030-01-01"},
                {
                    "event": "api_key_created",
                    "id": "3f1c7a52-0b8e-4d63-9c41-6a2e5d8b7f10",
                    "api_key": "sk-Yt3vQmR8sLwZ2kXc00000b",
                    "key": _KEY,
                },
            ),
        ),
    ),
    Call(
        name="list_api_keys",
        noun="api_keys",
        summary="List API keys, without their secrets.",
        permission=_OWN,
        parameters=ListApiKeysParameters,
        answers=(ApiKeyList,),
        handler=list_api_keys,
        examples=(
            Example(
                "One's own keys",
                {},
                {"event": "api_key_list", "id": "b8d0e6f4-2a1c-4e57-8f93-1c7d9a0b5e62", "keys": [_KEY]},
            ),
        ),
    ),
    Call(
        name="edit_api_key",
        noun="api_keys",
        summary="Name an API key, set what it is good for, and when it ends.",
        permission=_OWN,
        parameters=EditApiKeyParameters,
        answers=(ApiKeyEdited,),
        handler=edit_api_key,
        examples=(
            Example(
                "Let a key do less",
                {"api_key_id": 987654321, "scopes": ["files:read"], "expires_at": ""},
                {
                    "event": "api_key_edited",
                    "id": "6c2f9b71-d4e8-4a05-b3c6-0e8a7d5f1b94",
                    "key": {**{k: v for k, v in _KEY.items() if k != "expires_at"}, "scopes": ["files:read"]},
                },
            ),
        ),
    ),
    Call(
        name="revoke_api_key",
        noun="api_keys",
        summary="End an API key at once, and the auth tokens and sign-ins that were made with it.",
        permission=_OWN,
        parameters=RevokeApiKeyParameters,
        answers=(Success,),
        handler=revoke_api_key,
        examples=(
            Example(
                "End a key",
                {"api_key_id": 987654321},
                {"event": "success", "id": "0d5e8c3a-7f61-4b29-a8d4-9b3c6e1f2a70"},
            ),
        ),
    ),
)
