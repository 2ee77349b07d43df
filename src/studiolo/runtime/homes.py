"""Homes as a whole, in the keeper's hands."""

from studiolo.core.ids import ProjectId
from studiolo.runtime.keeper.client import KeeperClient
from studiolo.runtime.keeper.messages import RemoveHome


class KeeperHomes:
    """Has the keeper delete homes."""

    def __init__(self, keeper: KeeperClient) -> None:
        self._keeper = keeper

    async def remove(self, project_id: ProjectId, uid: int) -> None:
        """Delete a home with all that is in it; raise RunnerUnavailable when not all of it could be deleted."""
        await self._keeper.ask(RemoveHome(project_id, uid))
