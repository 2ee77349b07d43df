"""Find where a copy begins and ends in this home: paths become open directories, and a name for a single file."""

# Paths are given to the system to the letter, below directories that are open.
# ruff: noqa: PTH116

import contextlib
import errno
import os
import stat
from typing import Any, cast

from studiolo.agent import params
from studiolo.agent.beneath import Home
from studiolo.agent.copies.directories import OPENED, identities_to, identity
from studiolo.agent.copies.entries import checked_name
from studiolo.agent.copies.source import Root
from studiolo.agent.copies.stream import StreamBroken
from studiolo.core.errors import Conflict, FileNotFound, FileTypeUnsupported, InvalidRequest


def find_source(home: str, given: dict[str, Any]) -> tuple[Root, dict[str, Any]]:
    """Return what may be read, and what the target must know of it."""
    path = params.text(given, "path")
    name: str | None = None
    with Home.of_call(home, given).place(path, "stat") as place:
        found = place.require()
        if place.is_directory:
            directory = place.open(os.O_RDONLY | os.O_DIRECTORY)
        elif stat.S_ISREG(found.st_mode):
            parent, _, name = path.rstrip("/").rpartition("/")
            directory = _open_directory(home, parent)
        else:
            raise FileTypeUnsupported(f"'{path}' is neither a file nor a directory; it cannot be copied.")
    result: dict[str, Any] = {"kind": "directory" if name is None else "file", "name": name}
    if params.flag(given, "is_same_home"):
        result["around"] = identities_to(identity(os.stat(home)), directory)
    return Root(directory, name), result


def find_target(home: str, given: dict[str, Any]) -> tuple[int, str | None]:
    """Return the open directory to write to, made if it is not there, and the name for a single file there."""
    path, name = _asked(home, given)
    directory = open_made(home, path)
    if name is None:
        _refuse_to_delete_the_source(given, directory)
    return directory, name


def look_for_target(home: str, given: dict[str, Any]) -> tuple[int | None, str | None]:
    """Return the same as `find_target`, but make nothing: None for a directory that is not there."""
    path, name = _asked(home, given)
    with contextlib.suppress(FileNotFound), Home(home).place(path, "mkdir") as place:
        if place.status is not None and not place.is_directory:
            raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR))
        return (None if place.status is None else place.open(os.O_RDONLY | os.O_DIRECTORY)), name
    return None, name


def open_made(home: str, path: str) -> int:
    """Open a directory, made with those above it if it is not there."""
    with Home(home).place(path, "mkdir", makes_parents=True) as place:
        if place.status is None:
            with contextlib.suppress(FileExistsError):  # somebody was faster; opening it shows what it is
                os.mkdir(place.name, dir_fd=place.directory)
        elif not place.is_directory:
            raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR))
        return os.open(place.name, OPENED, dir_fd=place.directory)


def is_home(directory: int, home: str) -> bool:
    """Tell whether an open directory is the home itself."""
    return identity(os.fstat(directory)) == identity(os.stat(home))


def _asked(home: str, given: dict[str, Any]) -> tuple[str, str | None]:
    """Return the path of the directory to write to, and the name for a single file there."""
    path, name = params.text(given, "path"), given.get("name")
    if name is None:
        return path, None
    try:
        name = checked_name(name)
    except StreamBroken as error:
        raise InvalidRequest("name must name a file", fields={"name": "must name a file"}) from error
    is_directory = path.endswith("/") or not path
    if not is_directory:
        with contextlib.suppress(FileNotFound), Home(home).place(path, "stat") as place:
            is_directory = place.is_directory
    if is_directory:
        return path, name
    parent, _, last = path.rpartition("/")
    return parent, last


def _open_directory(home: str, path: str) -> int:
    with Home(home).place(path, "open") as place:
        return place.open(os.O_RDONLY | os.O_DIRECTORY)


def _refuse_to_delete_the_source(given: dict[str, Any], directory: int) -> None:
    around = cast("list[list[int]]", given.get("around", []))
    if params.flag(given, "delete_missing") and list(identity(os.fstat(directory))) in around[1:]:
        os.close(directory)
        raise Conflict("The source lies inside the target: delete_missing would delete it.")
