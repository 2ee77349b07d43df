"""The software that projects run from: a virtual environment, and the interpreter behind its `bin/python`."""

import os
import stat
from dataclasses import dataclass
from pathlib import Path

from studiolo.core.errors import RunnerUnavailable


@dataclass(frozen=True, slots=True)
class Environment:
    """A virtual environment as projects see it."""

    path: str

    @property
    def python(self) -> Path:
        """Return the interpreter of the environment, as it is named in it."""
        return Path(self.path, "bin", "python")

    @property
    def interpreter_roots(self) -> tuple[str, ...]:
        """Return the directories that hold the real interpreter, if that is neither in /usr nor in the environment."""
        real = Path(os.path.realpath(self.python))
        root = str(real.parent.parent)
        is_inside = real.is_relative_to("/usr") or real.is_relative_to(self.path)
        return () if is_inside else tuple(dict.fromkeys((root, *_links_on_the_way(self.python, root, self.path))))

    def check(self, *, is_root: bool) -> None:
        """Raise RunnerUnavailable with the remedy when projects cannot run from it."""
        if not self.python.exists():
            raise RunnerUnavailable(
                f"The environment {self.path} has no bin/python. `make setup` makes the default one; "
                "STUDIOLO_ENVIRONMENT names another."
            )
        for path in (Path(self.path), self.python.resolve().parent):
            closed = unreadable(path) if is_root else None
            if closed is not None:
                raise RunnerUnavailable(
                    f"Projects cannot read the environment {self.path}: {closed} is closed to other users. "
                    f"Open it with `chmod o+rx {closed}`, or make the environment elsewhere, such as in /var/lib or "
                    "/opt, from the system's python3."
                )

    def problem(self) -> str:
        """Return in words what keeps projects from using it."""
        try:
            self.check(is_root=True)
        except RunnerUnavailable as error:
            return error.message
        return f"try `{self.python} -c ''` as another user."


def unreadable(path: Path) -> Path | None:
    """Return the first directory on the way to `path`, or `path` itself, that other users cannot enter."""
    for step in (*reversed(path.parents), path):
        try:
            mode = step.stat().st_mode
        except OSError:
            return step
        needed = stat.S_IXOTH if step != path else stat.S_IXOTH | stat.S_IROTH
        if mode & needed != needed:
            return step
    return None


def _links_on_the_way(link: Path, root: str, environment: str) -> list[str]:
    """Return directories of the symbolic links between the environment's name and the real interpreter."""
    found: list[str] = []
    while link.is_symlink():
        link = Path(os.path.normpath(link.parent / link.readlink()))
        if not link.is_relative_to(root) and not link.is_relative_to(environment) and not link.is_relative_to("/usr"):
            found.append(str(link.parent))
    return found
