"""The page of a project's copies."""

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest
from sqlalchemy import update

from studiolo.core.ids import CopyId, ProjectId
from studiolo.core.models import Account, CopyOperation, Role
from studiolo.domain.copies import CopyRequest
from studiolo.storage.tables import copies
from studiolo.testing.doors import SAME_ORIGIN, Doors
from studiolo.testing.factories import PASSWORD, principal_of

pytestmark = pytest.mark.anyio


@asynccontextmanager
async def signed_in(doors: Doors, person: Account) -> AsyncIterator[httpx.AsyncClient]:
    async with doors.browser(**SAME_ORIGIN) as browser:
        fields = {"email_address": person.email_address, "password": PASSWORD, "next": "/"}
        assert (await browser.post("/sign-in", data=fields)).status_code == 303
        yield browser


async def post(browser: httpx.AsyncClient, address: str, page: str) -> httpx.Response:
    found = re.search(r'name="form_token" value="([0-9a-f]+)"', (await browser.get(page)).text)
    assert found is not None
    return await browser.post(address, data={"form_token": found[1]})


async def order(
    doors: Doors, person: Account, source: ProjectId, target: ProjectId, path: str, **changes: Any
) -> CopyOperation:
    """Order a copy and bring its row to where a worker would have brought it."""
    copy = await doors.services.copies.create(principal_of(person), CopyRequest(source, path, target))
    if changes:
        await doors.database.write(
            lambda tx: tx.execute(update(copies).where(copies.c.copy_id == copy.copy_id).values(**changes))
        )
    return copy


async def test_copies_are_shown_as_they_stand(doors: Doors):
    person = await doors.account()
    here, there = await doors.project(person), await doors.project(person)
    now = doors.clock.now()
    await order(doors, person, here, there, "waiting.md")
    progress = {"files_done": 3, "files_total": 9, "bytes_done": 4_000_000, "bytes_total": 16_000_000}
    await order(doors, person, there, here, "big", started_at=now, lease_owner="w", lease_until=now, **progress)
    failed = {
        "started_at": now,
        "finished_at": now,
        "due_at": None,
        "error": "<b>disk full</b>",
        "error_code": "copy_failed",
    }
    await order(doors, person, here, there, "bad", **failed, report={"failed": 1, "failures": ["<i>a</i>: no"]})
    report = {"added": 2, "conflicts": 1, "conflict_paths": [{"path": "a.txt", "beside": "a.2026-01-01.txt"}]}
    await order(doors, person, here, here, "ps1", started_at=now, finished_at=now, due_at=None, report=report)
    doors.clock.move(2)
    async with signed_in(doors, person) as browser:
        page = await browser.get(f"/projects/{here}/copies")
        assert page.status_code == 200
        for words in ("waiting.md", "Waiting", "4.0 MB of 16 MB", "3 files", "2.0 MB a second", 'value="4000000"'):
            assert words in page.text
        for words in ("&lt;b&gt;disk full", "&lt;i&gt;a&lt;/i&gt;: no", "2 added, 1 put beside", "a.2026-01-01.txt"):
            assert words in page.text
        assert "<b>disk" not in page.text
        assert '<meta http-equiv="refresh" content="3">' in page.text
        assert "script-src" not in page.headers["content-security-policy"]
        paused = await browser.get(f"/projects/{here}/copies?paused")
        assert "http-equiv" not in paused.text
        assert f"/projects/{here}/copies" in (await browser.get(f"/projects/{here}/files/")).text


async def test_a_page_where_nothing_moves_stands_still(doors: Doors):
    person = await doors.account()
    here = await doors.project(person)
    async with signed_in(doors, person) as browser:
        page = await browser.get(f"/projects/{here}/copies")
        assert "Nothing was copied" in page.text
        assert "http-equiv" not in page.text


async def test_a_copy_is_cancelled_and_tried_again_from_the_page(doors: Doors):
    person = await doors.account()
    here = await doors.project(person)
    copy = await order(doors, person, here, here, "a")
    home = f"/projects/{here}/copies"

    async def state(copy_id: CopyId) -> str | None:
        return (await doors.services.copies.status(principal_of(person), copy_id)).error_code

    async with signed_in(doors, person) as browser:
        assert (
            await browser.post(f"{home}/{copy.copy_id}/cancel", data={"a": "b"})
        ).status_code == 403  # no form token
        assert await state(copy.copy_id) is None
        answer = await post(browser, f"{home}/{copy.copy_id}/cancel", home)
        assert (answer.status_code, answer.headers["location"]) == (303, home)
        assert await state(copy.copy_id) == "copy_cancelled"
        page = (await browser.get(home)).text
        assert "Cancelled" in page
        assert "Try again" in page
        assert (await post(browser, f"{home}/{copy.copy_id}/cancel", home)).status_code == 409
        assert (await post(browser, f"{home}/{copy.copy_id}/retry", home)).status_code == 303
        assert await state(copy.copy_id) is None
        assert (await post(browser, f"{home}/nonsense/retry", home)).status_code == 404


async def test_the_page_shows_no_more_than_its_reader_may_know(doors: Doors):
    owner, viewer, stranger = [await doors.account() for _ in range(3)]
    here, hidden = await doors.project(owner), await doors.project(owner)
    await doors.share(here, viewer, Role.VIEWER)
    outgoing = await order(doors, owner, here, hidden, "outgoing")
    await order(doors, owner, hidden, here, "incoming")
    home = f"/projects/{here}/copies"
    async with signed_in(doors, viewer) as browser:
        page = (await browser.get(home)).text
        assert "outgoing" in page
        assert "incoming" not in page  # to see what arrives takes the right to write
        assert "another project" in page
        assert hidden not in page
        assert "Cancel" not in page
        assert (await post(browser, f"{home}/{outgoing.copy_id}/cancel", "/")).status_code == 404
    async with signed_in(doors, stranger) as browser:
        assert (await browser.get(home)).status_code == 404
        assert (await browser.get("/projects/nonsense/copies")).status_code == 404
    async with doors.browser() as browser:
        assert (await browser.get(home)).status_code == 303
        framed = await browser.get(home, headers={"sec-fetch-dest": "iframe"})
        assert framed.status_code == 200
        assert "outgoing" not in framed.text
