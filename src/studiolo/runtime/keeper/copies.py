"""Carry out copies: rsync inside walls that show the source read-only and the target."""

from typing import Any

from studiolo.core.errors import CopyFailed
from studiolo.runtime.keeper.directories import DataDirectory
from studiolo.runtime.keeper.loop import Task, Wait
from studiolo.runtime.keeper.messages import CopyPath
from studiolo.runtime.keeper.plan import KeeperPlan
from studiolo.runtime.keeper.walls import Bubblewrap


class Copies:
    """The copy machinery of this data directory."""

    def __init__(self, plan: KeeperPlan, directory: DataDirectory, bubblewrap: Bubblewrap | None) -> None:
        self._plan = plan
        self._directory = directory
        self._bubblewrap = bubblewrap

    def copy(self, request: CopyPath) -> Task[dict[str, Any]]:
        """Carry out one copy."""
        yield Wait(None, 0.0)
        raise CopyFailed("Copies are not possible yet.")
