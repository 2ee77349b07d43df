"""Calls about audit. Written by `make client` from the registry of calls; not to be edited."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, ClassVar

from studiolo.client.calling import AsyncCaller, Caller


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditRow:
    """One entry."""

    audit_id: int
    time: datetime
    action: str
    result: str
    """`done`, or the code of the error with which it was refused."""
    account_id: str | None = None
    """Who; missing if nobody was known."""
    key_project_id: str | None = None
    """The project whose own key was used."""
    address: str
    """From where; empty if there was no network."""
    request_id: str | None = None
    """Finds the request in the log."""
    target_account_id: str | None = None
    target_project_id: str | None = None
    details: dict[str, Any]
    """What else is worth knowing; never a secret."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditLog:
    """Entries, the newest first."""

    EVENT: ClassVar[str] = "audit_log"

    entries: list[AuditRow]
    next_cursor: str | None = None
    """Missing on the last page."""


class AuditCalls:
    """Calls about audit."""

    def __init__(self, caller: Caller) -> None:
        """Make calls through a client's connection."""
        self._caller = caller

    def list_audit_log(
        self,
        *,
        account_id: str | None = None,
        target_account_id: str | None = None,
        target_project_id: str | None = None,
        action: str | None = None,
        done: bool | None = None,
        address: str | None = None,
        since: str | None = None,
        until: str | None = None,
        cursor: str | None = None,
        limit: int | None = None,
    ) -> AuditLog:
        """List what was done that matters for security, the newest first.

        Who may call it: Administrators.

        Args:
            account_id: Who did it.
            target_account_id: To whom it was done.
            target_project_id: To which project it was done.
            action: One of `signed_in`, `frame_signed_in`, `signed_out`, `signed_out_everywhere`, `account_created`,
                `account_deleted`, `account_banned`, `account_unbanned`, `password_changed`, `password_reset`,
                `password_reset_link_created`, `email_address_changed`, `api_key_created`, `api_key_changed`,
                `api_key_revoked`, `auth_token_minted`, `auth_token_revoked`, `registration_token_created`,
                `registration_token_revoked`, `collaborators_changed`, `project_limits_changed`, `project_deleted`,
                `project_restored`.
            done: true: what was done; false: what was refused.
            address: The network address from which it was done.
            since: A moment: nothing earlier.
            until: A moment: nothing at it or later.
            cursor: The `next_cursor` of the page before.
            limit: At most so many, 1 to 1000. Default: `100`.
        """
        return self._caller.call(
            "list_audit_log",
            {
                "account_id": account_id,
                "target_account_id": target_account_id,
                "target_project_id": target_project_id,
                "action": action,
                "done": done,
                "address": address,
                "since": since,
                "until": until,
                "cursor": cursor,
                "limit": limit,
            },
            (AuditLog,),
            is_reading=True,
        )


class AsyncAuditCalls:
    """Calls about audit, to be awaited."""

    def __init__(self, caller: AsyncCaller) -> None:
        """Make calls through a client's connection."""
        self._caller = caller

    async def list_audit_log(
        self,
        *,
        account_id: str | None = None,
        target_account_id: str | None = None,
        target_project_id: str | None = None,
        action: str | None = None,
        done: bool | None = None,
        address: str | None = None,
        since: str | None = None,
        until: str | None = None,
        cursor: str | None = None,
        limit: int | None = None,
    ) -> AuditLog:
        """List what was done that matters for security, the newest first.

        Who may call it: Administrators.

        Args:
            account_id: Who did it.
            target_account_id: To whom it was done.
            target_project_id: To which project it was done.
            action: One of `signed_in`, `frame_signed_in`, `signed_out`, `signed_out_everywhere`, `account_created`,
                `account_deleted`, `account_banned`, `account_unbanned`, `password_changed`, `password_reset`,
                `password_reset_link_created`, `email_address_changed`, `api_key_created`, `api_key_changed`,
                `api_key_revoked`, `auth_token_minted`, `auth_token_revoked`, `registration_token_created`,
                `registration_token_revoked`, `collaborators_changed`, `project_limits_changed`, `project_deleted`,
                `project_restored`.
            done: true: what was done; false: what was refused.
            address: The network address from which it was done.
            since: A moment: nothing earlier.
            until: A moment: nothing at it or later.
            cursor: The `next_cursor` of the page before.
            limit: At most so many, 1 to 1000. Default: `100`.
        """
        return await self._caller.call(
            "list_audit_log",
            {
                "account_id": account_id,
                "target_account_id": target_account_id,
                "target_project_id": target_project_id,
                "action": action,
                "done": done,
                "address": address,
                "since": since,
                "until": until,
                "cursor": cursor,
                "limit": limit,
            },
            (AuditLog,),
            is_reading=True,
        )
