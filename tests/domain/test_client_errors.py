import pytest

from studiolo.core.models import ANONYMOUS, Account, Principal
from studiolo.core.secrets import SystemSecretSource
from studiolo.domain.client_errors import ClientErrors
from studiolo.storage import client_errors as rows
from studiolo.storage.database import Database
from studiolo.testing.clock import MovingClock

pytestmark = pytest.mark.anyio


@pytest.fixture
def client_errors(database: Database, clock: MovingClock, secret_source: SystemSecretSource) -> ClientErrors:
    return ClientErrors(database, clock, secret_source)


async def test_a_report_is_kept_with_who_and_when(
    client_errors: ClientErrors, database: Database, clock: MovingClock, person: Account, as_person: Principal
) -> None:
    await client_errors.record(as_person, "it broke")
    (report,) = await database.read(lambda tx: rows.list_latest(tx, 10))
    assert (report.error, report.event, report.account_id) == ("it broke", "error", person.account_id)
    assert report.created_at == clock.now()


async def test_a_report_without_an_account_is_kept_too(client_errors: ClientErrors, database: Database) -> None:
    await client_errors.record(ANONYMOUS, "it broke", event="warning")
    (report,) = await database.read(lambda tx: rows.list_latest(tx, 10))
    assert (report.event, report.account_id) == ("warning", None)


@pytest.mark.parametrize(
    ("given", "kept"),
    [("a\0b", "a�b"), ("half \ud800", "half ?"), ("x" * 200_000, "x" * 100_000), ("", ""), ("<b>☃</b>", "<b>☃</b>")],
)
async def test_any_text_can_be_kept(client_errors: ClientErrors, database: Database, given: str, kept: str) -> None:
    await client_errors.record(ANONYMOUS, given, event=given)
    (report,) = await database.read(lambda tx: rows.list_latest(tx, 10))
    assert report.error == kept


async def test_a_report_is_reaped_after_thirty_days(
    client_errors: ClientErrors, database: Database, clock: MovingClock
) -> None:
    await client_errors.record(ANONYMOUS, "old")
    clock.move(86400)
    await client_errors.record(ANONYMOUS, "new")
    clock.move(29 * 86400)
    assert await client_errors.reap() == 1
    assert [report.error for report in await database.read(lambda tx: rows.list_latest(tx, 10))] == ["new"]
