"""Frames between the hub and a project's agent.

A frame is four bytes of length (big-endian, of what follows), one byte of kind and the payload.
Kind `J` is a JSON value, kind `B` is bytes.

A connection starts idle. The hub sends `{"call": NAME, "params": {...}}`; the agent answers `{"result": ...}` or
`{"error": {"code", "message", "details"}}` and the connection is idle again. A call that opens a channel
(`documents.join`) answers `{"result": ...}` and from then on both sides send frames until one closes.

Either side treats the other's frames as untrusted: a frame over the limit or of an unknown kind ends the connection.
"""

import asyncio
import json
import re
import struct
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

MAX_FRAME_BYTES = 80 * 1024 * 1024
MANY_BYTES = 4 * 1024 * 1024
# Of a JSON frame: the texts in it, and all that is not inside them. Python takes ten times as much memory for values.
MAX_TEXTS = 2_000_000
MAX_STRUCTURE_BYTES = 6 * 1024 * 1024
_TEXT = re.compile(rb'"[^"]*"')
_HEADER = struct.Struct(">IB")
_JSON = ord("J")
_BYTES = ord("B")

Frame = dict[str, Any] | bytes


class WireError(Exception):
    """The other side sent something that is not a frame."""


def encode(frame: Frame) -> bytes:
    """Return the bytes of one frame."""
    if isinstance(frame, bytes):
        return _HEADER.pack(len(frame) + 1, _BYTES) + frame
    payload = json.dumps(frame, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "surrogatepass")
    return _HEADER.pack(len(payload) + 1, _JSON) + payload


async def read(reader: asyncio.StreamReader, max_bytes: int = MAX_FRAME_BYTES) -> Frame | None:
    """Read one frame; return None at a clean end of the stream.

    Raises WireError for a frame that is too long, cut off, of unknown kind or not a JSON object.
    """
    head = await read_head(reader, max_bytes)
    return None if head is None else await read_rest(reader, head)


@dataclass(frozen=True, slots=True)
class Head:
    """What is known of a frame before it is read."""

    length: int  # of the payload
    is_json: bool


async def read_head(reader: asyncio.StreamReader, max_bytes: int = MAX_FRAME_BYTES) -> Head | None:
    """Read the beginning of a frame; return None at a clean end of the stream. Raises WireError."""
    try:
        header = await reader.readexactly(_HEADER.size)
    except asyncio.IncompleteReadError as end:
        if end.partial:
            raise WireError("the stream ended inside a frame") from end
        return None
    length, kind = _HEADER.unpack(header)
    if length < 1 or length > max_bytes:
        raise WireError(f"a frame of {length} bytes is over the limit")
    if kind not in (_JSON, _BYTES):
        raise WireError(f"unknown kind of frame {kind}")
    return Head(length - 1, kind == _JSON)


async def read_rest(reader: asyncio.StreamReader, head: Head, loads: Callable[[bytes], object] | None = None) -> Frame:
    """Read the frame to its head; `loads` may read JSON better than this module does. Raises WireError."""
    try:
        payload = await reader.readexactly(head.length)
    except asyncio.IncompleteReadError as end:
        raise WireError("the stream ended inside a frame") from end
    return _parsed(payload, loads or _loads) if head.is_json else payload


def _loads(payload: bytes) -> object:
    return json.loads(payload.decode("utf-8", "surrogatepass"))


def _parsed(payload: bytes, loads: Callable[[bytes], object]) -> dict[str, Any]:
    if len(payload) > MANY_BYTES and _has_too_many_parts(payload):
        raise WireError("a JSON frame has too many parts")
    try:
        value = loads(payload)
    except (ValueError, RecursionError) as error:
        raise WireError("a frame is not JSON") from error
    if not isinstance(value, dict):
        raise WireError("a JSON frame must be an object")
    return value  # pyright: ignore[reportUnknownVariableType] - keys of a JSON object are text


def _has_too_many_parts(payload: bytes) -> bool:
    plain = payload.replace(b"\\\\", b"").replace(b'\\"', b"")  # without escapes every quote begins or ends a text
    if plain.count(b'"') > 2 * MAX_TEXTS:
        return True
    return len(_TEXT.sub(b"", plain)) > MAX_STRUCTURE_BYTES


async def write(writer: asyncio.StreamWriter, frame: Frame) -> None:
    """Write one frame and wait until the other side keeps up."""
    writer.write(encode(frame))
    await writer.drain()
