"""A group of copies as who ordered it looks at it: all of it summed up, and its copies page by page, failures first."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from studiolo.core.clock import Clock
from studiolo.core.errors import Forbidden, InvalidRequest, NotFound
from studiolo.core.ids import ProjectId
from studiolo.core.models import COPY_STATES, CopyGroup, CopyOperation, CopyState, Principal, Project
from studiolo.domain import access
from studiolo.domain.copy_group_requests import MAX_MEMBERS
from studiolo.domain.copy_groups import require_group
from studiolo.storage import copy_groups as rows
from studiolo.storage import projects
from studiolo.storage.copy_groups import GroupSums
from studiolo.storage.database import Database, Transaction

PAGE = 50
RATE_SECONDS = 30.0
_MOST_DIGITS = len(str(MAX_MEMBERS))
WORST_FIRST: tuple[CopyState, ...] = ("failed", "missing", "running", "waiting", "cancelled", "done")


@dataclass(frozen=True, slots=True)
class Pace:
    """How fast a group goes now."""

    copies_per_second: float
    bytes_per_second: float
    seconds_left: float | None  # None: nothing ended lately


@dataclass(frozen=True, slots=True)
class MemberSeen:
    """One copy of a group."""

    copy: CopyOperation
    state: CopyState
    project: Project | None  # of the many; None: one that the caller may not know, any more


@dataclass(frozen=True, slots=True)
class CopyGroupOverview:
    """How a group stands, and one page of its copies."""

    group: CopyGroup
    project: Project | None  # the one; None: one that the caller may not know, any more
    sums: GroupSums
    pace: Pace | None  # None: nothing goes on
    members: list[MemberSeen]
    next_after: str | None  # where the next page begins

    @property
    def unfinished(self) -> int:
        """Return how many copies wait or run."""
        return self.sums.counts["waiting"] + self.sums.counts["running"]


class CopyGroupOverviews:
    """Shows groups of copies to whoever may steer them."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    async def of(
        self,
        principal: Principal,
        project_id: ProjectId,
        group_id: str,
        *,
        state: str | None = None,
        after: str | None = None,
    ) -> CopyGroupOverview:
        """Return a group out of or into a project, with the copies behind `after`, or those in one state."""
        wanted = WORST_FIRST if state is None else (_state(state),)
        place = _place(wanted, after)
        now = self._clock.now()

        def read(tx: Transaction) -> CopyGroupOverview:
            group = require_group(tx, principal, group_id)
            if group.project_id != project_id:
                raise NotFound("There is no such group of copies.")
            copies = rows.list_in_states(tx, group.group_id, wanted, after=place, limit=PAGE + 1)
            page = copies[:PAGE]
            sums = rows.sum_up(tx, group.group_id, now - timedelta(seconds=RATE_SECONDS))
            known = projects.get_all(tx, list({project_id, *(_other(group, copy) for copy, _ in page)}))
            return CopyGroupOverview(
                group=group,
                project=_known(principal, known.get(project_id)),
                sums=sums,
                pace=_pace(sums, now),
                members=[
                    MemberSeen(copy, one_state, _known(principal, known.get(_other(group, copy))))
                    for copy, one_state in page
                ],
                next_after=_name(*page[-1]) if len(copies) > PAGE else None,
            )

        return await self._database.read(read)


def _pace(sums: GroupSums, now: datetime) -> Pace | None:
    left = sums.counts["waiting"] + sums.counts["running"]
    if not left or sums.started_at is None:
        return None
    seconds = min(RATE_SECONDS, (now - sums.started_at).total_seconds())
    if seconds < 1:
        return None
    rate = sums.copies_lately / seconds
    return Pace(rate, sums.bytes_lately / seconds, left / rate if rate else None)


def _state(text: str) -> CopyState:
    found: CopyState | None = next((one for one in COPY_STATES if one == text), None)
    if found is None:
        raise InvalidRequest("There is no such state of copies.", fields={"state": "unknown"})
    return found


def _name(copy: CopyOperation, state: CopyState) -> str:
    return f"{state}-{copy.position}"


def _place(states: tuple[CopyState, ...], after: str | None) -> tuple[int, int]:
    """Return the place of the last copy of the page before: that of its state, and its own in the group."""
    if after is None:
        return 0, 0
    name, _, number = after.partition("-")
    state = _state(name)
    if state not in states or not (number.isascii() and number.isdigit() and len(number) <= _MOST_DIGITS):
        raise InvalidRequest("There is no such page.", fields={"after": "unknown"})
    return states.index(state), int(number)


def _other(group: CopyGroup, copy: CopyOperation) -> ProjectId:
    return copy.target_project_id if group.kind == "hand_out" else copy.source_project_id


def _known(principal: Principal, project: Project | None) -> Project | None:
    if project is None:
        return None
    try:
        return access.require_loaded(principal, project.project_id, project, write=False)
    except (Forbidden, NotFound):
        return None
