"""Revising: which hand-out is the base, and how long it is kept."""

from dataclasses import replace
from datetime import timedelta

import pytest

from studiolo.core.errors import FileTooLarge, InvalidRequest
from studiolo.core.ids import ProjectId
from studiolo.core.models import CopyGroup, CopyOrder, Principal, Project
from studiolo.core.secrets import SystemSecretSource
from studiolo.core.settings import Settings
from studiolo.domain.copies import CopyQuery
from studiolo.domain.copy_group_requests import GroupRequest
from studiolo.domain.copy_groups import MAX_SNAPSHOTS, CopyGroups
from studiolo.domain.copy_targets import Member
from studiolo.storage.database import Database
from studiolo.testing.clock import MovingClock
from studiolo.testing.hubs import FakeHub

pytestmark = pytest.mark.anyio


class FakeHomes:
    """Notes which homes were deleted."""

    def __init__(self) -> None:
        self.removed: list[str] = []

    async def remove(self, project_id: ProjectId, uid: int) -> None:
        self.removed.append(project_id)


@pytest.fixture
async def one(hub: FakeHub, as_person: Principal) -> Project:
    return await hub.project(as_person, "course")


@pytest.fixture
async def many(hub: FakeHub, as_person: Principal) -> list[Project]:
    return [await hub.project(as_person) for _ in range(2)]


@pytest.fixture
def request_(one: Project, many: list[Project]) -> GroupRequest:
    return GroupRequest("hand_out", one.project_id, "ps1", None, tuple(Member(project.project_id) for project in many))


async def carry_out(hub: FakeHub, principal: Principal, request: GroupRequest) -> tuple[CopyGroup, list[CopyOrder]]:
    """Order a group and return it with the orders that its copies became, the snapshot's first."""
    begun = len(hub.engine.orders)
    group, _ = await hub.services.copy_groups.create(principal, request)
    while await hub.services.copies.run_one("w"):
        pass
    return group, hub.engine.orders[begun:]


async def test_a_revision_is_given_what_was_handed_out_last(
    hub: FakeHub, as_person: Principal, request_: GroupRequest, one: Project, many: list[Project], clock: MovingClock
) -> None:
    group, orders = await carry_out(hub, as_person, request_)
    snapshot = orders[0]
    assert (snapshot.target.project_id, snapshot.target.uid) == (group.group_id, one.uid)
    assert (snapshot.source_path, snapshot.target_path, snapshot.delete_missing) == ("ps1", "ps1", True)
    assert snapshot.max_bytes == 100 * 1024 * 1024
    assert [order.is_handed_out for order in orders] == [False, True, True]
    _, collected = await carry_out(hub, as_person, replace(request_, kind="collect", target_path="{project_id}"))
    assert [order.is_handed_out for order in collected] == [False, False]
    clock.move(86400)
    revise = replace(request_, mode="revise")
    second, orders = await carry_out(hub, as_person, revise)
    assert [order.base_id for order in orders[1:]] == [group.group_id] * 2
    assert {(order.mode, order.stamp) for order in orders[1:]} == {("revise", "2026-01-02")}
    _, orders = await carry_out(hub, as_person, replace(revise, mode="rehearse"))
    assert [(order.mode, order.base_id) for order in orders] == [("rehearse", second.group_id)] * 2
    _, orders = await carry_out(hub, as_person, replace(revise, mode="rehearse"))
    assert {order.base_id for order in orders} == {second.group_id}  # a rehearsal hands nothing out
    elsewhere = replace(revise, target_path="other")
    assert {order.base_id for order in (await carry_out(hub, as_person, elsewhere))[1][1:]} == {None}


async def test_another_source_has_no_part_in_the_base(
    hub: FakeHub, as_person: Principal, request_: GroupRequest
) -> None:
    await carry_out(hub, as_person, request_)
    other = await hub.project(as_person)
    foreign = replace(request_, project_id=other.project_id, mode="revise")
    assert {order.base_id for order in (await carry_out(hub, as_person, foreign))[1][1:]} == {None}


async def test_what_was_too_large_to_keep_is_no_base(
    hub: FakeHub, as_person: Principal, request_: GroupRequest
) -> None:
    async def refuse(order: CopyOrder) -> None:
        if order.max_bytes is not None:
            raise FileTooLarge("too large")

    hub.engine.behave = refuse
    group, _ = await carry_out(hub, as_person, request_)
    status = await hub.services.copy_groups.status(as_person, group.group_id)
    assert (status.counts["done"], status.counts["failed"], status.is_finished) == (2, 0, True)
    _, orders = await carry_out(hub, as_person, replace(request_, mode="revise"))
    assert {order.base_id for order in orders[1:]} == {None}


async def test_the_snapshot_is_nobodys_copy(
    hub: FakeHub, as_person: Principal, request_: GroupRequest, one: Project
) -> None:
    group, _ = await hub.services.copy_groups.create(as_person, request_)
    found = await hub.services.copies.query(as_person, CopyQuery(one.project_id))
    assert len(found) == 2
    status = await hub.services.copy_groups.status(as_person, group.group_id)
    assert (status.counts["waiting"], len(status.copies), status.group.total) == (2, 2, 2)
    assert await hub.services.copy_groups.cancel(as_person, group.group_id) == 2
    assert await hub.services.copy_groups.retry(as_person, group.group_id, with_cancelled=True) == 2


@pytest.mark.parametrize("option", [{"overwrite_newer": True}, {"backup": True}, {"exclude": ("*.pyc",)}])
async def test_revising_goes_with_no_option_that_overwrites(
    hub: FakeHub, as_person: Principal, request_: GroupRequest, option: dict
) -> None:
    with pytest.raises(InvalidRequest, match="revise keeps what was changed"):
        await hub.services.copy_groups.create(as_person, replace(request_, mode="revise", **option))


async def test_snapshots_that_nothing_needs_are_deleted(
    hub: FakeHub,
    settings: Settings,
    database: Database,
    clock: MovingClock,
    as_person: Principal,
    request_: GroupRequest,
    many: list[Project],
) -> None:
    homes = FakeHomes()
    groups = CopyGroups(settings, database, clock, SystemSecretSource(), homes=homes)
    first, _ = await carry_out(hub, as_person, request_)
    clock.move(60)
    second, _ = await carry_out(hub, as_person, replace(request_, mode="revise"))
    waiting, _ = await groups.create(as_person, replace(request_, scheduled="2030-01-01"))
    await groups.reap()
    assert homes.removed == []  # too young: its copies may be about to be noted
    clock.move(3700)
    await groups.reap()
    assert homes.removed == [first.group_id]
    clock.move(timedelta(days=200).total_seconds())
    await groups.reap()
    assert homes.removed == [first.group_id]
    last = None
    for number in range(MAX_SNAPSHOTS):
        clock.move(60)
        last, _ = await carry_out(hub, as_person, replace(request_, target_path=f"{number}"))
    clock.move(3700)
    await groups.reap()
    assert second.group_id in homes.removed
    assert waiting.group_id not in homes.removed
    assert last is not None
    assert last.group_id not in homes.removed
    _, orders = await carry_out(hub, as_person, replace(request_, mode="revise"))
    assert {order.base_id for order in orders[1:]} == {None}


async def test_nothing_is_kept_when_the_operator_says_so(
    settings: Settings,
    database: Database,
    clock: MovingClock,
    hub: FakeHub,
    as_person: Principal,
    request_: GroupRequest,
) -> None:
    stingy = settings.model_copy(update={"copy_base_mb": 0})
    groups = CopyGroups(stingy, database, clock, SystemSecretSource())
    await groups.create(as_person, request_)
    while await hub.services.copies.run_one("w"):
        pass
    assert [order.max_bytes for order in hub.engine.orders] == [None, None]
