"""What is in a directory, page by page, and what one entry is."""

import bisect
import hashlib
import os
import stat
from typing import TYPE_CHECKING, Any

from studiolo.agent import params
from studiolo.agent.beneath import Home, Place
from studiolo.agent.files import in_thread
from studiolo.core import file_names
from studiolo.core.errors import InvalidRequest

if TYPE_CHECKING:
    from studiolo.agent.agent import Agent

MAX_PAGE = 10_000

_TYPES = {
    stat.S_IFREG: "file",
    stat.S_IFDIR: "directory",
    stat.S_IFLNK: "symlink",
    stat.S_IFIFO: "fifo",
    stat.S_IFSOCK: "socket",
    stat.S_IFCHR: "device",
    stat.S_IFBLK: "device",
}


async def list_page(agent: "Agent", given: dict[str, Any]) -> dict[str, Any]:
    """Return up to `limit` entries of a directory in the order of their names, those after `after`."""
    limit = params.count(given, "limit")
    if limit is None or not 0 < limit <= MAX_PAGE:
        raise InvalidRequest(f"limit must be between 1 and {MAX_PAGE}", fields={"limit": "out of bounds"})
    home, path = Home.of_call(agent.home, given), params.text(given, "path", "")
    after, is_hidden_shown = params.text(given, "after", ""), params.flag(given, "hidden")
    return await in_thread(_page, home, path, after, limit, is_hidden_shown)


async def describe(agent: "Agent", given: dict[str, Any]) -> dict[str, Any]:
    """Return what a path is; a link is described as itself."""
    return await in_thread(_describe, Home.of_call(agent.home, given), params.text(given, "path", ""))


def entry_of(directory: int, name: str, status: os.stat_result) -> dict[str, Any]:
    """Return what is told of one entry."""
    found: dict[str, Any] = {
        "name": file_names.from_system(name),
        "type": _TYPES.get(stat.S_IFMT(status.st_mode), "device"),
        "size_bytes": status.st_size,
        "modified_ns": status.st_mtime_ns,
        "mode": stat.S_IMODE(status.st_mode),
    }
    if stat.S_ISLNK(status.st_mode):
        found["target"] = file_names.from_system(os.readlink(name, dir_fd=directory))
    return found


def etag_of(status: os.stat_result) -> str:
    """Return a mark that changes whenever the file's content may have changed."""
    known = (status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns)
    return hashlib.sha256(repr(known).encode()).hexdigest()[:32]


def _page(home: Home, path: str, after: str, limit: int, is_hidden_shown: bool) -> dict[str, Any]:
    with home.place(path, "scandir") as place:
        place.require()
        opened = place.open(os.O_RDONLY | os.O_DIRECTORY)
        try:
            # of the open directory, which pathlib cannot list
            names = {file_names.from_system(name): name for name in os.listdir(opened)}  # noqa: PTH208
            wanted = sorted(name for name in names if is_hidden_shown or not name.startswith("."))
            first = bisect.bisect_right(wanted, after) if after else 0
            page = wanted[first : first + limit]
            entries = [_entry(opened, names[name]) for name in page]
        finally:
            os.close(opened)
    is_more = first + limit < len(wanted)
    return {"entries": [entry for entry in entries if entry], "next": page[-1] if is_more else None}


def _entry(directory: int, name: str) -> dict[str, Any] | None:
    try:
        return entry_of(directory, name, os.stat(name, dir_fd=directory, follow_symlinks=False))
    except OSError:  # it went away meanwhile
        return None


def _describe(home: Home, path: str) -> dict[str, Any]:
    with home.place(path, "lstat", is_followed=False) as place:
        status = place.require()
        found = entry_of(place.directory, place.name, status)
        if stat.S_ISREG(status.st_mode):
            found["etag"] = etag_of(status)
        if stat.S_ISLNK(status.st_mode):
            found["leads_to"] = _leads_to(home, path)
        return {**found, "name": "" if place.name == "." else found["name"]}


def _leads_to(home: Home, path: str) -> str | None:
    """Return the type of what a link leads to; None if that is nothing, or nothing that may be told."""
    try:
        with home.place(path, "stat") as place:
            return None if place.status is None else _TYPES.get(stat.S_IFMT(place.status.st_mode), "device")
    except Exception:  # noqa: BLE001 - whatever is in the way, the link itself can still be described
        return None


def require_regular(place: Place, status: os.stat_result, action: str) -> None:
    """Raise OSError unless what is here is a plain file."""
    if stat.S_ISDIR(status.st_mode):
        raise IsADirectoryError(21, os.strerror(21))
    if not stat.S_ISREG(status.st_mode):
        raise InvalidRequest(f"EINVAL: not a regular file, {action} '{place.shown}'")
