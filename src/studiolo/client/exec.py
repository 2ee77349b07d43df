"""Commands, and listening to those that run by themselves."""

from collections.abc import AsyncIterator, Iterator

from studiolo.client.calling import AsyncCaller, Caller
from studiolo.client.errors import AgentUnavailable, StudioloError
from studiolo.client.events import Listening, OutputEvent
from studiolo.client.nouns.exec import AsyncExecCalls, ExecCalls


class Exec(ExecCalls):
    """Calls about commands, and `follow`."""

    def __init__(self, caller: Caller) -> None:
        """Make calls through a client's connection."""
        super().__init__(caller)
        self._connection = caller

    def follow(self, *, project_id: str, job_id: str, after: int = 0) -> Iterator[OutputEvent]:
        """Iterate over what a job says, from its beginning on and while it says it; the last event is `exit`.

        A broken connection is taken up where it was. Raises AgentUnavailable if the project was stopped meanwhile.

        Args:
            after: Leave out the events up to this number.
        """
        listening = Listening(project_id, job_id, after)
        attempt = 0
        while not listening.is_over:
            try:
                with self._connection.stream(listening.asked()) as response:
                    listening.begin(response)
                    for piece in response.iter_bytes():
                        for event in listening.heard(piece):
                            attempt = 0
                            yield event
            except AgentUnavailable:
                raise
            except StudioloError as error:
                attempt += 1
                self._connection.pause(attempt, error, is_repeatable=True)


class AsyncExec(AsyncExecCalls):
    """The same, to be awaited."""

    def __init__(self, caller: AsyncCaller) -> None:
        """Make calls through a client's connection."""
        super().__init__(caller)
        self._connection = caller

    async def follow(self, *, project_id: str, job_id: str, after: int = 0) -> AsyncIterator[OutputEvent]:
        """Iterate over what a job says, as `Exec.follow` does."""
        listening = Listening(project_id, job_id, after)
        attempt = 0
        while not listening.is_over:
            try:
                async with self._connection.stream(listening.asked()) as response:
                    listening.begin(response)
                    async for piece in response.aiter_bytes():
                        for event in listening.heard(piece):
                            attempt = 0
                            yield event
            except AgentUnavailable:
                raise
            except StudioloError as error:
                attempt += 1
                await self._connection.pause(attempt, error, is_repeatable=True)
