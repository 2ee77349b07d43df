"""Calls about api keys. Written by `make client` from the registry of calls; not to be edited."""

import builtins
from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar

from studiolo.client.calling import AsyncCaller, Caller


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiKeyRow:
    """An API key, without its secret."""

    api_key_id: int
    account_id: str
    project_id: str | None = None
    """The only project that it opens."""
    name: str
    trunc: str
    """How the key begins and ends."""
    scopes: list[str]
    created_at: datetime
    expires_at: datetime | None = None
    last_active_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiKeyCreated:
    """The key exists now."""

    EVENT: ClassVar[str] = "api_key_created"

    api_key: str
    """The secret, shown this once."""
    key: ApiKeyRow


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiKeyEdited:
    """The key is changed."""

    EVENT: ClassVar[str] = "api_key_edited"

    key: ApiKeyRow


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiKeyList:
    """The keys, the newest first."""

    EVENT: ClassVar[str] = "api_key_list"

    keys: list[ApiKeyRow]


class ApiKeysCalls:
    """Calls about api keys."""

    def __init__(self, caller: Caller) -> None:
        """Make calls through a client's connection."""
        self._caller = caller

    def create(
        self,
        *,
        name: str | None = None,
        project_id: str | None = None,
        scopes: builtins.list[str] | None = None,
        expires_at: str | None = None,
        account_id: str | None = None,
    ) -> ApiKeyCreated:
        """Make an API key, of the account or for one project, good for everything or for some scopes.

        Who may call it: Any account, for its own keys; administrators. A key with the scope `keys` for keys that
        are not stronger.

        Args:
            name: At most 128 characters.
            project_id: Open this project only; without it, the whole account.
            scopes: What it is good for: `everything` or some of `projects:read`, `projects:write`, `files:read`,
                `files:write`, `exec`, `copies`, `sharing`, `accounts:read`, `accounts:write`, `tokens:mint`,
                `keys`, `messages`, `organizations`, `admin`. Without it: all that the key which makes the call is
                good for.
            expires_at: A moment; without it, as the key that makes the call.
            account_id: For administrators: whose key it is to be.
        """
        return self._caller.call(
            "create_api_key",
            {
                "name": name,
                "project_id": project_id,
                "scopes": scopes,
                "expires_at": expires_at,
                "account_id": account_id,
            },
            (ApiKeyCreated,),
            is_once=True,
        )

    def edit(
        self,
        *,
        api_key_id: int | None,
        name: str | None = None,
        scopes: builtins.list[str] | None = None,
        expires_at: str | None = None,
    ) -> ApiKeyEdited:
        """Name an API key, set what it is good for, and when it ends.

        Who may call it: Any account, for its own keys; administrators. A key with the scope `keys` for keys that
        are not stronger.

        Args:
            api_key_id: As `list_api_keys` gives it.
            scopes: What it is good for: `everything` or some of `projects:read`, `projects:write`, `files:read`,
                `files:write`, `exec`, `copies`, `sharing`, `accounts:read`, `accounts:write`, `tokens:mint`,
                `keys`, `messages`, `organizations`, `admin`.
            expires_at: A moment; empty: never.
        """
        return self._caller.call(
            "edit_api_key",
            {"api_key_id": api_key_id, "name": name, "scopes": scopes, "expires_at": expires_at},
            (ApiKeyEdited,),
        )

    def list(self, *, account_id: str | None = None) -> ApiKeyList:
        """List API keys, without their secrets.

        Who may call it: Any account, for its own keys; administrators. A key with the scope `keys` for keys that
        are not stronger.

        Args:
            account_id: For administrators: whose keys.
        """
        return self._caller.call("list_api_keys", {"account_id": account_id}, (ApiKeyList,), is_reading=True)

    def revoke(self, *, api_key_id: int | None) -> None:
        """End an API key at once, and the auth tokens and sign-ins that were made with it.

        Who may call it: Any account, for its own keys; administrators. A key with the scope `keys` for keys that
        are not stronger.

        Args:
            api_key_id: As `list_api_keys` gives it.
        """
        self._caller.do("revoke_api_key", {"api_key_id": api_key_id})


class AsyncApiKeysCalls:
    """Calls about api keys, to be awaited."""

    def __init__(self, caller: AsyncCaller) -> None:
        """Make calls through a client's connection."""
        self._caller = caller

    async def create(
        self,
        *,
        name: str | None = None,
        project_id: str | None = None,
        scopes: builtins.list[str] | None = None,
        expires_at: str | None = None,
        account_id: str | None = None,
    ) -> ApiKeyCreated:
        """Make an API key, of the account or for one project, good for everything or for some scopes.

        Who may call it: Any account, for its own keys; administrators. A key with the scope `keys` for keys that
        are not stronger.

        Args:
            name: At most 128 characters.
            project_id: Open this project only; without it, the whole account.
            scopes: What it is good for: `everything` or some of `projects:read`, `projects:write`, `files:read`,
                `files:write`, `exec`, `copies`, `sharing`, `accounts:read`, `accounts:write`, `tokens:mint`,
                `keys`, `messages`, `organizations`, `admin`. Without it: all that the key which makes the call is
                good for.
            expires_at: A moment; without it, as the key that makes the call.
            account_id: For administrators: whose key it is to be.
        """
        return await self._caller.call(
            "create_api_key",
            {
                "name": name,
                "project_id": project_id,
                "scopes": scopes,
                "expires_at": expires_at,
                "account_id": account_id,
            },
            (ApiKeyCreated,),
            is_once=True,
        )

    async def edit(
        self,
        *,
        api_key_id: int | None,
        name: str | None = None,
        scopes: builtins.list[str] | None = None,
        expires_at: str | None = None,
    ) -> ApiKeyEdited:
        """Name an API key, set what it is good for, and when it ends.

        Who may call it: Any account, for its own keys; administrators. A key with the scope `keys` for keys that
        are not stronger.

        Args:
            api_key_id: As `list_api_keys` gives it.
            scopes: What it is good for: `everything` or some of `projects:read`, `projects:write`, `files:read`,
                `files:write`, `exec`, `copies`, `sharing`, `accounts:read`, `accounts:write`, `tokens:mint`,
                `keys`, `messages`, `organizations`, `admin`.
            expires_at: A moment; empty: never.
        """
        return await self._caller.call(
            "edit_api_key",
            {"api_key_id": api_key_id, "name": name, "scopes": scopes, "expires_at": expires_at},
            (ApiKeyEdited,),
        )

    async def list(self, *, account_id: str | None = None) -> ApiKeyList:
        """List API keys, without their secrets.

        Who may call it: Any account, for its own keys; administrators. A key with the scope `keys` for keys that
        are not stronger.

        Args:
            account_id: For administrators: whose keys.
        """
        return await self._caller.call("list_api_keys", {"account_id": account_id}, (ApiKeyList,), is_reading=True)

    async def revoke(self, *, api_key_id: int | None) -> None:
        """End an API key at once, and the auth tokens and sign-ins that were made with it.

        Who may call it: Any account, for its own keys; administrators. A key with the scope `keys` for keys that
        are not stronger.

        Args:
            api_key_id: As `list_api_keys` gives it.
        """
        await self._caller.do("revoke_api_key", {"api_key_id": api_key_id})
