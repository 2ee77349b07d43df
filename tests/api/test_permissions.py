"""Who may make which call: one table for all of them."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

import pytest

from studiolo.core.ids import AccountId, ProjectId
from studiolo.core.models import KeyScope
from studiolo.domain.home_paths import file_id
from studiolo.domain.scopes import Needs
from studiolo.web.api_v1.calls import all_calls
from studiolo.web.call_scopes import CALLS, need_of
from studiolo.web.calls import every_call

pytestmark = pytest.mark.anyio

# project_key is a key of the owner that is tied to the project; admin has no place in it
WRITERS = frozenset({"owner", "collaborator", "project_key", "admin"})
READERS = WRITERS | {"viewer"}
ACCOUNTS = frozenset({"owner", "collaborator", "viewer", "stranger", "admin"})
EVERYBODY = ACCOUNTS | {"project_key"}
PEOPLE = READERS - {"admin"}  # `query` shows administrators no more than others
ADMIN = frozenset({"admin"})
OWN_KEY = frozenset({"collaborator", "admin"})


@dataclass
class World:
    """A project with people, and somebody to whom things are done."""

    callers: dict[str, Any]
    project_id: ProjectId
    victim: AccountId
    services: Any
    mailer: Any
    runner: Any
    name: str = ""  # whose turn it is

    @property
    def project(self) -> dict[str, Any]:
        return {"project_id": self.project_id}

    def file(self, path: str) -> dict[str, Any]:
        """Make a file, again if somebody has taken it away."""
        self.runner.agent(self.project_id).files[path] = ""
        return {**self.project, "path": path}

    async def token(self) -> dict[str, Any]:
        answer = await self.callers["admin"].call("user_auth", account_id=self.victim, password="")
        return {"auth_token": answer["auth_token"]}

    async def key(self) -> dict[str, Any]:
        key, _ = await self.services.api_keys.create(self.callers["collaborator"].principal)
        return {"api_key_id": key.api_key_id}

    async def registration_token(self) -> dict[str, Any]:
        token, _ = await self.services.registration_tokens.create(self.callers["admin"].principal)
        return {"registration_token_id": token.registration_token_id}

    async def code(self) -> dict[str, Any]:
        await self.services.password_resets.request("victim@example.edu", "")
        body = self.mailer.sent.pop().body
        return {
            "reset_code": next(line.strip() for line in body.splitlines() if line.startswith("    ")),
            "new_password": "a-new-password",
        }

    async def copy(self) -> dict[str, Any]:
        copy = await self.callers["owner"].call("copy_path_between_projects", **_copy(self), scheduled="2040-01-01")
        return {"copy_path_id": copy["copy_path_id"]}

    async def cancelled_copy(self) -> dict[str, Any]:
        copy = await self.copy()
        await self.callers["owner"].call("cancel_copy", **copy)
        return copy

    async def group(self) -> dict[str, Any]:
        group = await self.callers["owner"].call("copy_path_to_projects", **_hand_out(self), scheduled="2040-01-01")
        return {"group_id": group["group_id"]}

    def own(self) -> dict[str, Any]:
        return {"account_id": self.callers[self.name].principal.account_id or "none"}


Given = Callable[[World], dict[str, Any] | Awaitable[dict[str, Any]]]


def _copy(world: World) -> dict[str, Any]:
    return {"src_project_id": world.project_id, "src_path": "pub/a", "target_project_id": world.project_id}


def _hand_out(world: World) -> dict[str, Any]:
    return {
        "src_project_id": world.project_id,
        "src_path": "pub/a",
        "targets": [world.project_id],
        "target_path": "handed/out",
    }


def _collect(world: World) -> dict[str, Any]:
    return {
        "sources": [world.project_id],
        "src_path": "pub/a",
        "target_project_id": world.project_id,
        "target_path": "collected/{project_id}",
    }


def _person(world: World) -> dict[str, Any]:
    return {**world.project, "account_id": world.victim}


def _mail(world: World) -> dict[str, Any]:
    return {**world.project, "to": "x@example.edu", "email": "", "title": "", "link2proj": ""}


def _victim(world: World) -> dict[str, Any]:
    return {"account_id": world.victim}


TABLE: dict[str, tuple[Given, frozenset[str]]] = {
    "add_collaborator": (_person, WRITERS),
    "cancel_copy": (World.copy, WRITERS),
    "cancel_copy_group": (World.group, frozenset({"owner", "admin"})),
    "archive_paths": (lambda w: {**w.project, "paths": ["pub"], "target": "a.zip"}, WRITERS),
    "change_email_address": (
        lambda w: {**w.own(), "new_email_address": f"{w.name}2@example.edu", "password": f"{w.name}-password"},
        ACCOUNTS,
    ),
    "change_password": (
        lambda w: {**w.own(), "old_password": f"{w.name}-password", "new_password": "another"},
        ACCOUNTS,
    ),
    "collect_path_from_projects": (_collect, WRITERS),
    "copy_group_status": (World.group, frozenset({"owner", "admin"})),
    "copy_path_between_projects": (_copy, WRITERS),
    "copy_path_delete": (World.copy, WRITERS),
    "copy_path_status": (World.copy, WRITERS),
    "copy_public_path_between_projects": (_copy, WRITERS),
    "copy_path_to_projects": (_hand_out, WRITERS),
    "create_api_key": (lambda w: {"name": "x"}, ACCOUNTS),
    "create_account": (lambda w: {"email_address": "new@example.edu", "password": "a-password"}, ADMIN),
    "create_directory": (lambda w: {**w.project, "path": "d"}, WRITERS),
    "create_project": (lambda w: {}, ACCOUNTS),
    "create_registration_token": (lambda w: {"usage_limit": 1}, ADMIN),
    "delete_account": (lambda w: {"account_id": w.victim}, ADMIN),
    "delete_path": (lambda w: w.file("gone"), WRITERS),
    "disconnect_from_project": (lambda w: w.project, WRITERS),
    "edit_api_key": (World.key, OWN_KEY),
    "exec_status": (lambda w: {**w.project, "job_id": "9f86d081884c7d65"}, WRITERS),
    "extract_archive": (lambda w: {**w.project, "path": "a.zip"}, WRITERS),
    "forgot_password": (lambda w: {"email_address": "victim@example.edu"}, EVERYBODY),
    "get_available_upgrades": (lambda w: {}, EVERYBODY),
    "get_syncdoc_history": (lambda w: {"string_id": file_id(w.project_id, "a.md")}, WRITERS),
    "get_usernames": (lambda w: {"account_ids": [w.victim]}, EVERYBODY),
    "invite_collaborator": (_person, WRITERS),
    "invite_noncloud_collaborators": (_mail, WRITERS),
    "jupyter_execute": (lambda w: {**w.project, "kernel": "python3", "input": "1"}, WRITERS),
    "jupyter_kernels": (lambda w: w.project, READERS),
    "jupyter_start_pool": (lambda w: w.project, WRITERS),
    "list_api_keys": (lambda w: {}, ACCOUNTS),
    "list_auth_tokens": (lambda w: {}, ACCOUNTS),
    "kill_exec": (lambda w: {**w.project, "job_id": "9f86d081884c7d65"}, WRITERS),
    "list_directory": (lambda w: w.project, READERS),
    "list_exec": (lambda w: w.project, WRITERS),
    "list_registration_tokens": (lambda w: {}, ADMIN),
    "list_audit_log": (lambda w: {}, ADMIN),
    "ban_account": (_victim, ADMIN),
    "unban_account": (_victim, ADMIN),
    "list_accounts": (lambda w: {}, ADMIN),
    "list_projects": (lambda w: {}, EVERYBODY),
    "start_project": (lambda w: w.project, WRITERS),
    "stop_project": (lambda w: w.project, WRITERS),
    "restart_project": (lambda w: w.project, WRITERS),
    "get_project_state": (lambda w: w.project, READERS),
    "get_project_limits": (lambda w: w.project, READERS),
    "set_project_limits": (lambda w: {**w.project, "memory_mb": 100}, ADMIN),
    "log_client_error": (lambda w: {"error": "x"}, EVERYBODY),
    "mint_auth_token": (lambda w: {"account_id": w.victim}, ADMIN),
    "move_path": (lambda w: {**w.project, "source": w.file("old")["path"], "target": "new"}, WRITERS),
    "ping": (lambda w: {}, EVERYBODY),
    "project_exec": (lambda w: {**w.project, "command": "ls"}, WRITERS),
    "public_get_directory_listing": (lambda w: {**w.project, "path": "pub"}, EVERYBODY),
    "public_get_text_file": (lambda w: {**w.project, "path": "pub/a"}, EVERYBODY),
    "query": (lambda w: {"query": {"projects": {**w.project, "title": None}}}, PEOPLE),
    "read_text_file_from_project": (lambda w: {**w.project, "path": "pub/a"}, READERS),
    "remove_collaborator": (_person, WRITERS),
    "reset_forgot_password": (World.code, EVERYBODY),
    "retry_copy_group": (World.group, frozenset({"owner", "admin"})),
    "retry_copy": (World.cancelled_copy, WRITERS),
    "revoke_api_key": (World.key, OWN_KEY),
    "revoke_registration_token": (World.registration_token, ADMIN),
    "revoke_auth_token": (World.token, ADMIN),
    "start_exec": (lambda w: {**w.project, "command": "ls"}, WRITERS),
    "stat_path": (lambda w: {**w.project, "path": "pub/a"}, READERS),
    "touch_project": (lambda w: w.project, WRITERS),
    "user_auth": (lambda w: {"account_id": w.victim, "password": ""}, ADMIN),
    "user_search": (lambda w: {"query": "victim"}, ACCOUNTS),
    "write_text_file_to_project": (lambda w: {**w.project, "path": "b", "content": ""}, WRITERS),
}
every_row = pytest.mark.parametrize("name", TABLE)


@pytest.fixture
async def world(caller, as_owner, as_stranger, as_admin, project_id, add_person, services, mailer, runner) -> World:
    callers = {"owner": as_owner, "stranger": as_stranger, "admin": as_admin}
    for role in ("collaborator", "viewer"):
        callers[role] = await caller(role)
        await add_person(project_id, callers[role], role)
    _, key = await services.api_keys.create(as_owner.principal, project_id=project_id)
    callers["project_key"] = replace(as_owner.with_key(key), principal=replace(as_owner.principal, account_id=None))
    victim = (await caller("victim")).account_id
    runner.agent(project_id).files["pub/a"] = "a"
    await as_owner.call("query", query={"public_paths": {"project_id": project_id, "path": "pub"}})
    await services.histories.note(project_id, "a.md")
    return World(callers, project_id, victim, services, mailer, runner)


def test_every_call_says_which_scope_it_needs():
    known = {call.name for call in every_call()}
    assert {name for name in known if need_of(name) is None} == set()
    assert {name for names in CALLS.values() for name in names.split()} <= known


def test_every_call_has_a_row():
    assert set(TABLE) == {call.name for call in all_calls()}


@every_row
async def test_who_may(name: str, world: World, clock):
    given, may = TABLE[name]
    for who in sorted(
        EVERYBODY, key=lambda who: (who in may, who)
    ):  # those who may not come first: nothing is done yet
        world.name = who
        parameters = given(world)
        if not isinstance(parameters, dict):
            parameters = await parameters
        answer = await _with_worker(world.callers[who].call(name, **parameters), world, clock)
        is_refused = answer["event"] == "error" or bool(answer.get("error")) or answer["event"].endswith("_failed")
        assert is_refused == (who not in may), (who, answer)
        if is_refused:
            expected = {"forbidden", "role_too_low", "project_not_found", "not_found", "auth_token_invalid"}
            assert answer["code"] in expected | {"password_incorrect", "copy_operation_not_found"}, (who, answer)


@every_row
async def test_a_key_needs_the_scope(name: str, world: World, services, clock):
    given, may = TABLE[name]
    need = need_of(name)
    world.name = "admin" if "admin" in may else "owner"
    caller = world.callers[world.name]
    need = KeyScope.PROJECTS_READ if need is Needs.INSIDE else need
    parameters = given(world)
    if not isinstance(parameters, dict):
        parameters = await parameters
    for scopes in (set(KeyScope) - {need}, {need, KeyScope.ADMIN} - {Needs.NOTHING}):
        _, key = await services.api_keys.create(caller.principal, scopes=sorted(scopes))
        answer = await _with_worker(caller.with_key(key).call(name, **parameters), world, clock)
        is_missing = answer.get("code") == "scope_missing"
        assert is_missing == (need not in scopes and need is not Needs.NOTHING), (scopes, answer)


@every_row
async def test_nobody_may_with_a_bad_key(name: str, world: World, as_anonymous, services, clock):
    given, _ = TABLE[name]
    world.name = "owner"
    parameters = given(world)
    if not isinstance(parameters, dict):
        parameters = await parameters
    stranger = world.callers["stranger"]
    _, expiring = await services.api_keys.create(stranger.principal, expires_at=clock.now() + timedelta(seconds=10))
    await services.accounts.set_banned(world.callers["admin"].principal, world.callers["viewer"].account_id, True)
    clock.move(11)
    bad = {
        "anonymous": (as_anonymous, "unauthenticated"),
        "banned": (world.callers["viewer"], "account_banned"),
        "unknown": (as_anonymous.with_key("sk-0000000000000000000000"), "api_key_invalid"),
        "expired": (as_anonymous.with_key(expiring), "api_key_invalid"),
    }
    for who, (caller, code) in bad.items():
        assert (await caller.refused(name, **parameters))["code"] == code, who


async def _with_worker(answer: Awaitable[Any], world: World, clock) -> Any:
    """Wait for an answer while copies are carried out, for the call that waits for one."""

    async def work() -> None:
        while True:
            await world.services.copies.run_one("worker")
            await clock.move_past_sleeper(60)
            await asyncio.sleep(0)

    working = asyncio.ensure_future(work())
    try:
        return await asyncio.wait_for(answer, 20)
    finally:
        working.cancel()
        await asyncio.gather(working, return_exceptions=True)
