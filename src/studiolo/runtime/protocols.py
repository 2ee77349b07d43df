"""What the domain needs from below, as protocols; `app/` gives the real ones, tests give fakes."""

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from enum import Enum
from typing import Any, Protocol

from studiolo.core.errors import StudioloError
from studiolo.core.ids import ProjectId
from studiolo.core.models import CopyOrder, Mail, ProjectSpec
from studiolo.core.wire import Frame

RunnerState = dict[str, Any]


@dataclass(frozen=True, slots=True)
class RunnerReport:
    """What the runner said of itself when it was probed at start-up."""

    name: str
    is_isolated: bool
    limits_enforced: tuple[str, ...]  # of memory, cpu, processes, disk
    warnings: tuple[str, ...]


class ProjectRunner(Protocol):
    """Starts, polls and stops projects.

    Before start nothing of the project runs. `start` returns JSON-able state which the caller stores; it is enough to
    find the project again after the hub was killed. While starting and running, `poll` tells the truth about the
    process, not about what was stored. Every method may be called again with the same effect.
    """

    name: str
    shares_disk: bool  # the homes of all its projects lie where the keeper's copiers reach them

    async def probe(self) -> RunnerReport:
        """Run a sandbox once; raise RunnerUnavailable whose message is the remedy in words."""
        ...

    async def start(self, spec: ProjectSpec) -> RunnerState:
        """Start the project's agent, or find it running; raise RunnerUnavailable."""
        ...

    async def poll(self, project_id: ProjectId, state: RunnerState) -> bool:
        """Tell whether the project's agent is alive."""
        ...

    async def stop(self, project_id: ProjectId, state: RunnerState) -> None:
        """End every process of the project; returns when they are gone."""
        ...

    async def set_limits(self, spec: ProjectSpec) -> bool:
        """Have a running project live with other limits from now on; False if they hold from its next start only."""
        ...

    def socket_path(self, project_id: ProjectId, state: RunnerState) -> str:
        """Return the path of the Unix socket on which the agent answers."""
        ...


class AgentChannel(Protocol):
    """An open stream of frames with an agent, after a call such as `documents.join`."""

    result: dict[str, Any]  # what the opening call answered

    async def send(self, frame: Frame) -> None:
        """Send one frame; raise AgentUnavailable when the agent is gone."""
        ...

    def frames(self, max_bytes: int = ...) -> AsyncIterator[Frame]:
        """Iterate over the agent's frames until it closes; raise AgentUnavailable when it breaks or one is too long."""
        ...

    async def close(self) -> None:
        """Close the stream."""
        ...


class AgentConnector(Protocol):
    """Speaks to agents (`core/wire.py`)."""

    async def call(
        self, socket_path: str, call: str, params: dict[str, Any], *, timeout_seconds: float
    ) -> dict[str, Any]:
        """Make one call and return its result; raise the agent's error, or AgentUnavailable."""
        ...

    def channel(
        self, socket_path: str, call: str, params: dict[str, Any], *, timeout_seconds: float
    ) -> AbstractAsyncContextManager[AgentChannel]:
        """Open a channel for the length of a `with` block."""
        ...


CopyReport = dict[str, Any]  # numbers by name: files, size_bytes, unchanged ...; an engine tells what it knows
OnProgress = Callable[[dict[str, Any]], None]  # takes files_done, files_total, bytes_done, bytes_total; now and then


class CopyEngine(Protocol):
    """Moves bytes between two projects' homes, inside walls."""

    async def copy(self, order: CopyOrder, on_progress: OnProgress | None = None) -> CopyReport:
        """Carry out one copy; raise FileNotFound, PathOutsideProject or CopyFailed. Repeating it is harmless."""
        ...


class Postponed(Enum):
    """Why a copy of a batch was not begun."""

    LATER = "later"  # there was no time left for it
    ALONE = "alone"  # it is too large to be one of many, or its copier died


CopyOutcome = CopyReport | StudioloError | Postponed


class BatchCopyEngine(CopyEngine, Protocol):
    """A copy engine that can carry out several small copies with little more effort than one."""

    async def copy_all(self, orders: Sequence[CopyOrder]) -> list[CopyOutcome]:
        """Carry out copies of one account without patterns or timeouts; tell what became of each."""
        ...


class HomeRemover(Protocol):
    """Deletes homes for good."""

    async def remove(self, project_id: ProjectId, uid: int) -> None:
        """Delete a home with all that is in it; nothing happens when it is gone. Raises RunnerUnavailable."""
        ...


class Mailer(Protocol):
    """Sends mails."""

    async def send(self, mail: Mail) -> None:
        """Hand a mail on; raise Unavailable if it cannot be taken now."""
        ...
