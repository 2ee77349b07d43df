"""The work behind a copy operation: claim one, carry it out, write down how it ended.

1. A claim is a lease. While bytes move it is renewed; a worker that falls silent loses it and another one begins again.
2. A worker that lost its lease stops and what it found is forgotten: the row belongs to somebody else.
3. What may work later (`is_retryable`, or a defect of ours) is tried again after a growing pause, up to `MAX_ATTEMPTS`;
   so is a copy whose worker died. Then the copy ends with an error, so that it cannot kill workers for ever.
4. Access is asked for again when the copy runs: a scheduled copy does not outlive its owner's rights.
5. A copy that somebody waits for is begun by the process that writes it down (`prompt_copies.py`), if it may be: it is
   written down with its lease, and all else is the same.
6. Several small copies that go together (`storage/copy_queue.py`) are claimed, carried out and written down together.
   That takes moments, so their lease is not renewed; who would need more gives them back, to be carried out alone.
"""

import asyncio
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import structlog

from studiolo.core.clock import Clock
from studiolo.core.errors import CopyCancelled, StudioloError, Unavailable
from studiolo.core.ids import CopyId
from studiolo.core.models import CopyOperation, CopyOrder, Principal, Project
from studiolo.core.settings import Settings
from studiolo.domain.copy_orders import CANCELLED, MAX_ATTEMPTS, Prepared, order_of, prepare
from studiolo.domain.copy_reports import bounded, storable
from studiolo.domain.copy_watch import CopyWatch, Verdict
from studiolo.runtime.protocols import BatchCopyEngine, CopyOutcome, CopyReport, Postponed
from studiolo.storage import copies as rows
from studiolo.storage import copy_bases
from studiolo.storage import copy_queue as queue
from studiolo.storage.database import Database, Result, Transaction, Work

FIRST_BACKOFF_SECONDS = 1.0
MAX_ERROR_CHARACTERS = 10_000
_log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Share:
    """How many copies were claimed, and whether it is worth to look for more at once."""

    count: int
    is_more: bool


@dataclass(frozen=True, slots=True)
class Begun:
    """A copy that was claimed, by whom, and what is to be done."""

    copy: CopyOperation
    order: CopyOrder
    owner: str


class Copying:
    """Carries out copy operations; several processes may do so at once.

    `on_finished` is told of copies whose end was written down.
    """

    def __init__(
        self,
        settings: Settings,
        database: Database,
        clock: Clock,
        engine: BatchCopyEngine,
        on_finished: Callable[[Sequence[CopyId]], None] | None = None,
    ) -> None:
        self._settings = settings
        self.on_finished = on_finished
        self._at_once = queue.AtOnce(settings.copies_per_account, settings.copies_per_project)
        self._database = database
        self._clock = clock
        self._engine = engine

    async def run_one(self, worker_name: str, on_claimed: Callable[[bool], None] | None = None) -> bool:
        """Carry out the next copy that is due; False if there is none.

        `worker_name` is unique among all workers; `on_claimed` is told, once a copy is found, whether others wait.
        """
        return (await self.run_some(worker_name, 1, on_claimed)).count > 0

    async def run_some(self, worker_name: str, most: int, on_claimed: Callable[[bool], None] | None = None) -> Share:
        """Carry out the next copy that is due, with others, `most` in all, that go together with it."""
        claimed, is_more = await self._claim(worker_name, most)
        if not claimed:
            return Share(0, is_more=is_more)
        if on_claimed is not None:
            on_claimed(is_more)
        ready = [(copy, order) for copy, order in claimed if isinstance(order, CopyOrder)]
        self._tell_finished([copy.copy_id for copy, order in claimed if not isinstance(order, CopyOrder)])
        if len(ready) == 1:
            await self._carry_out(*ready[0], worker_name)
        elif ready:
            is_more = await self._carry_out_together(ready, worker_name) or is_more
        return Share(len(claimed), is_more=is_more)

    def begin(
        self,
        tx: Transaction,
        principal: Principal,
        copy: CopyOperation,
        ends: tuple[Project, Project],
        owner: str,
        expires_at: datetime,
    ) -> Begun | None:
        """Write a copy between a source and a target that may be used down as `owner`'s, to be carried out at once.

        None, and nothing is written, when it is somebody else's turn or there is nothing to do.
        """
        due_at = queue.place_to_begin(tx, copy, copy.created_at, self._at_once)
        if due_at is None:
            return None
        order = order_of(tx, self._settings, principal, copy, ends)
        if order is None:
            return None
        lease_until = copy.created_at + self._lease
        claimed = rows.insert_claimed(tx, copy, owner, due_at=due_at, lease_until=lease_until, expires_at=expires_at)
        return Begun(claimed, order, owner)

    async def carry_out(self, begun: Begun) -> CopyOperation | None:
        """Carry out a claimed copy and return it as it ended; None when it is to be tried again, or another's now."""
        return await self._carry_out(begun.copy, begun.order, begun.owner)

    async def _carry_out_together(self, ready: Sequence[tuple[CopyOperation, CopyOrder]], worker_name: str) -> bool:
        """Carry out copies in one go; tell whether some were given back."""
        claimed = [copy for copy, _ in ready]
        orders = [order for _, order in ready]
        working = asyncio.create_task(self._engine.copy_all(orders))
        resting = asyncio.create_task(self._clock.sleep(self._settings.copy_lease_seconds / 2))
        try:
            await asyncio.wait({working, resting}, return_when=asyncio.FIRST_COMPLETED)
        except asyncio.CancelledError:
            await _end(working, resting)
            await self._give_back(claimed, worker_name, 0.0, counts=False)
            raise
        if not working.done() or working.exception() is not None:
            error = working.exception() if working.done() else None
            await _end(working, resting)
            _log.warning("copies_not_carried_out_together", copies=len(ready), error=repr(error))
            await self._give_back(claimed, worker_name, 0.0)  # each of them alone now
            return True
        await _end(resting)
        await self._write_down_all(claimed, working.result(), worker_name)
        return any(isinstance(outcome, Postponed) for outcome in working.result())

    async def _write_down_all(
        self, claimed: Sequence[CopyOperation], outcomes: Sequence[CopyOutcome], worker_name: str
    ) -> None:
        pairs = list(zip(claimed, outcomes, strict=True))
        good = [(copy, bounded(outcome)) for copy, outcome in pairs if isinstance(outcome, dict)]
        now = self._clock.now()
        if good:
            await self._write(lambda tx: _end_well(tx, good, worker_name, now))
            self._tell_finished([copy.copy_id for copy, _ in good])
        for reason in Postponed:
            left = [copy for copy, outcome in pairs if outcome is reason]
            if left:
                await self._give_back(left, worker_name, 0.0, counts=reason is Postponed.ALONE)
        for copy, outcome in pairs:
            if isinstance(outcome, StudioloError):
                await self._write_down(copy, worker_name, outcome)
        _log.info("copies_finished", copies=len(pairs), well=len(good))

    async def _carry_out(self, claimed: CopyOperation, order: CopyOrder, worker_name: str) -> CopyOperation | None:
        watch = CopyWatch(self._database, self._clock, claimed, worker_name)
        copying = asyncio.create_task(self._engine.copy(order, watch.tell))
        leasing = asyncio.create_task(self._keep_lease(claimed, worker_name))
        watching = asyncio.create_task(watch.run())
        try:
            await asyncio.wait({copying, leasing, watching}, return_when=asyncio.FIRST_COMPLETED)
        except asyncio.CancelledError:
            await _end(copying, leasing, watching)
            await self._give_back([claimed], worker_name, 0.0, counts=False)  # let another worker begin at once
            raise
        if copying.done():
            await _end(leasing, watching)
            error = copying.exception()
            if error is None:
                return await self._finish(claimed, worker_name, None, copying.result())
            return await self._write_down(claimed, worker_name, error)
        is_cancelled = watching.done() and watching.result() is Verdict.CANCELLED
        await _end(copying, leasing, watching)
        if is_cancelled:
            return await self._finish(claimed, worker_name, CopyCancelled(CANCELLED))
        _log.warning("copy_lease_lost", copy_id=claimed.copy_id, worker=worker_name)
        return None

    async def _claim(self, worker_name: str, most: int) -> tuple[list[tuple[CopyOperation, Prepared]], bool]:
        """Claim copies and look what is to be done; what cannot be carried out is written down at once."""

        def claim(tx: Transaction) -> tuple[list[tuple[CopyOperation, Prepared]], bool]:
            now = self._clock.now()
            found = queue.claim(
                tx, worker_name, now=now, lease_until=now + self._lease, most=most, at_once=self._at_once
            )
            prepared = prepare(tx, self._settings, found.copies)
            for copy, order in prepared:
                if not isinstance(order, CopyOrder):
                    self._record(tx, copy, worker_name, order)
            return prepared, found.is_more

        return await self._write(claim)

    @property
    def _lease(self) -> timedelta:
        return timedelta(seconds=self._settings.copy_lease_seconds)

    async def _keep_lease(self, claimed: CopyOperation, worker_name: str) -> None:
        """Renew the lease again and again; return once it is lost."""
        lease_until = self._clock.now() + self._lease
        while self._clock.now() < lease_until:
            await self._clock.sleep(self._settings.copy_lease_seconds / 3)
            renewed = self._clock.now() + self._lease
            try:
                if not await self._renew(claimed, worker_name, renewed):
                    return
            except Unavailable:
                continue  # the database is away: the lease holds until it runs out
            lease_until = renewed

    async def _renew(self, claimed: CopyOperation, worker_name: str, lease_until: datetime) -> bool:
        return await self._write(lambda tx: rows.renew(tx, claimed, worker_name, lease_until))

    async def _write_down(self, claimed: CopyOperation, worker_name: str, error: BaseException) -> CopyOperation | None:
        is_ours = not isinstance(error, StudioloError)
        if is_ours:
            _log.error("copy_broke", copy_id=claimed.copy_id, exc_info=error)
        if (is_ours or error.is_retryable) and claimed.attempts < MAX_ATTEMPTS:
            pause_seconds = FIRST_BACKOFF_SECONDS * math.pow(2, claimed.attempts - 1)
            await self._give_back([claimed], worker_name, pause_seconds)
            return None
        end = StudioloError("The copy could not be carried out.") if is_ours else error
        return await self._finish(claimed, worker_name, end)

    async def _give_back(
        self, claimed: Sequence[CopyOperation], worker_name: str, pause_seconds: float, *, counts: bool = True
    ) -> None:
        not_before = self._clock.now() + timedelta(seconds=pause_seconds)
        await self._write(lambda tx: queue.give_back(tx, claimed, worker_name, not_before, counts=counts))

    async def _finish(
        self,
        claimed: CopyOperation,
        worker_name: str,
        error: StudioloError | None,
        report: CopyReport | None = None,
    ) -> CopyOperation | None:
        ended = await self._write(lambda tx: self._record(tx, claimed, worker_name, error, report))
        code = None if error is None else error.code
        _log.info("copy_finished", copy_id=claimed.copy_id, code=code, is_discarded=ended is None)
        self._tell_finished([claimed.copy_id])
        return ended

    async def _write(self, work: Work[Result]) -> Result:
        # a claim or an end that a power failure takes back leads to the same copy being carried out again: harmless
        return await self._database.write(work, is_serializable=False, is_flushed=False)

    def _record(
        self,
        tx: Transaction,
        claimed: CopyOperation,
        worker_name: str,
        error: StudioloError | None,
        report: CopyReport | None = None,
    ) -> CopyOperation | None:
        report = bounded(error.details.get("report") if error is not None else report)
        text = None if error is None else storable(error.message)[:MAX_ERROR_CHARACTERS]
        code = None if error is None else error.code
        now = self._clock.now()
        ended = rows.finish(tx, claimed, worker_name, now, error=text, error_code=code, report=report)
        if ended is not None and error is None:
            copy_bases.note_finished(tx, [claimed], now)
        return ended

    def _tell_finished(self, copy_ids: Sequence[CopyId]) -> None:
        if copy_ids and self.on_finished is not None:
            self.on_finished(copy_ids)


def _end_well(
    tx: Transaction, good: Sequence[tuple[CopyOperation, dict[str, Any] | None]], worker_name: str, now: datetime
) -> None:
    queue.finish_well(tx, good, worker_name, now)
    copy_bases.note_finished(tx, [copy for copy, _ in good], now)


async def _end(*tasks: asyncio.Task[Any]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
