"""The header `Idempotency-Key` at every door: what holds for each call whose entry says that it makes something."""

import json
from base64 import b64encode
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

import httpx
import pytest
from sqlalchemy import func, select

from studiolo.core.ids import ProjectId
from studiolo.domain.idempotency import Made
from studiolo.storage import tables
from studiolo.storage.database import Database
from studiolo.web.api_v1.registry import DOORS, Call, CallAt
from studiolo.web.calls import every_call
from studiolo.web.idempotency import HEADER, REPLAYED

pytestmark = pytest.mark.anyio

TABLES = {
    Made.ACCOUNT: tables.accounts,
    Made.API_KEY: tables.api_keys,
    Made.AUTH_TOKEN: tables.auth_tokens,
    Made.COPY: tables.copies,
    Made.COPY_GROUP: tables.copy_groups,
    Made.MESSAGE: tables.messages,
    Made.ORGANIZATION: tables.organizations,
    Made.PASSWORD_RESET_LINK: tables.password_resets,
    Made.PROJECT: tables.projects,
    Made.REGISTRATION_TOKEN: tables.registration_tokens,
}
TOLD_ONCE = {Made.API_KEY, Made.AUTH_TOKEN, Made.PASSWORD_RESET_LINK, Made.REGISTRATION_TOKEN}
# Who is nobody yet has no keys; the reason stands in docs/how-to/repeat-requests-safely.md
FOR_STRANGERS = {"sign_in", "sign_up_ephemeral"}
_MAKING = ("create_", "mint_", "send_", "start_exec", "copy_path_to", "collect_", "copy_path_between", "user_auth")
_OTHER = {"create_directory", "create_file"}  # the request names what is there afterwards

CREATING: list[tuple[str, str, Call | CallAt]] = [("v1", call.name, call) for call in every_call().v1 if call.creates]
CREATING += [(door, name, one) for door in DOORS for name, one in every_call().at(door).items() if one.creates]
Send = Callable[[str, str, str, dict[str, Any], str], Awaitable[httpx.Response]]


@pytest.fixture
def send(every_door: httpx.AsyncClient, while_copying: Any) -> Send:
    """Return a function that makes a call at a door with an API key and an Idempotency-Key."""

    async def post(api_key: str, door: str, name: str, given: dict[str, Any], key: str) -> httpx.Response:
        path, body = f"/api/{door}/{name}", given
        if door in ("hub", "project"):
            path, body = f"/api/conat/{door}", {"name": name, "args": [given], "project_id": given.get("project_id")}
        headers = {
            "Authorization": "Basic " + b64encode(f"{api_key}:".encode()).decode(),
            "Content-Type": "application/json",
            HEADER: key,
        }
        return await while_copying(every_door.post(path, content=json.dumps(body), headers=headers, timeout=30))

    return post


@dataclass
class Things:
    """What there is of a kind."""

    database: Database
    runner: Any
    project_id: ProjectId

    async def count(self, kind: Made) -> int:
        if kind is Made.EXEC_JOB:
            return len(self.runner.agent(self.project_id).calls_of("exec.start"))
        query = select(func.count()).select_from(TABLES[kind])
        return await self.database.read(lambda tx: tx.execute(query).scalar_one())

    async def kept(self) -> str:
        query = tables.idempotency_keys.select()
        return await self.database.read(lambda tx: str([dict(row) for row in tx.execute(query).mappings()]))


@pytest.fixture
def things(database: Database, runner: Any, example_world: Any) -> Things:
    project_id = example_world.world.put("2f5b3c4e-6d1a-4a4e-9c0d-7b8f6a5e4d3c")
    return Things(database, runner, ProjectId(project_id))


@pytest.fixture
def making(example_world: Any) -> Callable[[CallAt | Call], dict[str, Any]]:
    """Return a function that gives the parameters of an example with which a call makes something."""

    def of(one: CallAt | Call) -> dict[str, Any]:
        examples = one.examples or (one.call.examples if isinstance(one, CallAt) else ())
        found = [e.parameters for e in examples if e.parameters.get("async_call", True) and _is_made(e.answer)]
        if one.creates is Made.EXEC_JOB:
            found = [given for given in found if "async_call" in given or isinstance(one, Call)]
        return json.loads(example_world.world.put(json.dumps(found[0])))

    return of


def _is_made(answer: Any) -> bool:
    return not (isinstance(answer, dict) and str(answer.get("event", "")).endswith("_failed"))


def _changed(given: dict[str, Any]) -> dict[str, Any]:
    """Return another request: one of its texts is longer."""
    name = next(name for name, value in given.items() if isinstance(value, str) and name != "action")
    return {**given, name: given[name] + "x"}


def _told(response: httpx.Response) -> Any:
    """Return what was told, but for the message's own id and how long a command has run."""
    told = response.json()
    passing = ("id", "repeated", "elapsed_seconds", "elapsed_s", "status", "exit_code", "last_event_id", "stdout_bytes")
    if not isinstance(told, dict) or ("event" not in told and "job_id" not in told):
        return told
    return {name: value for name, value in told.items() if name not in passing}


def test_each_kind_of_thing_is_counted_here():
    assert {*TABLES, Made.EXEC_JOB, Made.UPLOAD} == set(Made)
    assert {one.creates for _, _, one in CREATING} | {Made.UPLOAD} == set(Made)


def test_every_call_that_is_named_after_making_something_says_so():
    named = {call.name for call in every_call() if call.name.startswith(_MAKING)} - _OTHER
    creating = {(one.call if isinstance(one, CallAt) else one).name for _, _, one in CREATING}
    assert named <= creating
    assert not creating & FOR_STRANGERS


async def test_the_same_request_makes_one_thing_and_answers_the_same(send: Send, things: Things, making, example_world):
    me = example_world.caller.key
    for number, (door, name, one) in enumerate(CREATING):
        given, before = making(one), await things.count(one.creates)
        first = await send(me, door, name, given, f"k{number}")
        assert REPLAYED not in first.headers, name
        assert await things.count(one.creates) == before + 1, (name, first.text)
        again = await send(me, door, name, given, f"k{number}")
        assert await things.count(one.creates) == before + 1, (name, again.text)
        if one.creates in TOLD_ONCE:
            assert again.json()["code"] == "secret_not_kept", name
            kept = await things.kept()
            assert not any(secret in kept for secret in _secrets(first.json())), name
        else:
            assert again.headers[REPLAYED] == "true", (name, again.text)
            assert _told(again) == _told(first), name


async def test_another_request_with_the_same_key_is_refused(send: Send, things: Things, making, example_world):
    me = example_world.caller.key
    for number, (door, name, one) in enumerate(CREATING):
        given = making(one)
        await send(me, door, name, given, f"k{number}")
        made = await things.count(one.creates)
        refused = await send(me, door, name, _changed(given), f"k{number}")
        assert refused.json()["code"] == "idempotency_key_reused", name
        assert refused.status_code == (422 if door == "v1" else 200), name
        assert await things.count(one.creates) == made, name


async def test_keys_of_different_callers_do_not_meet(send: Send, making, example_world, caller):
    other = await caller("other", is_admin=True)
    for number, (door, name, one) in enumerate(CREATING):
        given = making(one)
        await send(example_world.caller.key, door, name, given, f"k{number}")
        theirs = await send(other.key, door, name, given, f"k{number}")
        assert REPLAYED not in theirs.headers, name
        told = theirs.json()
        code = told.get("code") if isinstance(told, dict) else None
        assert code not in ("idempotency_key_reused", "secret_not_kept"), name


async def test_the_same_key_is_another_request_at_another_call(send: Send, example_world):
    me = example_world.caller.key
    await send(me, "v2", "projects/create", {"title": "a"}, "k1")
    refused = await send(me, "hub", "org.create", {"name": "college"}, "k1")
    assert refused.json()["code"] == "idempotency_key_reused"


async def test_a_project_made_at_one_door_is_found_at_another(send: Send, example_world):
    me = example_world.caller.key
    first = await send(me, "v1", "create_project", {"title": "a"}, "k1")
    again = await send(me, "v2", "projects/create", {"title": "a"}, "k1")
    assert first.json()["project_id"] == again.json()["project_id"]


async def test_who_is_nobody_has_no_keys(every_door: httpx.AsyncClient):
    body = json.dumps({"email": "new@example.edu", "password": "a-good-password"})
    headers = {"Content-Type": "application/json", HEADER: "k1"}
    refused = await every_door.post("/api/v2/auth/sign-up", content=body, headers=headers)
    assert refused.json() == {"error": "An Idempotency-Key needs a caller who is known.", "code": "forbidden"}


async def test_a_form_that_makes_nothing_passes_the_key_over(send: Send, things: Things, example_world):
    given = {"project_id": things.project_id, "command": "pwd"}
    for _ in range(2):
        answer = await send(example_world.caller.key, "v2", "exec", given, "k1")
        assert REPLAYED not in answer.headers
    assert await things.kept() == "[]"


def _secrets(told: Any) -> list[str]:
    """Return the secrets in an answer."""
    if isinstance(told, str):
        return [told]
    told = {"response": told} if isinstance(told, list) else told
    names = ("api_key", "auth_token", "secret", "token", "registration_token")
    inner = told["response"][0] if "response" in told else told
    found = [inner[name] for name in names if isinstance(inner.get(name), str)]
    assert found, told
    return found
