"""The page of a group of copies."""

import re
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import httpx
import pytest
from sqlalchemy import update

from studiolo.core.ids import ProjectId
from studiolo.core.models import Account, CopyGroup, Role
from studiolo.domain.copy_group_requests import GroupRequest
from studiolo.domain.copy_targets import Member
from studiolo.storage.tables import accounts, copies
from studiolo.testing.doors import SAME_ORIGIN, Doors
from studiolo.testing.factories import PASSWORD, principal_of

pytestmark = pytest.mark.anyio
NOWHERE = "00000000-0000-4000-8000-000000000000"
FAILED = {"error": "<b>disk full</b>", "error_code": "copy_failed"}
CANCELLED = {"error": "The copy was cancelled.", "error_code": "copy_cancelled"}


@asynccontextmanager
async def signed_in(doors: Doors, person: Account) -> AsyncGenerator[httpx.AsyncClient]:
    async with doors.browser(**SAME_ORIGIN) as browser:
        fields = {"email_address": person.email_address, "password": PASSWORD, "next": "/"}
        assert (await browser.post("/sign-in", data=fields)).status_code == 303
        yield browser


async def post(browser: httpx.AsyncClient, address: str, page: str, **fields: str) -> httpx.Response:
    found = re.search(r'name="form_token" value="([0-9a-f]+)"', (await browser.get(page)).text)
    assert found is not None
    return await browser.post(address, data={"form_token": found[1], **fields})


async def hand_out(
    doors: Doors, person: Account, count: int, **changes: Any
) -> tuple[CopyGroup, ProjectId, list[ProjectId]]:
    one, many = await doors.project(person), [await doors.project(person) for _ in range(count)]
    members = tuple(Member(project_id) for project_id in many)
    request = replace(GroupRequest("hand_out", one, "ps1", None, members), **changes)
    group, _ = await doors.services.copy_groups.create(principal_of(person), request)
    return group, one, many


async def bring(doors: Doors, group: CopyGroup, *positions: int, **changes: Any) -> None:
    """Bring rows to where a worker would have brought them; they end now unless told otherwise."""
    now = doors.clock.now()
    values = {"started_at": now, "finished_at": now, "due_at": None} | changes
    mine = (copies.c.group_id == group.group_id, copies.c.position.in_(positions))
    await doors.database.write(lambda tx: tx.execute(update(copies).where(*mine).values(**values)))


def address_of(group: CopyGroup) -> str:
    return f"/projects/{group.project_id}/copies/groups/{group.group_id}"


def states(page: str) -> list[str]:
    return re.findall(r'<li data-state="(\w+)">', page)


async def test_a_group_is_shown_as_it_stands_with_what_failed_first(doors: Doors):
    person = await doors.account()
    group, one, many = await hand_out(doors, person, 6)
    await bring(doors, group, 1, 2, files_done=2, bytes_done=3_000_000, report={"files": 2})
    await bring(doors, group, 4, **FAILED)
    await bring(doors, group, 3, finished_at=None, lease_owner="w", lease_until=doors.clock.now())
    doors.clock.move(2)
    async with signed_in(doors, person) as browser:
        page = await browser.get(address_of(group))
        assert page.status_code == 200
        assert states(page.text) == ["failed", "running", "waiting", "waiting", "done", "done"]
        for words in ("ps1 to 6 projects", "3 of 6", 'aria-label="Failed: 1, Copying: 1, Waiting: 2, Done: 2"'):
            assert words in page.text
        for words in ("6.0 MB · 4 files", "90 projects a minute", "3.0 MB a second", "about 2 seconds left"):
            assert words in page.text
        assert "&lt;b&gt;disk full" in page.text
        assert f"/projects/{many[3]}/copies" in page.text
        assert '<meta http-equiv="refresh" content="3">' in page.text
        assert "script-src" not in page.headers["content-security-policy"]
        assert "http-equiv" not in (await browser.get(address_of(group) + "?paused")).text
        assert states((await browser.get(address_of(group) + "?state=done")).text) == ["done", "done"]
        assert "There is none" in (await browser.get(address_of(group) + "?state=missing")).text
        assert address_of(group) in (await browser.get(f"/projects/{one}/copies")).text
        assert address_of(group) in (await browser.get(f"/projects/{many[0]}/copies")).text


async def test_a_finished_group_stands_still_and_says_how_long_it_took(doors: Doors):
    person = await doors.account()
    group, _, _ = await hand_out(doors, person, 2, mode="revise")
    began = doors.clock.now()
    doors.clock.move(200)
    await bring(doors, group, 1, 2, started_at=began, files_done=1, bytes_done=10)
    async with signed_in(doors, person) as browser:
        page = (await browser.get(address_of(group))).text
    assert "http-equiv" not in page
    assert "Revision" in page
    assert "took 3 minutes" in page
    assert "<button class" not in page.split("<main")[1]


async def test_a_large_group_is_shown_page_by_page(doors: Doors):
    person = await doors.account()
    one, other = await doors.project(person), await doors.project(person)
    members = tuple(Member(other, target_path=f"place {number}") for number in range(120))
    request = GroupRequest("hand_out", one, "ps2", None, members)
    large, _ = await doors.services.copy_groups.create(principal_of(person), request)
    await bring(doors, large, *range(1, 61))
    await bring(doors, large, 5, 60, **FAILED)
    seen: list[str] = []
    page = ""
    async with signed_in(doors, person) as browser:
        address: str | None = address_of(large)
        while address is not None:
            page = (await browser.get(address)).text
            assert len(states(page)) <= 50
            seen += re.findall(r"place (\d+)", page)
            found = re.search(r'<a href="([^"]+)">Next page</a>', page)
            address = found[1].replace("&amp;", "&") if found else None
        assert "To the first page" in page
    expected = [4, 59, *range(60, 120), *(n for n in range(60) if n not in (4, 59))]
    assert [int(number) for number in seen] == expected


async def test_a_group_is_cancelled_and_tried_again_from_its_page(doors: Doors):
    person = await doors.account()
    group, _, _ = await hand_out(doors, person, 4)
    await bring(doors, group, 1, **FAILED)
    home = address_of(group)

    async def counts() -> dict[str, int]:
        status = await doors.services.copy_groups.status(principal_of(person), group.group_id)
        return {state: count for state, count in status.counts.items() if count}

    async with signed_in(doors, person) as browser:
        assert (await browser.post(f"{home}/cancel", data={"a": "b"})).status_code == 403  # no form token
        assert (await counts())["waiting"] == 3
        answer = await post(browser, f"{home}/cancel", home)
        assert (answer.status_code, answer.headers["location"]) == (303, home)
        assert await counts() == {"failed": 1, "cancelled": 3}
        assert (await post(browser, f"{home}/cancel", home)).status_code == 409
        assert (await post(browser, f"{home}/retry", home)).status_code == 303
        assert await counts() == {"waiting": 1, "cancelled": 3}
        assert "Try again what was cancelled" in (await browser.get(home)).text
        assert (await post(browser, f"{home}/retry", home, with_cancelled="yes")).status_code == 303
        assert await counts() == {"waiting": 4}


async def test_a_group_is_shown_to_its_orderer_and_administrators_only(doors: Doors):
    owner, collaborator, admin = [await doors.account() for _ in range(3)]
    make_admin = update(accounts).where(accounts.c.account_id == admin.account_id).values(is_admin=True)
    await doors.database.write(lambda tx: tx.execute(make_admin).close())
    group, one, many = await hand_out(doors, owner, 1)
    for project_id in (one, many[0]):
        await doors.share(project_id, collaborator, Role.COLLABORATOR)
    home = address_of(group)
    async with signed_in(doors, collaborator) as browser:
        assert (await browser.get(home)).status_code == 404
        for what in ("cancel", "retry"):
            assert (await post(browser, f"{home}/{what}", "/")).status_code == 404
        copies_page = (await browser.get(f"/projects/{one}/copies")).text
        assert "ps1" in copies_page
        assert home not in copies_page
    async with signed_in(doors, admin) as browser:
        assert (await browser.get(home)).status_code == 200
    async with signed_in(doors, owner) as browser:
        wrong = (f"/projects/{many[0]}/copies/groups/{group.group_id}", f"/projects/{one}/copies/groups/{NOWHERE}")
        for address in (*wrong, f"/projects/{one}/copies/groups/x", f"/projects/x/copies/groups/{group.group_id}"):
            assert (await browser.get(address)).status_code == 404
        for asked in (
            "state=odd",
            "after=odd-1",
            "after=done",
            "after=done-1e9",
            "after=done-9999999",
            "state=done&after=failed-1",
        ):
            assert (await browser.get(f"{home}?{asked}")).status_code == 400, asked
    async with doors.browser() as browser:
        assert (await browser.get(home)).status_code == 303
        framed = await browser.get(home, headers={"sec-fetch-dest": "iframe"})
        assert framed.status_code == 200
        assert "ps1" not in framed.text


async def test_projects_that_are_no_longer_open_to_the_orderer_stay_unnamed(doors: Doors):
    owner, other = await doors.account(), await doors.account()
    theirs = await doors.project(other)
    await doors.share(theirs, owner, Role.COLLABORATOR)
    one = await doors.project(owner)
    request = GroupRequest("hand_out", one, "ps1", None, (Member(theirs),))
    group, _ = await doors.services.copy_groups.create(principal_of(owner), request)
    async with signed_in(doors, owner) as browser:
        assert f"/projects/{theirs}/copies" in (await browser.get(address_of(group))).text
        await doors.services.collaborators.remove(principal_of(other), theirs, owner.account_id)
        page = (await browser.get(address_of(group))).text
    assert "A project that is not open to you" in page
    assert theirs not in page
