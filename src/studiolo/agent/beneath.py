"""Where a path leads, without ever leaving the project's home.

The walk opens one name after another with `O_PATH | O_NOFOLLOW` and follows symbolic links by itself, so the answer is
a directory that is open already: what is swapped afterwards leads nobody elsewhere. A link may lead anywhere in the
home, also by its absolute name; one that leads out is refused, for reading and for writing. openat2 would refuse the
absolute links, too, and is not on every kernel.

Whoever may see only a part of the home (`within`) is held to that part the same way, by what the open directories are
and not by how they are called.
"""

import contextlib
import errno
import os
import stat
from collections import deque
from collections.abc import Generator
from dataclasses import dataclass, replace
from typing import Any

from studiolo.agent import params
from studiolo.agent.files import explain
from studiolo.core import file_names
from studiolo.core.errors import InvalidRequest, PathOutsideProject

MAX_LINKS = 40
MAX_PATH_CHARACTERS = 4096
NEW_DIRECTORY_MODE = 0o777  # less the umask
_STEP = os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC


@dataclass(frozen=True, slots=True)
class Place:
    """An open directory of the home and one name in it; `status` is None if it is missing.

    The name is `.` for the home itself, and for every directory whose path was followed to its end.
    """

    directory: int
    name: str
    status: os.stat_result | None
    shown: str  # the path as it was asked for

    @property
    def is_directory(self) -> bool:
        """Tell whether this is a directory."""
        return self.status is not None and stat.S_ISDIR(self.status.st_mode)

    def open(self, flags: int, mode: int = 0o666) -> int:
        """Open what is here; never follow a link that has come here since, never wait for a pipe."""
        safe = os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC
        return os.open(self.name, flags | safe, mode, dir_fd=self.directory)

    def require(self) -> os.stat_result:
        """Return what is here; raise FileNotFoundError if there is nothing."""
        if self.status is None:
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT))
        return self.status


class Home:
    """A project's home, or the part of it that is open to somebody."""

    def __init__(self, path: str, within: str | None = None) -> None:
        self._path = path
        self._within = within

    @classmethod
    def of_call(cls, path: str, given: dict[str, Any]) -> "Home":
        """Return the home as far as a call's `within` opens it."""
        return cls(path, None if given.get("within") is None else params.text(given, "within"))

    @contextlib.contextmanager
    def place(
        self, path: str, action: str, *, is_followed: bool = True, makes_parents: bool = False
    ) -> Generator[Place]:
        """Give the place of a path for the length of a `with` block.

        A link at its end is followed unless `is_followed` is false. Nothing is made outside of what is open. Errors of
        the system, here and in the block, are raised as errors of `core.errors` that name the `action`.
        """
        names = _names(path)
        with _explained(action, path), _Walk(self._path, path, self._allowed()) as walk:
            place = walk.go(names, is_followed=is_followed, makes_parents=makes_parents)
            if walk.part is not None and not walk.part.holds(walk, place):
                raise _outside(path)
            yield place

    def _allowed(self) -> "_Part | None":
        if self._within is None:
            return None
        with _Walk(self._path, self._within) as walk:
            place = walk.go(_names(self._within), is_followed=True, makes_parents=False)
            identity = None if place.status is None else _identity(place.status)
            return _Part(identity, _identity(os.fstat(place.directory)), place.name)


@dataclass(frozen=True, slots=True)
class _Part:
    """The part of a home that is open to somebody: a directory or a file, perhaps one that is yet to be made."""

    identity: tuple[int, int] | None
    parent: tuple[int, int]
    name: str

    def holds(self, walk: "_Walk", place: Place) -> bool:
        """Tell whether a place is this part, or below it."""
        if self.identity is None:
            return place.name == self.name and _identity(os.fstat(place.directory)) == self.parent
        is_itself = place.status is not None and _identity(place.status) == self.identity
        return is_itself or self.identity in walk.identities()

    def opens(self, walk: "_Walk", name: str) -> bool:
        """Tell whether a name may be made where a walk is."""
        known = walk.identities()
        return self.identity in known or (self.identity is None and known[-1] == self.parent and name == self.name)


class _Walk:
    """The descriptors of the directories from the home to here; what is made on the way lies in `part`."""

    def __init__(self, home: str, shown: str, part: _Part | None = None) -> None:
        self.part = part
        self._home = home
        self._shown = shown
        self._fds = [os.open(home, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)]
        self._links = 0

    def __enter__(self) -> "_Walk":
        return self

    def __exit__(self, *_: object) -> None:
        for fd in self._fds:
            os.close(fd)

    def go(self, names: list[str], *, is_followed: bool, makes_parents: bool) -> Place:
        todo = deque(names)
        while todo:
            name = todo.popleft()
            if name == "..":
                self._leave()
                continue
            is_last = not todo
            status = self._look(name)
            if status is not None and stat.S_ISLNK(status.st_mode) and (is_followed or not is_last):
                todo.extendleft(reversed(self._follow(name)))
            elif is_last and (status is None or not stat.S_ISDIR(status.st_mode) or not is_followed):
                return Place(self._fds[-1], name, status, self._shown)
            else:
                self._enter(name, is_made=status is None and makes_parents)
        return self._here()

    def identities(self) -> list[tuple[int, int]]:
        """Return what the directories from the home to here are, whatever their names."""
        return [_identity(os.fstat(fd)) for fd in self._fds]

    def _here(self) -> Place:
        """Return the place of the directory where the walk is."""
        return Place(self._fds[-1], ".", os.fstat(self._fds[-1]), self._shown)

    def _look(self, name: str) -> os.stat_result | None:
        try:
            return os.stat(name, dir_fd=self._fds[-1], follow_symlinks=False)
        except FileNotFoundError:
            return None

    def _enter(self, name: str, *, is_made: bool) -> None:
        if is_made:
            self._make(name)
        self._fds.append(os.open(name, _STEP | os.O_DIRECTORY, dir_fd=self._fds[-1]))
        if is_made and self.part is not None and self.part.identity is None:
            self.part = replace(self.part, identity=_identity(os.fstat(self._fds[-1])))

    def _make(self, name: str) -> None:
        if self.part is not None and not self.part.opens(self, name):
            raise _outside(self._shown)
        with contextlib.suppress(FileExistsError):  # somebody was faster; who opens it looks at what it is
            os.mkdir(name, NEW_DIRECTORY_MODE, dir_fd=self._fds[-1])

    def _leave(self) -> None:
        if len(self._fds) == 1:
            raise PathOutsideProject(f"'{self._shown}' leads out of the project's home")
        os.close(self._fds.pop())

    def _follow(self, name: str) -> list[str]:
        self._links += 1
        if self._links > MAX_LINKS:
            raise OSError(errno.ELOOP, os.strerror(errno.ELOOP))
        target = os.readlink(name, dir_fd=self._fds[-1])
        if not target.startswith("/"):
            return _split(target)
        home = self._home.rstrip("/")
        if target != home and not target.startswith(home + "/"):
            raise PathOutsideProject(f"'{self._shown}' leads out of the project's home")
        while len(self._fds) > 1:
            self._leave()
        return _split(target[len(home) :])


def _names(path: str) -> list[str]:
    if "\0" in path or len(path) > MAX_PATH_CHARACTERS:
        raise InvalidRequest("path is not a path", fields={"path": "must not contain NUL, nor be this long"})
    try:
        names = _split(file_names.to_system(path))
    except UnicodeEncodeError as error:
        raise InvalidRequest("path is not text that can name a file", fields={"path": "must be valid text"}) from error
    if path.startswith("/") or ".." in names:
        raise PathOutsideProject(f"'{path}' leads out of the project's home")
    return names


def _split(path: str) -> list[str]:
    return [name for name in path.split("/") if name not in ("", ".")]


def _outside(path: str) -> PathOutsideProject:
    return PathOutsideProject(f"'{path}' leads out of what is open to you")


def _identity(status: os.stat_result) -> tuple[int, int]:
    return status.st_dev, status.st_ino


@contextlib.contextmanager
def _explained(action: str, path: str) -> Generator[None]:
    try:
        yield
    except OSError as error:
        raise explain(error, action, path) from error
