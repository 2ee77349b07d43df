"""The calls about documents."""

from typing import Any

from studiolo.agent import files
from studiolo.agent import params as read
from studiolo.agent.agent import Agent
from studiolo.agent.channel import Channel
from studiolo.agent.documents import disk
from studiolo.agent.documents.documents import Documents, OpenDocument
from studiolo.agent.kernels.kernels import Kernels
from studiolo.core.clock import SystemClock


async def open_document(agent: Agent, params: dict[str, Any]) -> dict[str, Any]:
    """Answer with a snapshot of a document, every cell with an id."""
    documents = _documents(agent)
    files.within(agent.home, params, files.resolve(agent.home, read.text(params, "path")))
    documents.refuse_larger(read.text(params, "path"), _max_bytes(params))
    snapshot = await documents.snapshot(read.text(params, "path"))
    documents.prepare(snapshot)
    return snapshot


async def close_document(agent: Agent, params: dict[str, Any]) -> dict[str, Any]:
    """Save a document; if nobody has it open, end its kernel and forget it."""
    await _documents(agent).close(read.text(params, "path"))
    return {}


async def join_document(agent: Agent, params: dict[str, Any], channel: Channel) -> None:
    """Keep one client of a document in step until it leaves."""
    from studiolo.agent.documents.clients import Client

    documents = _documents(agent)
    files.within(agent.home, params, files.resolve(agent.home, read.text(params, "path")))
    path = documents.path_of(read.text(params, "path"))
    can_write = read.flag(params, "can_write")
    documents.refuse_larger(path, _max_bytes(params))
    found = await documents.get(path)
    room = found.room
    client = Client(channel, can_write=can_write, name=read.text(params, "name", ""))
    is_fresh = read.flag(params, "is_fresh", default=False)
    kind = disk.kind_of(path)
    await channel.accept({"path": path, "kind": kind, "generation": room.generation, "has_state": is_fresh})
    room.join(client, is_fresh=is_fresh)
    if found.execution is not None:
        found.execution.welcome(client)
        if can_write:
            found.execution.prepare()
    try:
        async for frame in channel.frames():
            await _take(found, client, frame)
            if channel.is_closed:
                break
    finally:
        room.leave(client)


async def _take(found: OpenDocument, client: Any, frame: Any) -> None:
    if isinstance(frame, bytes):
        found.room.receive(client, frame)
    elif client.can_write and frame.get("type") == "save":
        await found.room.saver.save(is_forced=True)
    elif client.can_write and found.execution is not None:
        await found.execution.command(client, frame)


def _max_bytes(params: dict[str, Any]) -> int:
    return read.count(params, "max_bytes") or disk.MAX_DOCUMENT_BYTES


def _documents(agent: Agent) -> Documents:
    kernels = agent.part(Kernels, lambda: Kernels(agent))
    return agent.part(Documents, lambda: Documents(agent, kernels, SystemClock()))
