"""What a project uses now, asked of its agent."""

from typing import Any, cast

from studiolo.core.errors import AgentUnavailable, ProjectNotRunning, StudioloError
from studiolo.core.ids import ProjectId
from studiolo.core.models import Principal, Project, ProjectState, ProjectStatus
from studiolo.domain.access import Access
from studiolo.domain.agents import Agents

ASK_SECONDS = 10.0


class ProjectStatuses:
    """Tells how projects are."""

    def __init__(self, access: Access, agents: Agents) -> None:
        self._access = access
        self._agents = agents

    async def get(self, principal: Principal, project_id: ProjectId) -> ProjectStatus:
        """Return a project's status; one that does not run stays so."""
        project = await self._access.project(principal, project_id, write=False)
        try:
            if project.state is not ProjectState.RUNNING:
                return _status(project, {}, {})
            hello = await self._agents.ask(project, "ping")
            usage = await self._agents.ask(project, "usage")
        except (AgentUnavailable, ProjectNotRunning):
            return _status(project, {}, {})
        return _status(project, hello, usage | await self._disk_use(project))

    async def _disk_use(self, project: Project) -> dict[str, Any]:
        """Return what a home takes; one of millions of files may take too long to count, which is no error."""
        try:
            return {"disk_bytes": (await self._agents.ask(project, "disk_use")).get("used_bytes")}
        except StudioloError:
            return {}

    async def ping(self, principal: Principal, project_id: ProjectId) -> None:
        """Return once the project's agent answers; a stopped project is started."""
        project = await self._access.project(principal, project_id, write=True)
        may_start = principal.scope.may_start
        await self._agents.call(project, "ping", {}, timeout_seconds=ASK_SECONDS, may_start=may_start)


def _status(project: Project, hello: dict[str, Any], usage: dict[str, Any]) -> ProjectStatus:
    version = hello.get("version")
    idle = usage.get("idle_seconds")
    return ProjectStatus(
        state=project.state,
        state_changed_at=project.state_changed_at,
        state_error=project.state_error,
        agent_pid=_count(hello.get("pid")),
        agent_version=version[:100] if isinstance(version, str) else None,
        memory_bytes=_count(usage.get("memory_bytes")),
        disk_bytes=_count(usage.get("disk_bytes")),
        open_documents=_count(usage.get("open_documents")),
        kernels=_count(usage.get("kernels")),
        idle_seconds=float(cast("float", idle)) if _is_number(idle) else None,
    )


def _count(given: object) -> int | None:
    return given if isinstance(given, int) and _is_number(given) else None


def _is_number(given: object) -> bool:
    return isinstance(given, int | float) and not isinstance(given, bool) and 0 <= given < 2**53
