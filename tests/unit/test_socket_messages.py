import json
from typing import Any

import pytest

from studiolo.web.sockets import messages
from studiolo.web.sockets.updates import UpdateKind, kind_of


@pytest.mark.parametrize(
    "message",
    [
        {"type": "hello", "bearer": "b"},
        {"type": "renew", "bearer": "b"},
        {"type": "join", "channel": 255, "project_id": "p", "path": "a.ipynb"},
        {"type": "leave", "channel": 0},
        {"type": "ping", "t": 1.5},
        {"type": "ping"},
        {"type": "run", "channel": 1, "cell_id": "c"},
        {"type": "run_all", "channel": 1},
        {"type": "interrupt", "channel": 1},
        {"type": "restart", "channel": 1},
        {"type": "save", "channel": 1},
        {"type": "input_reply", "channel": 1, "cell_id": "c", "value": ""},
    ],
)
def test_what_a_browser_may_say(message: dict[str, Any]):
    assert messages.read_client_message(json.dumps(message)).type == message["type"]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "nonsense",
        "[]",
        "null",
        "{}",
        '{"type": "shutdown"}',
        '{"type": "run", "channel": 1}',
        '{"type": "run", "channel": 256, "cell_id": "c"}',
        '{"type": "run", "channel": -1, "cell_id": "c"}',
        '{"type": "run", "channel": "1", "cell_id": "c"}',
        '{"type": "run", "channel": true, "cell_id": "c"}',
        '{"type": "run", "channel": 1, "cell_id": ""}',
        '{"type": "run", "channel": 1, "cell_id": "c", "more": 1}',
        '{"type": "join", "channel": 1, "project_id": "p", "path": ""}',
        "[" * 100_000,
        '{"type": "ping", "t": NaN}'.replace("NaN", "'x'"),
    ],
)
def test_what_a_browser_may_not_say(text: str):
    with pytest.raises(ValueError, match=r"."):
        messages.read_client_message(text)


def test_a_command_for_the_agent_has_no_channel():
    command = messages.read_client_message('{"type": "run", "channel": 7, "cell_id": "c"}')
    assert command.frame() == {"type": "run", "cell_id": "c"}


@pytest.mark.parametrize(
    "frame",
    [
        {"type": "ack", "count": 3},
        {"type": "saved", "is_saved": True},
        {"type": "kernel", "state": "busy", "name": "python3"},
        {"type": "kernel", "state": "none"},
        {"type": "input", "cell_id": "c", "prompt": "?", "is_password": False},
        {"type": "input_done", "cell_id": "c"},
        {"type": "notice", "level": "info", "code": "x", "message": "y"},
        {"type": "closed", "code": "file_deleted", "message": "y"},
    ],
)
def test_what_an_agent_may_say(frame: dict[str, Any]):
    assert messages.read_agent_message(frame) == frame


def test_what_is_not_known_of_an_agents_message_is_left_out():
    assert messages.read_agent_message({"type": "ack", "count": 1, "channel": 9, "html": "<b>"}) == {
        "type": "ack",
        "count": 1,
    }


@pytest.mark.parametrize(
    "frame",
    [
        {},
        {"type": "welcome", "account_id": "a"},
        {"type": "joined"},
        {"type": "ack", "count": "1"},
        {"type": "ack", "count": -1},
        {"type": "kernel", "state": "<script>"},
        {"type": "notice", "level": "info", "code": "x", "message": "m" * 5000},
        {"type": "notice", "level": "info", "code": "<b>", "message": "m"},
        {"type": ["ack"], "count": 1},
    ],
)
def test_what_an_agent_may_not_say(frame: dict[str, Any]):
    assert messages.read_agent_message(frame) is None


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        (b"\x00\x00\x01", UpdateKind.READ),
        (b"\x00\x01\x01", UpdateKind.WRITE),
        (b"\x00\x02\x01", UpdateKind.WRITE),
        (b"\x01\x01", UpdateKind.AWARENESS),
        (b"", UpdateKind.INVALID),
        (b"\x00", UpdateKind.INVALID),
        (b"\x00\x03", UpdateKind.INVALID),
        (b"\x02\x00", UpdateKind.INVALID),
        (b"\x80\x00\x02", UpdateKind.INVALID),  # a longer spelling of sync
        (b"\x00\x82\x00", UpdateKind.INVALID),  # a longer spelling of update
        (b"\x01" + bytes(messages.MAX_AWARENESS_BYTES), UpdateKind.INVALID),
    ],
)
def test_binary_messages_are_told_apart_by_their_first_bytes(message: bytes, expected: UpdateKind):
    assert kind_of(message) is expected
