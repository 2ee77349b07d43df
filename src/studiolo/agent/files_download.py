"""Downloads: a file, or a part of it, as frames of bytes that the reader's speed sets the pace of.

The channel's result says what the file is. The hub asks with `{"start", "length"}`; the bytes come, then
`{"end": true}`, or `{"error": ...}` if they could not all be had. The hub may ask again or leave.
"""

import os
from typing import TYPE_CHECKING, Any

from studiolo.agent import params
from studiolo.agent.beneath import Home
from studiolo.agent.files import explain, in_thread
from studiolo.agent.files_entries import etag_of, require_regular
from studiolo.core.errors import Conflict, StudioloError

if TYPE_CHECKING:
    from studiolo.agent.agent import Agent
    from studiolo.agent.channel import Channel

CHUNK_BYTES = 256 * 1024


async def download(agent: "Agent", given: dict[str, Any], channel: "Channel") -> None:
    """Send a file, or the parts of it that are asked for."""
    path = params.text(given, "path")
    opened = await in_thread(_open, Home.of_call(agent.home, given), path)
    agent.begin()  # a long download is use, though the hub says nothing meanwhile
    try:
        status = os.fstat(opened)
        size = status.st_size
        await channel.accept({"size_bytes": size, "modified_ns": status.st_mtime_ns, "etag": etag_of(status)})
        async for frame in channel.frames():
            if isinstance(frame, bytes):
                return
            start, length = params.count(frame, "start") or 0, params.count(frame, "length") or 0
            try:
                await _send(channel, opened, start, length)
                await channel.send({"end": True})
            except StudioloError as error:
                await channel.send({"error": error.as_dict()})
            except OSError as error:
                await channel.send({"error": explain(error, "read", path).as_dict()})
    finally:
        agent.end()
        os.close(opened)


async def _send(channel: "Channel", opened: int, start: int, length: int) -> None:
    end = start + length
    while start < end:
        piece = await in_thread(os.pread, opened, min(CHUNK_BYTES, end - start), start)
        if not piece:
            raise Conflict("The file became shorter while it was read.")
        await channel.send(piece)
        start += len(piece)


def _open(home: Home, path: str) -> int:
    with home.place(path, "open") as place:
        require_regular(place, place.require(), "open")
        opened = place.open(os.O_RDONLY)
        try:
            require_regular(place, os.fstat(opened), "open")
        except BaseException:
            os.close(opened)
            raise
        return opened
