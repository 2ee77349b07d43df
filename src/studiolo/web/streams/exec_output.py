"""`GET /api/v1/exec_output`: what a job says, as server-sent events, while it says it.

1. Each event has an id; a client that comes back with `Last-Event-ID` goes on after it, and is told by `truncated` what
   is no longer kept. A browser's `EventSource` does all of that by itself.
2. The last event is `exit`; then the answer ends. Whoever has seen it already gets 204, so that nobody comes back for
   ever.
3. When a job is silent a comment comes now and then, so that no proxy takes the stream for dead; then is also looked
   whether the key and the project are still good for this.
"""

import asyncio
import json
from collections.abc import AsyncGenerator, AsyncIterator

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Send

from studiolo.core.clock import Clock
from studiolo.core.errors import AgentUnavailable, InvalidRequest, StudioloError
from studiolo.core.ids import ProjectId
from studiolo.core.models import KeyScope
from studiolo.domain.exec_jobs import ExecEvent
from studiolo.domain.services import Services
from studiolo.web.streams.door import Doorkeeper, send_pieces
from studiolo.web.streams.uploads import whole_number

HEARTBEAT_SECONDS = 15.0
RETRY_MS = 2000


class ExecOutput:
    """Sends what jobs say."""

    def __init__(
        self, services: Services, keeper: Doorkeeper, clock: Clock, heartbeat_seconds: float = HEARTBEAT_SECONDS
    ) -> None:
        self._heartbeat_seconds = heartbeat_seconds
        self._jobs = services.exec_jobs
        self._keeper = keeper
        self._clock = clock

    async def exec_output(self, request: Request, send: Send) -> Response | None:
        """Follow a job."""
        principal = await self._keeper.admit(request, "exec_output", KeyScope.EXEC)
        project_id = ProjectId(_parameter(request, "project_id"))
        job_id = _parameter(request, "job_id")
        seen = request.headers.get("last-event-id") or request.query_params.get("last_event_id") or "0"
        after = whole_number(seen) or 0
        async with self._jobs.follow(principal, project_id, job_id, after) as (job, events):
            if job.status != "running" and 0 < job.last_event_id <= after:
                return Response(status_code=204, headers={"Cache-Control": "no-store"})
            headers = {"Content-Type": "text/event-stream", "Cache-Control": "no-store", "X-Accel-Buffering": "no"}
            lines = self._lines(request, project_id, events)
            await send_pieces(request.receive, send, 200, headers, lines)
        return None

    async def _lines(
        self, request: Request, project_id: ProjectId, events: AsyncIterator[ExecEvent]
    ) -> AsyncGenerator[bytes]:
        yield f"retry: {RETRY_MS}\n\n".encode()
        looked_at = self._clock.monotonic()
        coming = asyncio.ensure_future(_next(events))
        try:
            while True:
                done, _ = await asyncio.wait((coming,), timeout=self._heartbeat_seconds)
                if self._clock.monotonic() - looked_at >= self._heartbeat_seconds:
                    looked_at = self._clock.monotonic()
                    principal = await self._keeper.admit(request, "exec_output", KeyScope.EXEC)
                    await self._jobs.require_access(principal, project_id)
                if not done:
                    yield b": still running\n\n"
                    continue
                event = coming.result()
                if event is None:
                    return
                yield _written(event)
                coming = asyncio.ensure_future(_next(events))
        except AgentUnavailable:
            yield b"event: gone\ndata: {}\n\n"  # the project was stopped, and the job with it
        except StudioloError as error:
            yield _written(ExecEvent(0, "refused", {"error": error.message, "code": error.code}))
        finally:
            coming.cancel()
            await asyncio.gather(coming, return_exceptions=True)


async def _next(events: AsyncIterator[ExecEvent]) -> ExecEvent | None:
    return await anext(events, None)


def _written(event: ExecEvent) -> bytes:
    number = f"id: {event.event_id}\n" if event.event_id else ""
    return f"{number}event: {event.kind}\ndata: {json.dumps(event.data, separators=(',', ':'))}\n\n".encode()


def _parameter(request: Request, name: str) -> str:
    value = request.query_params.get(name)
    if not value or "\0" in value:
        raise InvalidRequest(f"{name} must be specified", fields={name: "must be specified"})
    return value
