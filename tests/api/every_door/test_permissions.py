"""Who may make which call at the doors beside API v1: one table, a row for each call that has a form there."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest

from studiolo.core.ids import AccountId, ProjectId
from studiolo.web.api_v1.registry import DOORS
from studiolo.web.calls import every_call

pytestmark = pytest.mark.anyio

WRITERS = frozenset({"owner", "collaborator", "project_key", "admin"})
READERS = WRITERS | {"viewer"}
ACCOUNTS = frozenset({"owner", "collaborator", "viewer", "stranger", "admin"})
EVERYBODY = ACCOUNTS | {"project_key"}
OWNERS = frozenset({"owner", "admin"})
PEOPLE = READERS - {"admin"}  # `query` shows administrators no more than others
ADMIN = frozenset({"admin"})
# at API v2, for who shows no key at all
OPEN = {"auth/ephemeral", "auth/requires-token", "auth/sign-in", "auth/sign-up", "customize"}


@dataclass
class World:
    """A project with people, and somebody to whom things are done."""

    callers: dict[str, Any]
    project_id: ProjectId
    victim: AccountId  # a stranger to the project
    reader: AccountId  # who reads in it
    services: Any
    files: dict[str, str]  # of the project
    name: str = ""  # whose turn it is

    @property
    def project(self) -> dict[str, Any]:
        return {"project_id": self.project_id}

    @property
    def admin(self) -> Any:
        return self.callers["admin"].principal

    async def token(self) -> dict[str, Any]:
        token = await self.services.auth_tokens.mint(self.admin, account_id=self.victim, password="")
        return {"auth_token": token, "authToken": token, "token": token}

    async def registration_token(self) -> dict[str, Any]:
        _, token = await self.services.registration_tokens.create(self.admin, ephemeral_seconds=60)
        return {"registrationToken": token}

    async def copy(self) -> dict[str, Any]:
        copy = await self.callers["owner"].call("copy_path_between_projects", **_copy(self), scheduled="2040-01-01")
        return {"copy_id": copy["copy_path_id"]}

    async def message(self) -> dict[str, Any]:
        to = self.callers[self.name].principal.account_id or self.victim
        return {"id": await self.services.messages.send(self.admin, to=[to], subject="a", body="b")}

    async def deleted_project(self) -> dict[str, Any]:
        await self.services.projects.delete(self.admin, self.project_id)
        return self.project


Given = Callable[[World], dict[str, Any] | Awaitable[dict[str, Any]]]


def _copy(world: World) -> dict[str, Any]:
    return {"src_project_id": world.project_id, "src_path": "a", "target_project_id": world.project_id}


def _person(world: World) -> dict[str, Any]:
    return {**world.project, "account_id": world.victim}


def _role(world: World) -> dict[str, Any]:
    return {**world.project, "target_account_id": world.reader, "new_group": "viewer"}


def _code(world: World) -> dict[str, Any]:
    return {**world.project, "kernel": "python3", "input": "1", "pid": 7, "path": "a.md"}


def _file(world: World) -> dict[str, Any]:
    return {**world.project, "path": "a", "content": "b"}


def _file_to_move(world: World) -> dict[str, Any]:
    name = f"a-{world.name}"
    world.files[name] = "a"
    return {**world.project, "paths": [name], "dest": f"b-{world.name}", "src": name}


def _in_school(world: World) -> dict[str, Any]:
    return {"name": "school", "user": world.victim, "subject": "a", "body": "b", "email": f"{world.name}3@example.edu"}


def _nothing(_world: World) -> dict[str, Any]:
    return {}


# What is given holds what any of the call's forms takes: what a form does not know, it passes over.
TABLE: dict[str, tuple[Given, frozenset[str]]] = {
    "add_collaborator": (_person, WRITERS),
    "add_organization_admin": (_in_school, ADMIN),
    "add_organization_user": (_in_school, ADMIN),
    "ban_account": (_person, ADMIN),
    "call_project": (lambda w: {**w.project, "mesg": {"event": "project_exec", "command": "ls"}}, WRITERS),
    "change_email_address": (
        lambda w: {"email_address": f"{w.name}2@example.edu", "password": f"{w.name}-password"},
        ACCOUNTS,
    ),
    "change_organization": (_in_school, ADMIN),
    "change_password": (lambda w: {"currentPassword": f"{w.name}-password", "newPassword": "another"}, ACCOUNTS),
    "copy_path_between_projects": (_copy, WRITERS),
    "copy_path_status": (World.copy, WRITERS),
    "create_account": (lambda w: {"email": f"{w.name}4@example.edu", "password": "a-password"}, ADMIN),
    "create_file": (lambda w: {**w.project, "path": f"new-{w.name}"}, WRITERS),
    "create_organization": (lambda w: {"name": f"school-{w.name}"}, ADMIN),
    "create_organization_token": (_in_school, ADMIN),
    "create_organization_user": (_in_school, ADMIN),
    "create_password_reset_link": (lambda w: {"user_account_id": w.victim}, ADMIN),
    "create_project": (_nothing, ACCOUNTS),
    "delete_account": (_person, ADMIN),
    "delete_path": (lambda w: {**w.project, "paths": ["gone"]}, WRITERS),
    "delete_project": (lambda w: w.project, OWNERS),
    "expire_organization_token": (World.token, ADMIN),
    "get_file_use_times": (_code, WRITERS),
    "get_organization": (_in_school, ADMIN),
    "get_project": (lambda w: w.project, READERS),
    "get_project_state": (lambda w: w.project, READERS),
    "get_project_status": (lambda w: w.project, READERS),
    "get_site_settings": (_nothing, EVERYBODY),
    "get_syncdoc_history": (_code, WRITERS),
    "get_usernames": (lambda w: {"account_ids": [w.victim]}, EVERYBODY),
    "invite_collaborator": (_person, WRITERS),
    "jupyter_execute": (_code, WRITERS),
    "jupyter_kernels": (_code, READERS),
    "list_collaborators": (lambda w: w.project, READERS),
    "list_directory": (_file, READERS),
    "list_jupyter_kernels": (_code, WRITERS),
    "list_messages": (_nothing, ACCOUNTS),
    "list_organization_users": (_in_school, ADMIN),
    "list_organizations": (_nothing, ADMIN),
    "list_projects": (_nothing, EVERYBODY),
    "log_client_error": (lambda w: {"error": "x"}, EVERYBODY),
    "manage_api_keys": (lambda w: {"action": "create"}, ACCOUNTS),
    "mark_message": (World.message, ACCOUNTS),
    "message_organization": (_in_school, ADMIN),
    "move_path": (_file_to_move, WRITERS),
    "ping": (_nothing, EVERYBODY),
    "ping_project": (lambda w: w.project, WRITERS),
    "project_exec": (lambda w: {**w.project, "command": "ls"}, WRITERS),
    "query": (lambda w: {"query": {"projects": {**w.project, "title": None}}}, PEOPLE),
    "read_text_file_from_project": (_file, READERS),
    "remove_collaborator": (_person, WRITERS),
    "remove_organization_admin": (_in_school, ADMIN),
    "remove_organization_user": (_in_school, ADMIN),
    "requires_registration_token": (_nothing, EVERYBODY),
    "resolve_paths": (lambda w: {**w.project, "paths": ["a"], "path": "a"}, WRITERS),
    "restore_project": (World.deleted_project, OWNERS),
    "revoke_auth_token": (World.token, ADMIN),
    "send_message": (lambda w: {"to_ids": [w.victim], "subject": "a", "body": "b"}, ACCOUNTS),
    "set_account_name": (lambda w: {"first_name": "New"}, ACCOUNTS),
    "set_collaborator_role": (_role, OWNERS),
    "set_project_limits": (lambda w: {**w.project, "cores": 1}, ADMIN),
    "sign_in": (lambda w: {"email": "victim@example.edu", "password": "victim-password"}, EVERYBODY),
    "sign_out": (lambda w: {"all": True}, ACCOUNTS),
    "sign_up_ephemeral": (World.registration_token, EVERYBODY),
    "signal_processes": (_code, WRITERS),
    "start_project": (lambda w: w.project, WRITERS),
    "stop_jupyter_kernel": (_code, WRITERS),
    "stop_project": (lambda w: w.project, WRITERS),
    "touch_project": (lambda w: w.project, WRITERS),
    "unban_account": (_person, ADMIN),
    "update_project": (lambda w: {**w.project, "title": "b"}, WRITERS),
    "user_auth": (_person, ADMIN),
    "user_search": (lambda w: {"query": "victim"}, ACCOUNTS),
    "which_project": (lambda w: w.project, READERS),
    "whose_key": (_nothing, ACCOUNTS),
    "write_text_file_to_project": (_file, WRITERS),
}
FORMS = [(door, name, one.call) for door in DOORS for name, one in every_call().at(door).items()]
every_form = pytest.mark.parametrize(("door", "name", "call"), FORMS, ids=[f"{door}-{name}" for door, name, _ in FORMS])
REFUSALS = {
    "forbidden",
    "role_too_low",
    "project_not_found",
    "not_found",
    "auth_token_invalid",
    "password_incorrect",
    "scope_missing",
}


@pytest.fixture
async def world(caller, as_owner, as_stranger, as_admin, project_id, add_person, services, runner) -> World:
    callers = {"owner": as_owner, "stranger": as_stranger, "admin": as_admin}
    for role in ("collaborator", "viewer"):
        callers[role] = await caller(role)
        await add_person(project_id, callers[role], role)
    _, key = await services.api_keys.create(as_owner.principal, project_id=project_id)
    callers["project_key"] = _ProjectKey(key)
    victim, reader = await caller("victim"), await caller("reader")
    await add_person(project_id, reader, "viewer")
    agent = runner.agent(project_id)
    agent.files |= {"a": "a", "a.md": "a"}
    agent.commands["realpath"] = _realpath
    await services.histories.note(project_id, "a.md")
    await services.organizations.create(as_admin.principal, "school")
    await services.organizations.add_user(as_admin.principal, "school", victim.account_id)
    return World(callers, project_id, victim.account_id, reader.account_id, services, agent.files)


async def _realpath(params: dict[str, Any]) -> dict[str, Any]:
    return {"stdout": "/home/x\0/home/x/a\0", "stderr": "", "exit_code": 0}


@dataclass
class _ProjectKey:
    key: str

    class principal:
        account_id = None


def test_every_call_with_a_form_has_a_row():
    assert set(TABLE) == {call.name for _, _, call in FORMS}


@every_form
async def test_who_may(door, name, call, world: World, reach, while_copying):
    given, may = TABLE[call.name]
    if door == "hub":
        may = may - {"project_key"}  # it opens the other form
    for who in sorted(EVERYBODY, key=lambda who: (who in may, who)):  # those who may not come first
        world.name = who
        answer = await while_copying(reach(world.callers[who].key, door, name, await _given(given, world)))
        is_refused = isinstance(answer, dict) and "error" in answer
        assert is_refused == (who not in may), (who, answer)
        if is_refused:
            # a project's own key is gone while its project is deleted
            expected = REFUSALS | ({"api_key_invalid"} if call.name == "restore_project" else set())
            assert answer["code"] in expected, (who, answer)


@every_form
async def test_nobody_may_with_a_bad_key(door, name, call, world: World, reach, services, clock):
    world.name = "owner"
    given = await _given(TABLE[call.name][0], world)
    stranger = world.callers["stranger"].principal
    _, expiring = await services.api_keys.create(stranger, expires_at=clock.now() + timedelta(seconds=10))
    await services.accounts.set_banned(world.admin, world.callers["viewer"].account_id, True)
    clock.move(11)
    bad = {
        "banned": (world.callers["viewer"].key, "account_banned"),
        "unknown": ("sk-0000000000000000000000", "api_key_invalid"),
        "expired": (expiring, "api_key_invalid"),
    }
    if name not in OPEN or door != "v2":
        bad["anonymous"] = ("", "unauthenticated")
    for who, (key, code) in bad.items():
        assert (await reach(key, door, name, given))["code"] == code, who


async def _given(given: Given, world: World) -> dict[str, Any]:
    found = given(world)
    return found if isinstance(found, dict) else await found
