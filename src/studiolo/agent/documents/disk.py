"""The files behind documents: where they are, reading with limits, replacing in one step."""

import errno
import hashlib
import os
import stat
import tempfile
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from studiolo.core.errors import FileNotFound, FileTooLarge, FileTypeUnsupported, InvalidRequest, PathOutsideProject

MAX_DOCUMENT_BYTES = 50 * 1024 * 1024
MAX_PATH_BYTES = 4096
_KINDS = {".ipynb": "notebook", ".md": "markdown", ".markdown": "markdown"}


@dataclass(frozen=True, slots=True)
class Stamp:
    """What a look at the directory entry tells of a file: equal stamps mean an unchanged file."""

    inode: int
    mtime_ns: int
    size_bytes: int


@dataclass(frozen=True, slots=True)
class Content:
    """What was read from a file."""

    data: bytes
    stamp: Stamp

    @property
    def digest(self) -> str:
        """Return the fingerprint of the content."""
        return digest_of(self.data)


def digest_of(data: bytes) -> str:
    """Return the fingerprint by which contents are told apart."""
    return hashlib.sha256(data).hexdigest()


def document_path(home: Path, path: str) -> str:
    """Return `path` relative to `home`, normalised, as the one name of the document.

    Raises PathOutsideProject when it leads out of the home, be it by `..` or through a symlink, and InvalidRequest
    when it cannot be a file's name.
    """
    if not path or "\0" in path or len(path.encode("utf-8", "surrogatepass")) > MAX_PATH_BYTES:
        raise InvalidRequest("The path of a document must be a file's name.", fields={"path": "not a file name"})
    pure = PurePosixPath(os.path.normpath(home / path))
    if not pure.is_relative_to(home) or pure == PurePosixPath(home):
        raise PathOutsideProject(f"The path {path!r} leads out of the project.")
    real_home = os.path.realpath(home)
    try:
        real = os.path.realpath(pure)
    except (OSError, ValueError) as error:
        raise InvalidRequest(f"The path {path!r} cannot be a file's name.", fields={"path": str(error)}) from error
    if not PurePosixPath(real).is_relative_to(real_home):
        raise PathOutsideProject(f"The path {path!r} leads out of the project.")
    return str(pure.relative_to(home))


def kind_of(path: str) -> str:
    """Return "notebook", "markdown" or "text" by the file's name."""
    return _KINDS.get(PurePosixPath(path).suffix.lower(), "text")


def stamp_of(file: Path) -> Stamp | None:
    """Look at the file without opening it; None when it is not there."""
    try:
        found = file.stat()
    except OSError:
        return None
    return Stamp(found.st_ino, found.st_mtime_ns, found.st_size)


def read(file: Path, path: str, max_bytes: int = MAX_DOCUMENT_BYTES) -> Content:
    """Read the whole file; `path` is how errors call it.

    Raises FileNotFound, FileTypeUnsupported (directory, pipe, device, no permission) and FileTooLarge.
    """
    try:
        # O_NONBLOCK: opening a named pipe must not hang the agent.
        handle = os.open(file, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    except (FileNotFoundError, NotADirectoryError) as error:
        raise FileNotFound(f"There is no file {path!r} in this project.", path=path) from error
    except OSError as error:
        raise FileTypeUnsupported(f"The file {path!r} cannot be read: {error.strerror}.", path=path) from error
    try:
        found = os.fstat(handle)
        if not stat.S_ISREG(found.st_mode):
            raise FileTypeUnsupported(f"{path!r} is not a regular file, so it cannot be opened.", path=path)
        data = _read_up_to(handle, max_bytes + 1) if found.st_size <= max_bytes else b""
    finally:
        os.close(handle)
    if found.st_size > max_bytes or len(data) > max_bytes:
        raise too_large(path, found.st_size, max_bytes)
    return Content(data, Stamp(found.st_ino, found.st_mtime_ns, found.st_size))


def too_large(path: str, size_bytes: int, max_bytes: int) -> FileTooLarge:
    """Return the error for a file that is too large to be opened."""
    text = f"The file {path!r} is larger than the {max_bytes // 2**20} MB that can be opened."
    return FileTooLarge(text, path=path, size_bytes=size_bytes)


def replace(file: Path, data: bytes) -> Stamp:
    """Replace the file's content in one step and return its new stamp; its mode is kept, a symlink is followed.

    Raises OSError (a full disk, say); then the old file is untouched.
    """
    target = Path(os.path.realpath(file))
    try:
        mode = stat.S_IMODE(target.stat().st_mode) & 0o777
    except FileNotFoundError:
        mode = None
        target.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(prefix=f".{target.name[:100]}.", suffix=".studiolo-tmp", dir=target.parent)
    try:
        with os.fdopen(handle, "wb") as stream:
            stream.write(data)
            stream.flush()
            os.fsync(handle)
            os.fchmod(handle, mode if mode is not None else 0o644)
            found = os.fstat(handle)
        Path(name).replace(target)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
    return Stamp(found.st_ino, found.st_mtime_ns, found.st_size)


def is_disk_full(error: OSError) -> bool:
    """Tell whether a failed write failed for want of space."""
    return error.errno in (errno.ENOSPC, errno.EDQUOT)


def _read_up_to(handle: int, count: int) -> bytes:
    parts: list[bytes] = []
    while count > 0 and (part := os.read(handle, min(count, 1024 * 1024))):
        parts.append(part)
        count -= len(part)
    return b"".join(parts)
