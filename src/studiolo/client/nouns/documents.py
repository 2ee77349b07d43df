"""Calls about documents. Written by `make client` from the registry of calls; not to be edited."""

from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar

from studiolo.client.calling import AsyncCaller, Caller


@dataclass(frozen=True, slots=True, kw_only=True)
class HistoryEntry:
    """One update."""

    time_utc: datetime
    patch_length: int
    """Bytes."""
    patch: str | None = None
    """The Yjs update in base64."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SyncdocHistory:
    """The updates, the oldest first; what is older than the log goes back is in its first one."""

    EVENT: ClassVar[str] = "syncdoc_history"

    history: list[HistoryEntry]


class DocumentsCalls:
    """Calls about documents."""

    def __init__(self, caller: Caller) -> None:
        """Make calls through a client's connection."""
        self._caller = caller

    def get_syncdoc_history(self, *, string_id: str, patches: bool | None = None) -> SyncdocHistory:
        """Learn when a document was edited, and with `patches` how, as far back as its log goes.

        Who may call it: Owners and collaborators of the project, administrators, the project's own key.

        Args:
            string_id: The document: 40 hexadecimal digits, the SHA-1 of project_id and path.
            patches: Answer with the updates themselves, too. Default: `False`.
        """
        return self._caller.call(
            "get_syncdoc_history", {"string_id": string_id, "patches": patches}, (SyncdocHistory,), is_reading=True
        )


class AsyncDocumentsCalls:
    """Calls about documents, to be awaited."""

    def __init__(self, caller: AsyncCaller) -> None:
        """Make calls through a client's connection."""
        self._caller = caller

    async def get_syncdoc_history(self, *, string_id: str, patches: bool | None = None) -> SyncdocHistory:
        """Learn when a document was edited, and with `patches` how, as far back as its log goes.

        Who may call it: Owners and collaborators of the project, administrators, the project's own key.

        Args:
            string_id: The document: 40 hexadecimal digits, the SHA-1 of project_id and path.
            patches: Answer with the updates themselves, too. Default: `False`.
        """
        return await self._caller.call(
            "get_syncdoc_history", {"string_id": string_id, "patches": patches}, (SyncdocHistory,), is_reading=True
        )
