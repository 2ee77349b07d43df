"""The work behind a copy operation: claim one, carry it out, write down how it ended.

1. A claim is a lease. While bytes move it is renewed; a worker that falls silent loses it and another one begins again.
2. A worker that lost its lease stops and what it found is forgotten: the row belongs to somebody else.
3. What may work later (`is_retryable`, or a defect of ours) is tried again after a growing pause, up to `MAX_ATTEMPTS`;
   so is a copy whose worker died. Then the copy ends with an error, so that it cannot kill workers for ever.
4. Access is asked for again when the copy runs: a scheduled copy does not outlive its owner's rights.
"""

import asyncio
import math
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import structlog

from studiolo.core.clock import Clock
from studiolo.core.errors import CopyCancelled, CopyFailed, Forbidden, NotFound, StudioloError, Unavailable
from studiolo.core.ids import ProjectId
from studiolo.core.models import CopyOperation, CopyOrder, Principal, Project
from studiolo.core.settings import Settings
from studiolo.domain import access
from studiolo.domain.copy_reports import bounded, storable
from studiolo.domain.copy_watch import CopyWatch, Verdict
from studiolo.domain.home_paths import path_in_home
from studiolo.domain.lifecycle import project_spec
from studiolo.runtime.protocols import CopyEngine, CopyReport, OnProgress
from studiolo.storage import accounts
from studiolo.storage import copies as rows
from studiolo.storage.database import Database, Transaction

MAX_ATTEMPTS = 5
FIRST_BACKOFF_SECONDS = 1.0
MAX_ERROR_CHARACTERS = 10_000
CANCELLED = "The copy was cancelled. Files that had arrived before are whole and stay."
_log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Place:
    """A path in a project; without a path, all of the project."""

    project_id: ProjectId
    path: str | None
    is_public: bool = False  # it need not be the caller's


class Copying:
    """Carries out copy operations; several processes may do so at once."""

    def __init__(self, settings: Settings, database: Database, clock: Clock, engine: CopyEngine) -> None:
        self._settings = settings
        self._database = database
        self._clock = clock
        self._engine = engine

    async def run_one(self, worker_name: str, on_claimed: Callable[[], None] | None = None) -> bool:
        """Carry out the next copy that is due; False if there is none.

        `worker_name` is unique among all workers; `on_claimed` is called once a copy is found.
        """
        claimed = await self._claim(worker_name)
        if claimed is None:
            return False
        if on_claimed is not None:
            on_claimed()
        if claimed.is_cancelled:  # whoever carried it out died before it could stop
            await self._finish(claimed, worker_name, CopyCancelled(CANCELLED))
        elif claimed.attempts > MAX_ATTEMPTS:
            await self._finish(
                claimed, worker_name, CopyFailed(f"The copy was given up after {MAX_ATTEMPTS} attempts.")
            )
        else:
            await self._carry_out(claimed, worker_name)
        return True

    async def _carry_out(self, claimed: CopyOperation, worker_name: str) -> None:
        watch = CopyWatch(self._database, self._clock, claimed, worker_name)
        copying = asyncio.create_task(self._copy(claimed, watch.tell))
        leasing = asyncio.create_task(self._keep_lease(claimed, worker_name))
        watching = asyncio.create_task(watch.run())
        try:
            await asyncio.wait({copying, leasing, watching}, return_when=asyncio.FIRST_COMPLETED)
        except asyncio.CancelledError:
            await _end(copying, leasing, watching)
            await self._give_back(claimed, worker_name, 0.0)  # the worker stops: let another one begin at once
            raise
        if copying.done():
            await _end(leasing, watching)
            await self._write_down(claimed, worker_name, copying)
            return
        is_cancelled = watching.done() and watching.result() is Verdict.CANCELLED
        await _end(copying, leasing, watching)
        if is_cancelled:
            await self._finish(claimed, worker_name, CopyCancelled(CANCELLED))
        else:
            _log.warning("copy_lease_lost", copy_id=claimed.copy_id, worker=worker_name)

    async def _claim(self, worker_name: str) -> CopyOperation | None:
        def claim(tx: Transaction) -> CopyOperation | None:
            now = self._clock.now()
            return rows.claim(tx, worker_name, now=now, lease_until=now + self._lease)

        return await self._database.write(claim)

    @property
    def _lease(self) -> timedelta:
        return timedelta(seconds=self._settings.copy_lease_seconds)

    async def _copy(self, claimed: CopyOperation, on_progress: OnProgress) -> CopyReport:
        source, target = await self._database.read(lambda tx: require_both(tx, _principal(tx, claimed), claimed))
        source_path = path_in_home(source.project_id, claimed.source_path)
        target_path = path_in_home(target.project_id, claimed.target_path)
        if source_path is None or target_path is None:
            raise CopyFailed("a path leads out of the project")
        if source.project_id == target.project_id and source_path.rstrip("/") == target_path.rstrip("/"):
            return {}  # onto itself: nothing to do
        order = CopyOrder(
            source=project_spec(source, self._settings),
            source_path=source_path,
            target=project_spec(target, self._settings),
            target_path=target_path,
            overwrite_newer=claimed.overwrite_newer,
            delete_missing=claimed.delete_missing,
            backup=claimed.backup,
            exclude=claimed.exclude,
            timeout_seconds=claimed.timeout_seconds,
        )
        return await self._engine.copy(order, on_progress)

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
        return await self._database.write(lambda tx: rows.renew(tx, claimed, worker_name, lease_until))

    async def _write_down(self, claimed: CopyOperation, worker_name: str, copying: asyncio.Task[CopyReport]) -> None:
        error = copying.exception()
        if error is None:
            await self._finish(claimed, worker_name, None, copying.result())
            return
        is_ours = not isinstance(error, StudioloError)
        if is_ours:
            _log.error("copy_broke", copy_id=claimed.copy_id, exc_info=error)
        if (is_ours or error.is_retryable) and claimed.attempts < MAX_ATTEMPTS:
            await self._give_back(claimed, worker_name, FIRST_BACKOFF_SECONDS * math.pow(2, claimed.attempts - 1))
            return
        end = StudioloError("The copy could not be carried out.") if is_ours else error
        await self._finish(claimed, worker_name, end)

    async def _give_back(self, claimed: CopyOperation, worker_name: str, pause_seconds: float) -> None:
        not_before = self._clock.now() + timedelta(seconds=pause_seconds)
        await self._database.write(lambda tx: rows.retry(tx, claimed, worker_name, not_before))

    async def _finish(
        self,
        claimed: CopyOperation,
        worker_name: str,
        error: StudioloError | None,
        report: CopyReport | None = None,
    ) -> None:
        report = bounded(error.details.get("report") if error is not None else report)
        now = self._clock.now()
        text = None if error is None else storable(error.message)[:MAX_ERROR_CHARACTERS]
        code = None if error is None else error.code
        is_ours = await self._database.write(
            lambda tx: rows.finish(tx, claimed, worker_name, now, error=text, error_code=code, report=report)
        )
        _log.info("copy_finished", copy_id=claimed.copy_id, code=code, is_discarded=not is_ours)


def require(tx: Transaction, principal: Principal, source: Place | None, target: Place | None) -> list[Project]:
    """Return the projects, the target first; raise in the words of the copy calls if one may not be used."""
    found: list[Project] = []
    for place, write, refusal in (
        (target, True, "No write access to target"),
        (source, False, "No read access to source"),
    ):
        if place is None:
            continue
        if place.is_public:
            found.append(access.require_public(tx, principal, place.project_id, place.path or "")[0])
            continue
        try:
            found.append(access.require(tx, principal, place.project_id, write=write, path=place.path))
        except (Forbidden, NotFound) as error:
            message = f"ACCESS BLOCKED -- {refusal} project -- {place.project_id}"
            if source is not None and source.is_public:
                message = f"user must have write access to target project {place.project_id}"
            raise type(error)(message, **error.details) from error
    return found


def require_both(tx: Transaction, principal: Principal, copy: CopyOperation) -> tuple[Project, Project]:
    """Return the source and the target of a copy that the caller may read and write."""
    source = Place(copy.source_project_id, copy.source_path, is_public=copy.is_public)
    target = Place(copy.target_project_id, copy.target_path)
    found = require(tx, principal, source, target)
    return found[1], found[0]


def _principal(tx: Transaction, claimed: CopyOperation) -> Principal:
    account_id = claimed.account_id
    if account_id is None:  # ordered with a project's own key, which reaches that project only
        return Principal(key_project_id=claimed.target_project_id)
    account = accounts.get(tx, account_id)
    if account is None or account.is_banned or account.is_deleted:
        raise Forbidden("ACCESS BLOCKED -- The account that ordered the copy is gone.")
    return Principal(account_id=account_id, is_admin=account.is_admin)


async def _end(*tasks: asyncio.Task[Any]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
