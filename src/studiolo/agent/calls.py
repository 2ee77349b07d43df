"""The agent's calls: a name and where its handler is found.

To add a call, add a line to `CALLS` or `CHANNELS`: the name on the wire -> `"module:function"`. The module is imported
at the first such call, so that what nobody uses costs nothing: importing pycrdt takes 110 ms and jupyter_client
400 ms, while the whole agent starts in 80.

A call is `async def handler(agent: Agent, params: dict) -> dict`. It reads its params with `studiolo.agent.params`,
raises errors of `studiolo.core.errors`, and returns a JSON-able dict.

A channel is `async def handler(agent: Agent, params: dict, channel: Channel) -> None`. It may raise such an error
until it calls `await channel.accept(result)`; from then on both sides send frames (`studiolo.agent.channel`) until the
handler returns or the client leaves, which ends `async for frame in channel.frames()`.

What lives longer than a call is a part of the agent (`studiolo.agent.agent.Agent.part`), never a module global.
"""

import importlib
from collections.abc import Awaitable, Callable
from typing import Any

from studiolo.agent.agent import Agent
from studiolo.agent.channel import Channel

CALLS = {
    "ping": "studiolo.agent.usage:ping",
    "usage": "studiolo.agent.usage:usage",
    "disk_use": "studiolo.agent.space:disk_use",
    "shutdown": "studiolo.agent.usage:shutdown",
    "files.read_text": "studiolo.agent.files_text:read_text",
    "files.write_text": "studiolo.agent.files_text:write_text",
    "files.list": "studiolo.agent.files_text:list_directory",
    "files.page": "studiolo.agent.files_entries:list_page",
    "files.describe": "studiolo.agent.files_entries:describe",
    "files.move": "studiolo.agent.files_changes:move",
    "files.delete": "studiolo.agent.files_changes:delete",
    "files.make_directory": "studiolo.agent.files_changes:make_directory",
    "files.make_archive": "studiolo.agent.files_archive:make",
    "files.extract": "studiolo.agent.files_extract:extract",
    "uploads.create": "studiolo.agent.files_upload:create",
    "uploads.state": "studiolo.agent.files_upload:state",
    "uploads.discard": "studiolo.agent.files_upload:discard",
    "exec.run": "studiolo.agent.exec:run",
    "exec.start": "studiolo.agent.exec_jobs:start",
    "exec.status": "studiolo.agent.exec_jobs:status",
    "exec.list": "studiolo.agent.exec_jobs:list_jobs",
    "exec.kill": "studiolo.agent.exec_jobs:kill",
    "exec.collect": "studiolo.agent.exec_jobs:collect",
    "kernels.list": "studiolo.agent.kernels.calls:list_kernels",
    "kernels.execute": "studiolo.agent.kernels.calls:execute",
    "kernels.pool": "studiolo.agent.kernels.calls:fill_pool",
    "kernels.running": "studiolo.agent.kernels.calls:list_running",
    "kernels.stop": "studiolo.agent.kernels.calls:stop",
    "documents.open": "studiolo.agent.documents.calls:open_document",
    "documents.history": "studiolo.agent.documents.history:list_history",
    "documents.close": "studiolo.agent.documents.calls:close_document",
}
CHANNELS = {
    "copies.read": "studiolo.agent.copies.channels:read",
    "copies.write": "studiolo.agent.copies.channels:write",
    "files.download": "studiolo.agent.files_download:download",
    "files.archive": "studiolo.agent.files_archive:send",
    "exec.follow": "studiolo.agent.exec_jobs:follow",
    "uploads.append": "studiolo.agent.files_upload:append",
    "uploads.receive": "studiolo.agent.files_upload:receive",
    "documents.join": "studiolo.agent.documents.calls:join_document",
}
# Asked by the hub on its own account: they neither keep a project awake nor are they refused while it stops.
HOUSEKEEPING = frozenset({"ping", "usage", "disk_use", "shutdown"})

Handler = Callable[[Agent, dict[str, Any]], Awaitable[dict[str, Any]]]
ChannelHandler = Callable[[Agent, dict[str, Any], Channel], Awaitable[None]]


class Registry:
    """Finds handlers by name; the server is given one, tests give theirs."""

    def __init__(self, calls: dict[str, str] = CALLS, channels: dict[str, str] = CHANNELS) -> None:
        self._calls = calls
        self._channels = channels

    def handler(self, name: str) -> Handler | None:
        """Return the handler of a call, or None if there is no such call."""
        return _load(self._calls[name]) if name in self._calls else None

    def channel_handler(self, name: str) -> ChannelHandler | None:
        """Return the handler of a channel, or None if there is no such channel."""
        return _load(self._channels[name]) if name in self._channels else None


def _load(place: str) -> Any:
    module, _, function = place.partition(":")
    return getattr(importlib.import_module(module), function)
