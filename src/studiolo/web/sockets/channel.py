"""One document on the socket: joins its room through the domain and carries frames both ways.

1. Nothing of the agent is passed on that `messages.py` does not know; sizes are bounded.
2. A reader's changes and commands end here. The agent drops them as well.
3. Both directions wait for the slower side: a send to the agent waits for the agent, and the frames of the agent are
   read only as fast as the browser takes them. An agent that does not read for ten seconds counts as gone.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import structlog

from studiolo.core.errors import AgentUnavailable, ProjectNotFound, StudioloError
from studiolo.core.ids import ProjectId, is_uuid
from studiolo.core.models import Principal
from studiolo.core.wire import Frame
from studiolo.domain.documents import Documents, Joined
from studiolo.runtime.protocols import AgentChannel
from studiolo.web.sockets.messages import MAX_AGENT_BYTES, Join, read_agent_message
from studiolo.web.sockets.updates import UpdateKind, kind_of

SEND_TIMEOUT_SECONDS = 10.0

SendJson = Callable[[dict[str, Any]], Awaitable[None]]
SendBytes = Callable[[bytes], Awaitable[None]]

_log = structlog.get_logger("studiolo.socket")


class DocumentChannel:
    """A document that one browser has open under a channel number."""

    def __init__(self, asked: Join, documents: Documents, send_json: SendJson, send_bytes: SendBytes) -> None:
        self.number = asked.channel
        self.project_id = ProjectId(asked.project_id)
        self.can_write = False
        self.path = asked.path
        self._is_fresh = asked.is_fresh
        self._documents = documents
        self._send_json = send_json
        self._send_bytes = send_bytes
        self._agent: AgentChannel | None = None
        self._task: asyncio.Task[None] | None = None

    @property
    def is_joined(self) -> bool:
        """Tell whether the document is open, not merely being opened."""
        return self._agent is not None

    def start(self, principal: Principal, when_over: Callable[["DocumentChannel"], None]) -> None:
        """Join in the background; `when_over` is called once the channel has ended for whatever reason."""
        self._task = asyncio.create_task(self._live(principal))
        self._task.add_done_callback(lambda _: when_over(self))

    async def stop(self) -> None:
        """End without another word to the browser; returns when the agent's channel is closed."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def fail(self, code: str, message: str) -> None:
        """End, and tell the browser why."""
        await self.stop()
        await self._say({"type": "error", "code": code, "message": message})

    async def take_update(self, message: bytes) -> None:
        """Pass a browser's binary message on to the agent, if it may be."""
        kind = kind_of(message)
        if kind is UpdateKind.INVALID:
            await self._say(_notice("invalid_request", "This message is not part of the protocol, or too large."))
        elif kind is not UpdateKind.WRITE or self.can_write:
            await self._pass(message)

    async def take_command(self, frame: dict[str, Any]) -> None:
        """Pass a browser's command on to the agent, if it may be."""
        if self.can_write:
            await self._pass(frame)
        else:
            await self._say(_notice("role_too_low", "You may read this document but not change or run it."))

    async def _pass(self, frame: Frame) -> None:
        if self._agent is None:
            return
        try:
            async with asyncio.timeout(SEND_TIMEOUT_SECONDS):
                await self._agent.send(frame)
        except TimeoutError:
            await self.fail(AgentUnavailable.code, "The project does not take more messages.")
        except AgentUnavailable:
            pass  # the side that reads from the agent meets the same end and tells the browser

    async def _live(self, principal: Principal) -> None:
        try:
            await self._carry(principal)
        except StudioloError as error:
            await self._say({"type": "error", "code": error.code, "message": error.message})
        except asyncio.CancelledError:
            raise
        except Exception:  # noqa: BLE001 - the edge of one document must not end the others
            _log.exception("document_channel_broke", project_id=self.project_id)
            await self._say({"type": "error", "code": StudioloError.code, "message": "Something broke on the server."})
        finally:
            self._agent = None

    async def _carry(self, principal: Principal) -> None:
        if not is_uuid(self.project_id):
            raise ProjectNotFound("There is no such project.")
        stages: asyncio.Queue[str | None] = asyncio.Queue()
        telling = asyncio.create_task(self._tell(stages))
        try:
            joining = self._documents.join(
                principal, self.project_id, self.path, stages.put_nowait, is_fresh=self._is_fresh
            )
            async with joining as joined:
                stages.put_nowait(None)
                await telling  # every stage is told before `joined`
                await self._exchange(joined)
        finally:
            telling.cancel()

    async def _tell(self, stages: asyncio.Queue[str | None]) -> None:
        while (stage := await stages.get()) is not None:
            await self._say({"type": "progress", "stage": stage})

    async def _exchange(self, joined: Joined) -> None:
        self.can_write = joined.can_write
        self._agent = joined.channel
        await self._say(
            {
                "type": "joined",
                "path": joined.path,
                "kind": joined.kind,
                "generation": joined.generation,
                "can_write": joined.can_write,
                "has_state": joined.has_state,
            }
        )
        async for frame in joined.channel.frames():
            if not await self._hand_over(frame):
                return
        raise AgentUnavailable("The project stopped.")

    async def _hand_over(self, frame: Frame) -> bool:
        """Give one frame of the agent to the browser; return False when it was the last."""
        if isinstance(frame, bytes):
            if len(frame) > MAX_AGENT_BYTES:
                raise AgentUnavailable("The project sent more than fits.")
            if frame[:1] in (b"\x00", b"\x01"):
                await self._send_bytes(bytes([self.number]) + frame)
            return True
        message = read_agent_message(frame)
        if message is None:
            _log.debug("agent_message_dropped", project_id=self.project_id)
            return True
        await self._say(message)
        return message["type"] != "closed"

    async def _say(self, message: dict[str, Any]) -> None:
        await self._send_json({**message, "channel": self.number})


def _notice(code: str, message: str) -> dict[str, Any]:
    return {"type": "notice", "level": "warning", "code": code, "message": message}
