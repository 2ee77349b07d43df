"""Texts that are read and written whole, and listings.

Who may see only a part of the home is served by what was opened there: between a look at a path and its use somebody
may have put a link in its place. All of it runs in threads, because a disk may be slow and other calls must not wait.
"""

import contextlib
import errno
import os
import stat
from typing import TYPE_CHECKING, Any

from studiolo.agent import files, params
from studiolo.agent.beneath import Home, Place
from studiolo.core.errors import InvalidRequest, StudioloError, TooLarge

if TYPE_CHECKING:
    from studiolo.agent.agent import Agent


async def read_text(agent: "Agent", given: dict[str, Any]) -> dict[str, Any]:
    """Return a file's text, decoded as UTF-8 with replacement characters."""
    path, max_bytes = params.text(given, "path"), params.count(given, "max_bytes")
    max_bytes = files.MAX_READ_BYTES if max_bytes is None else max_bytes
    if given.get("within") is None:
        data = await files.in_thread(files.read_bytes, files.resolve(agent.home, path), max_bytes)
    else:
        data = await files.in_thread(_read, Home.of_call(agent.home, given), path, max_bytes)
    return {"content": data.decode("utf-8", "replace")}


async def write_text(agent: "Agent", given: dict[str, Any]) -> dict[str, Any]:
    """Write a text file; missing parent directories are made."""
    path, content = params.text(given, "path"), given.get("content")
    if not isinstance(content, str):  # not `params.text`: a NUL is a character like any other in a file
        raise InvalidRequest("content must be text", fields={"content": "must be text"})
    data = files.encode_text(content)
    if given.get("within") is None:
        await files.in_thread(files.write_bytes, files.resolve(agent.home, path), data)
    else:
        await files.in_thread(_write, Home.of_call(agent.home, given), path, data)
    return {}


async def list_directory(agent: "Agent", given: dict[str, Any]) -> dict[str, Any]:
    """Return a directory's entries, sorted by name; links count as what they lead to."""
    path = params.text(given, "path", "")
    if given.get("within") is None:
        return {"entries": await files.in_thread(files.list_entries, files.resolve(agent.home, path))}
    return {"entries": await files.in_thread(_list, Home.of_call(agent.home, given), path)}


def _read(home: Home, path: str, max_bytes: int) -> bytes:
    with home.place(path, "open") as place:
        files.require_regular(place.require(), path, "read")
        return files.read_open(place.open(os.O_RDONLY), path, max_bytes)


def _write(home: Home, path: str, data: bytes) -> None:
    """Do what `files.write_bytes` does, by one name in an open directory."""
    with home.place(path, "open", makes_parents=True) as place:
        if path.endswith("/"):
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
        if place.status is not None:
            files.require_regular(place.status, path, "open")
            if not os.access(place.name, os.W_OK, dir_fd=place.directory):
                # a rename would work, but it is meant to stay
                raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
        if place.status is None or _is_replaceable(place, place.status):
            _replace(place, data)
        else:
            _overwrite(place, data)


def _is_replaceable(place: Place, status: os.stat_result) -> bool:
    may_rename = os.access(".", os.W_OK | os.X_OK, dir_fd=place.directory)
    return status.st_nlink == 1 and status.st_uid == os.geteuid() and may_rename


def _replace(place: Place, data: bytes) -> None:
    temporary = f".studiolo-{os.urandom(8).hex()}.tmp"
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    opened = os.open(temporary, flags, 0o666, dir_fd=place.directory)
    try:
        with open(opened, "wb") as file:  # noqa: PTH123 - opened beneath the home
            if place.status is not None:
                os.fchmod(opened, stat.S_IMODE(place.status.st_mode) & 0o777)
            files.fill(file.fileno(), data)
        os.rename(temporary, place.name, src_dir_fd=place.directory, dst_dir_fd=place.directory)
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(temporary, dir_fd=place.directory)
        raise


def _overwrite(place: Place, data: bytes) -> None:
    with open(place.open(os.O_WRONLY), "wb") as file:  # noqa: PTH123 - opened beneath the home
        files.require_regular(os.fstat(file.fileno()), place.shown, "open")
        os.ftruncate(file.fileno(), 0)
        files.fill(file.fileno(), data)


def _list(home: Home, path: str) -> list[dict[str, Any]]:
    with home.place(path, "scandir") as place:
        place.require()
        opened = place.open(os.O_RDONLY | os.O_DIRECTORY)
        try:
            found: list[dict[str, Any]] = []
            for name in os.listdir(opened):  # noqa: PTH208 - of an open directory
                if len(found) >= files.MAX_ENTRIES:
                    raise TooLarge(f"The directory '{path}' has more than {files.MAX_ENTRIES:,} entries.")
                with contextlib.suppress(FileNotFoundError):  # it went away meanwhile
                    found.append(files.entry_of(name, _status(home, path, opened, name)))
        finally:
            os.close(opened)
    return sorted(found, key=lambda entry: entry["name"])


def _status(home: Home, path: str, directory: int, name: str) -> os.stat_result:
    """Return what an entry is; of a link what it leads to, if that may be told."""
    status = os.stat(name, dir_fd=directory, follow_symlinks=False)
    if stat.S_ISLNK(status.st_mode):
        with contextlib.suppress(StudioloError), home.place(f"{path}/{name}" if path else name, "stat") as place:
            return place.require()
    return status
