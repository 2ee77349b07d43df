"""What runs, on disk: one small file a project, so that a restarted keeper finds its projects again.

The files lie in a directory that only the keeper can write. What hub or worker say about processes is never believed.
"""

import contextlib
import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from studiolo.runtime.keeper.linux import ProcessName


@dataclass(frozen=True, slots=True)
class Record:
    """A started project: `inner` is the first process inside the walls, with it all others die."""

    project_id: str
    uid: int
    socket_path: str
    outer: ProcessName
    inner: ProcessName
    groups: tuple[str, ...]
    has_walls: bool
    others: tuple[ProcessName, ...] = ()  # helpers outside the walls, such as the network's

    def is_alive(self) -> bool:
        """Tell whether the project still runs."""
        return self.inner.is_alive()


class Records:
    """The records in a directory."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory

    def read(self, project_id: str) -> Record | None:
        """Return the project's record; one that cannot be read is as good as none."""
        try:
            given: dict[str, Any] = json.loads(self._path(project_id).read_text())
            for key in ("outer", "inner"):
                given[key] = ProcessName(**given[key])
            given["others"] = tuple(ProcessName(**name) for name in given["others"])
            given["groups"] = tuple(given["groups"])
            return Record(**given)
        except (OSError, ValueError, KeyError, TypeError):
            return None

    def write(self, record: Record) -> None:
        """Keep the record, whole or not at all."""
        path = self._path(record.project_id)
        fresh = path.with_suffix(".new")
        fresh.write_text(json.dumps(asdict(record)))
        fresh.replace(path)

    def forget(self, project_id: str) -> None:
        """Remove the record."""
        with contextlib.suppress(FileNotFoundError):
            self._path(project_id).unlink()

    def all(self) -> list[Record]:
        """Return all records."""
        found = [self.read(path.stem) for path in self._directory.glob("*.json")]
        return [record for record in found if record is not None]

    def _path(self, project_id: str) -> Path:
        return self._directory / f"{project_id}.json"
