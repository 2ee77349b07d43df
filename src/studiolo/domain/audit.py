"""The audit log: who did what that matters for security, to whom, from where, and how it ended.

1. What was done is written in the transaction that does it: there is no deed without its entry, and no entry without
   its deed. What was refused is written after the refusal.
2. Never a secret: an entry names keys and tokens by what anybody may know of them.
3. Administrators read it; nobody changes it. It is deleted when it is older than the setting says.
"""

from collections.abc import Callable
from contextvars import copy_context
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, TypeVar

import structlog

from studiolo.core.clock import Clock
from studiolo.core.errors import Forbidden, InvalidRequest, StudioloError
from studiolo.core.ids import AccountId, ProjectId
from studiolo.core.models import FULL_SCOPE, AuditEntry, Principal
from studiolo.core.settings import Settings
from studiolo.domain import paging
from studiolo.domain.paging import Page
from studiolo.storage import audit as rows
from studiolo.storage.audit import Wanted as Wanted
from studiolo.storage.database import Database, Transaction

DONE = "done"
MAX_ADDRESS_CHARACTERS = 64
Result = TypeVar("Result")


class Action(StrEnum):
    """Everything that is written down."""

    SIGNED_IN = "signed_in"
    FRAME_SIGNED_IN = "frame_signed_in"
    SIGNED_OUT = "signed_out"
    SIGNED_OUT_EVERYWHERE = "signed_out_everywhere"
    ACCOUNT_CREATED = "account_created"
    ACCOUNT_DELETED = "account_deleted"
    ACCOUNT_BANNED = "account_banned"
    ACCOUNT_UNBANNED = "account_unbanned"
    PASSWORD_CHANGED = "password_changed"  # noqa: S105 - the name of a deed
    PASSWORD_RESET = "password_reset"  # noqa: S105 - the name of a deed
    PASSWORD_RESET_LINK_CREATED = "password_reset_link_created"  # noqa: S105 - the name of a deed
    EMAIL_ADDRESS_CHANGED = "email_address_changed"
    API_KEY_CREATED = "api_key_created"
    API_KEY_CHANGED = "api_key_changed"
    API_KEY_REVOKED = "api_key_revoked"
    AUTH_TOKEN_MINTED = "auth_token_minted"  # noqa: S105 - the name of a deed
    AUTH_TOKEN_REVOKED = "auth_token_revoked"  # noqa: S105 - the name of a deed
    REGISTRATION_TOKEN_CREATED = "registration_token_created"  # noqa: S105 - the name of a deed
    REGISTRATION_TOKEN_REVOKED = "registration_token_revoked"  # noqa: S105 - the name of a deed
    COLLABORATORS_CHANGED = "collaborators_changed"
    PROJECT_LIMITS_CHANGED = "project_limits_changed"
    PROJECT_DELETED = "project_deleted"
    PROJECT_RESTORED = "project_restored"


class Audit:
    """Reads the log and writes what was refused."""

    def __init__(self, settings: Settings, database: Database, clock: Clock) -> None:
        self._settings = settings
        self._database = database
        self._clock = clock

    async def list(
        self, principal: Principal, wanted: Wanted, *, cursor: str | None = None, limit: int | None = None
    ) -> Page[AuditEntry]:
        """Return entries, the newest first; for administrators. Raises Forbidden or InvalidRequest."""
        if not principal.is_admin or principal.scope != FULL_SCOPE:
            raise Forbidden("Only administrators may do this.")
        if wanted.action is not None and wanted.action not in set(Action):
            text = f"action must be one of {', '.join(Action)}"
            raise InvalidRequest(text, fields={"action": text})
        asked = paging.asked(cursor, limit, int)
        before = asked.after[0] if asked.after is not None else None
        found = await self._database.read(lambda tx: rows.list_newest(tx, wanted, before=before, limit=asked.look))
        return asked.page(found, lambda entry: (entry.audit_id,))

    async def reap(self) -> int:
        """Delete what is older than the setting says; return how much."""
        days = self._settings.audit_retention_days
        if days == 0:
            return 0
        before = self._clock.now() - timedelta(days=days)
        return await self._database.write(lambda tx: rows.reap(tx, before))


def note(
    tx: Transaction,
    now: datetime,
    principal: Principal,
    action: Action,
    *,
    account_id: AccountId | None = None,
    project_id: ProjectId | None = None,
    result: str = DONE,
    **details: Any,
) -> None:
    """Write what somebody does to an account or a project, within the transaction that does it."""
    request_id = structlog.contextvars.get_contextvars().get("request_id")
    entry = AuditEntry(
        happened_at=now,
        action=action,
        result=result,
        account_id=principal.account_id,
        key_project_id=principal.key_project_id,
        address=principal.address[:MAX_ADDRESS_CHARACTERS],
        request_id=request_id if isinstance(request_id, str) else None,
        target_account_id=account_id,
        target_project_id=project_id,
        details={name: value for name, value in details.items() if value is not None},
    )
    rows.add(tx, entry)


def note_refusal(
    database: Database, now: datetime, principal: Principal, action: Action, error: StudioloError, **given: Any
) -> None:
    """Write down, without waiting, what somebody tried and was refused."""
    database.write_soon(in_request(lambda tx: note(tx, now, principal, action, result=error.code, **given)))


def in_request(work: Callable[[Transaction], Result]) -> Callable[[Transaction], Result]:
    """Return the work of a transaction, which knows in its thread for which request it is done."""
    context = copy_context()
    return lambda tx: context.run(work, tx)
