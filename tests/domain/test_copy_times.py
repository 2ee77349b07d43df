"""Copies and time: moments in every form, summer time, and clocks that are set forward or back meanwhile."""

import subprocess
import sys
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from studiolo.core.clock import iso_milliseconds
from studiolo.core.errors import InvalidRequest, Unavailable
from studiolo.core.ids import CopyId
from studiolo.core.models import CopyOperation, CopyOrder, Principal
from studiolo.core.secrets import SystemSecretSource
from studiolo.core.settings import Settings
from studiolo.domain.copies import CopyRequest
from studiolo.domain.copy_group_requests import GroupRequest
from studiolo.domain.copy_targets import Member
from studiolo.domain.moments import parse_moment
from studiolo.storage import copy_queue
from studiolo.storage.database import Database
from studiolo.testing.clock import MovingClock
from studiolo.testing.copying import FakeCopyEngine
from studiolo.testing.hubs import FakeHub, fake_hub
from studiolo.testing.runners import FakeRunner

pytestmark = pytest.mark.anyio

# on 29 March 2026 clocks in Berlin went from 02:00 +01:00 to 03:00 +02:00, on 25 October back from 03:00 to 02:00
FORMS = [
    ("2026-03-29T01:59:59+01:00", "2026-03-29T00:59:59.000Z"),  # the last second of winter time
    ("2026-03-29T03:00:00+02:00", "2026-03-29T01:00:00.000Z"),  # the first of summer time, one second later
    ("2026-03-29T02:30:00+01:00", "2026-03-29T01:30:00.000Z"),  # no clock showed it, but it is a moment
    ("2026-10-25T02:30:00+02:00", "2026-10-25T00:30:00.000Z"),  # clocks showed half past two twice
    ("2026-10-25T02:30:00+01:00", "2026-10-25T01:30:00.000Z"),
    ("2026-10-25T02:30:00", "2026-10-25T02:30:00.000Z"),  # without a zone it is UTC, which has no summer time
    ("2026-03-29T02:30", "2026-03-29T02:30:00.000Z"),
    ("2026-03-29T02:30:00Z", "2026-03-29T02:30:00.000Z"),
    ("2026-03-08T02:30-05:00", "2026-03-08T07:30:00.000Z"),  # New York, the night it changes
    ("2026-04-05T02:15+10:30", "2026-04-04T15:45:00.000Z"),  # Lord Howe, which changes by half an hour
    ("20260329T013000Z", "2026-03-29T01:30:00.000Z"),
    ("20260329T0130+0545", "2026-03-28T19:45:00.000Z"),
    ("2026-03-29T01+05", "2026-03-28T20:00:00.000Z"),
    ("2026-W13-7T01:30Z", "2026-03-29T01:30:00.000Z"),
    ("2026W137T0130Z", "2026-03-29T01:30:00.000Z"),
    ("2026-W13", "2026-03-23T00:00:00.000Z"),
    ("2026-088T01:30Z", "2026-03-29T01:30:00.000Z"),
    ("2024366", "2024-12-31T00:00:00.000Z"),
    ("2026-366", None),
    ("2026-000", None),
    ("2026-03-29T01:30:00,5Z", "2026-03-29T01:30:00.500Z"),
    ("2026-03-29T01:30:00.123456789Z", "2026-03-29T01:30:00.123Z"),
    ("2026-03-29T01.5Z", "2026-03-29T01:30:00.000Z"),
    ("2026-03-29T01:30.25", "2026-03-29T01:30:15.000Z"),
    ("2026-03-29T24:00Z", "2026-03-30T00:00:00.000Z"),
    ("2026-03-29T24:00:01Z", None),
    ("2026-03-29T25:00Z", None),
    ("2026-03-29T01:60Z", None),
    ("2026-03-29t01:30z", "2026-03-29T01:30:00.000Z"),
    ("2026-03-29T01:30:00\N{MINUS SIGN}05:00", "2026-03-29T06:30:00.000Z"),
    ("2026-03-29T01:30:00 +02:00", "2026-03-28T23:30:00.000Z"),
    ("2026-03-29T01:30:00-00:00", "2026-03-29T01:30:00.000Z"),
    ("2026-03-29T01:30:00+24:00", None),
    ("2026-03-29T01:30:00+05:60", None),
    ("2026-03-29+02:00", "2026-03-28T22:00:00.000Z"),
    ("2026-05:00", None),
    ("2026-03-29T01:30[Europe/Berlin]", None),
    ("2026-03-29T23:59:60Z", None),
    ("9999-12-31T24:00", None),
]


@pytest.mark.parametrize(("text", "moment"), FORMS)
def test_every_form_of_iso_8601_is_read_as_the_moment_it_names(text: str, moment: str | None) -> None:
    found = parse_moment(text)
    assert (iso_milliseconds(found) if found else None) == moment


@pytest.mark.parametrize("zone", ["Europe/Berlin", "America/New_York", "Australia/Lord_Howe"])
def test_the_zone_of_the_machine_changes_no_moment(zone: str) -> None:
    program = (
        "import sys; from studiolo.domain.moments import parse_moment;"
        "print(*(parse_moment(text) for text in sys.stdin.read().splitlines()), sep='\\n')"
    )
    texts = [text for text, _ in FORMS]
    environment = {"TZ": zone, "PYTHONUTF8": "1"}
    command = [sys.executable, "-c", program]
    ran = subprocess.run(
        command, input="\n".join(texts), capture_output=True, text=True, check=True, encoding="utf-8", env=environment
    )
    assert ran.stdout.splitlines() == [str(parse_moment(text)) for text in texts]


class SetClock(MovingClock):
    """A clock whose time of day somebody sets, while the seconds that pass go on as ever."""

    def __init__(self) -> None:
        super().__init__()
        self._set_by = timedelta()

    def now(self) -> datetime:
        return super().now() + self._set_by

    def set_by(self, seconds: float) -> None:
        self._set_by += timedelta(seconds=seconds)


@pytest.fixture
def clock() -> SetClock:
    return SetClock()


@pytest.fixture
async def request_(hub: FakeHub, as_person: Principal) -> CopyRequest:
    here, there = await hub.project(as_person), await hub.project(as_person)
    return CopyRequest(here.project_id, "a", there.project_id)


async def state(hub: FakeHub, who: Principal, copy: CopyOperation) -> CopyOperation:
    return await hub.services.copies.status(who, CopyId(copy.copy_id))


@pytest.mark.parametrize(
    "text", ["2026-03-29T03:00:00+02:00", "2026-03-29T01:00Z", "2026-03-29 01:00", "2026-03-28T20:00:00.000-05:00"]
)
async def test_a_copy_scheduled_for_the_hour_of_the_change_starts_once_and_not_before(
    hub: FakeHub, as_person: Principal, request_: CopyRequest, clock: SetClock, text: str
) -> None:
    copies = hub.services.copies
    copy = await copies.create(as_person, replace(request_, scheduled=text))
    moment = datetime(2026, 3, 29, 1, tzinfo=UTC)
    assert copy.scheduled_at == moment
    clock.move((moment - clock.now()).total_seconds() - 1)
    assert not await copies.is_any_due()
    assert not await copies.run_one("w")
    clock.move(1)
    assert await copies.is_any_due()
    assert await copies.run_one("w")
    assert (await state(hub, as_person, copy)).started_at == moment
    clock.move(3600)
    assert not await copies.run_one("w")
    assert len(hub.engine.orders) == 1


async def test_a_group_is_scheduled_in_any_form_too(hub: FakeHub, as_person: Principal, request_: CopyRequest) -> None:
    target = Member(request_.target_project_id)
    group = GroupRequest("hand_out", request_.source_project_id, "a", None, (target,), scheduled="2026-03-29T01.5Z")
    made, _ = await hub.services.copy_groups.create(as_person, group)
    assert made.scheduled_at == datetime(2026, 3, 29, 1, 30, tzinfo=UTC)
    with pytest.raises(InvalidRequest, match="is not a valid date"):
        await hub.services.copy_groups.create(as_person, replace(group, scheduled="2026-03-29T25:00"))


async def test_a_clock_set_forward_starts_what_is_due_then_and_set_back_repeats_nothing(
    hub: FakeHub, as_person: Principal, request_: CopyRequest, clock: SetClock
) -> None:
    copies = hub.services.copies
    scheduled = iso_milliseconds(clock.now() + timedelta(hours=1))
    copy = await copies.create(as_person, replace(request_, scheduled=scheduled))
    clock.set_by(-7200)  # two hours back: it is three hours away now
    clock.move(2 * 3600)
    assert not await copies.run_one("w")
    clock.set_by(3600)
    assert await copies.run_one("w")
    assert (await state(hub, as_person, copy)).error is None
    clock.set_by(-86400)
    assert not await copies.run_one("w")
    assert len(hub.engine.orders) == 1


@pytest.mark.parametrize("hours", [-24, 24])
async def test_a_copy_that_runs_while_the_clock_is_set_keeps_its_lease_or_loses_it_to_one(
    settings: Settings, database: Database, clock: SetClock, as_person: Principal, hours: int
) -> None:
    """Set forward, the lease seems over and another one begins; set back, nobody waits a day for a dead worker."""
    taken: list[int] = []

    async def behave(order: CopyOrder) -> None:
        if order.target_path != "a" or taken:
            return
        clock.set_by(hours * 3600)
        now = clock.now()
        lease = now + timedelta(seconds=settings.copy_lease_seconds)
        found = await database.write(
            lambda tx: copy_queue.claim(tx, "other", now=now, lease_until=lease), is_serializable=False
        )
        taken.append(len(found.copies))

    engine = FakeCopyEngine(behave)
    async with fake_hub(settings, database, clock, SystemSecretSource(), runner=FakeRunner, engine=engine) as hub:
        one, other = await hub.project(as_person), await hub.project(as_person)
        copy = await hub.services.copies.create(as_person, CopyRequest(one.project_id, "a", other.project_id))
        await hub.services.copies.run_one("w")
        assert taken == [1]
        mine = await state(hub, as_person, copy)
        assert mine.finished_at is None  # what the first one did is forgotten: the row is the other's
        assert mine.attempts == 2
        clock.move(settings.copy_lease_seconds + 1)  # the other dies
        assert await hub.services.copies.run_one("w")
        done = await state(hub, as_person, copy)
        assert (done.error, done.attempts) == (None, 3)


@pytest.mark.parametrize(("hours", "waits"), [(-24, False), (24, False)])
async def test_a_pause_before_another_attempt_is_never_longer_for_a_clock_that_is_set(
    settings: Settings, database: Database, clock: SetClock, as_person: Principal, hours: int, waits: bool
) -> None:
    failures = [Unavailable("not now")]

    async def behave(_order: CopyOrder) -> None:
        if failures:
            raise failures.pop()

    engine = FakeCopyEngine(behave)
    async with fake_hub(settings, database, clock, SystemSecretSource(), runner=FakeRunner, engine=engine) as hub:
        one = await hub.project(as_person)
        request = CopyRequest(one.project_id, "a", one.project_id, "b")
        copy = await hub.services.copies.create(as_person, request)
        assert await hub.services.copies.run_one("w")
        assert not await hub.services.copies.run_one("w")  # it is to wait for a second
        clock.set_by(hours * 3600)
        assert await hub.services.copies.run_one("w") is not waits
        assert (await state(hub, as_person, copy)).error is None


async def test_turns_of_accounts_survive_a_clock_that_is_set_back(
    hub: FakeHub, as_person: Principal, as_stranger: Principal, request_: CopyRequest, clock: SetClock
) -> None:
    copies = hub.services.copies
    for number in range(3):
        await copies.create(as_person, replace(request_, target_path=f"first {number}"))
    clock.set_by(-3600)
    own = (await hub.project(as_stranger)).project_id
    await copies.create(as_stranger, CopyRequest(own, "a", own, "theirs"))
    await copies.create(as_person, replace(request_, target_path="last"))
    while await copies.run_one("w"):
        pass
    assert [order.target_path for order in hub.engine.orders] == ["theirs", "first 0", "first 1", "first 2", "last"]


async def test_waiting_for_a_copy_counts_seconds_that_pass_not_those_that_are_set(
    hub: FakeHub, as_person: Principal, request_: CopyRequest, clock: SetClock
) -> None:
    copy = await hub.services.copies.create(as_person, request_)
    clock.set_by(86400)  # a day is no four minutes of waiting
    await hub.services.copies.run_one("w")
    clock.set_by(-2 * 86400)
    assert (await hub.services.copies.wait(copy.copy_id)).error is None


async def test_records_are_kept_for_their_time_whatever_the_clock_was_set_to(
    hub: FakeHub, as_person: Principal, request_: CopyRequest, clock: SetClock
) -> None:
    await hub.services.copies.create(as_person, request_)
    await hub.services.copies.run_one("w")
    clock.set_by(-40 * 86400)
    assert await hub.services.copies.reap() == 0
    clock.set_by(40 * 86400)
    assert await hub.services.copies.reap() == 0
    clock.move(31 * 86400)
    assert await hub.services.copies.reap() == 1


async def test_the_pace_of_a_group_is_told_only_from_seconds_that_make_sense(
    hub: FakeHub, as_person: Principal, request_: CopyRequest, clock: SetClock
) -> None:
    one, other = request_.source_project_id, request_.target_project_id
    members = tuple(Member(other, target_path=f"b{number}") for number in range(6))
    group, _ = await hub.services.copy_groups.create(as_person, GroupRequest("hand_out", one, "a", None, members))

    async def pace() -> tuple[float, float | None] | None:
        overview = await hub.services.copy_group_overviews.of(as_person, group.project_id, group.group_id)
        return overview.pace and (overview.pace.copies_per_second, overview.pace.seconds_left)

    assert await pace() is None  # nothing has begun
    for _ in range(3):  # the snapshot and two copies
        await hub.services.copies.run_one("w")
    assert await pace() is None  # in no time
    clock.move(2)
    assert await pace() == (1.0, 4.0)
    clock.set_by(-3600)
    assert await pace() is None
    clock.set_by(7200)
    assert await pace() == (0.0, None)  # nothing ended lately
