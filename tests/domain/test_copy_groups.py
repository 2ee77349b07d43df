"""Groups of copies: handing out to many projects, collecting from many."""

import asyncio
import contextlib
import tracemalloc
from collections.abc import AsyncGenerator
from dataclasses import replace

import pytest

from studiolo.core.errors import (
    CopyFailed,
    CopyGroupKeyUsed,
    CopyOperationFinished,
    CopyOperationNotFound,
    FileNotFound,
    InvalidRequest,
    NotFound,
    PathOutsideProject,
    ProjectNotFound,
    RoleTooLow,
)
from studiolo.core.models import CopyOrder, Principal, Project, Role, Scope
from studiolo.core.secrets import SystemSecretSource
from studiolo.core.settings import Settings
from studiolo.domain.copies import CopyRequest
from studiolo.domain.copy_group_requests import GroupRequest
from studiolo.domain.copy_groups import GroupStatus
from studiolo.domain.copy_targets import Member, safe_name
from studiolo.storage import collaborators
from studiolo.storage.database import Database
from studiolo.testing.clock import MovingClock
from studiolo.testing.copying import FakeCopyEngine
from studiolo.testing.hubs import FakeHub, fake_hub
from studiolo.testing.runners import FakeRunner

pytestmark = pytest.mark.anyio
UNKNOWN = "11111111-1111-4111-8111-111111111111"


@contextlib.asynccontextmanager
async def hub_with(
    engine: FakeCopyEngine, settings: Settings, database: Database, clock: MovingClock
) -> AsyncGenerator[FakeHub]:
    async with fake_hub(settings, database, clock, SystemSecretSource(), runner=FakeRunner, engine=engine) as hub:
        yield hub


@pytest.fixture
async def one(hub: FakeHub, as_person: Principal) -> Project:
    return await hub.project(as_person, "course")


@pytest.fixture
async def many(hub: FakeHub, as_person: Principal) -> list[Project]:
    return [await hub.project(as_person, title) for title in ("Ada", "Emmy", "Ada")]


@pytest.fixture
def hand_out(one: Project, many: list[Project]) -> GroupRequest:
    members = tuple(Member(project.project_id) for project in many)
    return GroupRequest("hand_out", one.project_id, "ps1", None, members)


def collect(one: Project, many: list[Project], **changes: object) -> GroupRequest:
    members = tuple(Member(project.project_id) for project in many)
    request = GroupRequest("collect", one.project_id, "ps1", "in/{project_id}/", members)
    return replace(request, **changes)  # type: ignore[arg-type]


async def run_all(hub: FakeHub) -> None:
    while await hub.services.copies.run_one("w"):
        pass


def handed_out(hub: FakeHub) -> list[CopyOrder]:
    """Return what was done but for snapshots."""
    return [order for order in hub.engine.orders if order.max_bytes is None]


def paths(status: GroupStatus) -> list[str]:
    return [copy.target_path for copy, _ in status.copies]


async def test_one_source_is_handed_out_to_many(
    hub: FakeHub, as_person: Principal, hand_out: GroupRequest, one: Project, many: list[Project]
) -> None:
    groups = hub.services.copy_groups
    group, is_new = await groups.create(as_person, hand_out)
    assert (is_new, group.total) == (True, 3)
    before = await groups.status(as_person, group.group_id)
    assert (before.counts["waiting"], before.is_finished) == (3, False)
    await run_all(hub)
    after = await groups.status(as_person, group.group_id)
    assert (after.counts["done"], after.is_finished) == (3, True)
    assert [copy.target_project_id for copy, _ in after.copies] == [project.project_id for project in many]
    assert {(order.source.project_id, order.source_path, order.target_path) for order in hub.engine.orders} == {
        (one.project_id, "ps1", "ps1")
    }


async def test_one_path_is_collected_from_many_and_who_has_none_is_no_failure(
    settings: Settings, database: Database, clock: MovingClock, as_person: Principal
) -> None:
    missing: set[str] = set()

    async def behave(order: CopyOrder) -> None:
        if order.source.project_id in missing:
            raise FileNotFound("ENOENT: no such file or directory, stat 'ps1'")

    async with hub_with(FakeCopyEngine(behave), settings, database, clock) as hub:
        one, many = await hub.project(as_person), [await hub.project(as_person) for _ in range(3)]
        missing.add(many[1].project_id)
        group, _ = await hub.services.copy_groups.create(as_person, collect(one, many))
        await run_all(hub)
        status = await hub.services.copy_groups.status(as_person, group.group_id)
        assert [state for _, state in status.copies] == ["done", "missing", "done"]
        assert (status.counts["missing"], status.counts["failed"], status.is_finished) == (1, 0, True)
        assert paths(status) == [f"in/{project.project_id}/" for project in many]
        missing.clear()
        assert await hub.services.copy_groups.retry(as_person, group.group_id) == 1
        await run_all(hub)
        assert (await hub.services.copy_groups.status(as_person, group.group_id)).counts["done"] == 3


async def test_paths_are_made_by_template(
    hub: FakeHub, as_person: Principal, one: Project, many: list[Project], database: Database, clock: MovingClock
) -> None:
    async def made(template: str, **changes: object) -> list[str]:
        group, _ = await hub.services.copy_groups.create(
            as_person, replace(collect(one, many, target_path=template), **changes)
        )
        return paths(await hub.services.copy_groups.status(as_person, group.group_id))

    ids = [project.project_id for project in many]
    assert await made("in/{index}-{project_id}") == [f"in/{at}-{one_id}" for at, one_id in enumerate(ids, 1)]
    assert await made("in/{title}/x") == [f"in/Ada-{ids[0]}/x", "in/Emmy/x", f"in/Ada-{ids[2]}/x"]
    own = (Member(ids[0], target_path="own/{index}"), *(Member(one_id) for one_id in ids[1:]))
    assert await made("in/{index}", members=own) == ["own/1", "in/2", "in/3"]


async def test_account_id_is_the_only_other_person_or_whom_the_entry_names(
    hub: FakeHub, as_person: Principal, as_stranger: Principal, as_admin: Principal, one: Project, many: list[Project],
    database: Database, clock: MovingClock,
) -> None:  # fmt: skip
    async def join(principal: Principal) -> None:
        assert principal.account_id is not None
        account_id = principal.account_id
        await database.write(
            lambda tx: collaborators.put(tx, many[0].project_id, account_id, Role.COLLABORATOR, {}, clock.now())
        )

    create, status = hub.services.copy_groups.create, hub.services.copy_groups.status
    request = collect(one, many[:1], target_path="in/{account_id}")
    with pytest.raises(InvalidRequest, match="it has 0 people beside you"):
        await create(as_person, request)
    await join(as_stranger)
    group, _ = await create(as_person, request)
    assert paths(await status(as_person, group.group_id)) == [f"in/{as_stranger.account_id}"]
    await join(as_admin)
    with pytest.raises(InvalidRequest, match="it has 2 people beside you"):
        await create(as_person, request)
    named = replace(request, members=(Member(many[0].project_id, account_id=as_admin.account_id),))
    group, _ = await create(as_person, named)
    assert paths(await status(as_person, group.group_id)) == [f"in/{as_admin.account_id}"]
    with pytest.raises(InvalidRequest, match="has no place in project"):
        await create(as_person, replace(request, members=(Member(many[0].project_id, account_id="../x"),)))


@pytest.mark.parametrize(
    ("title", "name"),
    [
        ("Ada", "Ada"),
        ("", "untitled"),
        ("..", "untitled"),
        ("../../etc/passwd", "_.._etc_passwd"),
        ("a/b\\c", "a_b\\c"),
        ("a\0b\nc\u202ed", "a_b_c_d"),
        (".ssh", "ssh"),
        ("~", "untitled"),
        ("-rf", "rf"),
        ("  much   space ", "much space"),
        ("{project_id}", "{project_id}"),
        ("é" * 200, "é" * 60),
        ("\U0001f600" * 31, "\U0001f600" * 30),
    ],
)
def test_a_title_is_one_name_and_leads_nowhere(title: str, name: str) -> None:
    assert safe_name(title) == name


@pytest.mark.parametrize(
    ("change", "kind", "message"),
    [
        ({"project_id": "x"}, InvalidRequest, "src_project_id='x' not valid"),
        ({"source_path": ""}, InvalidRequest, "src_path must be defined"),
        ({"members": ()}, InvalidRequest, "targets must name 1 to 20000 projects"),
        ({"members": (Member("x"),)}, InvalidRequest, "targets[0]: project_id='x' not valid"),
        ({"target_path": "{home}"}, InvalidRequest, "{home} is not known"),
        ({"target_path": "{title.__class__}"}, InvalidRequest, "{title.__class__} is not known"),
        ({"target_path": "{}"}, InvalidRequest, "{} is not known"),
        ({"members": (Member(UNKNOWN, target_path="{0}"),)}, InvalidRequest, "{0} is not known"),
        ({"target_path": "../{index}"}, PathOutsideProject, "target path must be contained"),
        ({"source_path": "../x"}, PathOutsideProject, "source path must be contained"),
        ({"target_path": "x" * 5000}, InvalidRequest, "target_path cannot be the name of a file"),
        ({"scheduled": "soon"}, InvalidRequest, "is not a valid date"),
        ({"group_key": ""}, InvalidRequest, "group_key must have 1 to 128 characters"),
        ({"group_key": "k" * 129}, InvalidRequest, "group_key must have 1 to 128 characters"),
        ({"mode": "revise", "delete_missing": True}, InvalidRequest, "revise keeps what was changed"),
        ({"timeout_seconds": -1.0}, InvalidRequest, "timeout must be a positive number of seconds"),
    ],
)
async def test_a_wrong_request_is_refused_in_words(
    hub: FakeHub, as_person: Principal, hand_out: GroupRequest, change: dict, kind: type, message: str
) -> None:
    with pytest.raises(kind) as refused:
        await hub.services.copy_groups.create(as_person, replace(hand_out, **change))
    assert message in refused.value.message


@pytest.mark.parametrize("is_own", [False, True])
@pytest.mark.parametrize("template", ["{index}" + "a" * 4_096, "{title}" * 585, "{account_id}" * 200])
async def test_a_long_template_is_not_filled_in_for_everybody(
    hub: FakeHub, as_person: Principal, one: Project, template: str, is_own: bool
) -> None:
    project = await hub.project(as_person, "t" * 120)
    member = Member(project.project_id, template if is_own else None, as_person.account_id)
    request = GroupRequest("hand_out", one.project_id, "ps1", None if is_own else template, (member,) * 2_000)
    tracemalloc.start()
    try:
        with pytest.raises(InvalidRequest, match="target_path"):
            await hub.services.copy_groups.create(as_person, request)
        assert tracemalloc.get_traced_memory()[1] < 4 * 1024 * 1024
    finally:
        tracemalloc.stop()


async def test_two_copies_never_have_one_target(
    hub: FakeHub, as_person: Principal, one: Project, many: list[Project]
) -> None:
    for request in (collect(one, many, target_path="in"), collect(one, [many[0], many[0]])):
        with pytest.raises(InvalidRequest, match="have the same target"):
            await hub.services.copy_groups.create(as_person, request)


async def test_every_project_must_be_open_to_the_caller_or_nothing_is_copied(
    hub: FakeHub, database: Database, clock: MovingClock, as_person: Principal, as_stranger: Principal,
    hand_out: GroupRequest, one: Project,
) -> None:  # fmt: skip
    create = hub.services.copy_groups.create
    other = (await hub.project(as_stranger)).project_id
    added = replace(hand_out, members=(*hand_out.members, Member(other), Member(UNKNOWN)))
    with pytest.raises(ProjectNotFound) as refused:
        await create(as_person, added)
    assert refused.value.message == f"ACCESS BLOCKED -- No write access to target project -- {other}, {UNKNOWN}"
    assert refused.value.details == {"refused": [other, UNKNOWN], "count": 2}
    with pytest.raises(ProjectNotFound, match="No read access to source project"):
        await create(as_stranger, hand_out)
    assert as_person.account_id is not None
    person = as_person.account_id
    await database.write(
        lambda tx: (
            collaborators.put(tx, hand_out_target, person, Role.VIEWER, {}, clock.now())
            if (hand_out_target := other)
            else None
        )
    )
    with pytest.raises(RoleTooLow):
        await create(as_person, replace(hand_out, members=(Member(other),)))
    with pytest.raises(RoleTooLow):
        await create(as_person, replace(hand_out, kind="collect", project_id=other, target_path="in/{project_id}"))
    narrowed = replace(as_person, scope=Scope(project_id=one.project_id, path_prefix="mine"))
    with pytest.raises(NotFound):
        await create(narrowed, hand_out)
    assert not await hub.services.copies.is_any_due()


async def test_the_same_order_is_carried_out_once(
    hub: FakeHub, as_person: Principal, as_stranger: Principal, hand_out: GroupRequest
) -> None:
    create = hub.services.copy_groups.create
    keyed = replace(hand_out, group_key="ps1, first edition")
    first, is_new = await create(as_person, keyed)
    again, is_new_again = await create(as_person, keyed)
    assert (first, is_new, is_new_again) == (again, True, False)
    await run_all(hub)
    assert len(handed_out(hub)) == 3
    with pytest.raises(CopyGroupKeyUsed) as refused:
        await create(as_person, replace(keyed, overwrite_newer=True))
    assert refused.value.details == {"group_id": first.group_id}
    own = await hub.project(as_stranger)
    theirs = replace(keyed, project_id=own.project_id, members=(Member(own.project_id, target_path="x"),))
    assert (await create(as_stranger, theirs))[1]  # a key is its owner's own
    assert (await create(as_person, hand_out))[0].group_id != first.group_id  # without a key it is another order


async def test_the_same_order_sent_many_times_at_once_is_one_group(
    hub: FakeHub, as_person: Principal, hand_out: GroupRequest
) -> None:
    keyed = replace(hand_out, group_key="k")
    answers = await asyncio.gather(*(hub.services.copy_groups.create(as_person, keyed) for _ in range(8)))
    assert len({group.group_id for group, _ in answers}) == 1
    assert [is_new for _, is_new in answers].count(True) == 1
    await run_all(hub)
    assert len(handed_out(hub)) == 3


async def test_sending_an_order_again_begins_nothing_anew_whatever_became_of_it(
    hub: FakeHub, as_person: Principal, hand_out: GroupRequest
) -> None:
    groups, keyed = hub.services.copy_groups, replace(hand_out, group_key="k")
    group, _ = await groups.create(as_person, keyed)
    for _ in range(2):  # the snapshot and one copy
        await hub.services.copies.run_one("w")
    await groups.cancel(as_person, group.group_id)
    before = await groups.status(as_person, group.group_id)
    assert await groups.create(as_person, keyed) == (group, False)
    assert await groups.status(as_person, group.group_id) == before
    assert not await hub.services.copies.run_one("w")
    assert (before.counts["done"], before.counts["cancelled"]) == (1, 2)


async def test_the_same_members_in_another_order_are_another_order(
    hub: FakeHub, as_person: Principal, hand_out: GroupRequest
) -> None:
    keyed = replace(hand_out, group_key="k")
    await hub.services.copy_groups.create(as_person, keyed)
    with pytest.raises(CopyGroupKeyUsed):  # `{index}` would not be the same
        await hub.services.copy_groups.create(as_person, replace(keyed, members=keyed.members[::-1]))


async def test_a_page_begins_where_the_one_before_ended(
    hub: FakeHub, as_person: Principal, hand_out: GroupRequest
) -> None:
    group, _ = await hub.services.copy_groups.create(as_person, hand_out)
    status = hub.services.copy_groups.status
    first = await status(as_person, group.group_id, limit=2)
    assert ([copy.position for copy, _ in first.copies], first.next_after) == ([1, 2], 2)
    last = await status(as_person, group.group_id, limit=2, after=2)
    assert ([copy.position for copy, _ in last.copies], last.next_after) == ([3], None)
    assert (await status(as_person, group.group_id, limit=0)).copies == []
    assert (await status(as_person, group.group_id, state="failed")).copies == []
    for wrong in ({"limit": 1001}, {"limit": -1}, {"after": -1}, {"after": 20001}, {"state": "odd"}):
        with pytest.raises(InvalidRequest):
            await status(as_person, group.group_id, **wrong)  # type: ignore[arg-type]


async def test_a_group_is_cancelled_and_what_failed_is_tried_again(
    settings: Settings, database: Database, clock: MovingClock, as_person: Principal
) -> None:
    failing = True

    async def behave(order: CopyOrder) -> None:
        if failing and order.target_path == "in/2":
            raise CopyFailed("no")

    async with hub_with(FakeCopyEngine(behave), settings, database, clock) as hub:
        groups = hub.services.copy_groups
        one, many = await hub.project(as_person), [await hub.project(as_person) for _ in range(4)]
        group, _ = await groups.create(as_person, collect(one, many, target_path="in/{index}"))
        for _ in range(2):
            await hub.services.copies.run_one("w")
        assert await groups.cancel(as_person, group.group_id) == 2
        with pytest.raises(CopyOperationFinished):
            await groups.cancel(as_person, group.group_id)
        counts = (await groups.status(as_person, group.group_id)).counts
        assert (counts["done"], counts["failed"], counts["cancelled"]) == (1, 1, 2)
        failing = False
        assert await groups.retry(as_person, group.group_id) == 1
        assert await groups.retry(as_person, group.group_id) == 0
        assert await groups.retry(as_person, group.group_id, with_cancelled=True) == 2
        await run_all(hub)
        assert (await groups.status(as_person, group.group_id)).counts["done"] == 4


async def test_a_group_is_its_orderers_and_administrators(
    hub: FakeHub, as_person: Principal, as_stranger: Principal, as_admin: Principal, hand_out: GroupRequest
) -> None:
    groups = hub.services.copy_groups
    group, _ = await groups.create(as_person, hand_out)
    narrowed = replace(as_person, scope=Scope(is_read_only=True))
    for who in (as_stranger, narrowed):
        for call in (groups.status, groups.cancel, groups.retry):
            with pytest.raises(CopyOperationNotFound, match=r"^Can't find group of copies"):
                await call(who, group.group_id)
    for unknown in (UNKNOWN, "nonsense"):
        with pytest.raises(CopyOperationNotFound):
            await groups.status(as_admin, unknown)
    assert (await groups.status(as_admin, group.group_id)).group == group


async def test_a_group_does_not_hold_up_a_single_copy_of_somebody_else(
    hub: FakeHub, as_person: Principal, as_stranger: Principal, hand_out: GroupRequest, clock: MovingClock
) -> None:
    await hub.services.copy_groups.create(as_person, hand_out)
    own = await hub.project(as_stranger)
    clock.move(1)
    await hub.services.copies.create(as_stranger, CopyRequest(own.project_id, "mine", own.project_id, "yours"))
    await run_all(hub)
    assert [order.source_path for order in hub.engine.orders].index("mine") == 1  # behind the snapshot


async def test_groups_go_when_their_time_is_over(
    hub: FakeHub, as_person: Principal, hand_out: GroupRequest, clock: MovingClock
) -> None:
    keyed = replace(hand_out, group_key="k")
    group, _ = await hub.services.copy_groups.create(as_person, keyed)
    await run_all(hub)
    clock.move(31 * 86400)
    assert await hub.services.copy_groups.reap() == 0  # its copies are there
    assert await hub.services.copies.reap() == 4  # with the snapshot
    assert await hub.services.copy_groups.reap() == 1
    with pytest.raises(CopyOperationNotFound):
        await hub.services.copy_groups.status(as_person, group.group_id)
    assert (await hub.services.copy_groups.create(as_person, keyed))[1]
