"""The append log of one document: what makes a crash lose nothing that was acknowledged.

The file is `~/.studiolo/documents/<hash of the path>/log`, a row of records, each
`length (4 bytes) | crc32 (4 bytes) | kind (1 byte) | payload`:

1. the first record, `G`, is JSON: format, the document's path and its generation;
2. `U` is a Yjs update;
3. `S` is JSON `{"digest", "count"}`: the file on disk had that digest and held what the first `count` updates make.
   It is the base of the next three-way merge;
4. `T` is JSON `{"at"}`: milliseconds since 1970 at which the updates after it were logged; at most one a second.

A record that is torn or does not match its checksum ends the log: it was never acknowledged. Compaction writes a new
log (`G`, one `U` with everything, `S`) beside the old one and renames it.
"""

import contextlib
import hashlib
import json
import os
import struct
import time
import zlib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

_HEADER = struct.Struct(">IIB")
_FORMAT = 1
_GENERATION, _UPDATE, _SAVED, _TIME = ord("G"), ord("U"), ord("S"), ord("T")
_TIME_EVERY_MS = 1000


class LogUnusable(Exception):
    """The log, or the directory it lives in, cannot be used."""


@dataclass(slots=True)
class LogContents:
    """What a log holds."""

    generation: str
    updates: list[bytes] = field(default_factory=list[bytes])
    saved_digest: str | None = None
    saved_count: int = 0
    times_ms: list[int] = field(default_factory=list[int])  # one an update, 0 where it is not known
    end: int = 0  # offset of the first byte that is not a whole record

    @property
    def is_clean(self) -> bool:
        """Tell whether everything in the log had reached the file."""
        return self.saved_digest is not None and self.saved_count == len(self.updates)


def log_directory(home: Path, path: str) -> Path:
    """Return where the log of the document `path` lives."""
    name = hashlib.sha256(path.encode("utf-8", "surrogatepass")).hexdigest()[:32]
    return home / ".studiolo" / "documents" / name


def read_log(directory: Path, path: str) -> LogContents | None:
    """Read the log; None when there is none.

    Raises LogUnusable when it is not a log of this document, or is a symlink or otherwise not a plain file.
    """
    try:
        handle = os.open(_checked(directory) / "log", os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK)
        with os.fdopen(handle, "rb") as stream:
            data = stream.read()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise LogUnusable(f"the log of {path!r} cannot be read: {error.strerror}") from error
    return _parse(data, path)


class Log:
    """A log open for appending."""

    def __init__(self, directory: Path, path: str, contents: LogContents) -> None:
        self._directory = directory
        self._path = path
        self._handle: int | None = None
        self._timed_ms = 0
        self.generation = contents.generation
        self.count = len(contents.updates)
        self.size_bytes = contents.end

    def open(self) -> None:
        """Open the file, which starts here if there is none, and cut off a torn end.

        Raises LogUnusable when the directory is not one of ours, OSError when the disk does not want to.
        """
        _make(self._directory)
        flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK
        try:
            self._handle = os.open(self._directory / "log", flags, 0o600)
        except OSError as error:
            raise LogUnusable(f"the log of {self._path!r} cannot be written: {error.strerror}") from error
        os.ftruncate(self._handle, self.size_bytes)
        if self.size_bytes == 0:
            self._append(_header_record(self._path, self.generation))

    def append_update(self, update: bytes) -> None:
        """Append one update; OSError means that it is not in the log."""
        now_ms = _now_ms()
        if not 0 <= now_ms - self._timed_ms < _TIME_EVERY_MS:
            self._append(_time_record(now_ms))
            self._timed_ms = now_ms
        self._append(_record(_UPDATE, update))
        self.count += 1

    def append_saved(self, digest: str, count: int) -> None:
        """Append that the file with `digest` holds what the first `count` updates make."""
        self._append(_saved_record(digest, count))

    def compact(self, update: bytes, digest: str) -> None:
        """Replace the log by one with a single update, all of which is in the file with `digest`."""
        head = _header_record(self._path, self.generation) + _time_record(_now_ms())
        data = head + _record(_UPDATE, update) + _saved_record(digest, 1)
        fresh = self._directory / "log.new"
        fresh.unlink(missing_ok=True)
        handle = os.open(fresh, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        try:
            _write_all(handle, data, 0)
            fresh.replace(self._directory / "log")
        except BaseException:
            os.close(handle)
            raise
        self.close()
        self._handle, self.count, self.size_bytes = handle, 1, len(data)

    def close(self) -> None:
        """Close the file; appending opens no new one."""
        if self._handle is not None:
            os.close(self._handle)
            self._handle = None

    def _append(self, record: bytes) -> None:
        if self._handle is None:
            raise OSError("the log is closed")
        try:
            _write_all(self._handle, record, self.size_bytes)
        except OSError:
            # A torn record would hide every later one.
            with contextlib.suppress(OSError):
                os.ftruncate(self._handle, self.size_bytes)
            raise
        self.size_bytes += len(record)


def _write_all(handle: int, data: bytes, offset: int) -> None:
    view = memoryview(data)
    while view:
        written = os.pwrite(handle, view, offset)
        view, offset = view[written:], offset + written


def _record(kind: int, payload: bytes) -> bytes:
    return _HEADER.pack(len(payload), zlib.crc32(payload, kind), kind) + payload


def _header_record(path: str, generation: str) -> bytes:
    about = {"format": _FORMAT, "path": path, "generation": generation}
    return _record(_GENERATION, json.dumps(about).encode())


def _saved_record(digest: str, count: int) -> bytes:
    return _record(_SAVED, json.dumps({"digest": digest, "count": count}).encode())


def _time_record(at_ms: int) -> bytes:
    return _record(_TIME, json.dumps({"at": at_ms}).encode())


def _now_ms() -> int:
    return int(time.time() * 1000)


def _parse(data: bytes, path: str) -> LogContents | None:
    contents: LogContents | None = None
    offset, at_ms = 0, 0
    while offset + _HEADER.size <= len(data):
        length, checksum, kind = _HEADER.unpack_from(data, offset)
        payload = data[offset + _HEADER.size : offset + _HEADER.size + length]
        if len(payload) < length or zlib.crc32(payload, kind) != checksum:
            break
        if kind == _TIME:
            at_ms = _milliseconds(_json(payload).get("at"))
        contents = _take(contents, kind, payload, path)
        if kind == _UPDATE:
            contents.times_ms.append(at_ms)
        offset += _HEADER.size + length
        contents.end = offset
    if contents is None and data:
        raise LogUnusable(f"the log of {path!r} does not begin as a log does")
    return contents


def _take(contents: LogContents | None, kind: int, payload: bytes, path: str) -> LogContents:
    if contents is None:
        about = _json(payload) if kind == _GENERATION else {}
        generation = about.get("generation")
        if about.get("format") != _FORMAT or about.get("path") != path or not isinstance(generation, str):
            raise LogUnusable(f"the log of {path!r} belongs to something else")
        return LogContents(generation)
    if kind == _UPDATE:
        contents.updates.append(payload)
    elif kind == _SAVED:
        mark = _json(payload)
        digest, count = mark.get("digest"), mark.get("count")
        if isinstance(digest, str) and isinstance(count, int) and 0 <= count <= len(contents.updates):
            contents.saved_digest, contents.saved_count = digest, count
    return contents


def _milliseconds(given: object) -> int:
    return given if isinstance(given, int) and 0 <= given < 1 << 53 else 0


def _json(payload: bytes) -> dict[str, Any]:
    try:
        value = json.loads(payload)
    except (ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}  # pyright: ignore[reportUnknownVariableType] - JSON keys are text


def _checked(directory: Path) -> Path:
    """Refuse a directory whose last three names are not plain directories: a link could lead anywhere."""
    for place in (directory.parent.parent, directory.parent, directory):
        if place.is_symlink() or (place.exists() and not place.is_dir()):
            raise LogUnusable(f"{place} is not a directory of ours")
    return directory


def _make(directory: Path) -> None:
    try:
        _checked(directory).mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise LogUnusable(f"{directory} cannot be made: {error.strerror}") from error
