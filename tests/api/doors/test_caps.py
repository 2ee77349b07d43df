"""How much one account, one frame and one auth token may have open at once."""

import asyncio
import shutil
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from studiolo.core.models import Account, ProjectState
from studiolo.storage import projects
from studiolo.storage.database import Database
from studiolo.testing.doors import FRAME_HEADERS, Doors
from studiolo.testing.sockets import AsgiSocket, SocketClosed
from studiolo.web.sockets.routes import MAX_SILENT

pytestmark = pytest.mark.anyio


@pytest.fixture
def narrow(anyio_backend: str, sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory):
    """Return a function that gives a hub with settings."""

    @asynccontextmanager
    async def open_hub(**settings: Any) -> AsyncIterator[Doors]:
        directory = tmp_path_factory.mktemp("d")
        shutil.copy(sqlite_template, directory / "studiolo.sqlite3")
        database = Database(f"sqlite:///{directory / 'studiolo.sqlite3'}")
        hub = Doors(directory, database, **settings)
        yield hub
        await hub.close()
        await database.close()

    return open_hub


async def _closed(socket: AsgiSocket) -> tuple[int, str]:
    with pytest.raises(SocketClosed) as closed:
        await socket.receive()
    return closed.value.code, closed.value.reason


async def _greet(doors: Doors, held: AsyncExitStack, bearer: str) -> AsgiSocket:
    socket = await held.enter_async_context(doors.socket())
    await socket.send({"type": "hello", "bearer": bearer})
    return socket


async def test_a_frame_has_so_many_sockets_and_another_one_once_it_closed_one(narrow):
    async with narrow(max_sockets_per_sign_in=2) as doors, AsyncExitStack() as held:
        person = await doors.account()
        bearer = await doors.bearer(person)
        async with AsyncExitStack() as first:
            for stack in (first, held):
                assert (await (await _greet(doors, stack, bearer)).receive())["type"] == "welcome"
            assert await _closed(await _greet(doors, held, bearer)) == (4429, "rate_limited")
            other = await _greet(doors, held, await doors.bearer(person))
            assert (await other.receive())["type"] == "welcome"
        again = await _greet(doors, held, bearer)
        assert (await again.receive())["type"] == "welcome"


async def test_an_account_has_so_many_sockets_however_often_it_is_signed_in(narrow):
    async with narrow(max_sockets_per_account=2) as doors, AsyncExitStack() as held:
        person, other = await doors.account(), await doors.account()
        for _ in range(2):
            assert (await (await _greet(doors, held, await doors.bearer(person))).receive())["type"] == "welcome"
        assert await _closed(await _greet(doors, held, await doors.bearer(person))) == (4429, "rate_limited")
        assert (await (await _greet(doors, held, await doors.bearer(other))).receive())["type"] == "welcome"


async def test_a_hub_has_so_many_sockets_also_of_those_who_have_said_nothing(narrow):
    async with narrow(max_sockets=2) as doors, AsyncExitStack() as held:
        for _ in range(2):
            await held.enter_async_context(doors.socket())
        assert await _closed(await held.enter_async_context(doors.socket())) == (4429, "rate_limited")


async def test_an_address_that_says_nothing_leaves_places_to_others(narrow):
    async with narrow() as doors, AsyncExitStack() as held:
        for number in range(MAX_SILENT):
            await held.enter_async_context(doors.socket(address=f"2001:db8::{number:x}"))
        assert await _closed(await held.enter_async_context(doors.socket(address="2001:db8::ffff"))) == (
            4429,
            "rate_limited",
        )
        for address in ("2001:db8:0:1::1", "127.0.0.1"):
            other = await held.enter_async_context(doors.socket(address=address))
            await other.send({"type": "hello", "bearer": await doors.bearer(await doors.account())})
            assert (await other.receive())["type"] == "welcome"


async def _open(browser: httpx.AsyncClient, **body: Any) -> httpx.Response:
    return await browser.post("/frame/open", json=body, headers=FRAME_HEADERS)


async def _answered(browser: httpx.AsyncClient, token: str, status: int) -> httpx.Response:
    """Ask for nothing but a bearer until the answer has a status."""
    for _ in range(500):
        answer = await _open(browser, auth_token=token)
        if answer.status_code == status:
            return answer
    raise AssertionError(answer.text)


async def test_an_account_opens_so_many_documents_at_once(narrow):
    async with narrow(max_openings_per_account=1) as doors, doors.browser() as browser:
        person = await doors.account()
        project_id, token = await doors.project(person, {"a.md": "text"}), await doors.token(person)
        now = doors.clock.now()
        await doors.database.write(  # another hub starts the project, so that opening waits for it
            lambda tx: projects.claim_start(tx, project_id, now=now, stale_before=now - timedelta(minutes=1))
        )
        opening = asyncio.create_task(_open(browser, auth_token=token, project_id=project_id, path="a.md"))
        refused = await _answered(browser, token, 429)
        assert refused.status_code == 429
        assert int(refused.headers["retry-after"]) > 0
        assert refused.json()["code"] == "rate_limited"
        opening.cancel()
        with suppress(asyncio.CancelledError):
            await opening
        await _answered(browser, token, 200)
        await doors.database.write(
            lambda tx: projects.mark_opened(tx, project_id, ProjectState.STARTING, seen=now, now=now, error=None)
        )


async def _sign_ins(doors: Doors, token: str, times: int) -> list[str]:
    secrets: list[str] = []
    for _ in range(times):
        doors.clock.move(1)
        secrets.append((await doors.services.sign_ins.sign_in_frame(token, None))[1])
    return secrets


async def _living(doors: Doors, secrets: list[str]) -> list[bool]:
    results = await asyncio.gather(
        *[doors.services.sign_ins.admit(secret) for secret in secrets], return_exceptions=True
    )
    return [not isinstance(result, Exception) for result in results]


async def test_one_more_frame_of_a_token_ends_its_oldest(narrow):
    async with narrow(max_sign_ins_per_token=2) as doors:
        person: Account = await doors.account()
        tokens = [await doors.token(person), await doors.token(person)]
        first, other = await _sign_ins(doors, tokens[0], 3), await _sign_ins(doors, tokens[1], 1)
        assert await _living(doors, [*first, *other]) == [False, True, True, True]


async def test_one_more_sign_in_of_an_account_ends_its_oldest(narrow):
    async with narrow(max_sign_ins_per_account=2) as doors:
        person: Account = await doors.account()
        mine = [(await _sign_ins(doors, await doors.token(person), 1))[0] for _ in range(3)]
        others = await _sign_ins(doors, await doors.token(await doors.account()), 1)
        assert await _living(doors, [*mine, *others]) == [False, True, True, True]
