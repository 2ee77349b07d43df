"""Calls about auth tokens. Written by `make client` from the registry of calls; not to be edited."""

from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar

from studiolo.client.calling import AsyncCaller, Caller


@dataclass(frozen=True, slots=True, kw_only=True)
class AuthTokenRow:
    """An auth token, without its secret."""

    auth_token_id: str
    account_id: str
    created_by: str | None = None
    """The account that made it."""
    created_at: datetime
    expires_at: datetime
    used_at: datetime | None = None
    """When a browser first used it."""
    project_id: str | None = None
    path: str | None = None
    read_only: bool
    may_start: bool
    single_use: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class AuthTokenList:
    """Tokens that are still good, the newest first, at most 1,000."""

    EVENT: ClassVar[str] = "auth_token_list"

    tokens: list[AuthTokenRow]


@dataclass(frozen=True, slots=True, kw_only=True)
class AuthTokenMinted:
    """The token exists now."""

    EVENT: ClassVar[str] = "auth_token_minted"

    auth_token: str
    """24 characters of A-Z, a-z and 0-9, shown this once."""
    address: str
    """The page to open or to frame, on this server."""
    token: AuthTokenRow


class AuthTokensCalls:
    """Calls about auth tokens."""

    def __init__(self, caller: Caller) -> None:
        """Make calls through a client's connection."""
        self._caller = caller

    def list(self, *, account_id: str | None = None) -> AuthTokenList:
        """List the auth tokens that are still good, without their secrets.

        Who may call it: Any account, for tokens that sign it in or that it made; administrators, for those of any
        account.

        Args:
            account_id: Only tokens that sign in as this account.
        """
        return self._caller.call("list_auth_tokens", {"account_id": account_id}, (AuthTokenList,), is_reading=True)

    def mint(
        self,
        *,
        account_id: str | None = None,
        project_id: str | None = None,
        path: str | None = None,
        read_only: bool | None = None,
        may_start: bool | None = None,
        single_use: bool | None = None,
        lifetime: int | None = None,
        sign_in_lifetime: int | None = None,
    ) -> AuthTokenMinted:
        """Make an auth token without a password, narrowed to a project, a path, reading, one use, a lifetime.

        Who may call it: Any account, for itself and for the accounts that it made (as long as these are no
        administrator's); administrators, for all accounts.

        Args:
            account_id: The account to be signed in; without it, one's own.
            project_id: The only project that can be reached.
            path: The only file, or the only directory and what is below it; relative to the project's home.
            read_only: Nothing can be changed or run. Default: `False`.
            may_start: Without it, a project that does not run is not started. Default: `True`.
            single_use: Good for one browser; without it, as the settings say.
            lifetime: For how many seconds the token can be used.
            sign_in_lifetime: For how many seconds a browser then stays signed in; without it, as the settings.
        """
        return self._caller.call(
            "mint_auth_token",
            {
                "account_id": account_id,
                "project_id": project_id,
                "path": path,
                "read_only": read_only,
                "may_start": may_start,
                "single_use": single_use,
                "lifetime": lifetime,
                "sign_in_lifetime": sign_in_lifetime,
            },
            (AuthTokenMinted,),
            is_once=True,
        )

    def revoke(self, *, auth_token: str | None = None, auth_token_id: str | None = None) -> None:
        """End an auth token, and sign out every browser that was signed in with it, open frames at once.

        Who may call it: The account it signs in, the account that made it, administrators.

        Args:
            auth_token: The token itself.
            auth_token_id: As `list_auth_tokens` gives it.
        """
        self._caller.do("revoke_auth_token", {"auth_token": auth_token, "auth_token_id": auth_token_id})


class AsyncAuthTokensCalls:
    """Calls about auth tokens, to be awaited."""

    def __init__(self, caller: AsyncCaller) -> None:
        """Make calls through a client's connection."""
        self._caller = caller

    async def list(self, *, account_id: str | None = None) -> AuthTokenList:
        """List the auth tokens that are still good, without their secrets.

        Who may call it: Any account, for tokens that sign it in or that it made; administrators, for those of any
        account.

        Args:
            account_id: Only tokens that sign in as this account.
        """
        return await self._caller.call(
            "list_auth_tokens", {"account_id": account_id}, (AuthTokenList,), is_reading=True
        )

    async def mint(
        self,
        *,
        account_id: str | None = None,
        project_id: str | None = None,
        path: str | None = None,
        read_only: bool | None = None,
        may_start: bool | None = None,
        single_use: bool | None = None,
        lifetime: int | None = None,
        sign_in_lifetime: int | None = None,
    ) -> AuthTokenMinted:
        """Make an auth token without a password, narrowed to a project, a path, reading, one use, a lifetime.

        Who may call it: Any account, for itself and for the accounts that it made (as long as these are no
        administrator's); administrators, for all accounts.

        Args:
            account_id: The account to be signed in; without it, one's own.
            project_id: The only project that can be reached.
            path: The only file, or the only directory and what is below it; relative to the project's home.
            read_only: Nothing can be changed or run. Default: `False`.
            may_start: Without it, a project that does not run is not started. Default: `True`.
            single_use: Good for one browser; without it, as the settings say.
            lifetime: For how many seconds the token can be used.
            sign_in_lifetime: For how many seconds a browser then stays signed in; without it, as the settings.
        """
        return await self._caller.call(
            "mint_auth_token",
            {
                "account_id": account_id,
                "project_id": project_id,
                "path": path,
                "read_only": read_only,
                "may_start": may_start,
                "single_use": single_use,
                "lifetime": lifetime,
                "sign_in_lifetime": sign_in_lifetime,
            },
            (AuthTokenMinted,),
            is_once=True,
        )

    async def revoke(self, *, auth_token: str | None = None, auth_token_id: str | None = None) -> None:
        """End an auth token, and sign out every browser that was signed in with it, open frames at once.

        Who may call it: The account it signs in, the account that made it, administrators.

        Args:
            auth_token: The token itself.
            auth_token_id: As `list_auth_tokens` gives it.
        """
        await self._caller.do("revoke_auth_token", {"auth_token": auth_token, "auth_token_id": auth_token_id})
