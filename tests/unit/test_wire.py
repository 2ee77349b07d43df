"""The frames between hub and agent."""

import asyncio
import struct

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from studiolo.core import wire

pytestmark = pytest.mark.anyio

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(st.characters()),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(st.characters()), inner, max_size=4),
    max_leaves=12,
)
frames = st.binary(max_size=300) | st.dictionaries(st.text(st.characters()), json_values, max_size=4)


def reader_of(data: bytes) -> asyncio.StreamReader:
    reader = asyncio.StreamReader()
    reader.feed_data(data)
    reader.feed_eof()
    return reader


def read_all(pieces: list[bytes], max_bytes: int = wire.MAX_FRAME_BYTES) -> list[wire.Frame]:
    """Read every frame from a stream that arrives in these pieces."""

    async def read() -> list[wire.Frame]:
        reader = asyncio.StreamReader()
        for piece in pieces:
            reader.feed_data(piece)
        reader.feed_eof()
        found: list[wire.Frame] = []
        while (frame := await wire.read(reader, max_bytes)) is not None:
            found.append(frame)
        return found

    return asyncio.run(read())


@settings(max_examples=200, deadline=None)
@given(sent=st.lists(frames, max_size=5), data=st.data())
def test_what_is_sent_is_read_however_it_is_cut_up(sent, data):
    stream = b"".join(wire.encode(frame) for frame in sent)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(stream)), max_size=6)))
    pieces = [stream[a:b] for a, b in zip([0, *cuts], [*cuts, len(stream)], strict=True)]
    assert read_all(pieces) == sent


@settings(max_examples=200, deadline=None)
@given(frame=frames, data=st.data())
def test_a_stream_cut_inside_a_frame_is_an_error(frame, data):
    encoded = wire.encode(frame)
    cut = data.draw(st.integers(1, len(encoded) - 1))
    with pytest.raises(wire.WireError):
        read_all([encoded[:cut]])


@settings(max_examples=300, deadline=None)
@given(noise=st.binary(max_size=60))
def test_noise_is_frames_or_an_error_and_nothing_else(noise):
    try:
        found = read_all([noise], max_bytes=40)
    except wire.WireError:
        return
    assert all(isinstance(frame, bytes | dict) for frame in found)


@pytest.mark.parametrize(
    ("payload", "kind"),
    [(b"[1]", b"J"), (b"5", b"J"), (b"{", b"J"), (b"\xff", b"J"), (b"{}", b"X"), (b"", b"J"), (b"[" * 100_000, b"J")],
)
async def test_a_frame_of_the_wrong_kind_or_shape_is_an_error(payload, kind):
    with pytest.raises(wire.WireError):
        await wire.read(reader_of(struct.pack(">I", len(payload) + 1) + kind + payload))


@pytest.mark.parametrize("length", [0, 101, 2**32 - 1])
async def test_a_length_out_of_bounds_is_refused_before_anything_is_read(length):
    reader = asyncio.StreamReader()
    reader.feed_data(struct.pack(">IB", length, ord("B")))  # and the rest never comes
    with pytest.raises(wire.WireError):
        await asyncio.wait_for(wire.read(reader, 100), 5)


async def test_a_clean_end_is_no_error():
    assert await wire.read(reader_of(b"")) is None


@pytest.mark.parametrize("part", [b"[],", b"{},", b'"ab",', b"0.5,"])
async def test_a_frame_that_would_take_many_times_its_size_in_memory_is_refused(part: bytes):
    payload = b'{"a":[' + part * (wire.MAX_FRAME_BYTES // 8 // len(part) * 7) + b"0]}"
    with pytest.raises(wire.WireError):
        await wire.read(reader_of(struct.pack(">IB", len(payload) + 1, ord("J")) + payload))


MANY = wire.MANY_BYTES


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("payload", "is_taken"),
    [
        (b'{"text":"' + b"1,2,[3],{" * (MANY // 8) + b'"}', True),
        (b'{"text":"' + b'\\"' * MANY + b'"}', True),
        (b'{"text":"' + b"\\\\" * MANY + b'"}', True),
        (b'{"text":[' + b'"x = 1\\n",' * (MANY // 8) + b'""]}', True),
        (b'{"numbers":[' + b"1," * (4 * MANY) + b"1]}", False),
        (b'{"lists":[' + b"[]," * MANY + b"1]}", False),
        (b'{"texts":[' + b'"",' * (2 * MANY) + b'""]}', False),
    ],
)
async def test_large_frame_holds_few_values(payload: bytes, is_taken: bool) -> None:
    reader = asyncio.StreamReader()
    reader.feed_data(struct.pack(">IB", len(payload) + 1, ord("J")) + payload)
    if is_taken:
        assert isinstance(await wire.read(reader), dict)
    else:
        with pytest.raises(wire.WireError, match="too many parts"):
            await wire.read(reader)
