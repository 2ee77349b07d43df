"""Errors that clients report about themselves; kept for a month."""

from datetime import timedelta

from studiolo.core.clock import Clock
from studiolo.core.models import ClientError, Principal
from studiolo.core.secrets import SecretSource
from studiolo.storage import client_errors as rows
from studiolo.storage.database import Database

KEPT = timedelta(days=30)
MAX_CHARACTERS = 100_000
MAX_EVENT_CHARACTERS = 64


class ClientErrors:
    """Takes reports."""

    def __init__(self, database: Database, clock: Clock, secrets: SecretSource) -> None:
        self._database = database
        self._clock = clock
        self._secrets = secrets

    async def record(self, principal: Principal, error: str, event: str = "error") -> None:
        """Keep a report; what is too long is cut."""
        now = self._clock.now()
        report = ClientError(
            error_id=self._secrets.uuid(),
            account_id=principal.account_id,
            event=_storable(event)[:MAX_EVENT_CHARACTERS],
            error=_storable(error)[:MAX_CHARACTERS],
            created_at=now,
        )
        await self._database.write(lambda tx: rows.add(tx, report, expires_at=now + KEPT))

    async def reap(self) -> int:
        """Delete the reports whose month is over and return how many."""
        now = self._clock.now()
        return await self._database.write(lambda tx: rows.reap(tx, now))


def _storable(text: str) -> str:
    """Replace what a database cannot keep: half characters and NUL."""
    return text.encode("utf-8", "replace").decode().replace("\0", "�")
