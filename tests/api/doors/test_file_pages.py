"""Files on the page of a directory: saved, added, deleted."""

import re
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from html import unescape
from pathlib import Path

import httpx
import pytest

from studiolo.core.ids import ProjectId
from studiolo.core.models import Account, Role
from studiolo.storage.database import Database
from studiolo.testing.doors import SAME_ORIGIN, Doors
from studiolo.testing.factories import PASSWORD, principal_of
from studiolo.testing.homes import HomeRunner

pytestmark = pytest.mark.anyio


class HomeDoors(Doors):
    """Pages over real homes."""

    async def project(self, owner: Account, files: dict[str, str] | None = None) -> ProjectId:
        """Make a project."""
        return (await self.services.projects.create(principal_of(owner), "Analysis")).project_id


@pytest.fixture
async def doors(
    anyio_backend: str, sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[HomeDoors]:
    directory = tmp_path_factory.mktemp("f")  # a short name: Unix sockets live in it
    shutil.copy(sqlite_template, directory / "studiolo.sqlite3")
    database = Database(f"sqlite:///{directory / 'studiolo.sqlite3'}")
    hub = HomeDoors(directory, database, runner=HomeRunner(directory))
    yield hub
    await hub.close()
    await database.close()


@asynccontextmanager
async def _signed_in(doors: Doors, person: Account) -> AsyncIterator[httpx.AsyncClient]:
    async with doors.browser(**SAME_ORIGIN) as browser:
        fields = {"email_address": person.email_address, "password": PASSWORD, "next": "/"}
        assert (await browser.post("/sign-in", data=fields)).status_code == 303
        yield browser


async def _token(browser: httpx.AsyncClient) -> str:
    found = re.search(r'name="form_token" value="([0-9a-f]+)"', (await browser.get("/")).text)
    assert found is not None
    return found[1]


async def test_file_is_uploaded_listed_downloaded_and_deleted(doors: HomeDoors):
    person = await doors.account()
    project_id = await doors.project(person)
    home = doors.runner.home(project_id)
    (home / "d").mkdir()
    async with _signed_in(doors, person) as browser:
        fields = {"form_token": await _token(browser), "directory": "d"}
        files = {"file": ("a & b.html", b"<script>alert(1)</script>")}
        sent = await browser.post(f"/projects/{project_id}/upload", data=fields, files=files)
        assert (sent.status_code, sent.headers["location"]) == (303, f"/projects/{project_id}/files/d/")
        assert (home / "d/a & b.html").read_text() == "<script>alert(1)</script>"
        page = (await browser.get(sent.headers["location"])).text
        assert "<script>alert" not in page
        link = unescape(re.findall(r'href="([^"]*/download\?[^"]*)"', page)[0])
        saved = await browser.get(link)
        assert saved.text == "<script>alert(1)</script>"
        assert saved.headers["content-disposition"].startswith("attachment;")
        assert saved.headers["content-security-policy"].startswith("sandbox;")
        assert saved.headers["x-content-type-options"] == "nosniff"
        gone = await browser.post(f"/projects/{project_id}/delete", data={**fields, "path": "d/a & b.html"})
        assert (gone.status_code, gone.headers["location"]) == (303, f"/projects/{project_id}/files/d/")
        assert list((home / "d").iterdir()) == []


async def test_directory_goes_with_all_that_is_in_it_only_if_the_form_says_so(doors: HomeDoors):
    person = await doors.account()
    project_id = await doors.project(person)
    home = doors.runner.home(project_id)
    (home / "d/e").mkdir(parents=True)
    async with _signed_in(doors, person) as browser:
        fields = {"form_token": await _token(browser), "path": "d"}
        refused = await browser.post(f"/projects/{project_id}/delete", data=fields)
        assert (refused.status_code, (home / "d").exists()) == (409, True)
        assert (
            await browser.post(f"/projects/{project_id}/delete", data={**fields, "recursive": "1"})
        ).status_code == 303
        assert not (home / "d").exists()


async def test_viewer_may_look_and_save_only(doors: HomeDoors):
    person, viewer = await doors.account(), await doors.account()
    project_id = await doors.project(person)
    (doors.runner.home(project_id) / "f").write_text("f")
    await doors.share(project_id, viewer, Role.VIEWER)
    async with _signed_in(doors, viewer) as browser:
        page = (await browser.get(f"/projects/{project_id}/files/")).text
        assert "/download?path=f" in page
        assert f"/projects/{project_id}/upload" not in page
        assert f"/projects/{project_id}/delete" not in page
        fields = {"form_token": await _token(browser), "directory": "", "path": "f"}
        sent = await browser.post(f"/projects/{project_id}/upload", data=fields, files={"file": ("g", b"g")})
        gone = await browser.post(f"/projects/{project_id}/delete", data=fields)
        assert (sent.status_code, gone.status_code) == (403, 403)
        assert (await browser.get(f"/projects/{project_id}/download?path=f")).text == "f"


async def test_others_get_nothing(doors: HomeDoors):
    person, stranger = await doors.account(), await doors.account()
    project_id = await doors.project(person)
    (doors.runner.home(project_id) / "f").write_text("f")
    async with _signed_in(doors, stranger) as browser:
        assert (await browser.get(f"/projects/{project_id}/download?path=f")).status_code == 404
        fields = {"form_token": await _token(browser), "path": "f"}
        assert (await browser.post(f"/projects/{project_id}/delete", data=fields)).status_code == 404
    async with doors.browser() as nobody:
        asked = await nobody.get(f"/projects/{project_id}/download?path=f")
        assert (asked.status_code, asked.headers["location"][:9]) == (303, "/sign-in?")
        assert (await nobody.post(f"/projects/{project_id}/upload", files={"file": ("g", b"g")})).status_code == 303


async def test_forms_of_other_sites_are_refused(doors: HomeDoors):
    person = await doors.account()
    project_id = await doors.project(person)
    home = doors.runner.home(project_id)
    (home / "f").write_text("f")
    async with _signed_in(doors, person) as browser:
        evil = {"origin": "https://evil.test", "sec-fetch-site": "cross-site"}
        fields = {"form_token": await _token(browser), "path": "f", "directory": ""}
        for headers, token in ((evil, fields["form_token"]), ({}, "0" * 64)):
            given = {**fields, "form_token": token}
            files = {"file": ("g", b"g")}
            for answer in (
                await browser.post(f"/projects/{project_id}/upload", data=given, files=files, headers=headers),
                await browser.post(f"/projects/{project_id}/delete", data=given, headers=headers),
            ):
                assert answer.status_code == 403
    assert [path.name for path in home.iterdir() if path.name != ".studiolo"] == ["f"]
