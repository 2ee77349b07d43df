"""Databases with few and with a million records of copies, among them groups of 10,000, for one person who looks."""

import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from _filled import NOW, account_row, fill, filling_engine, insert_all
from sqlalchemy import text

from studiolo.storage import tables

PROJECTS = 2_000
GROUP = 10_000
FEW, MANY = 30_000, 1_000_000
EXPIRED = 3_000  # single copies whose time is over
STATES: dict[str, dict[str, Any]] = {
    "done": {"started_at": NOW, "finished_at": NOW, "due_at": None},
    "failed": {"error": "The disk is full.", "error_code": "copy_failed"},
    "missing": {"error": "ENOENT", "error_code": "file_not_found"},
    "running": {"started_at": NOW, "lease_until": NOW + timedelta(seconds=20), "attempts": 1},
}


@dataclass(frozen=True)
class Filled:
    """What the measured calls are about."""

    account_id: str
    course: str  # from which everything is handed out
    students: list[str]
    done_group: str  # finished, with ten failures
    busy_group: str  # half of it waits
    single: str  # a copy


def fill_records(url: str, total: int) -> Filled:
    """Bring a migrated database to `total` records of copies; the two groups that are looked at are always there.

    In the large one half of them are of finished groups of the same project, a tenth wait for another person, a tenth
    is scheduled for next week, and the rest are single copies of other projects.
    """
    account_id, rival = str(uuid.uuid4()), str(uuid.uuid4())
    engine = filling_engine(url)
    insert_all(engine, tables.accounts, iter([account_row(account_id, 0)]))
    course, *students = fill(url, PROJECTS, account_id, own_projects=PROJECTS)
    kept = {"account_id": account_id, "source_project_id": course}
    done, busy = str(uuid.uuid4()), str(uuid.uuid4())
    insert_all(engine, tables.copy_groups, (_group(one, account_id, course) for one in (done, busy)))
    insert_all(engine, tables.copies, _copies(done, kept, students, NOW - timedelta(hours=1)))
    insert_all(engine, tables.copies, _copies(busy, kept, students, NOW, is_finished=False))
    rest = total - 2 * GROUP - PROJECTS
    if total > FEW:
        groups = [str(uuid.uuid4()) for _ in range(total // (2 * GROUP))]
        insert_all(engine, tables.copy_groups, (_group(one, account_id, course) for one in groups))
        for number, one in enumerate(groups):
            insert_all(engine, tables.copies, _copies(one, kept, students, NOW - timedelta(days=1, hours=number)))
        waiting = later = total // 10
        insert_all(engine, tables.copies, (_waiting(rival, students, n) for n in range(waiting)))
        insert_all(engine, tables.copies, (_scheduled(rival, students, n) for n in range(later)))
        rest -= len(groups) * GROUP + waiting + later
    singles = [_single(account_id, students, n) for n in range(rest)]
    insert_all(engine, tables.copies, iter(singles))
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("VACUUM ANALYZE" if "postgres" in url else "ANALYZE"))
    engine.dispose()
    return Filled(account_id, course, students, done, busy, singles[-1]["copy_id"])


def _plain(target: str) -> dict[str, Any]:
    return {
        "copy_id": str(uuid.uuid4()),
        "created_at": NOW,
        "source_path": "assignments/ps1",
        "target_project_id": target,
        "target_path": "assignments/ps1",
        "exclude": [],
        "scheduled_at": None,
        "started_at": None,
        "finished_at": None,
        "due_at": NOW,
        "error": None,
        "error_code": None,
        "lease_owner": None,
        "lease_until": None,
        "attempts": 0,
        "group_id": None,
        "position": None,
        "report": {"files": 20, "added": 20},
        "expires_at": NOW + timedelta(days=30),
    }


def _group(group_id: str, account_id: str, course: str) -> dict[str, Any]:
    return {
        "group_id": group_id,
        "owner": account_id,
        "account_id": account_id,
        "group_key": group_id,
        "request_hash": "",
        "kind": "hand_out",
        "mode": "copy",
        "project_id": course,
        "path": "assignments/ps1",
        "total": GROUP,
        "created_at": NOW,
        "expires_at": NOW + timedelta(days=30),
    }


def _copies(
    group_id: str, kept: dict[str, Any], students: list[str], created_at: datetime, *, is_finished: bool = True
) -> Iterator[dict[str, Any]]:
    """Make the copies of a group; of one that is not finished every second one waits, and three slots are busy."""
    for n in range(1, GROUP + 1):
        row = (
            _plain(students[n % len(students)]) | {"group_id": group_id, "position": n, "created_at": created_at} | kept
        )
        if is_finished or n % 2 == 0:
            ended = STATES["failed"] if n % 1000 == 0 else STATES["missing"] if n % 1000 == 2 else {}
            yield row | STATES["done"] | ended
        else:
            yield row | {"due_at": NOW + timedelta(minutes=n)} | _leased("course", n)


def _leased(who: str, n: int) -> dict[str, Any]:
    """Lease the first copies to as many slots as one account may keep busy."""
    return STATES["running"] | {"lease_owner": f"{who} {n % 3}"} if n < 60 else {}


def _waiting(account_id: str, students: list[str], n: int) -> dict[str, Any]:
    row = _plain(students[100 + n % 900]) | {"account_id": account_id, "source_project_id": students[n % 7]}
    return row | {"due_at": NOW + timedelta(minutes=n)} | _leased("rival", n)


def _scheduled(account_id: str, students: list[str], n: int) -> dict[str, Any]:
    moment = NOW + timedelta(days=7)
    return _waiting(account_id, students, n + 60) | {"scheduled_at": moment, "due_at": moment + timedelta(minutes=n)}


def _single(account_id: str, students: list[str], n: int) -> dict[str, Any]:
    row = _plain(students[n % len(students)]) | {"account_id": account_id} | STATES["done"]
    moment = NOW - timedelta(seconds=n)
    row |= {"source_project_id": students[(n * 7) % len(students)], "created_at": moment}
    return row | {"expires_at": NOW - timedelta(days=1)} if n < EXPIRED else row
