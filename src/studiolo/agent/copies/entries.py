"""What two agents say to each other of directories and files, and the proof that what came has this shape."""

import os
import stat
from dataclasses import dataclass
from typing import Any, cast

from studiolo.agent.copies.stream import StreamBroken
from studiolo.core.copying.rules import CARRIED_MODE

MAX_DEPTH = 300  # each directory is found from the root, so deeper trees would take ever longer
MAX_NAME_BYTES = 255
MAX_LINK_CHARACTERS = 4096
FILE, DIRECTORY, LINK, OTHER = "f", "d", "l", "o"
_MAX_SIZE = 2**62
_MAX_MOMENT = 2**63 - 1
_KINDS = {stat.S_IFREG: FILE, stat.S_IFDIR: DIRECTORY, stat.S_IFLNK: LINK}

Trail = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Facts:
    """What is carried of a file or directory besides its content."""

    size: int
    mode: int
    atime_ns: int
    mtime_ns: int

    @classmethod
    def of(cls, status: os.stat_result) -> "Facts":
        """Return the facts of what was looked at."""
        return cls(status.st_size, status.st_mode & CARRIED_MODE, status.st_atime_ns, status.st_mtime_ns)

    def packed(self) -> list[int]:
        """Return the facts for a message."""
        return [self.size, self.mode, self.atime_ns, self.mtime_ns]


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry of a directory; `same_as` is equal for names of one file, `text` is a link's."""

    name: str
    kind: str
    facts: Facts
    same_as: str = ""
    text: str = ""

    def packed(self) -> list[Any]:
        """Return the entry for a message."""
        return [self.name, self.kind, *self.facts.packed(), self.same_as, self.text]


def kind_of(status: os.stat_result) -> str:
    """Return the letter for what was looked at."""
    return _KINDS.get(stat.S_IFMT(status.st_mode), OTHER)


def unpacked_facts(value: Any) -> Facts:
    """Return the facts that a message holds; raise StreamBroken."""
    numbers = _listed(value, 4)
    size, mode, atime_ns, mtime_ns = (_integer(number) for number in numbers)
    if not 0 <= size <= _MAX_SIZE or max(abs(atime_ns), abs(mtime_ns)) > _MAX_MOMENT:
        raise StreamBroken("a size or time is none")
    return Facts(size, mode & CARRIED_MODE, atime_ns, mtime_ns)


def unpacked_entry(value: Any) -> Entry:
    """Return the entry that a message holds; raise StreamBroken."""
    name, kind, *numbers, same_as, text = _listed(value, 8)
    if kind not in (FILE, DIRECTORY, LINK, OTHER) or not isinstance(same_as, str) or len(same_as) > MAX_NAME_BYTES:
        raise StreamBroken("what came is no entry")
    if not isinstance(text, str) or len(text) > MAX_LINK_CHARACTERS or "\0" in text or (kind == LINK) != bool(text):
        raise StreamBroken("what came is no link")
    _encoded(text)
    return Entry(checked_name(name), kind, unpacked_facts(numbers), same_as, text)


def unpacked_trail(value: Any) -> Trail:
    """Return the names from the root to a directory; raise StreamBroken."""
    if not isinstance(value, list) or len(cast("list[Any]", value)) > MAX_DEPTH:
        raise StreamBroken("what came is no trail")
    return tuple(checked_name(name) for name in cast("list[Any]", value))


def checked_name(value: Any) -> str:
    """Return a name that names one entry of one directory and nothing else; raise StreamBroken."""
    if not isinstance(value, str) or value in ("", ".", "..") or "/" in value or "\0" in value:
        raise StreamBroken("what came is no name")
    if len(_encoded(value)) > MAX_NAME_BYTES:
        raise StreamBroken("a name is too long")
    return value


def _encoded(text: str) -> bytes:
    try:
        return os.fsencode(text)
    except UnicodeEncodeError as error:
        raise StreamBroken("a name is none that a disk can hold") from error


def _listed(value: Any, length: int) -> list[Any]:
    if not isinstance(value, list) or len(cast("list[Any]", value)) != length:
        raise StreamBroken("what came is no list of the right length")
    return cast("list[Any]", value)


def _integer(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        raise StreamBroken("what came is no whole number")
    return value
