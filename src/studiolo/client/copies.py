"""Copy operations, and waiting for them."""

import time
from collections.abc import Callable

from studiolo.client.calling import AsyncCaller, Caller
from studiolo.client.errors import AnswerMalformed, CopyFailed, kind_of
from studiolo.client.nouns.copies import (
    AsyncCopiesCalls,
    CopiesCalls,
    CopyGroupStatus,
    CopyPathRecord,
    CopyPathStatus,
)

FIRST_PAUSE_SECONDS = 0.05
LONGEST_PAUSE_SECONDS = 2.0

OnProgress = Callable[[CopyPathRecord], object]
OnGroup = Callable[[CopyGroupStatus], object]


class Copies(CopiesCalls):
    """Calls about copies, and `wait` and `wait_group`."""

    def __init__(self, caller: Caller) -> None:
        """Make calls through a client's connection."""
        super().__init__(caller)
        self._sleep = caller.sleep

    def wait(
        self, copy_path_id: str, *, timeout_seconds: float = 600.0, on_progress: OnProgress | None = None
    ) -> CopyPathRecord:
        """Wait for the end of a copy operation and return its record.

        `on_progress` is called with every record that is read meanwhile. Raises the error with which the copy failed,
        and TimeoutError; the copy goes on then.
        """
        pauses = _Pauses(copy_path_id, timeout_seconds)
        while True:
            record = _one(self.copy_path_status(copy_path_id=copy_path_id))
            if on_progress is not None:
                on_progress(record)
            if record.finished is not None:
                return _succeeded(record)
            self._sleep(pauses.next())

    def wait_group(
        self, group_id: str, *, timeout_seconds: float = 3600.0, on_progress: OnGroup | None = None
    ) -> CopyGroupStatus:
        """Wait until no copy of a group waits or runs, and return how the group stands, with its first copies.

        `on_progress` is called with the counts that are read meanwhile. Copies that failed raise nothing: look at
        `counts`. Raises TimeoutError; the copies go on then.
        """
        pauses = _Pauses(group_id, timeout_seconds)
        while True:
            status = self.copy_group_status(group_id=group_id, limit=0)
            if on_progress is not None:
                on_progress(status)
            if status.finished:
                return self.copy_group_status(group_id=group_id)
            self._sleep(pauses.next())


class AsyncCopies(AsyncCopiesCalls):
    """Calls about copies, to be awaited, and `wait` and `wait_group`."""

    def __init__(self, caller: AsyncCaller) -> None:
        """Make calls through a client's connection."""
        super().__init__(caller)
        self._sleep = caller.sleep

    async def wait(
        self, copy_path_id: str, *, timeout_seconds: float = 600.0, on_progress: OnProgress | None = None
    ) -> CopyPathRecord:
        """Wait for the end of a copy operation and return its record, as `Copies.wait` does."""
        pauses = _Pauses(copy_path_id, timeout_seconds)
        while True:
            record = _one(await self.copy_path_status(copy_path_id=copy_path_id))
            if on_progress is not None:
                on_progress(record)
            if record.finished is not None:
                return _succeeded(record)
            await self._sleep(pauses.next())

    async def wait_group(
        self, group_id: str, *, timeout_seconds: float = 3600.0, on_progress: OnGroup | None = None
    ) -> CopyGroupStatus:
        """Wait until no copy of a group waits or runs, as `Copies.wait_group` does."""
        pauses = _Pauses(group_id, timeout_seconds)
        while True:
            status = await self.copy_group_status(group_id=group_id, limit=0)
            if on_progress is not None:
                on_progress(status)
            if status.finished:
                return await self.copy_group_status(group_id=group_id)
            await self._sleep(pauses.next())


class _Pauses:
    """Longer and longer pauses, until the time is over."""

    def __init__(self, what: str, timeout_seconds: float) -> None:
        self._what = what
        self._ends_at = time.monotonic() + timeout_seconds
        self._pause = FIRST_PAUSE_SECONDS

    def next(self) -> float:
        left = self._ends_at - time.monotonic()
        if left <= 0:
            raise TimeoutError(f"{self._what} is not finished")
        pause, self._pause = self._pause, min(self._pause * 1.5, LONGEST_PAUSE_SECONDS)
        return min(pause, left)


def _one(status: CopyPathStatus) -> CopyPathRecord:
    if isinstance(status.data, list):
        raise AnswerMalformed("The server answered with a list instead of one operation.", call="copy_path_status")
    return status.data


def _succeeded(record: CopyPathRecord) -> CopyPathRecord:
    if record.error is None:
        return record
    kind = kind_of(record.code or CopyFailed.code, 200)
    raise kind(record.error, code=record.code, call="copy_path_between_projects", status=200)
