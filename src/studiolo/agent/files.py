"""Files of the project, as its own user sees them.

The walls around the agent decide what can be reached; here nothing is forbidden, only told clearly. Who may see only a
part of the home is served by `beneath.py`: a path that was looked at may lead elsewhere when it is opened.
"""
# Paths are given to the system to the letter: pathlib would tidy them (`a/`, `./a`) and cannot open without waiting.
# ruff: noqa: PTH103, PTH105, PTH108, PTH114, PTH116, PTH118, PTH120, PTH123

import asyncio
import contextlib
import errno
import os
import stat
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, TypeVar

from studiolo.agent import params
from studiolo.core.clock import iso_milliseconds
from studiolo.core.errors import (
    FileNotFound,
    FileTooLarge,
    FileTypeUnsupported,
    Forbidden,
    InvalidRequest,
    PathOutsideProject,
    QuotaExceeded,
    StudioloError,
    TooLarge,
    Unavailable,
)

Result = TypeVar("Result")

MEBIBYTE = 1024 * 1024
MAX_READ_BYTES = 10 * MEBIBYTE
MAX_ENTRIES = 50_000

_WORDS = {  # historical words of the wire, where they differ from the C library's
    errno.ENOENT: "no such file or directory",
    errno.EACCES: "permission denied",
    errno.EPERM: "operation not permitted",
    errno.EISDIR: "illegal operation on a directory",
    errno.ENOTDIR: "not a directory",
    errno.ENAMETOOLONG: "name too long",
    errno.ENOSPC: "no space left on device",
    errno.EDQUOT: "disk quota exceeded",
    errno.ELOOP: "too many symbolic links encountered",
    errno.EROFS: "read-only file system",
}
_KINDS: dict[int, type[StudioloError]] = {
    errno.ENOENT: FileNotFound,
    errno.EACCES: Forbidden,
    errno.EPERM: Forbidden,
    errno.EROFS: Forbidden,
    errno.EISDIR: FileTypeUnsupported,
    errno.ENOTDIR: FileTypeUnsupported,
    errno.ENXIO: FileTypeUnsupported,
    errno.ENAMETOOLONG: InvalidRequest,
    errno.EINVAL: InvalidRequest,
    errno.ELOOP: InvalidRequest,
    errno.ENOSPC: QuotaExceeded,
    errno.EDQUOT: QuotaExceeded,
    errno.EFBIG: TooLarge,
}


def resolve(home: str, path: str) -> str:
    """Return the absolute path; a relative one starts at the home.

    `..` is left to the operating system: after a symbolic link only it knows where up is.
    """
    try:
        os.fsencode(path)
    except UnicodeEncodeError as error:
        raise InvalidRequest("path is not text that can name a file", fields={"path": "must be valid text"}) from error
    if "\0" in path:
        raise InvalidRequest("path must not contain a NUL character", fields={"path": "must not contain NUL"})
    return os.path.join(home, path) if path else home


def encode_text(content: str) -> bytes:
    """Return the bytes of a text; half of a surrogate pair, which no file can hold, becomes a replacement character."""
    try:
        return content.encode()
    except UnicodeEncodeError:
        return content.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace").encode()


def read_bytes(path: str, max_bytes: int) -> bytes:
    """Return a regular file's bytes; raise an error of `core.errors` for anything else."""
    try:
        require_regular(os.stat(path), path, "read")  # before opening: opening a pipe or a device has effects
        # the file may be another one by now: never wait for a pipe's writer, never adopt a terminal
        return read_open(os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC), path, max_bytes)
    except OSError as error:
        raise explain(error, "open", path) from error


def read_open(opened: int, path: str, max_bytes: int) -> bytes:
    """Return the bytes of an open file, which is closed, and `path` its name; raise OSError, too."""
    with open(opened, "rb") as file:
        status = os.fstat(file.fileno())
        require_regular(status, path, "read")
        # one byte more than allowed: the file may have grown, and files of /proc say that they have no size
        data = b"" if status.st_size > max_bytes else file.read(max_bytes + 1)
    size = max(status.st_size, len(data))
    if size > max_bytes:
        raise FileTooLarge(
            f"Attempt to open large file of size {_megabytes(size)}MB; the maximum allowed size is"
            f" {_megabytes(max_bytes)}MB. Use vim, emacs, or pico from a terminal instead."
        )
    return data


def write_bytes(path: str, data: bytes, *, is_durable: bool = False) -> None:
    """Replace a file's content at once, so that no reader and no crash ever sees half of it.

    A symbolic link stays and its target is written; an existing file keeps its mode. A file that cannot be replaced
    without changing what it is (other owner, hard links, directory not writable) is overwritten in place.
    `is_durable` waits until the disk has it.
    """
    try:
        target = os.path.realpath(path)
        if os.path.islink(target):  # realpath gave up
            raise OSError(errno.ELOOP, os.strerror(errno.ELOOP))
        if path.endswith("/"):
            raise OSError(errno.EISDIR, os.strerror(errno.EISDIR))
        directory = os.path.dirname(target)
        os.makedirs(directory, exist_ok=True)
        existing = _status_to_replace(target, path)
        if existing is None or _is_replaceable(existing, directory):
            _replace(target, directory, data, existing, is_durable)
        else:
            _overwrite(target, data, is_durable)
    except FileExistsError as error:  # makedirs met a file
        raise explain(OSError(errno.ENOTDIR, ""), "open", path) from error
    except OSError as error:
        raise explain(error, "open", path) from error


def list_entries(path: str) -> list[dict[str, Any]]:
    """Return a directory's entries, sorted by name; links count as what they lead to."""
    found: list[dict[str, Any]] = []
    try:
        with os.scandir(path) as entries:
            for entry in entries:
                if len(found) >= MAX_ENTRIES:
                    raise TooLarge(f"The directory '{path}' has more than {MAX_ENTRIES:,} entries.")
                with contextlib.suppress(FileNotFoundError):  # it went away meanwhile
                    found.append(entry_of(entry.name, _status_of(entry)))
    except OSError as error:
        raise explain(error, "scandir", path) from error
    return sorted(found, key=lambda entry: entry["name"])


def entry_of(name: str, status: os.stat_result) -> dict[str, Any]:
    """Return what a listing tells of one entry."""
    return {
        "name": name,
        "is_directory": stat.S_ISDIR(status.st_mode),
        "size_bytes": status.st_size,
        "modified_at": iso_milliseconds(_moment(status.st_mtime)),
    }


def explain(error: OSError, action: str, path: str) -> StudioloError:
    """Return the error for the caller, in the words API clients know: `ENOENT: no such file ..., open '/a/b'`."""
    number = error.errno or 0
    name = errno.errorcode.get(number, "EIO")
    words = _WORDS.get(number) or os.strerror(number).lower()
    return _KINDS.get(number, Unavailable)(f"{name}: {words}, {action} '{path}'")


def within(home: str, given: dict[str, Any], path: str) -> str:
    """Return the path; with `within` raise PathOutsideProject if links lead it out of that directory or file."""
    root = given.get("within")
    if root is None:
        return path
    real, allowed = os.path.realpath(path), os.path.realpath(resolve(home, params.text(given, "within")))
    if real != allowed and not real.startswith(allowed.rstrip("/") + "/"):
        raise PathOutsideProject(f"'{path}' leads out of what is open to you")
    return path


def require_regular(status: os.stat_result, path: str, action: str) -> None:
    """Raise FileTypeUnsupported unless this is a plain file."""
    if stat.S_ISDIR(status.st_mode):
        raise FileTypeUnsupported(f"EISDIR: illegal operation on a directory, {action} '{path}'")
    if not stat.S_ISREG(status.st_mode):
        raise FileTypeUnsupported(f"EINVAL: not a regular file, {action} '{path}'")


async def in_thread(work: Callable[..., Result], *args: Any) -> Result:
    """Do blocking work beside the event loop."""
    try:
        return await asyncio.to_thread(work, *args)
    except RuntimeError:  # no thread can be started: the project is at its limit of processes, and needs help
        return work(*args)


def _status_to_replace(target: str, path: str) -> os.stat_result | None:
    try:
        status = os.stat(target)
    except FileNotFoundError:
        return None
    require_regular(status, path, "open")
    if not os.access(target, os.W_OK):  # renaming over it would work, but a read-only file is meant to stay
        raise PermissionError(errno.EACCES, "")
    return status


def _is_replaceable(existing: os.stat_result, directory: str) -> bool:
    return existing.st_nlink == 1 and existing.st_uid == os.geteuid() and os.access(directory, os.W_OK | os.X_OK)


def _replace(target: str, directory: str, data: bytes, existing: os.stat_result | None, is_durable: bool) -> None:
    # a name of its own length: the target's may already be as long as a name can be
    temporary = os.path.join(directory, f".studiolo-{os.urandom(8).hex()}.tmp")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o666)
    try:
        with open(descriptor, "wb") as file:
            if existing is not None:
                os.fchmod(file.fileno(), stat.S_IMODE(existing.st_mode) & 0o777)
            fill(file.fileno(), data, is_durable=is_durable)
        os.replace(temporary, target)
        if is_durable:
            _sync_directory(directory)
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(temporary)
        raise


def _overwrite(target: str, data: bytes, is_durable: bool) -> None:
    with open(os.open(target, os.O_WRONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC), "wb") as file:
        require_regular(os.fstat(file.fileno()), target, "open")
        os.ftruncate(file.fileno(), 0)
        fill(file.fileno(), data, is_durable=is_durable)


def fill(descriptor: int, data: bytes, *, is_durable: bool = False) -> None:
    """Write all of it; `is_durable` waits until the disk has it."""
    rest = memoryview(data)
    while rest:
        rest = rest[os.write(descriptor, rest) :]
    if is_durable:
        os.fsync(descriptor)


def _sync_directory(directory: str) -> None:
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _status_of(entry: "os.DirEntry[str]") -> os.stat_result:
    try:
        return entry.stat()
    except OSError:  # a link to nowhere is listed as itself
        return entry.stat(follow_symlinks=False)


def _moment(seconds: float) -> datetime:
    try:
        return datetime.fromtimestamp(seconds, UTC)
    except (ValueError, OverflowError, OSError):  # a file may carry any time
        return datetime.fromtimestamp(0, UTC)


def _megabytes(size: int) -> str:
    return f"{size / MEBIBYTE:.2f}".rstrip("0").rstrip(".")
