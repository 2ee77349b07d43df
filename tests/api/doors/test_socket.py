"""WS /frame/socket: greeting, joining, passing frames on, refusing, and the watch over rights."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from studiolo.core.ids import ProjectId
from studiolo.core.models import Account, Role, Scope
from studiolo.core.secrets import hash_secret
from studiolo.storage import sign_ins
from studiolo.testing.doors import Doors
from studiolo.testing.factories import principal_of
from studiolo.testing.sockets import AsgiSocket, SocketClosed
from studiolo.web.sockets.connection import HELLO_TIMEOUT_SECONDS
from studiolo.web.sockets.messages import MAX_CHANNELS, MAX_TEXT_BYTES

pytestmark = pytest.mark.anyio

STEP_1 = b"\x00\x00\x01\x00"
STEP_2 = b"\x00\x01\x01\x00"
UPDATE = b"\x00\x02\x02\x00\x00"
AWARENESS = b"\x01\x01\x00"


@asynccontextmanager
async def _greeted(doors: Doors, person: Account, scope: Scope | None = None) -> AsyncIterator[AsgiSocket]:
    async with doors.socket() as socket:
        welcome = await socket.ask({"type": "hello", "bearer": await doors.bearer(person, scope)})
        assert welcome == {"type": "welcome", "account_id": person.account_id}
        yield socket


async def _join(
    socket: AsgiSocket, project_id: ProjectId, path: str = "a.md", channel: int = 3, **more: Any
) -> dict[str, Any]:
    await socket.send({"type": "join", "channel": channel, "project_id": project_id, "path": path, **more})
    while (answer := await socket.receive())["type"] == "progress":
        assert answer["channel"] == channel
    return answer


async def _barrier(socket: AsgiSocket) -> None:
    """Be sure that everything sent before was handled, and that nothing else came."""
    assert await socket.ask({"type": "ping", "t": 1}) == {"type": "pong", "t": 1}


async def _closed(socket: AsgiSocket) -> SocketClosed:
    with pytest.raises(SocketClosed) as closed:
        await socket.receive()
    return closed.value


async def test_a_document_is_joined_and_frames_travel_both_ways(doors: Doors):
    person = await doors.account()
    project_id = await doors.project(person, {"a.md": "text"})
    async with _greeted(doors, person) as socket:
        assert await _join(socket, project_id) == {
            "type": "joined",
            "channel": 3,
            "path": "a.md",
            "kind": "markdown",
            "generation": "g1",
            "can_write": True,
            "has_state": False,
        }
        for message in (STEP_1, STEP_2, UPDATE, AWARENESS):
            assert await socket.ask(b"\x03" + message) == b"\x03" + message  # the fake agent sends everything back
        (asked,) = doors.runner.agent(project_id).calls_of("documents.join")
        assert asked.items() >= {"path": "a.md", "can_write": True, "name": "Sofia Kovalevskaya"}.items()


async def test_who_is_fresh_is_sent_the_whole_document_unasked(doors: Doors):
    person = await doors.account()
    project_id = await doors.project(person, {"a.md": "text"})
    agent = doors.runner.agent(project_id)
    agent.answers["documents.join"] = {"path": "a.md", "kind": "markdown", "generation": "g1", "has_state": True}
    async with _greeted(doors, person) as socket:
        joined = await _join(socket, project_id, is_fresh=True)
        assert joined["has_state"] is True
    assert agent.calls_of("documents.join")[0]["is_fresh"] is True


async def test_progress_is_told_while_the_project_starts(doors: Doors):
    person = await doors.account()
    project_id = await doors.project(person)
    async with _greeted(doors, person) as socket:
        await socket.send({"type": "join", "channel": 0, "project_id": project_id, "path": "a.md"})
        assert await socket.receive() == {"type": "progress", "stage": "starting_project", "channel": 0}


async def test_many_documents_share_a_socket(doors: Doors):
    person = await doors.account()
    project_id = await doors.project(person)
    async with _greeted(doors, person) as socket:
        for channel in range(MAX_CHANNELS):
            assert (await _join(socket, project_id, f"{channel}.md", channel))["path"] == f"{channel}.md"
        assert await socket.ask(b"\x1f" + AWARENESS) == b"\x1f" + AWARENESS
        refused = await _join(socket, project_id, "one-more.md", 200)
        assert refused["code"] == "conflict"
        assert "channel" not in refused


async def test_a_channel_in_use_is_not_taken_away(doors: Doors):
    person = await doors.account()
    project_id = await doors.project(person)
    async with _greeted(doors, person) as socket:
        await _join(socket, project_id)
        assert (await _join(socket, project_id, "b.md"))["code"] == "conflict"
        assert await socket.ask(b"\x03" + AWARENESS) == b"\x03" + AWARENESS


async def test_a_channel_that_was_left_can_be_used_again(doors: Doors):
    person = await doors.account()
    project_id = await doors.project(person)
    async with _greeted(doors, person) as socket:
        await _join(socket, project_id)
        await socket.send({"type": "leave", "channel": 3})
        await socket.send(b"\x03" + AWARENESS)
        await _barrier(socket)
        assert (await _join(socket, project_id, "b.md"))["path"] == "b.md"


async def test_what_belongs_to_no_channel_is_ignored_or_refused(doors: Doors):
    async with _greeted(doors, await doors.account()) as socket:
        await socket.send(b"\x07" + UPDATE)
        await socket.send(b"")
        await _barrier(socket)
        refused = await socket.ask({"type": "run", "channel": 7, "cell_id": "c"})
        assert refused["code"] == "invalid_request"
        await socket.send({"type": "leave", "channel": 7})
        await _barrier(socket)


async def test_commands_reach_the_agent_without_the_channel(doors: Doors):
    person = await doors.account()
    project_id = await doors.project(person, {"a.ipynb": ""})
    async with _greeted(doors, person) as socket:
        await _join(socket, project_id, "a.ipynb")
        for command in (
            {"type": "run", "cell_id": "c1"},
            {"type": "run_all"},
            {"type": "interrupt"},
            {"type": "restart"},
            {"type": "save"},
            {"type": "input_reply", "cell_id": "c1", "value": "42"},
        ):
            await socket.send({**command, "channel": 3})
        await _barrier(socket)  # the fake sends them back: none is a message of an agent, so none comes through
        agent = doors.runner.agent(project_id)
        await agent.wait_for(lambda: len(agent.received) == 6)
        assert agent.received[0] == {"type": "run", "cell_id": "c1"}
        assert agent.received[-1] == {"type": "input_reply", "cell_id": "c1", "value": "42"}


@pytest.mark.parametrize(
    "frame",
    [
        {"type": "ack", "count": 2},
        {"type": "saved", "is_saved": True},
        {"type": "kernel", "state": "busy", "name": "python3"},
        {"type": "input", "cell_id": "c", "prompt": "name? ", "is_password": True},
        {"type": "input_done", "cell_id": "c"},
        {"type": "notice", "level": "error", "code": "disk_full", "message": "<b>full</b>"},
    ],
)
async def test_what_an_agent_says_arrives_with_its_channel(doors: Doors, frame: dict[str, Any]):
    person = await doors.account()
    project_id = await doors.project(person)
    async with _greeted(doors, person) as socket:
        await _join(socket, project_id)
        await doors.runner.agent(project_id).say(frame)
        assert await socket.receive() == {**frame, "channel": 3}


async def test_an_agent_cannot_speak_for_the_hub_or_for_another_channel(doors: Doors):
    person = await doors.account()
    project_id = await doors.project(person)
    agent = doors.runner.agent(project_id)
    async with _greeted(doors, person) as socket:
        await _join(socket, project_id)
        for frame in (
            {"type": "welcome", "account_id": "evil"},
            {"type": "joined", "path": "x", "kind": "text", "generation": "g", "can_write": True},
            {"type": "error", "code": "x", "message": "y"},
            {"type": "ack", "count": "many"},
            {"type": "notice", "level": "info", "code": "c", "message": "m" * 10_000},
            {"no": "type"},
            b"",
            b"\x07\x00",
        ):
            await agent.say(frame)
        await agent.say({"type": "ack", "count": 1, "channel": 9})
        assert await socket.receive() == {"type": "ack", "count": 1, "channel": 3}


async def test_a_document_that_the_agent_closes_ends_its_channel(doors: Doors):
    person = await doors.account()
    project_id = await doors.project(person)
    async with _greeted(doors, person) as socket:
        await _join(socket, project_id)
        await doors.runner.agent(project_id).say({"type": "closed", "code": "file_deleted", "message": "Gone."})
        assert (await socket.receive())["type"] == "closed"
        assert (await _join(socket, project_id))["type"] == "joined"


async def test_a_dead_agent_is_an_error_of_its_channel_and_joining_starts_the_project_again(doors: Doors):
    person = await doors.account()
    project_id = await doors.project(person)
    async with _greeted(doors, person) as socket:
        await _join(socket, project_id)
        await doors.runner.kill(project_id)
        error = await socket.receive()
        assert (error["type"], error["channel"], error["code"]) == ("error", 3, "agent_unavailable")
        assert (await _join(socket, project_id))["type"] == "joined"
        assert len(doors.runner.started) == 2


async def test_a_reader_reads_and_nothing_it_writes_gets_through(doors: Doors):
    owner, reader = await doors.account(), await doors.account()
    project_id = await doors.project(owner)
    await doors.share(project_id, reader, Role.VIEWER)
    async with _greeted(doors, reader) as socket:
        assert (await _join(socket, project_id))["can_write"] is False
        for message in (STEP_2, UPDATE):
            await socket.send(b"\x03" + message)
        assert await socket.ask(b"\x03" + STEP_1) == b"\x03" + STEP_1
        assert await socket.ask(b"\x03" + AWARENESS) == b"\x03" + AWARENESS
        notice = await socket.ask({"type": "run", "channel": 3, "cell_id": "c"})
        assert (notice["type"], notice["code"], notice["channel"]) == ("notice", "role_too_low", 3)
    assert doors.runner.agent(project_id).received == [STEP_1, AWARENESS]


async def test_a_narrowed_sign_in_stays_within_its_scope(doors: Doors):
    person = await doors.account()
    project_id, other_id = await doors.project(person), await doors.project(person)
    scope = Scope(project_id=project_id, path_prefix="in", is_read_only=True)
    async with _greeted(doors, person, scope) as socket:
        assert (await _join(socket, project_id, "in/a.md"))["can_write"] is False
        for other, path in ((project_id, "out.md"), (project_id, "in/../out.md"), (other_id, "in/a.md")):
            refused = await _join(socket, other, path, 4)
            assert (refused["type"], refused["channel"]) == ("error", 4)
            assert refused["code"] in ("file_not_found", "project_not_found")


@pytest.mark.parametrize("project", ["foreign", "unknown", "nonsense"])
async def test_a_project_that_is_not_yours_cannot_be_joined(doors: Doors, project: str):
    owner, stranger = await doors.account(), await doors.account()
    foreign = await doors.project(owner)
    project_id = {"foreign": foreign, "unknown": "11111111-2222-4333-8444-555555555555", "nonsense": "../x"}[project]
    async with _greeted(doors, stranger) as socket:
        error = await _join(socket, ProjectId(project_id))
        assert (error["type"], error["code"]) == ("error", "project_not_found")
    assert doors.runner.started == []


@pytest.mark.parametrize(
    "message",
    ["", "nonsense", "[]", '{"type":"dance"}', '{"type":"join"}', "[" * 50_000, '{"type":"run","channel":999}'],
)
async def test_nonsense_is_refused_and_the_socket_lives_on(doors: Doors, message: str):
    async with _greeted(doors, await doors.account()) as socket:
        refused = await socket.ask(message)
        assert (refused["type"], refused["code"]) == ("error", "invalid_request")
        assert "channel" not in refused
        await _barrier(socket)


@pytest.mark.parametrize("message", [b"\x05\x01", b"\x00\x09", b"\x80\x00\x02\x00", b"\x00", b"\x01" + bytes(70_000)])
async def test_a_binary_message_outside_the_protocol_is_refused(doors: Doors, message: bytes):
    person = await doors.account()
    project_id = await doors.project(person)
    async with _greeted(doors, person) as socket:
        await _join(socket, project_id)
        notice = await socket.ask(b"\x03" + message)
        assert (notice["type"], notice["code"]) == ("notice", "invalid_request")
    assert doors.runner.agent(project_id).received == []


async def test_a_message_over_the_limit_ends_the_socket(doors: Doors):
    async with _greeted(doors, await doors.account()) as socket:
        await socket.send("x" * (MAX_TEXT_BYTES + 1))
        assert (await _closed(socket)).code == 1009


@pytest.mark.parametrize("origin", ["https://evil.test", "https://lms.example.edu", "null", "http://hub.test", None])
async def test_a_page_of_another_origin_gets_no_socket(doors: Doors, origin: str | None):
    async with doors.socket(origin=origin) as socket:
        assert (await _closed(socket)).code == 4403


@pytest.mark.parametrize(
    "first",
    [b"bytes", "nonsense", '{"type":"ping"}', '{"type":"hello"}', json.dumps({"type": "hello", "bearer": "no"})],
)
async def test_who_does_not_greet_with_a_bearer_is_sent_away(doors: Doors, first: str | bytes):
    async with doors.socket() as socket:
        await socket.send(first)
        assert (await _closed(socket)).code == 4401


async def test_who_says_nothing_is_sent_away(doors: Doors):
    async with doors.socket() as socket:
        await doors.clock.move_past_sleeper()
        closed = await _closed(socket)
        assert closed.code == 4401
    assert doors.clock.monotonic() == HELLO_TIMEOUT_SECONDS


async def test_an_expired_bearer_opens_no_socket(doors: Doors):
    bearer = await doors.bearer(await doors.account())
    doors.clock.move(doors.settings.bearer_lifetime_seconds + 1)
    async with doors.socket() as socket:
        await socket.send({"type": "hello", "bearer": bearer})
        closed = await _closed(socket)
        assert (closed.code, closed.reason) == (4401, "sign_in_expired")


async def test_a_bearer_that_nobody_renews_ends_the_socket(doors: Doors):
    bearer = await doors.bearer(await doors.account())
    doors.clock.move(doors.settings.bearer_lifetime_seconds - 1)
    async with doors.socket() as socket:
        await socket.ask({"type": "hello", "bearer": bearer})
        await doors.clock.move_past_sleeper()
        assert (await _closed(socket)).code == 4401


async def test_a_renewed_bearer_keeps_the_socket(doors: Doors):
    person = await doors.account()
    sign_in, _ = await doors.services.sign_ins.sign_in_frame(await doors.token(person), None)
    first, _ = await doors.services.sign_ins.mint_bearer(sign_in.sign_in_id)
    async with doors.socket() as socket:
        await socket.ask({"type": "hello", "bearer": first})
        doors.clock.move(doors.settings.bearer_lifetime_seconds - 1)
        second, _ = await doors.services.sign_ins.mint_bearer(sign_in.sign_in_id)
        assert await socket.ask({"type": "renew", "bearer": second}) == {"type": "renewed"}
        await doors.clock.move_past_sleeper()
        await _barrier(socket)


async def test_a_bearer_of_somebody_else_does_not_renew(doors: Doors):
    async with _greeted(doors, await doors.account()) as socket:
        await socket.send({"type": "renew", "bearer": await doors.bearer(await doors.account())})
        assert (await _closed(socket)).code == 4401


async def test_a_second_hello_is_refused(doors: Doors):
    async with _greeted(doors, await doors.account()) as socket:
        assert (await socket.ask({"type": "hello", "bearer": "x"}))["code"] == "invalid_request"


async def test_revoking_the_token_ends_an_open_socket_at_once(doors: Doors):
    person = await doors.account()
    token = await doors.token(person)
    sign_in, _ = await doors.services.sign_ins.sign_in_frame(token, None)
    bearer, _ = await doors.services.sign_ins.mint_bearer(sign_in.sign_in_id)
    project_id = await doors.project(person)
    async with doors.socket() as socket:
        await socket.ask({"type": "hello", "bearer": bearer})
        await _join(socket, project_id)
        await doors.services.auth_tokens.revoke(principal_of(person), token)
        closed = await _closed(socket)
        assert (closed.code, closed.reason) == (4401, "sign_in_expired")


async def test_a_ban_ends_an_open_socket_at_once(doors: Doors):
    person, admin = await doors.account(), await doors.account(is_admin=True)
    async with _greeted(doors, person) as socket:
        await _barrier(socket)
        await doors.ban(admin, person)
        assert (await _closed(socket)).code == 4401


async def test_another_hub_finds_a_revoked_token_at_its_next_look(doors: Doors):
    person = await doors.account()
    token = await doors.token(person)
    sign_in, _ = await doors.services.sign_ins.sign_in_frame(token, None)
    bearer, _ = await doors.services.sign_ins.mint_bearer(sign_in.sign_in_id)
    async with doors.socket() as socket:
        await socket.ask({"type": "hello", "bearer": bearer})
        await doors.database.write(lambda tx: sign_ins.remove_for_tokens(tx, [hash_secret(token)]))
        await _barrier(socket)
        await doors.clock.move_past_sleeper()
        assert (await _closed(socket)).code == 4401


async def test_what_ends_elsewhere_leaves_other_sockets_of_the_account_open(doors: Doors):
    person = await doors.account()
    other = await doors.token(person)
    async with _greeted(doors, person) as socket:
        for _ in range(3):
            await _barrier(socket)
            await doors.services.sign_ins.sign_in_frame(other, None)
            await doors.services.auth_tokens.revoke(principal_of(person), other)
            other = await doors.token(person)
        await _barrier(socket)


async def test_a_sign_in_that_may_not_start_joins_what_runs_only(doors: Doors):
    person = await doors.account()
    project_id = await doors.project(person, {"a.md": "text"})
    async with _greeted(doors, person, Scope(may_start=False)) as socket:
        refused = await _join(socket, project_id)
        assert refused["code"] == "project_not_running"
        assert refused["message"] == "The project is not running, and this sign-in may not start it."
        assert doors.runner.started == []
        await doors.services.projects.start(principal_of(person), project_id)
        assert (await _join(socket, project_id))["type"] == "joined"


async def test_what_a_reader_sends_changes_and_runs_nothing(doors: Doors):
    person = await doors.account()
    project_id = await doors.project(person, {"a.md": "text"})
    async with _greeted(doors, person, Scope(project_id, is_read_only=True)) as socket:
        assert (await _join(socket, project_id))["can_write"] is False
        commands: list[dict[str, Any]] = [{"type": what} for what in ("run_all", "interrupt", "restart", "save")]
        commands += [{"type": "run", "cell_id": "a"}, {"type": "input_reply", "cell_id": "a", "value": "x"}]
        for command in commands:
            refused = await socket.ask({**command, "channel": 3})
            assert (refused["type"], refused["code"]) == ("notice", "role_too_low")
        for update in (STEP_2, UPDATE):
            await socket.send(b"\x03" + update)
        assert await socket.ask(b"\x03" + STEP_1) == b"\x03" + STEP_1
    assert doors.runner.agent(project_id).received == [STEP_1]


async def test_a_revoked_sign_in_joins_nothing_more(doors: Doors):
    person, admin = await doors.account(), await doors.account(is_admin=True)
    project_id = await doors.project(person)
    async with _greeted(doors, person) as socket:
        await doors.ban(admin, person)
        await socket.send({"type": "join", "channel": 1, "project_id": project_id, "path": "a.md"})
        assert (await _closed(socket)).code == 4401
    assert doors.runner.started == []


async def test_losing_the_place_in_a_project_ends_its_documents_only(doors: Doors):
    owner, guest = await doors.account(), await doors.account()
    shared, own = await doors.project(owner), await doors.project(guest)
    await doors.share(shared, guest, Role.COLLABORATOR)
    async with _greeted(doors, guest) as socket:
        await _join(socket, shared, channel=1)
        await _join(socket, own, channel=2)
        await doors.share(shared, guest, None)
        await doors.clock.move_past_sleeper()
        error = await socket.receive()
        assert (error["channel"], error["code"]) == (1, "project_not_found")
        assert await socket.ask(b"\x02" + AWARENESS) == b"\x02" + AWARENESS
        await socket.send(b"\x01" + UPDATE)
        await _barrier(socket)


async def test_becoming_a_reader_ends_a_writers_channel_and_joining_again_reads(doors: Doors):
    owner, guest = await doors.account(), await doors.account()
    project_id = await doors.project(owner)
    await doors.share(project_id, guest, Role.COLLABORATOR)
    async with _greeted(doors, guest) as socket:
        assert (await _join(socket, project_id))["can_write"] is True
        await doors.share(project_id, guest, Role.VIEWER)
        await doors.clock.move_past_sleeper()
        error = await socket.receive()
        assert (error["channel"], error["code"]) == (3, "role_changed")
        assert (await _join(socket, project_id))["can_write"] is False


async def test_leaving_the_page_closes_the_agents_channels(doors: Doors):
    person = await doors.account()
    project_id = await doors.project(person)
    agent = doors.runner.agent(project_id)
    async with _greeted(doors, person) as socket:
        await _join(socket, project_id)
        assert agent.joined == 1
    await agent.wait_for(lambda: agent.joined == 0)
