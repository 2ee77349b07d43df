"""What was handed out to a place last, kept in the home of the target, so that a new edition can tell who changed what.

`~/.studiolo/handed-out/KEY/base` is what was handed out, `new` beside it what is just arriving. The project's people
can change both, as they can change what was handed out: they deceive nobody but themselves, since whatever is done with
it is done in this home, with this project's rights. Without it every file counts as changed, and is kept.
"""

import os
import shutil
import threading
from collections.abc import Generator
from contextlib import contextmanager, suppress

from studiolo.agent.beneath import Home
from studiolo.agent.copies.directories import OPENED
from studiolo.agent.copies.ends import open_made
from studiolo.core.errors import StudioloError, Unavailable

DIRECTORY = ".studiolo/handed-out"
MOST_KEPT = 20
_BASE, _NEW = "base", "new"


class Places:
    """The places that something is being handed out to now."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._keys: set[str] = set()

    @contextmanager
    def one_at(self, key: str) -> Generator[None]:
        """Have a place for oneself; raise Unavailable if somebody else has it."""
        with self._lock:
            if key in self._keys:
                raise Unavailable("Something is being handed out to this place already.")
            self._keys.add(key)
        try:
            yield
        finally:
            with self._lock:
                self._keys.discard(key)


class HandedOut:
    """What was handed out to one place, and room for what is handed out now. One at a time for each key."""

    def __init__(self, home: str, key: str) -> None:
        self._home = home
        self._key = key
        self._directory = open_made(home, f"{DIRECTORY}/{key}")
        self._drop(_NEW)
        os.mkdir(_NEW, 0o700, dir_fd=self._directory)
        self.new = os.open(_NEW, OPENED, dir_fd=self._directory)

    def base(self) -> int | None:
        """Open what was handed out last; None if that is not known."""
        try:
            return os.open(_BASE, OPENED, dir_fd=self._directory)
        except OSError:
            return None

    def keep(self) -> None:
        """Let what has arrived be what was handed out last."""
        self._drop(_BASE)
        os.rename(_NEW, _BASE, src_dir_fd=self._directory, dst_dir_fd=self._directory)
        self._forget_the_oldest()

    def close(self) -> None:
        """Remove what was not kept."""
        self._drop(_NEW)
        os.close(self.new)
        os.close(self._directory)
        path = f"{DIRECTORY}/{self._key}"
        with suppress(StudioloError), Home(self._home).place(path, "rmdir", is_followed=False) as place:
            os.rmdir(place.name, dir_fd=place.directory)  # if nothing is in it

    def _drop(self, name: str) -> None:
        with suppress(OSError):
            os.unlink(name, dir_fd=self._directory)  # put there by the project's people
            return
        _remove_tree(name, self._directory)

    def _forget_the_oldest(self) -> None:
        above = open_made(self._home, DIRECTORY)
        try:
            with os.scandir(above) as listed:
                ages = sorted(((one.stat(follow_symlinks=False).st_mtime_ns, one.name) for one in listed), reverse=True)
            for _, name in ages[MOST_KEPT:]:
                _remove_tree(name, above)
        finally:
            os.close(above)


def _remove_tree(name: str, directory: int) -> None:
    with suppress(RecursionError):  # made so deep by the project's people: then it stays
        shutil.rmtree(name, ignore_errors=True, dir_fd=directory)
