"""How much of the disk the project's home takes, and how much more it may.

A limit that the file system itself enforces needs none of this. Where it does not, what comes through the API is held
to the limit here: the home is measured by looking at it, at most every `MEASURED_FOR_SECONDS`.
"""

import os
import time
from typing import TYPE_CHECKING, Any

from studiolo.agent import params
from studiolo.agent.files import in_thread
from studiolo.core.errors import QuotaExceeded

if TYPE_CHECKING:
    from studiolo.agent.agent import Agent

MEASURED_FOR_SECONDS = 15.0
_BLOCK_BYTES = 512


class Space:
    """What the home takes."""

    def __init__(self, home: str) -> None:
        self._home = home
        self._used_bytes = 0
        self._measured_at = -MEASURED_FOR_SECONDS

    async def left(self, disk_bytes: int | None) -> int | None:
        """Return how many bytes more may be written under a limit; None without one."""
        if disk_bytes is None:
            return None
        return max(0, disk_bytes - await self.used())

    async def used(self) -> int:
        """Return how many bytes the home takes, as it was found lately."""
        if time.monotonic() - self._measured_at >= MEASURED_FOR_SECONDS:
            self._used_bytes = await in_thread(used_bytes, self._home)
            self._measured_at = time.monotonic()
        return self._used_bytes

    def require(self, size_bytes: int, disk_bytes: int | None) -> None:
        """Raise QuotaExceeded if so much more does not fit, by what was measured last and was written since."""
        if disk_bytes is not None and self._used_bytes + size_bytes > disk_bytes:
            raise no_room(max(0, disk_bytes - self._used_bytes))

    def note_written(self, size_bytes: int) -> None:
        """Count what was written since the home was measured."""
        self._used_bytes += size_bytes


async def disk_use(agent: "Agent", _given: dict[str, Any]) -> dict[str, Any]:
    """Tell how much of the disk the home takes."""
    return {"used_bytes": await agent.part(Space, lambda: Space(agent.home)).used()}


async def room_of(agent: "Agent", given: dict[str, Any], wanted_bytes: int = 0) -> int | None:
    """Return how many bytes a call may write under its `disk_bytes`; raise QuotaExceeded if it wants more."""
    space = agent.part(Space, lambda: Space(agent.home))
    left = await space.left(params.count(given, "disk_bytes"))
    if left is not None and wanted_bytes > left:
        raise no_room(left)
    return left


def no_room(left: int) -> QuotaExceeded:
    """Return the error for what does not fit."""
    return QuotaExceeded(f"The project's disk space is used up: {left:,} bytes are left.", bytes_left=left)


def used_bytes(home: str) -> int:
    """Add up what the files below a directory take on disk; links count as themselves, what cannot be read as none."""
    total = 0
    waiting = [home]
    while waiting:
        try:
            with os.scandir(waiting.pop()) as entries:
                for entry in entries:
                    total += entry.stat(follow_symlinks=False).st_blocks * _BLOCK_BYTES
                    if entry.is_dir(follow_symlinks=False):
                        waiting.append(entry.path)
        except OSError:
            continue
    return total
