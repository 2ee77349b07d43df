"""What is done to homes as a whole: measured and deleted, always by the project's own uid inside its walls."""

import shutil
from typing import Any

from studiolo.core.errors import RunnerUnavailable
from studiolo.runtime.keeper.directories import DataDirectory
from studiolo.runtime.keeper.interior import Interior
from studiolo.runtime.keeper.loop import Task
from studiolo.runtime.keeper.messages import MeasureHome, RemoveHome
from studiolo.runtime.keeper.projects import Projects

_MEASURE = 'exec du -sx -B1 -- "$0" 2>/dev/null'
_EMPTY = 'cd "$0" && chmod -R u+rwX . ; find . -mindepth 1 -delete'


class Homes:
    """The homes of this data directory."""

    def __init__(self, directory: DataDirectory, interior: Interior, projects: Projects) -> None:
        self._directory = directory
        self._interior = interior
        self._projects = projects

    def measure(self, request: MeasureHome) -> Task[dict[str, Any]]:
        """Add up the space that a home takes on disk."""
        self._directory.make_home(request.project_id, request.uid)
        code, output = yield from self._interior.run_script(request.project_id, request.uid, _MEASURE)
        words = output.split()
        if code not in (0, 1) or not words or not words[0].isdigit():  # 1: some directory could not be read
            raise RunnerUnavailable("The size of the project's files could not be measured.", internal=output)
        return {"size_bytes": int(words[0]), "is_enforced": False}

    def remove(self, request: RemoveHome) -> Task[dict[str, Any]]:
        """Stop the project and delete its files for good."""
        yield from self._projects.stop(request.project_id)
        with self._projects.claimed(request.project_id):
            home = self._directory.home(request.project_id)
            if home.exists():
                self._directory.make_home(request.project_id, request.uid)
                _, output = yield from self._interior.run_script(request.project_id, request.uid, _EMPTY)
                try:
                    home.rmdir()
                except OSError as error:
                    words = "Not all files of the project could be deleted."
                    raise RunnerUnavailable(words, internal=output) from error
            shutil.rmtree(home.parent, ignore_errors=True)  # holds only what we made ourselves: the log
        return {}
