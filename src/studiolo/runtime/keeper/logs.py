"""The logs of agents, kept small: a project can make its agent say as much as it likes.

The agent appends to a descriptor that it has inherited. So the file is not replaced but emptied when it has grown, and
its end is kept beside it. Between two looks it can grow, which is why it is looked at often.
"""

import os
from pathlib import Path

from studiolo.runtime.keeper.directories import DataDirectory
from studiolo.runtime.keeper.loop import Loop

MAX_BYTES = 1024 * 1024
KEPT_BYTES = 256 * 1024
EVERY_SECONDS = 10.0


class Logs:
    """The logs of the projects that run."""

    def __init__(self, directory: DataDirectory, loop: Loop) -> None:
        self._directory = directory
        self._loop = loop

    def look_after(self) -> None:
        """Trim what has grown, now and again and again."""
        self._loop.call_later(self, EVERY_SECONDS, self.look_after)
        for record in self._directory.run.glob("*.json"):
            trim(self._directory.home(record.stem).with_name("agent.log"))


def trim(path: Path) -> None:
    """Empty a log that has grown, and keep its end in a file beside it."""
    try:
        opened = os.open(path, os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC)
    except OSError:  # there is none
        return
    try:
        size = os.fstat(opened).st_size
        if size > MAX_BYTES:
            end = os.pread(opened, KEPT_BYTES, size - KEPT_BYTES)
            os.ftruncate(opened, 0)
            fresh = path.with_name("agent.log.new")
            fresh.write_bytes(end)
            fresh.replace(path.with_name("agent.log.old"))
    finally:
        os.close(opened)
