"""Groups of copies: one source to many projects, or one path of many projects into one.

A group is rows of the queue that are inserted together; nothing about its state is kept twice. Its orderer and
administrators see and steer it, since it names every project it reaches.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import timedelta

from studiolo.core.clock import Clock
from studiolo.core.errors import (
    CopyGroupKeyUsed,
    CopyOperationFinished,
    CopyOperationNotFound,
    InvalidRequest,
)
from studiolo.core.ids import CopyGroupId, CopyId, ProjectId, is_uuid
from studiolo.core.models import (
    COPY_STATES,
    FULL_SCOPE,
    CopyGroup,
    CopyOperation,
    CopyState,
    Principal,
    Project,
)
from studiolo.core.secrets import SecretSource
from studiolo.core.settings import Settings
from studiolo.domain.audit import in_request
from studiolo.domain.copies import KEPT_DAYS, scheduled_at_of
from studiolo.domain.copy_group_requests import (
    MAX_MEMBERS,
    GroupRequest,
    check,
    check_copies,
    hash_of,
    projects_of,
)
from studiolo.domain.copy_orders import CANCELLED
from studiolo.domain.copy_targets import fill_in
from studiolo.domain.idempotency import Made, made_before, note_made
from studiolo.runtime.protocols import HomeRemover
from studiolo.storage import copies as copy_rows
from studiolo.storage import copy_bases
from studiolo.storage import copy_groups as rows
from studiolo.storage.database import Database, Transaction

MAX_PAGE = 1000
MAX_SNAPSHOTS = 20  # of one project
SNAPSHOT_GRACE_SECONDS = 3600.0
_SNAPSHOTS_AT_ONCE = 20


@dataclass(frozen=True, slots=True)
class GroupStatus:
    """How a group stands, and one page of its copies."""

    group: CopyGroup
    counts: dict[CopyState, int]
    copies: list[tuple[CopyOperation, CopyState]]
    next_after: int | None  # where the next page begins

    @property
    def is_finished(self) -> bool:
        """Tell whether no copy of it waits or runs."""
        return not (self.counts["waiting"] or self.counts["running"])


class CopyGroups:
    """Orders groups of copies, tells how they stand, cancels them and tries them again."""

    def __init__(
        self,
        settings: Settings,
        database: Database,
        clock: Clock,
        secrets: SecretSource,
        on_queued: Callable[[], None] | None = None,
        homes: HomeRemover | None = None,
    ) -> None:
        self._settings = settings
        self._homes = homes
        self._database = database
        self._clock = clock
        self._secrets = secrets
        self._on_queued = on_queued

    async def create(self, principal: Principal, request: GroupRequest) -> tuple[CopyGroup, bool]:
        """Order a group and return it; False beside it when it was ordered before under the same key."""
        check(request)
        known = await self._ordered(principal) or await self._known(principal, request)
        if known is not None:
            return known, False
        group, copies = await self._database.read(lambda tx: self._prepare(tx, principal, request))
        snapshot = [_snapshot_of(copies[0], CopyId(self._secrets.uuid()))] if self._keeps_base(group) else []

        def insert(tx: Transaction) -> bool:
            if not rows.insert(tx, group):
                return False  # the same order arrived twice at once
            if snapshot:
                copy_bases.plan_snapshot(tx, group.group_id, group.project_id, group.created_at)
            copy_rows.insert_group(tx, [*snapshot, *copies], expires_at=group.expires_at)
            note_made(tx, Made.COPY_GROUP, group.group_id)
            return True

        if not await self._database.write(in_request(insert)):
            known = await self._known(principal, request)
            if known is None:
                raise CopyGroupKeyUsed("The group was ordered and deleted meanwhile; send the request again.")
            return known, False
        self._wake()
        return group, True

    async def status(
        self, principal: Principal, group_id: str, *, after: int = 0, limit: int = 100, state: str | None = None
    ) -> GroupStatus:
        """Return how a group stands with the copies behind a position, in order."""
        if not 0 <= limit <= MAX_PAGE:
            raise InvalidRequest(f"limit must be between 0 and {MAX_PAGE}", fields={"limit": "out of range"})
        if not 0 <= after <= MAX_MEMBERS:
            raise InvalidRequest(f"after must be between 0 and {MAX_MEMBERS}", fields={"after": "out of range"})
        wanted: CopyState | None = next((one for one in COPY_STATES if one == state), None)
        if state is not None and wanted is None:
            raise InvalidRequest(f"state must be one of {', '.join(COPY_STATES)}", fields={"state": "unknown"})

        def read(tx: Transaction) -> GroupStatus:
            group = require_group(tx, principal, group_id)
            copies = rows.list_copies(tx, group.group_id, after=after, limit=limit + 1, state=wanted)
            is_more = limit > 0 and len(copies) > limit
            page = copies[:limit]
            return GroupStatus(
                group, rows.count_states(tx, group.group_id), page, page[-1][0].position if is_more else None
            )

        return await self._database.read(read)

    async def cancel(self, principal: Principal, group_id: str) -> int:
        """Cancel what is not finished of a group; return how many copies that were."""

        def cancel(tx: Transaction) -> int:
            group = require_group(tx, principal, group_id)
            cancelled = rows.cancel(tx, group.group_id, self._clock.now(), CANCELLED)
            if not cancelled:
                raise CopyOperationFinished(f"The group {group_id} is finished already.")
            return cancelled

        return await self._database.write(cancel)

    async def retry(self, principal: Principal, group_id: str, *, with_cancelled: bool = False) -> int:
        """Carry out once more what failed of a group, in the caller's name; return how many copies that are."""

        def retry(tx: Transaction) -> int:
            group = require_group(tx, principal, group_id)
            now = self._clock.now()
            expires_at = now + timedelta(days=KEPT_DAYS)
            account_id = principal.account_id
            return rows.restart(tx, group, account_id, now=now, expires_at=expires_at, with_cancelled=with_cancelled)

        restarted = await self._database.write(retry)
        self._wake()
        return restarted

    async def reap(self) -> int:
        """Delete groups whose time is over and snapshots that nothing needs; return how many groups."""
        now = self._clock.now()
        gone = await self._database.write(lambda tx: rows.delete_expired(tx, now))
        await self._reap_snapshots()
        return gone

    async def _reap_snapshots(self) -> None:
        homes, before = self._homes, self._clock.now() - timedelta(seconds=SNAPSHOT_GRACE_SECONDS)
        if homes is None:  # this process cannot delete homes
            return
        found = await self._database.read(
            lambda tx: copy_bases.list_useless(tx, before, MAX_SNAPSHOTS, _SNAPSHOTS_AT_ONCE)
        )
        for snapshot_id, _, uid in found:
            await self._database.write(lambda tx, one=snapshot_id: copy_bases.forget(tx, one))
            await homes.remove(ProjectId(snapshot_id), uid)
            await self._database.write(lambda tx, one=snapshot_id: copy_bases.delete_snapshot(tx, one))

    def _keeps_base(self, group: CopyGroup) -> bool:
        return group.kind == "hand_out" and group.mode != "rehearse" and self._settings.copy_base_mb > 0

    async def _ordered(self, principal: Principal) -> CopyGroup | None:
        """Return the group that this very request ordered before, by its Idempotency-Key."""
        made = made_before(Made.COPY_GROUP)
        return await self._database.read(lambda tx: require_group(tx, principal, made)) if made is not None else None

    async def _known(self, principal: Principal, request: GroupRequest) -> CopyGroup | None:
        """Return the group that was ordered under the request's key; raise CopyGroupKeyUsed if it was another one."""
        key = request.group_key
        if key is None:
            return None
        group = await self._database.read(lambda tx: rows.get_by_key(tx, owner_of(principal), key))
        if group is not None and group.request_hash != hash_of(request):
            raise CopyGroupKeyUsed(
                f"group_key '{key}' was used for another request: group {group.group_id}; use another key",
                group_id=group.group_id,
            )
        return group

    def _prepare(
        self, tx: Transaction, principal: Principal, request: GroupRequest
    ) -> tuple[CopyGroup, list[CopyOperation]]:
        one, many = projects_of(tx, principal, request)
        default = request.target_path or request.source_path
        templates = [member.target_path or default for member in request.members]
        paths = fill_in(templates, request.members, many, principal.account_id)
        now = self._clock.now()
        scheduled_at = scheduled_at_of(request.scheduled)
        group = CopyGroup(
            group_id=CopyGroupId(self._secrets.uuid()),
            owner=owner_of(principal),
            account_id=principal.account_id,
            group_key=request.group_key,
            request_hash=hash_of(request),
            kind=request.kind,
            mode=request.mode,
            project_id=one.project_id,
            path=request.source_path,
            total=len(paths),
            created_at=now,
            scheduled_at=scheduled_at,
            expires_at=max(now, scheduled_at or now) + timedelta(days=KEPT_DAYS),
        )
        copies = [
            self._operation(group, request, project, path, position)
            for position, (project, path) in enumerate(zip(many, paths, strict=True), start=1)
        ]
        check_copies(principal, copies, {project.project_id: project for project in (one, *many)})
        return group, copies

    def _operation(
        self, group: CopyGroup, request: GroupRequest, project: Project, path: str, position: int
    ) -> CopyOperation:
        is_hand_out = request.kind == "hand_out"
        return CopyOperation(
            copy_id=CopyId(self._secrets.uuid()),
            account_id=group.account_id,
            created_at=group.created_at,
            source_project_id=group.project_id if is_hand_out else project.project_id,
            source_path=request.source_path,
            target_project_id=project.project_id if is_hand_out else group.project_id,
            target_path=path,
            overwrite_newer=request.overwrite_newer,
            delete_missing=request.delete_missing,
            backup=request.backup,
            exclude=request.exclude,
            timeout_seconds=request.timeout_seconds,
            scheduled_at=group.scheduled_at,
            started_at=None,
            finished_at=None,
            error=None,
            error_code=None,
            attempts=0,
            group_id=group.group_id,
            position=position,
            mode=request.mode,
        )

    def _wake(self) -> None:
        if self._on_queued is not None:
            self._on_queued()


def _snapshot_of(first: CopyOperation, copy_id: CopyId) -> CopyOperation:
    """Return the operation that keeps what is handed out; it is not one of the group's copies."""
    return replace(
        first,
        copy_id=copy_id,
        target_project_id=first.source_project_id,
        target_path=first.source_path,
        exclude=(),
        overwrite_newer=False,
        delete_missing=False,
        backup=False,
        position=0,
        mode="snapshot",
    )


def owner_of(principal: Principal) -> str:
    """Return whose the groups are that a caller orders: an account's, or those of a project's own key."""
    return principal.account_id or principal.key_project_id or ""


def may_steer(principal: Principal, group: CopyGroup) -> bool:
    """Tell whether a caller may see, cancel and repeat a group."""
    return principal.scope == FULL_SCOPE and (principal.is_admin or group.owner == owner_of(principal))


def require_group(tx: Transaction, principal: Principal, group_id: str) -> CopyGroup:
    """Return a group that the caller may see and steer."""
    group = rows.get(tx, CopyGroupId(group_id)) if is_uuid(group_id) else None
    if group is None or not may_steer(principal, group):
        raise CopyOperationNotFound(f"Can't find group of copies with ID={group_id[:50]}")
    return group
