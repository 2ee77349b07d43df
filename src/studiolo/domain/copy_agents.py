"""The agents through which copies go between hosts: both projects must run for one."""

from studiolo.core.ids import ProjectId
from studiolo.domain.lifecycle import Lifecycle


class CopyAgents:
    """Finds the agents of projects for a copy that was allowed already, starting what does not run."""

    def __init__(self, lifecycle: Lifecycle) -> None:
        self._lifecycle = lifecycle

    async def socket_path(self, project_id: ProjectId) -> str:
        """Return the path of the agent's socket; raise ProjectNotFound or RunnerUnavailable."""
        project = await self._lifecycle.find_out(project_id)  # an agent that died since is started again
        return await self._lifecycle.ensure_running(project)
