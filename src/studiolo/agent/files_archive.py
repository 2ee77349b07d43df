"""Archives: made while they are sent or written, so that they need no room of their own.

1. Links go in as links, directories with what is in them; sockets, pipes and devices stay out.
2. Nothing outside the home is read: every directory is opened by one name in its open parent, following no link.
3. A file that becomes shorter meanwhile is filled up with zeros, because its length has been sent already.
4. A file that may not be read ends the archive with an error: an incomplete one must not look complete.
"""

import asyncio
import contextlib
import gzip
import io
import os
import stat
import tarfile
import time
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING, Any, Protocol, cast

from studiolo.agent import params
from studiolo.agent.beneath import Home
from studiolo.agent.channel import ChannelClosed
from studiolo.agent.files import explain, in_thread
from studiolo.agent.space import no_room, room_of
from studiolo.agent.uploads import Upload, Uploads
from studiolo.core import file_names
from studiolo.core.errors import InvalidRequest, StudioloError, TooLarge

if TYPE_CHECKING:
    from studiolo.agent.agent import Agent
    from studiolo.agent.channel import Channel

FORMATS = ("zip", "tar.gz")
MAX_PATHS = 1000
MAX_DEPTH = 200
SENT_BYTES = 256 * 1024
COPIED_BYTES = 1024 * 1024
UPLOADS = ".studiolo/uploads"
_READ = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC
_OLDEST_IN_ZIP = (1980, 1, 1, 0, 0, 0)


async def send(agent: "Agent", given: dict[str, Any], channel: "Channel") -> None:
    """Send an archive of some paths."""
    home, paths, form = Home.of_call(agent.home, given), _paths(given), _format(given)
    await in_thread(_require_all, home, paths)
    await channel.accept({})
    loop = asyncio.get_running_loop()

    def write(data: bytes) -> None:  # from the thread: it goes on when the reader has taken this
        for at in range(0, len(data), SENT_BYTES):
            asyncio.run_coroutine_threadsafe(channel.send(data[at : at + SENT_BYTES]), loop).result()

    agent.begin()
    try:
        await asyncio.to_thread(_make, home, paths, form, write)
        await channel.send({"end": True})
    except StudioloError as error:
        with contextlib.suppress(ChannelClosed):
            await channel.send({"error": error.as_dict()})
    finally:
        agent.end()


async def make(agent: "Agent", given: dict[str, Any]) -> dict[str, Any]:
    """Write an archive of some paths into the home."""
    home, paths, form = Home.of_call(agent.home, given), _paths(given), _format(given)
    room = await room_of(agent, given)
    upload = Upload(
        upload_id=os.urandom(16).hex(),
        path=params.text(given, "target").rstrip("/"),
        size_bytes=None,
        within=None if given.get("within") is None else params.text(given, "within"),
        must_not_exist=not params.flag(given, "overwrite"),
    )
    if not upload.path:
        raise InvalidRequest("target must name a file", fields={"target": "must name a file"})
    uploads = agent.part(Uploads, lambda: Uploads(agent))
    await in_thread(_require_all, home, paths)
    await uploads.create(upload)
    try:
        await asyncio.to_thread(_make_in_file, home, paths, form, uploads.open_part(upload), room)
        placed = await uploads.finish(upload)
    finally:
        await uploads.discard(upload.upload_id)
    return {"size_bytes": placed["size_bytes"]}


@dataclass(frozen=True, slots=True)
class _Found:
    """One thing that goes into an archive."""

    name: str  # inside the archive
    status: os.stat_result
    link: str = ""
    opened: int = -1  # of a plain file


class _Format(Protocol):
    def add(self, found: _Found) -> None: ...
    def close(self) -> None: ...


class _Zip:
    def __init__(self, out: IO[bytes]) -> None:
        self._zip = zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED, compresslevel=6)

    def add(self, found: _Found) -> None:
        is_directory = stat.S_ISDIR(found.status.st_mode)
        moment = time.gmtime(max(0, min(found.status.st_mtime, 4e9)))[:6]
        info = zipfile.ZipInfo(
            file_names.from_system(found.name) + ("/" if is_directory else ""),
            (min(moment[0], 2107), *moment[1:]) if moment[0] >= 1980 else _OLDEST_IN_ZIP,
        )
        info.external_attr = (found.status.st_mode & 0xFFFF) << 16 | (0x10 if is_directory else 0)
        if found.link or is_directory:
            self._zip.writestr(info, os.fsencode(found.link))
            return
        info.compress_type = zipfile.ZIP_DEFLATED
        info.file_size = found.status.st_size
        with self._zip.open(info, "w", force_zip64=found.status.st_size > zipfile.ZIP64_LIMIT // 2) as target:
            source = _Exactly(found.opened, found.status.st_size)
            while piece := source.read(COPIED_BYTES):
                target.write(piece)

    def close(self) -> None:
        self._zip.close()


class _TarGz:
    def __init__(self, out: IO[bytes]) -> None:
        self._packer = gzip.GzipFile(fileobj=out, mode="wb", compresslevel=6)
        self._tar = tarfile.open(  # noqa: SIM115 - closed by `close`
            fileobj=self._packer, mode="w|", format=tarfile.PAX_FORMAT, errors="surrogateescape"
        )

    def add(self, found: _Found) -> None:
        info = tarfile.TarInfo(found.name)
        info.mode, info.mtime = stat.S_IMODE(found.status.st_mode) & 0o777, int(found.status.st_mtime)
        if found.link:
            info.type, info.linkname = tarfile.SYMTYPE, found.link
        elif stat.S_ISDIR(found.status.st_mode):
            info.type = tarfile.DIRTYPE
        else:
            info.size = found.status.st_size
        self._tar.addfile(info, _Exactly(found.opened, info.size) if info.size else None)  # type: ignore[arg-type]

    def close(self) -> None:
        self._tar.close()
        self._packer.close()


class _Exactly:
    """Reads as many bytes as a file had when it was found."""

    def __init__(self, opened: int, size_bytes: int) -> None:
        self._opened = opened
        self._left = size_bytes

    def read(self, most: int) -> bytes:
        wanted = min(most, self._left)
        piece = os.read(self._opened, wanted) or bytes(wanted)
        self._left -= len(piece)
        return piece


class _Out(io.RawIOBase):
    """A file that cannot be rewound: collects pieces of a good size and hands them on, until nobody takes them."""

    def __init__(self, hand_on: Callable[[bytes], None]) -> None:
        self._hand_on = hand_on
        self._held = bytearray()
        self._is_broken = False

    def writable(self) -> bool:
        return True

    def tell(self) -> int:
        raise OSError("not seekable")

    def write(self, data: Any) -> int:
        self._held += data
        if len(self._held) >= SENT_BYTES:
            self.hand_on()
        return len(data)

    def hand_on(self) -> None:
        held, self._held = bytes(self._held), bytearray()
        if held and not self._is_broken:  # a broken archive is closed, too, and that would write again
            self._is_broken = True
            self._hand_on(held)
            self._is_broken = False


def _make(home: Home, paths: list[str], form: str, write: Callable[[bytes], None]) -> None:
    out = _Out(write)
    archive: _Format = _Zip(cast("IO[bytes]", out)) if form == "zip" else _TarGz(cast("IO[bytes]", out))
    for path in paths:
        for found in _found(home, path):
            try:
                archive.add(found)
            finally:
                if found.opened >= 0:
                    os.close(found.opened)
    archive.close()
    out.hand_on()


def _make_in_file(home: Home, paths: list[str], form: str, opened: int, room: int | None) -> None:
    written = 0

    def write(data: bytes) -> None:
        nonlocal written
        written += len(data)
        if room is not None and written > room:
            raise no_room(room)
        file.write(data)

    with open(opened, "wb") as file:
        try:
            _make(home, paths, form, write)
        except OSError as error:
            raise explain(error, "write", "the archive") from error


def _require_all(home: Home, paths: list[str]) -> None:
    """Raise whatever makes it impossible to read one of the paths, before anything is sent."""
    for path in paths:
        with home.place(path, "lstat", is_followed=False) as place:
            place.require()


def _found(home: Home, path: str) -> Iterator[_Found]:
    with home.place(path, "open", is_followed=False) as place:
        top = "" if place.name == "." else place.name
        yield from _walk(place.directory, place.name, top, 0)


def _walk(directory: int, name: str, inside: str, depth: int) -> Iterator[_Found]:
    if depth > MAX_DEPTH:
        raise TooLarge(f"The directories are nested more than {MAX_DEPTH} deep.")
    if inside == UPLOADS:
        return
    try:
        status = os.stat(name, dir_fd=directory, follow_symlinks=False)
    except FileNotFoundError:
        return  # it went away meanwhile
    if stat.S_ISLNK(status.st_mode):
        yield _Found(inside, status, link=os.readlink(name, dir_fd=directory))
    elif stat.S_ISREG(status.st_mode):
        opened = os.open(name, _READ, dir_fd=directory)
        yield _Found(inside, os.fstat(opened), opened=opened)
    elif stat.S_ISDIR(status.st_mode):
        yield from _walk_directory(directory, name, inside, status, depth)


def _walk_directory(directory: int, name: str, inside: str, status: os.stat_result, depth: int) -> Iterator[_Found]:
    if inside:
        yield _Found(inside, status)
    opened = os.open(name, os.O_DIRECTORY | _READ, dir_fd=directory)
    try:
        for inner in sorted(os.listdir(opened)):  # noqa: PTH208 - of an open directory
            yield from _walk(opened, inner, f"{inside}/{inner}" if inside else inner, depth + 1)
    finally:
        os.close(opened)


def _paths(given: dict[str, Any]) -> list[str]:
    paths = params.texts(given, "paths")
    if not 0 < len(paths) <= MAX_PATHS:
        raise InvalidRequest(f"paths must be 1 to {MAX_PATHS} paths", fields={"paths": "must be a list of paths"})
    return paths


def _format(given: dict[str, Any]) -> str:
    form = params.text(given, "format", "zip")
    if form not in FORMATS:
        raise InvalidRequest("format must be zip or tar.gz", fields={"format": "must be zip or tar.gz"})
    return form
