"""Unpacking an archive that lies in the home.

An archive is somebody's text: its names may lead out, its sizes may lie, a few kilobytes may unpack to terabytes. So:

1. A name that is absolute or holds `..` ends it before anything is written.
2. Every entry is made by one name in an open directory, following no link that the archive brought along or that leads
   out of the target.
3. Bytes are counted as they come out, entries too; what is over the limit ends it.
4. Plain files, directories and symbolic links are made, anything else is counted as skipped. No set-uid, no owners.
"""

import contextlib
import os
import stat
import tarfile
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import IO, TYPE_CHECKING, Any, cast

from studiolo.agent import params
from studiolo.agent.beneath import Home, Place
from studiolo.agent.files import in_thread
from studiolo.agent.files_entries import require_regular
from studiolo.agent.space import Space, no_room, room_of
from studiolo.core import file_names
from studiolo.core.errors import AlreadyExists, InvalidRequest, PathOutsideProject, TooLarge

if TYPE_CHECKING:
    from studiolo.agent.agent import Agent

MAX_ENTRIES = 100_000
MAX_LINK_BYTES = 4096
CHUNK_BYTES = 1024 * 1024
_FRESH = os.O_WRONLY | os.O_CREAT | os.O_EXCL


async def extract(agent: "Agent", given: dict[str, Any]) -> dict[str, Any]:
    """Unpack an archive into a directory, which is made if it is missing."""
    room = await room_of(agent, given)
    home = Home.of_call(agent.home, given)
    path, target = params.text(given, "path"), params.text(given, "target", "")
    work = _Extraction(home, target, params.flag(given, "overwrite"), room)
    await in_thread(work.run, path)
    agent.part(Space, lambda: Space(agent.home)).note_written(work.tally.size_bytes)
    tally = work.tally
    return {"files": tally.files, "size_bytes": tally.size_bytes, "skipped": tally.skipped}


@dataclass(slots=True)
class _Tally:
    files: int = 0
    size_bytes: int = 0
    skipped: int = 0


@dataclass(frozen=True, slots=True)
class _Member:
    """One entry of an archive."""

    name: str
    kind: str  # file, directory, symlink, other
    mode: int
    source: Any = field(repr=False)


class _Extraction:
    def __init__(self, home: Home, target: str, is_overwriting: bool, room: int | None) -> None:
        self._home = home
        self._target = target.rstrip("/")
        self._is_overwriting = is_overwriting
        self._room = room
        self.tally = _Tally()

    def run(self, path: str) -> None:
        with self._home.place(path, "open") as place:
            require_regular(place, place.require(), "open")
            opened = open(place.open(os.O_RDONLY), "rb")  # noqa: PTH123, SIM115 - opened beneath the home
        with opened:
            try:
                self._unpack(opened)
            except (zipfile.BadZipFile, tarfile.TarError, EOFError, NotImplementedError, ValueError) as error:
                raise InvalidRequest(f"'{path}' is no archive that can be unpacked: {error}") from error
            except RuntimeError as error:  # how zipfile says that a password is needed
                raise InvalidRequest(f"'{path}' cannot be unpacked: {error}") from error

    def _unpack(self, opened: IO[bytes]) -> None:
        archive = _open(opened)
        with contextlib.closing(archive):
            members = list(_members(archive))
            for member in members:
                _require_inside(member.name)
            for member in members:
                self._make(archive, member)

    def _make(self, archive: "zipfile.ZipFile | tarfile.TarFile", member: _Member) -> None:
        inside = member.name.strip("/")
        if member.kind == "other" or not inside:
            self.tally.skipped += member.kind == "other"
            return
        path = f"{self._target}/{inside}" if self._target else inside
        if member.kind == "directory":
            self._make_directory(path)
            return
        with self._home.place(path, "open", is_followed=False, makes_parents=True) as place:
            self._make_room(place)
            if member.kind == "symlink":
                os.symlink(_link_text(archive, member), place.name, dir_fd=place.directory)
            else:
                self._fill(archive, member, place)
        self.tally.files += 1

    def _make_directory(self, path: str) -> None:
        with self._home.place(path, "mkdir", makes_parents=True) as place:
            if place.status is None:
                os.mkdir(place.name, dir_fd=place.directory)
            elif not place.is_directory:
                raise AlreadyExists(f"EEXIST: file already exists, mkdir '{path}'")

    def _make_room(self, place: Place) -> None:
        if place.status is None:
            return
        if place.is_directory or not self._is_overwriting:
            raise AlreadyExists(f"EEXIST: file already exists, open '{place.shown}'")
        os.unlink(place.name, dir_fd=place.directory)

    def _fill(self, archive: "zipfile.ZipFile | tarfile.TarFile", member: _Member, place: Place) -> None:
        opened = place.open(_FRESH)
        try:
            with open(opened, "wb") as file, _content(archive, member) as source:  # noqa: PTH123 - beneath the home
                os.fchmod(opened, (member.mode & 0o777 or 0o644) | 0o600)
                while piece := source.read(CHUNK_BYTES):
                    self.tally.size_bytes += len(piece)
                    if self._room is not None and self.tally.size_bytes > self._room:
                        raise no_room(self._room)
                    file.write(piece)
        except BaseException:
            with contextlib.suppress(OSError):
                os.unlink(place.name, dir_fd=place.directory)  # half a file is none
            raise


def _open(opened: IO[bytes]) -> "zipfile.ZipFile | tarfile.TarFile":
    if zipfile.is_zipfile(opened):
        opened.seek(0)
        return zipfile.ZipFile(opened)
    opened.seek(0)
    return tarfile.open(fileobj=opened, mode="r:*", errors="surrogateescape")


def _members(archive: "zipfile.ZipFile | tarfile.TarFile") -> Iterator[_Member]:
    found = archive.infolist() if isinstance(archive, zipfile.ZipFile) else archive
    for count, one in enumerate(cast("Any", found), 1):
        if count > MAX_ENTRIES:
            raise TooLarge(f"The archive holds more than {MAX_ENTRIES:,} entries.")
        yield _zip_member(one) if isinstance(one, zipfile.ZipInfo) else _tar_member(one)


def _zip_member(info: zipfile.ZipInfo) -> _Member:
    mode = info.external_attr >> 16
    kinds = {stat.S_IFLNK: "symlink", stat.S_IFDIR: "directory", stat.S_IFREG: "file", 0: "file"}
    kind = "directory" if info.is_dir() else kinds.get(stat.S_IFMT(mode), "other")
    return _Member(info.filename, kind, mode, info)


def _tar_member(info: tarfile.TarInfo) -> _Member:
    kind = "directory" if info.isdir() else "symlink" if info.issym() else "file" if info.isreg() else "other"
    return _Member(file_names.from_system(info.name), kind, info.mode, info)


def _require_inside(name: str) -> None:
    if name.startswith("/") or ".." in name.split("/") or "\0" in name:
        raise PathOutsideProject(f"The archive holds an entry that leads out: '{name[:200]}'. Nothing was unpacked.")


def _content(archive: "zipfile.ZipFile | tarfile.TarFile", member: _Member) -> IO[bytes]:
    if isinstance(archive, zipfile.ZipFile):
        return archive.open(member.source)
    content = archive.extractfile(member.source)
    assert content is not None, "it is a plain file"
    return content


def _link_text(archive: "zipfile.ZipFile | tarfile.TarFile", member: _Member) -> str:
    if isinstance(archive, tarfile.TarFile):
        return str(member.source.linkname)
    with archive.open(member.source) as content:
        return os.fsdecode(content.read(MAX_LINK_BYTES))
