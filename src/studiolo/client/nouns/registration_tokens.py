"""Calls about registration tokens. Written by `make client` from the registry of calls; not to be edited."""

from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar

from studiolo.client.calling import AsyncCaller, Caller


@dataclass(frozen=True, slots=True, kw_only=True)
class RegistrationTokenRow:
    """A registration token, without its secret."""

    registration_token_id: str
    description: str
    created_by: str | None = None
    created_at: datetime
    expires_at: datetime | None = None
    usage_limit: int | None = None
    uses: int
    """How many accounts were made with it."""
    disabled: bool
    ephemeral_lifetime: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RegistrationTokenCreated:
    """The token exists now."""

    EVENT: ClassVar[str] = "registration_token_created"

    registration_token: str
    """24 characters of A-Z, a-z and 0-9, shown this once."""
    token: RegistrationTokenRow


@dataclass(frozen=True, slots=True, kw_only=True)
class RegistrationTokenList:
    """The tokens, the newest first, at most 1,000."""

    EVENT: ClassVar[str] = "registration_token_list"

    tokens: list[RegistrationTokenRow]


class RegistrationTokensCalls:
    """Calls about registration tokens."""

    def __init__(self, caller: Caller) -> None:
        """Make calls through a client's connection."""
        self._caller = caller

    def create(
        self,
        *,
        description: str | None = None,
        usage_limit: int | None = None,
        expires_at: str | None = None,
        ephemeral_lifetime: int | None = None,
    ) -> RegistrationTokenCreated:
        """Make a registration token, with which people make accounts, or throw-away accounts, for themselves.

        Who may call it: Administrators.

        Args:
            description: What it is for.
            usage_limit: How many accounts it makes; without it, any number.
            expires_at: A moment; without it, it is good until it is ended.
            ephemeral_lifetime: It makes throw-away accounts (`auth/ephemeral`), which live for so many seconds, and
                no others.
        """
        return self._caller.call(
            "create_registration_token",
            {
                "description": description,
                "usage_limit": usage_limit,
                "expires_at": expires_at,
                "ephemeral_lifetime": ephemeral_lifetime,
            },
            (RegistrationTokenCreated,),
            is_once=True,
        )

    def list(self) -> RegistrationTokenList:
        """List the registration tokens, without their secrets, and how often each was used.

        Who may call it: Administrators.
        """
        return self._caller.call("list_registration_tokens", {}, (RegistrationTokenList,), is_reading=True)

    def revoke(self, *, registration_token_id: str) -> None:
        """End a registration token; accounts that were made with it stay.

        Who may call it: Administrators.

        Args:
            registration_token_id: As `list_registration_tokens` gives it.
        """
        self._caller.do("revoke_registration_token", {"registration_token_id": registration_token_id})


class AsyncRegistrationTokensCalls:
    """Calls about registration tokens, to be awaited."""

    def __init__(self, caller: AsyncCaller) -> None:
        """Make calls through a client's connection."""
        self._caller = caller

    async def create(
        self,
        *,
        description: str | None = None,
        usage_limit: int | None = None,
        expires_at: str | None = None,
        ephemeral_lifetime: int | None = None,
    ) -> RegistrationTokenCreated:
        """Make a registration token, with which people make accounts, or throw-away accounts, for themselves.

        Who may call it: Administrators.

        Args:
            description: What it is for.
            usage_limit: How many accounts it makes; without it, any number.
            expires_at: A moment; without it, it is good until it is ended.
            ephemeral_lifetime: It makes throw-away accounts (`auth/ephemeral`), which live for so many seconds, and
                no others.
        """
        return await self._caller.call(
            "create_registration_token",
            {
                "description": description,
                "usage_limit": usage_limit,
                "expires_at": expires_at,
                "ephemeral_lifetime": ephemeral_lifetime,
            },
            (RegistrationTokenCreated,),
            is_once=True,
        )

    async def list(self) -> RegistrationTokenList:
        """List the registration tokens, without their secrets, and how often each was used.

        Who may call it: Administrators.
        """
        return await self._caller.call("list_registration_tokens", {}, (RegistrationTokenList,), is_reading=True)

    async def revoke(self, *, registration_token_id: str) -> None:
        """End a registration token; accounts that were made with it stay.

        Who may call it: Administrators.

        Args:
            registration_token_id: As `list_registration_tokens` gives it.
        """
        await self._caller.do("revoke_registration_token", {"registration_token_id": registration_token_id})
