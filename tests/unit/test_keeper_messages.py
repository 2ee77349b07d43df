"""Requests to the keeper: frames are the product's own, arguments are checked, unknown ones refused."""

import asyncio

import pytest

from studiolo.core import wire
from studiolo.core.errors import InvalidRequest
from studiolo.runtime.keeper.messages import CopyPath, PollProject, encode, parse_request, take

A = "11111111-1111-4111-8111-111111111111"
B = "22222222-2222-4222-8222-222222222222"
COPY = {"source_id": A, "source_uid": 1, "source_path": "a", "target_id": B, "target_uid": 2, "target_path": "b"}
MESSAGE = {"id": 7, "request": "poll_project", "params": {"project_id": A, "words": "ünï\ud800"}}


def test_frames_are_those_of_the_wire_both_ways():
    assert encode(MESSAGE) == wire.encode(MESSAGE)
    assert take(bytearray(wire.encode(MESSAGE))) == MESSAGE


@pytest.mark.anyio
async def test_frame_of_the_keeper_is_read_by_the_wire():
    reader = asyncio.StreamReader()
    reader.feed_data(encode(MESSAGE))
    reader.feed_eof()
    assert await wire.read(reader) == MESSAGE


def test_frames_are_cut_from_a_stream_that_comes_in_pieces():
    stream = encode({"id": 1}) + encode({"id": 2})
    buffer = bytearray()
    found: list[object] = []
    for byte in stream:
        buffer.append(byte)
        while (message := take(buffer)) is not None:
            found.append(message)
    assert found == [{"id": 1}, {"id": 2}]


@pytest.mark.parametrize(
    "frame",
    [b"\0\0\0\2B1", b"\xff\xff\xff\xffJ{}", b"\0\0\0\0J", b"\0\0\0\3J[]", b"\0\0\0\3J{[", wire.encode(b"bytes")],
)
def test_what_is_not_a_request_frame_is_refused(frame: bytes):
    with pytest.raises(ValueError, match=r"not a|Expecting|not an"):
        take(bytearray(frame))


def test_checked_request_is_typed():
    assert parse_request("poll_project", {"project_id": A}) == PollProject(A)
    assert parse_request("copy", {**COPY, "exclude": ["*.log"]}) == CopyPath(A, 1, "a", B, 2, "b", exclude=("*.log",))


@pytest.mark.parametrize(
    ("name", "params"),
    [
        ("format_disk", {}),
        (None, {}),
        ("poll_project", None),
        ("poll_project", {}),
        ("poll_project", {"project_id": A.replace("1", "A")}),
        ("poll_project", {"project_id": f"{A}\n"}),
        ("poll_project", {"project_id": A, "pid": 1}),
        ("start_project", {"project_id": A, "uid": "1"}),
        ("start_project", {"project_id": A, "uid": 1.0}),
        ("start_project", {"project_id": A, "uid": 1, "has_network": 1}),
        ("start_project", {"project_id": A, "uid": 1, "cpu_cores": float("nan")}),
        ("copy", {**COPY, "source_path": "a\0b"}),
        ("copy", {**COPY, "source_path": "a" * 5000}),
        ("copy", {**COPY, "exclude": "*.log"}),
        ("copy", {**COPY, "exclude": [1]}),
        ("copy", {**COPY, "exclude": ["x"] * 1001}),
        ("copy", {**COPY, "timeout_seconds": -1}),
        ("copy", {key: value for key, value in COPY.items() if key != "target_uid"}),
    ],
)
def test_wrong_requests_are_refused(name: object, params: object):
    with pytest.raises(InvalidRequest):
        parse_request(name, params)


def test_a_frame_nested_without_end_is_no_frame_and_does_not_break_the_keeper():
    payload = b'{"id":' + b"[" * 200_000
    with pytest.raises(ValueError, match="nested too deeply"):
        take(bytearray((len(payload) + 1).to_bytes(4, "big") + b"J" + payload))
