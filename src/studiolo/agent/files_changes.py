"""Moving, deleting and making entries of the home.

Every entry is named by an open directory and one name (`beneath.py`), so a link that appears meanwhile is at worst
moved or deleted itself, never what it leads to.
"""

import contextlib
import ctypes
import errno
import functools
import os
import stat
from typing import TYPE_CHECKING, Any

from studiolo.agent import params
from studiolo.agent.beneath import NEW_DIRECTORY_MODE, Home, Place
from studiolo.agent.files import in_thread
from studiolo.core.errors import AlreadyExists, DirectoryNotEmpty, InvalidRequest, TooLarge

if TYPE_CHECKING:
    from studiolo.agent.agent import Agent

MAX_DEPTH = 500  # each level of a deletion holds one file open
_NOREPLACE = 1
_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


async def move(agent: "Agent", given: dict[str, Any]) -> dict[str, Any]:
    """Give an entry another name or directory; missing directories on the way are made."""
    source, target = params.text(given, "source"), params.text(given, "target")
    home = Home.of_call(agent.home, given)
    await in_thread(_move, home, source, target, params.flag(given, "overwrite"))
    return {}


async def delete(agent: "Agent", given: dict[str, Any]) -> dict[str, Any]:
    """Delete an entry; a directory with what is in it only if `recursive`."""
    home, path = Home.of_call(agent.home, given), params.text(given, "path")
    return {"deleted": await in_thread(_delete, home, path, params.flag(given, "recursive"))}


async def make_directory(agent: "Agent", given: dict[str, Any]) -> dict[str, Any]:
    """Make a directory and those above it; tell whether it was not there before."""
    is_made = await in_thread(_make_directory, Home.of_call(agent.home, given), params.text(given, "path"))
    return {"created": is_made}


def _move(home: Home, source: str, target: str, is_overwriting: bool) -> None:
    with (
        home.place(source, "rename", is_followed=False) as old,
        home.place(target, "rename", is_followed=False, makes_parents=True) as new,
    ):
        _require_name(old)
        _require_name(new)
        old.require()
        if is_overwriting:
            _overwrite(old, new)
            return
        if not _rename_to_free_name(old, new):
            raise AlreadyExists(f"EEXIST: file already exists, rename '{source}' -> '{target}'")


def _overwrite(old: Place, new: Place) -> None:
    if new.is_directory != old.is_directory and new.status is not None:
        kind = "a directory" if new.is_directory else "no directory"
        raise AlreadyExists(f"'{new.shown}' is {kind}; delete it first if '{old.shown}' is to take its place.")
    try:
        os.rename(old.name, new.name, src_dir_fd=old.directory, dst_dir_fd=new.directory)
    except OSError as error:
        if error.errno in (errno.ENOTEMPTY, errno.EEXIST):
            raise DirectoryNotEmpty(f"ENOTEMPTY: directory not empty, rename '{old.shown}' -> '{new.shown}'") from error
        raise


def _rename_to_free_name(old: Place, new: Place) -> bool:
    """Rename without replacing anything, in one step where the system can; return whether the name was free."""
    renameat2 = _renameat2()
    if renameat2 is not None:
        result = renameat2(old.directory, os.fsencode(old.name), new.directory, os.fsencode(new.name), _NOREPLACE)
        number = 0 if result == 0 else ctypes.get_errno()
        if number in (0, errno.EEXIST):
            return number == 0
        if number not in (errno.ENOSYS, errno.EINVAL, errno.EPERM) or _is_inside(old, new):
            raise OSError(number, os.strerror(number))
    with contextlib.suppress(FileNotFoundError):  # an old kernel or file system: look first
        os.stat(new.name, dir_fd=new.directory, follow_symlinks=False)
        return False
    os.rename(old.name, new.name, src_dir_fd=old.directory, dst_dir_fd=new.directory)
    return True


def _is_inside(old: Place, new: Place) -> bool:
    return (new.shown.rstrip("/") + "/").startswith(old.shown.rstrip("/") + "/")


@functools.cache
def _renameat2() -> Any:
    function = getattr(ctypes.CDLL(None, use_errno=True), "renameat2", None)
    if function is not None:
        function.argtypes = [ctypes.c_int, ctypes.c_char_p, ctypes.c_int, ctypes.c_char_p, ctypes.c_uint]
    return function


def _delete(home: Home, path: str, is_recursive: bool) -> int:
    with home.place(path, "unlink", is_followed=False) as place:
        _require_name(place)
        place.require()
        if not place.is_directory:
            os.unlink(place.name, dir_fd=place.directory)
            return 1
        if is_recursive:
            return _delete_tree(place.directory, place.name, 0)
        try:
            os.rmdir(place.name, dir_fd=place.directory)
        except OSError as error:
            if error.errno not in (errno.ENOTEMPTY, errno.EEXIST):
                raise
            raise DirectoryNotEmpty(
                f"'{path}' is a directory that is not empty; ask with `recursive` to delete all that is in it."
            ) from error
        return 1


def _delete_tree(parent: int, name: str, depth: int) -> int:
    if depth > MAX_DEPTH:
        raise TooLarge(f"The directories are nested more than {MAX_DEPTH} deep; delete them from a terminal.")
    opened = os.open(name, _DIRECTORY, dir_fd=parent)
    deleted = 1
    try:
        for inner in os.listdir(opened):  # noqa: PTH208 - of an open directory
            status = _status(opened, inner)
            if status is not None and stat.S_ISDIR(status.st_mode):
                deleted += _delete_tree(opened, inner, depth + 1)
            elif status is not None:
                with contextlib.suppress(FileNotFoundError):
                    os.unlink(inner, dir_fd=opened)
                deleted += 1
    finally:
        os.close(opened)
    with contextlib.suppress(FileNotFoundError):
        os.rmdir(name, dir_fd=parent)
    return deleted


def _status(directory: int, name: str) -> os.stat_result | None:
    try:
        return os.stat(name, dir_fd=directory, follow_symlinks=False)
    except FileNotFoundError:
        return None


def _make_directory(home: Home, path: str) -> bool:
    with home.place(path, "mkdir", makes_parents=True) as place:
        if place.is_directory:
            return False
        if place.status is not None:
            raise AlreadyExists(f"EEXIST: file already exists, mkdir '{path}'")
        try:
            os.mkdir(place.name, NEW_DIRECTORY_MODE, dir_fd=place.directory)
        except FileExistsError as error:
            raise AlreadyExists(f"EEXIST: file already exists, mkdir '{path}'") from error
        return True


def _require_name(place: Place) -> None:
    if place.name == ".":
        raise InvalidRequest("The project's home itself cannot be moved, replaced or deleted.")
