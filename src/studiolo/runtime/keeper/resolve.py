"""Find a path in a home whose owner may be hostile, without ever leaving it.

Every step opens one name with O_PATH | O_NOFOLLOW and follows symbolic links by itself, so the answer is right at the
moment it was given, on every kernel. openat2(RESOLVE_BENEATH) would refuse absolute links into the home as the project
sees it (`/projects/ID/...`), which are legitimate. What happens after the answer is the walls' business.
"""

import os
import posixpath
import stat
from collections import deque
from dataclasses import dataclass

from studiolo.core.errors import CopyFailed, PathOutsideProject

_MAX_LINKS = 40
_DIRECTORY = os.O_PATH | os.O_NOFOLLOW | os.O_DIRECTORY | os.O_CLOEXEC
WORDS_FOR_SOURCE = "source path must be contained in project home dir"
WORDS_FOR_TARGET = "target path must be contained in target project home dir"


@dataclass(frozen=True, slots=True)
class Found:
    """Where a path leads: real path relative to the home, and its mode, None when it does not exist.

    For a missing path `missing` holds the names that are not there, and `path` where they would begin.
    """

    path: str
    mode: int | None
    missing: tuple[str, ...] = ()

    @property
    def is_directory(self) -> bool:
        """Tell whether it is a directory."""
        return self.mode is not None and stat.S_ISDIR(self.mode)


def normalise(path: str, inside: str) -> str:
    """Return the path relative to the home, `""` for the home; raise PathOutsideProject.

    A leading slash means the home too, unless the path begins with the home's own absolute name.
    """
    if path == inside or path.startswith(f"{inside}/"):
        path = path[len(inside) :]
    clean = posixpath.normpath(path.lstrip("/") or ".")
    if clean == ".." or clean.startswith("../"):
        raise PathOutsideProject("path must be contained in project home dir")
    return "" if clean == "." else clean


def normalise_ends(source_id: str, source_path: str, target_id: str, target_path: str) -> tuple[str, str]:
    """Return the normalised paths of a copy's two ends; raise PathOutsideProject in the wire's words."""
    try:
        source = normalise(source_path, f"/projects/{source_id}")
    except PathOutsideProject as error:
        raise PathOutsideProject(WORDS_FOR_SOURCE) from error
    try:
        return source, normalise(target_path, f"/projects/{target_id}")
    except PathOutsideProject as error:
        raise PathOutsideProject(WORDS_FOR_TARGET) from error


def resolve(home: str, inside: str, path: str) -> Found:
    """Follow a normalised path through the home, links included; raise PathOutsideProject, CopyFailed."""
    with Walk(home, inside) as walk:
        return walk.follow(path)


def require_within(home: str | int, inside: str, found: Found, within: str | None) -> None:
    """Raise PathOutsideProject if what was found lies, links followed, neither at a path of the home nor below it."""
    if within is None:
        return
    with Walk(home, inside) as walk:
        allowed = walk.follow(normalise(within, inside)).path
    if allowed and found.path != allowed and not found.path.startswith(f"{allowed}/"):
        raise PathOutsideProject("a link leads out of what is public")


def make_directories(home: str, inside: str, path: str) -> Found:
    """Return the directory at `path`, made with its parents where missing; raise PathOutsideProject, CopyFailed."""
    with Walk(home, inside) as walk:
        return walk.make_directories(path)


class Walk:
    """A walk through a home: the descriptors of the directories from the home to here. Use it in a `with` block.

    `home` is a path or an open directory.
    """

    def __init__(self, home: str | int, inside: str) -> None:
        self._inside = inside
        self._names: list[str] = []
        self._fds = [os.dup(home) if isinstance(home, int) else os.open(home, _DIRECTORY)]
        self._links = 0

    def __enter__(self) -> "Walk":
        """Begin at the home."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close the directories."""
        for fd in self._fds:
            os.close(fd)

    def here(self) -> Found:
        """Return where the walk is: the last directory that exists."""
        return Found("/".join(self._names), os.fstat(self._fds[-1]).st_mode)

    def open(self) -> int:
        """Open the directory where the walk is, for reading."""
        return os.open(".", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC, dir_fd=self._fds[-1])

    def identities(self) -> list[tuple[int, int]]:
        """Return device and inode of every directory from the home to here."""
        found = [os.fstat(fd) for fd in self._fds]
        return [(one.st_dev, one.st_ino) for one in found]

    def make_directories(self, path: str) -> Found:
        """Go to the directory at a normalised path, made with its parents where missing."""
        found = self.follow(path)
        for name in found.missing:
            self._make(name)
        if found.mode is not None and not found.is_directory:
            raise CopyFailed(f"ENOTDIR: not a directory, mkdir '{self._inside}/{path}'")
        return self.here()

    def follow(self, path: str) -> Found:
        """Go along a normalised path as far as it exists."""
        todo = deque(path.split("/"))
        while todo:
            name = todo.popleft()
            if name in ("", "."):
                continue
            if name == "..":
                self._leave()
                continue
            try:
                fd = os.open(name, os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=self._fds[-1])
            except FileNotFoundError:
                return Found("/".join(self._names), None, (name, *todo))
            mode = os.fstat(fd).st_mode
            if stat.S_ISDIR(mode):
                self._fds.append(fd)
                self._names.append(name)
                continue
            try:
                if not stat.S_ISLNK(mode):
                    return self._end_at(name, mode, todo)
                todo.extendleft(reversed(self._link(os.readlink("", dir_fd=fd)).split("/")))
            finally:
                os.close(fd)
        return self.here()

    def _make(self, name: str) -> None:
        if name in ("", "."):
            return
        if name == "..":
            raise CopyFailed("ENOENT: no such file or directory: a symbolic link in the target path leads nowhere")
        old = os.umask(0o022)
        try:
            os.mkdir(name, 0o755, dir_fd=self._fds[-1])
        except FileExistsError:
            pass  # somebody was faster; the next line looks at what it is
        finally:
            os.umask(old)
        self._fds.append(os.open(name, _DIRECTORY, dir_fd=self._fds[-1]))
        self._names.append(name)

    def _leave(self) -> None:
        if len(self._fds) == 1:
            raise PathOutsideProject("path must be contained in project home dir")
        os.close(self._fds.pop())
        self._names.pop()

    def _link(self, target: str) -> str:
        self._links += 1
        if self._links > _MAX_LINKS:
            raise CopyFailed("ELOOP: too many symbolic links encountered")
        if not target.startswith("/"):
            return target
        if target != self._inside and not target.startswith(f"{self._inside}/"):
            raise PathOutsideProject("path must be contained in project home dir")
        while len(self._fds) > 1:
            self._leave()
        return target[len(self._inside) :]

    def _end_at(self, name: str, mode: int, todo: deque[str]) -> Found:
        if any(part not in ("", ".") for part in todo):
            raise CopyFailed(f"ENOTDIR: not a directory, stat '{'/'.join([self._inside, *self._names, name])}'")
        return Found("/".join([*self._names, name]), mode)
