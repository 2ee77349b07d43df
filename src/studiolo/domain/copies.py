"""Copies between projects: ordered here, written down, carried out later by a worker."""

import asyncio
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from studiolo.core.clock import Clock
from studiolo.core.errors import (
    Conflict,
    CopyCancelled,
    CopyOperationFinished,
    CopyOperationNotFound,
    InvalidRequest,
    PathOutsideProject,
    Unavailable,
    error_from_wire,
)
from studiolo.core.ids import CopyId, ProjectId, is_uuid
from studiolo.core.models import CopyOperation, Principal
from studiolo.core.secrets import SecretSource
from studiolo.domain.audit import in_request
from studiolo.domain.copy_notices import CopyNotices
from studiolo.domain.copy_orders import CANCELLED, Place, require, require_both
from studiolo.domain.copying import Begun, Copying, Share
from studiolo.domain.home_paths import path_in_home
from studiolo.domain.idempotency import Made, made_before, note_made
from studiolo.domain.moments import parse_moment
from studiolo.domain.projects import is_storable
from studiolo.domain.prompt_copies import PromptCopies
from studiolo.storage import copies as rows
from studiolo.storage import copy_queue as queue
from studiolo.storage import projects
from studiolo.storage.database import Database, Transaction

KEPT_DAYS = 30
WAIT_TIMEOUT_SECONDS = 240.0
MAX_LIMIT = 1000
MAX_OFFSET = 100_000
MAX_PATH_CHARACTERS = 4_096
MAX_PATTERNS = 1_000
_REAPED_AT_ONCE = 100
_NAME_CHARACTERS = 12
_PAUSES_SECONDS = (0.03, 0.05, 0.1, 0.2, 0.4, 0.8)  # between looks into the table, while there is no news


@dataclass(frozen=True, slots=True)
class CopyRequest:
    """What a caller asks to be copied; nothing of it is checked yet."""

    source_project_id: str
    source_path: str
    target_project_id: str
    target_path: str | None = None
    overwrite_newer: bool = False
    delete_missing: bool = False
    backup: bool = False
    exclude: tuple[str, ...] = ()
    timeout_seconds: float | None = None
    scheduled: str | None = None
    is_public: bool = False  # the source need only be public


@dataclass(frozen=True, slots=True)
class CopyQuery:
    """Which copies a caller wants to see: of a source or a target project; `is_failed` goes before `is_pending`."""

    source_project_id: str | None = None
    target_project_id: str | None = None
    source_path: str | None = None
    limit: int = MAX_LIMIT
    offset: int = 0
    is_pending: bool = True
    is_failed: bool = False


class Copies:
    """Orders copies and tells what became of them."""

    def __init__(
        self,
        database: Database,
        clock: Clock,
        secrets: SecretSource,
        copying: Copying | None = None,
        on_queued: Callable[[], None] | None = None,
    ) -> None:
        """Take copies; with `copying` they can be carried out here, and what is waited for is, if it may be."""
        self._database = database
        self._clock = clock
        self._secrets = secrets
        self._copying = copying
        self._on_queued = on_queued
        self._notices = CopyNotices()
        self._prompt = PromptCopies(copying, f"hub-{secrets.base62(_NAME_CHARACTERS)}") if copying is not None else None
        if copying is not None and copying.on_finished is None:
            copying.on_finished = self.notice_finished

    async def create(self, principal: Principal, request: CopyRequest, *, is_awaited: bool = False) -> CopyOperation:
        """Write a copy down; it happens soon, or once its scheduled moment has come.

        What the caller will wait for (`wait`) is begun here and now, if nobody is overtaken by that.
        """
        made = made_before(Made.COPY)
        if made is not None:
            return await self._get(CopyId(made))
        if self._prompt is not None and is_awaited and request.scheduled is None:
            return await self._prompt.order(lambda slot: self._write_down(principal, request, slot))
        copy = await self._write_down(principal, request, None)
        assert isinstance(copy, CopyOperation)
        return copy

    async def _write_down(self, principal: Principal, request: CopyRequest, slot: str | None) -> Begun | CopyOperation:
        """Write a copy down, as begun by a slot of this process if there is one and it may be."""
        source_id, target_id = _checked_ids(request)
        source = Place(source_id, request.source_path, is_public=request.is_public)
        target = Place(target_id, request.target_path or request.source_path)

        def create(tx: Transaction) -> Begun | CopyOperation:
            known = projects.get_all(tx, list({source_id, target_id}))
            to, of = require(tx, principal, source, target, known)
            copy = self._operation(principal, request, source_id, target_id)
            check_operation(copy)
            note_made(tx, Made.COPY, copy.copy_id)
            expires_at = max(copy.created_at, copy.scheduled_at or copy.created_at) + timedelta(days=KEPT_DAYS)
            if slot is not None and self._copying is not None:
                begun = self._copying.begin(tx, principal, copy, (of, to), slot, expires_at)
                if begun is not None:
                    return begun
            rows.insert_waiting(tx, copy, expires_at=expires_at)
            return copy

        written = await self._database.write(in_request(create))
        if isinstance(written, CopyOperation):
            self._notices.expect(written.copy_id)
            if self._on_queued is not None:
                self._on_queued()
        return written

    async def wait(self, copy_id: CopyId, timeout_seconds: float = WAIT_TIMEOUT_SECONDS) -> CopyOperation:
        """Wait until a copy is done and return it; raise its error if it failed, Unavailable if it takes too long."""
        deadline = self._clock.monotonic() + timeout_seconds
        ended = await self._wait_for_prompt(copy_id, timeout_seconds)
        copy = ended if ended is not None else await self._wait_for_news(copy_id, deadline, timeout_seconds)
        if copy.error is not None:
            raise error_from_wire(copy.error_code, copy.error)
        return copy

    async def close(self) -> None:
        """Give back to the queue what this process has under way."""
        if self._prompt is not None:
            await self._prompt.close()

    async def _wait_for_prompt(self, copy_id: CopyId, seconds: float) -> CopyOperation | None:
        """Wait for a copy that this process carries out; None if it does not, or cannot say how it ended."""
        copying = None if self._prompt is None else self._prompt.under_way(copy_id)
        if copying is None:
            return None
        await asyncio.wait({copying}, timeout=seconds)
        if not copying.done():
            raise _goes_on(copy_id, seconds)
        return None if copying.cancelled() or copying.exception() is not None else copying.result()

    async def _wait_for_news(self, copy_id: CopyId, deadline: float, timeout_seconds: float) -> CopyOperation:
        pauses = iter(_PAUSES_SECONDS)
        with self._notices.awaited(copy_id) as notice:
            if self._notices.is_new(copy_id):
                await self._rest(next(pauses), notice)
            while (copy := await self._get(copy_id)).finished_at is None:
                if self._clock.monotonic() >= deadline:
                    raise _goes_on(copy_id, timeout_seconds)
                await self._rest(next(pauses, _PAUSES_SECONDS[-1]), notice)
        return copy

    def notice_finished(self, copy_ids: Iterable[str]) -> None:
        """Take the news that copies are finished; who waits for one looks at once. News may be lost."""
        self._notices.take(copy_ids)

    async def _rest(self, seconds: float, notice: asyncio.Event) -> None:
        if notice.is_set():
            notice.clear()
            return
        resting = asyncio.ensure_future(self._clock.sleep(seconds))
        noticing = asyncio.ensure_future(notice.wait())
        try:
            await asyncio.wait({resting, noticing}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            resting.cancel()
            noticing.cancel()
            await asyncio.gather(resting, noticing, return_exceptions=True)
        notice.clear()

    async def status(self, principal: Principal, copy_id: CopyId) -> CopyOperation:
        """Return one copy operation of projects that the caller may write to and read."""
        copy = await self._get(copy_id)
        await self._database.read(lambda tx: require_both(tx, principal, copy))
        return copy

    async def query(self, principal: Principal, query: CopyQuery) -> list[CopyOperation]:
        """Return copy operations, the newest first."""
        source_id = _checked_id("src_project_id", query.source_project_id)
        target_id = _checked_id("target_project_id", query.target_project_id)
        if source_id is None and target_id is None:
            raise InvalidRequest(
                "'copy_path_id' (UUID) of a copy operation or 'src_project_id/target_project_id' must be defined"
            )
        _check_range("limit", query.limit, MAX_LIMIT)
        _check_range("offset", query.offset, MAX_OFFSET)
        source = Place(source_id, query.source_path) if source_id is not None else None
        target = Place(target_id, None) if target_id is not None else None
        await self._database.read(lambda tx: require(tx, principal, source, target))
        kind: rows.Kind = "failed" if query.is_failed else "pending" if query.is_pending else "finished"
        return await self._database.read(
            lambda tx: rows.list_between(
                tx,
                source_project_id=source_id,
                target_project_id=target_id,
                source_path=query.source_path,
                kind=kind,
                limit=query.limit,
                offset=query.offset,
            )
        )

    async def delete(self, principal: Principal, copy_id: CopyId | None) -> None:
        """Delete a scheduled copy that is not finished."""
        if not copy_id:
            raise InvalidRequest("ERROR: copy_path_id missing")
        gone = f"Copy operation '{copy_id}' either does not exist or already finished"
        copy = await self._database.read(lambda tx: rows.get(tx, copy_id))
        if copy is None:
            raise CopyOperationNotFound(gone)
        await self._database.read(lambda tx: require_both(tx, principal, copy))
        if not await self._database.write(lambda tx: rows.delete_scheduled(tx, copy_id)):
            raise CopyOperationFinished(gone)

    async def cancel(self, principal: Principal, copy_id: CopyId) -> CopyOperation:
        """Cancel a copy that waits or runs and return it; one that runs stops within moments and is then finished."""

        def cancel(tx: Transaction) -> CopyOperation:
            require_both(tx, principal, self._found(tx, copy_id))
            if not rows.cancel(tx, copy_id, self._clock.now(), error=CANCELLED, error_code=CopyCancelled.code):
                raise CopyOperationFinished(f"Copy operation '{copy_id}' is finished already.")
            return self._found(tx, copy_id)

        return await self._database.write(cancel)

    async def retry(self, principal: Principal, copy_id: CopyId) -> CopyOperation:
        """Carry out once more what failed or was cancelled, in the caller's name."""

        def retry(tx: Transaction) -> CopyOperation:
            copy = self._found(tx, copy_id)
            require_both(tx, principal, copy)
            now = self._clock.now()
            if not rows.restart(tx, copy, principal.account_id, now, now + timedelta(days=KEPT_DAYS)):
                raise Conflict(f"Copy operation '{copy_id}' did not fail: only what failed can be tried again.")
            return self._found(tx, copy_id)

        copy = await self._database.write(retry)
        if self._on_queued is not None:
            self._on_queued()
        return copy

    async def run_one(self, worker_name: str, on_claimed: Callable[[bool], None] | None = None) -> bool:
        """Carry out the next copy that is due; False if there is none.

        `worker_name` is unique among all workers; `on_claimed` is told, once a copy is found, whether others wait.
        """
        if self._copying is None:
            raise RuntimeError("this process was given no copy engine")
        return await self._copying.run_one(worker_name, on_claimed)

    async def run_some(self, worker_name: str, most: int, on_claimed: Callable[[bool], None] | None = None) -> Share:
        """Carry out the next copy that is due, with others, `most` in all, that go together with it."""
        if self._copying is None:
            raise RuntimeError("this process was given no copy engine")
        return await self._copying.run_some(worker_name, most, on_claimed)

    async def is_any_due(self) -> bool:
        """Tell whether there is a copy for a worker to carry out now."""
        now = self._clock.now()
        return await self._database.read(lambda tx: queue.is_any_due(tx, now))

    async def reap(self) -> int:
        """Delete records whose time is over, few enough at once to hold up nobody; return how many."""
        now = self._clock.now()
        deleted = 0
        while True:
            some = await self._database.write(lambda tx: rows.delete_expired(tx, now, _REAPED_AT_ONCE))
            deleted += some
            if some < _REAPED_AT_ONCE:
                return deleted

    async def _get(self, copy_id: CopyId) -> CopyOperation:
        return await self._database.read(lambda tx: self._found(tx, copy_id))

    def _found(self, tx: Transaction, copy_id: CopyId) -> CopyOperation:
        copy = rows.get(tx, copy_id)
        if copy is None:
            raise CopyOperationNotFound(f"Can't find copy operation with ID={copy_id}")
        return copy

    def _operation(
        self, principal: Principal, request: CopyRequest, source_id: ProjectId, target_id: ProjectId
    ) -> CopyOperation:
        return CopyOperation(
            copy_id=CopyId(self._secrets.uuid()),
            account_id=principal.account_id,
            created_at=self._clock.now(),
            source_project_id=source_id,
            source_path=request.source_path,
            target_project_id=target_id,
            target_path=request.target_path or request.source_path,
            overwrite_newer=request.overwrite_newer,
            delete_missing=request.delete_missing,
            backup=request.backup,
            exclude=request.exclude,
            timeout_seconds=request.timeout_seconds or None,  # zero is none to rsync, too
            scheduled_at=scheduled_at_of(request.scheduled),
            started_at=None,
            finished_at=None,
            error=None,
            error_code=None,
            attempts=0,
            is_public=request.is_public,
        )


def _goes_on(copy_id: CopyId, seconds: float) -> Unavailable:
    return Unavailable(
        f"The copy operation {copy_id} is not finished after {seconds:g} seconds and goes on."
        " Query copy_path_status to learn what becomes of it."
    )


def _checked_ids(request: CopyRequest) -> tuple[ProjectId, ProjectId]:
    for name, given in (
        ("src_project_id", request.source_project_id),
        ("target_project_id", request.target_project_id),
    ):
        if request.is_public and not given:
            raise InvalidRequest(f"{name} must be defined")
    if not is_uuid(request.source_project_id):
        raise InvalidRequest(f"src_project_id='{request.source_project_id}' not valid")
    if not is_uuid(request.target_project_id):
        raise InvalidRequest(f"target_project_id='{request.target_project_id}' not valid")
    if not request.source_path:
        raise InvalidRequest("src_path must be defined")
    return ProjectId(request.source_project_id), ProjectId(request.target_project_id)


def _checked_id(name: str, given: str | None) -> ProjectId | None:
    if given and not is_uuid(given):
        raise InvalidRequest(f"invalid {name}={given}")
    return ProjectId(given) if given else None


def _check_range(name: str, value: int, maximum: int) -> None:
    if not 0 <= value <= maximum:
        raise InvalidRequest(f"ILLEGAL VALUE {name}='{value}' (must be in [0, {maximum}])")


def check_operation(copy: CopyOperation) -> None:
    """Raise PathOutsideProject or InvalidRequest for what no copy could be."""
    if path_in_home(copy.source_project_id, copy.source_path) is None:
        raise PathOutsideProject("source path must be contained in project home dir")
    if path_in_home(copy.target_project_id, copy.target_path) is None:
        raise PathOutsideProject("target path must be contained in target project home dir")
    for name, text in (("src_path", copy.source_path), ("target_path", copy.target_path)):
        if len(text) > MAX_PATH_CHARACTERS or not is_storable(text):
            raise InvalidRequest(f"{name} cannot be the name of a file", fields={name: "not a file name"})
    if len(copy.exclude) > MAX_PATTERNS or not all(is_storable(pattern) for pattern in copy.exclude):
        raise InvalidRequest("exclude is not a list of patterns", fields={"exclude": "not patterns"})
    if copy.timeout_seconds is not None and not 0 < copy.timeout_seconds < float("inf"):
        raise InvalidRequest("timeout must be a positive number of seconds", fields={"timeout": "not positive"})


def scheduled_at_of(given: str | None) -> datetime | None:
    """Return the moment that a caller wrote; raise InvalidRequest in the historical words."""
    if given is None:
        return None
    moment = parse_moment(given)
    if moment is None:
        raise InvalidRequest(f"opts.scheduled = {given} is not a valid date. Can't be parsed by Date.parse()")
    return moment
