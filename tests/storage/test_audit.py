"""The audit log, idempotency keys and long lists, on both databases."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from studiolo.core.ids import AccountId, ProjectId
from studiolo.core.models import Account, AuditEntry, ProjectState, Role
from studiolo.storage import accounts, audit, collaborators, idempotency, projects
from studiolo.storage.audit import Wanted
from studiolo.storage.database import Database, Transaction

pytestmark = pytest.mark.anyio
NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)
A, B = AccountId("aaaaaaaa-0000-4000-8000-000000000001"), AccountId("bbbbbbbb-0000-4000-8000-000000000002")
P, Q = ProjectId("11111111-0000-4000-8000-000000000001"), ProjectId("22222222-0000-4000-8000-000000000002")
ENTRY = AuditEntry(NOW, "signed_in", "done", A, None, "192.0.2.1", None, B, P, {"role": "owner"})


async def test_entries_are_narrowed_down_by_everything_that_is_known_of_them(database: Database):
    other = AuditEntry(NOW + timedelta(hours=1), "signed_out", "forbidden", B, None, "::1", None, A, Q)

    def add(tx: Transaction) -> None:
        audit.add(tx, ENTRY)
        audit.add(tx, other)

    await database.write(add)

    async def found(wanted: Wanted) -> list[str]:
        return [
            one.action for one in await database.read(lambda tx: audit.list_newest(tx, wanted, before=None, limit=9))
        ]

    assert await found(Wanted()) == ["signed_out", "signed_in"]
    for wanted in (
        Wanted(account_id=A),
        Wanted(target_account_id=B),
        Wanted(target_project_id=P),
        Wanted(action="signed_in"),
        Wanted(address="192.0.2.1"),
        Wanted(is_done=True),
        Wanted(until=NOW + timedelta(minutes=1)),
    ):
        assert await found(wanted) == ["signed_in"], wanted
    assert await found(Wanted(since=NOW + timedelta(minutes=1), is_done=False)) == ["signed_out"]
    (newest, first) = await database.read(lambda tx: audit.list_newest(tx, Wanted(), before=None, limit=9))
    assert replace(first, audit_id=0) == ENTRY
    assert await database.read(lambda tx: audit.list_newest(tx, Wanted(), before=newest.audit_id, limit=9)) == [first]
    assert await database.write(lambda tx: audit.reap(tx, NOW + timedelta(minutes=1))) == 1


async def test_a_key_is_noted_once_until_its_time_is_over(database: Database):
    async def note(made: str, now: datetime) -> bool:
        return await database.write(
            lambda tx: idempotency.add(
                tx, A, "k" * 64, request_hash="r" * 64, made=made, now=now, expires_at=now + timedelta(days=1)
            )
        )

    assert await note("first", NOW)
    assert not await note("second", NOW)
    assert await database.read(lambda tx: idempotency.get(tx, A, "k" * 64, NOW)) == ("r" * 64, "first")
    assert await note("third", NOW + timedelta(days=1))
    assert await database.write(lambda tx: idempotency.reap(tx, NOW + timedelta(days=3))) == 1


async def test_projects_are_listed_from_the_newest_and_those_that_always_run_are_found(database: Database):
    def make(tx: Transaction) -> None:
        accounts.insert(tx, _account(A))
        for project_id in (P, Q):
            projects.insert(tx, project_id, title="", description="", now=NOW)
        collaborators.put(tx, P, A, Role.OWNER, {}, NOW)
        projects.change(tx, P, {"limits": {"is_always_running": True}})
        projects.change(tx, Q, {"limits": {"is_always_running": False, "memory_mb": 100}})

    await database.write(make)
    every = projects.Wanted(None)

    async def found(wanted: projects.Wanted, before: int | None = None) -> list[str]:
        rows = await database.read(lambda tx: projects.list_newest(tx, wanted, before=before, limit=9))
        return [one.project_id for one in rows]

    assert await found(every) == [Q, P]
    assert await found(every, before=2) == [P]
    assert await found(projects.Wanted(A)) == [P]
    assert await found(projects.Wanted(None, Q)) == [Q]
    stopped = await database.read(projects.list_always_running_stopped)
    assert [one.project_id for one in stopped] == [P]
    await database.write(lambda tx: projects.change(tx, P, {"state": ProjectState.RUNNING}))
    assert await database.read(projects.list_always_running_stopped) == []
    await database.write(lambda tx: projects.change(tx, Q, {"is_deleted": True}))
    assert await found(every) == [P]


async def test_accounts_are_listed_by_id_and_narrowed_down(database: Database):
    def make(tx: Transaction) -> None:
        accounts.insert(tx, _account(A))
        accounts.insert(tx, replace(_account(B), email_address="b@example.edu", is_banned=True, first_name="Emmy"))

    await database.write(make)

    async def found(after: str | None = None, **given: object) -> list[str]:
        usual = {"search": None, "is_banned": None, "is_admin": None, "with_deleted": False}
        rows = await database.read(lambda tx: accounts.list_after(tx, after, 9, **{**usual, **given}))  # type: ignore[arg-type]
        return [one.account_id for one in rows]

    assert await found() == [A, B]
    assert await found(A) == [B]
    assert await found(search="emmy") == await found(search="b@") == await found(is_banned=True) == [B]
    assert await found(is_admin=False, is_banned=False) == [A]


def _account(account_id: AccountId) -> Account:
    return Account(
        account_id=account_id,
        email_address="a@example.edu",
        password_hash=None,
        first_name="Sofia",
        last_name="Kovalevskaya",
        is_admin=False,
        is_banned=False,
        is_deleted=False,
        created_at=NOW,
        last_active_at=None,
    )
