"""What a project finds inside its walls, and our own small programs run there."""

import os
from dataclasses import replace
from pathlib import Path

from studiolo.core.errors import RunnerUnavailable
from studiolo.runtime.keeper.directories import DataDirectory
from studiolo.runtime.keeper.environment import Environment
from studiolo.runtime.keeper.execute import execute
from studiolo.runtime.keeper.loop import Task
from studiolo.runtime.keeper.remedies import explain
from studiolo.runtime.keeper.spawn import Launch
from studiolo.runtime.keeper.walls import ENVIRONMENT, Bubblewrap, Descriptors, Inside, project_walls

OUTSIDE = {"PATH": "/usr/local/bin:/usr/bin:/bin", "LANG": "C.UTF-8"}  # of what we start ourselves
_NOBODY = "00000000-0000-0000-0000-000000000000"


class Interior:
    """The insides of this data directory's projects; without `bubblewrap` there are no walls."""

    def __init__(
        self, directory: DataDirectory, environment: Environment | None, bubblewrap: Bubblewrap | None
    ) -> None:
        self._directory = directory
        self._bubblewrap = bubblewrap
        self._agent_code: Path | None = None
        self.environment = environment

    @property
    def has_walls(self) -> bool:
        """Tell whether projects run behind walls."""
        return self._bubblewrap is not None

    def code(self) -> str:
        """Return the directory of the agent's code, installed if need be."""
        if self._agent_code is None or not self._agent_code.is_dir():
            self._agent_code = self._directory.install_agent()
        return str(self._agent_code)

    def of_project(
        self, project_id: str, uid: int, *, has_network: bool = False, tmp_bytes: int | None = None
    ) -> Inside:
        """Return what the project finds inside."""
        owner = self._directory.owner(uid)
        environment = self.environment
        return Inside(
            project_id=project_id,
            home=str(self._directory.home(project_id)),
            uid=os.geteuid() if owner is None else owner,
            environment=None if environment is None else environment.path,
            interpreter_roots=() if environment is None else environment.interpreter_roots,
            agent_code=self.code(),
            has_network=has_network,
            tmp_bytes=tmp_bytes,
        )

    def walls(self, inside: Inside, files: Descriptors) -> list[str]:
        """Return the command that puts up the walls."""
        assert self._bubblewrap is not None
        return project_walls(self._bubblewrap, inside, files)

    def run_script(self, project_id: str, uid: int, script: str) -> Task[tuple[int, str]]:
        """Run a shell script as the project, with the home as its `$0`; return exit code and output."""
        inside = self.of_project(project_id, uid)
        if self.has_walls:
            return (yield from self._run(inside, uid, ["/bin/sh", "-c", script, inside.home_inside]))
        argv = ("/bin/sh", "-c", script, inside.home)
        owner = self._directory.owner(uid)
        return (yield from execute(Launch(argv, OUTSIDE, uid=owner, has_no_new_privileges=True)))

    def probe(self) -> Task[None]:
        """Run a sandbox once; raise RunnerUnavailable whose message is the remedy."""
        code = self.code()
        if self.environment is not None:
            self.environment.check(is_root=self._directory.is_root)
        if not self.has_walls:
            return
        program = ["/bin/true"] if self.environment is None else [f"{ENVIRONMENT}/bin/python", "-I", "-S", "-c", ""]
        inside = replace(self.of_project(_NOBODY, 1), home=code)  # there is no home yet; any directory does
        status, output = yield from self._run(inside, 1, program)
        if status != 0:
            raise RunnerUnavailable(explain(output, self.environment))

    def _run(self, inside: Inside, uid: int, program: list[str]) -> Task[tuple[int, str]]:
        files = Descriptors()
        try:
            command = [*self.walls(inside, files), "--die-with-parent", "--", *program]
            owner = self._directory.owner(uid)
            return (yield from execute(Launch(tuple(command), OUTSIDE, tuple(files.fds), uid=owner)))
        finally:
            files.close()
