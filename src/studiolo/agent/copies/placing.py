"""Put files and links at their places: under a temporary name beside it first, then renamed.

Whoever looks sees the old entry or the new one. The temporary name of a large file tells which content it waits for, so
that a later try finds what has arrived and goes on from there; it is kept for a while for that. All others go at once,
and those of an agent that was killed with the next copy into the same directory.
"""

import os
import stat
import threading
from collections.abc import Callable, Collection, Generator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path

from studiolo.agent.copies.contents import BLOCK_BYTES, Blocks, Checksum
from studiolo.agent.copies.directories import identity
from studiolo.agent.copies.entries import Facts
from studiolo.core.copying.rules import TEMPORARY_PREFIX, Rules
from studiolo.core.copying.settling import drop, keep_backup, settle

RESUMED_FROM_BYTES = 4 * 1024 * 1024
KEPT_SECONDS = 900.0
_PREFIX = f"{TEMPORARY_PREFIX}in-"
_FRESH = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
_FOUND = os.O_RDWR | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


class PartIsLost(Exception):
    """What has arrived of a file is of no use to a later try."""


class Damaged(Exception):
    """What arrived is not what was sent."""


class TemporaryNames:
    """The temporary names that copies of this agent use now, and those that are kept for a later try."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._used: set[tuple[tuple[int, int], str]] = set()
        self._drawn: set[str] = set()  # used in any directory

    @contextmanager
    def use(self, directory: int, wanted: str | None = None) -> Generator[str]:
        """Have a name for oneself in a directory: the one that is wanted, unless somebody uses it."""
        place = identity(os.fstat(directory))
        with self._lock:
            name = wanted if wanted is not None and (place, wanted) not in self._used else None
            while name is None or (place, name) in self._used:
                name = f"{_PREFIX}{os.urandom(8).hex()}"
            self._used.add((place, name))
        try:
            yield name
        finally:
            with self._lock:
                self._used.discard((place, name))

    def is_used(self, directory: int, name: str) -> bool:
        """Tell whether some copy uses the name now."""
        place = identity(os.fstat(directory))
        with self._lock:
            return (place, name) in self._used or name in self._drawn

    def draw(self) -> str:
        """Have a name for oneself in every directory, until it is put back."""
        name = f"{_PREFIX}{os.urandom(8).hex()}"
        with self._lock:
            self._drawn.add(name)
        return name

    def put_back(self, name: str) -> None:
        """Give a name up that was drawn."""
        with self._lock:
            self._drawn.discard(name)


class DrawnNames:
    """The temporary names of one revision."""

    def __init__(self, names: TemporaryNames) -> None:
        self._names = names
        self._drawn: list[str] = []

    def next(self) -> str:
        """Return a name that nobody has used."""
        self._drawn.append(self._names.draw())
        return self._drawn[-1]

    def close(self) -> None:
        """Give the names up."""
        for name in self._drawn:
            self._names.put_back(name)


@dataclass(slots=True)
class Arriving:
    """An open temporary file, what it holds already, and the checksum of that."""

    opened: int
    temporary: str
    held: int
    sums: Checksum


class Placer:
    """Writes single entries of one copy; `kept` are the paths of parts that wait for a later try."""

    def __init__(self, rules: Rules, names: TemporaryNames, pulse: Callable[[int], None]) -> None:
        self.kept: list[str] = []
        self._rules = rules
        self._names = names
        self._pulse = pulse

    def clear_stale(self, directory: int, name: str, kept: Collection[str] = ()) -> None:
        """Remove a temporary name that nobody uses and nobody waits for."""
        if name.startswith(_PREFIX) and name not in kept and not self._names.is_used(directory, name):
            with suppress(OSError):
                os.unlink(name, dir_fd=directory)

    @contextmanager
    def arriving(self, directory: int, as_name: str, facts: Facts) -> Generator[Arriving]:
        """Open the temporary file for one content; a whole one is placed in the block, a part is kept if it is large.

        What of it is kept was written in order from the beginning, but need not be right: the source compares.
        """
        is_large = facts.size >= RESUMED_FROM_BYTES
        with self._names.use(directory, resumable_name(as_name, facts) if is_large else None) as temporary:
            opened = self._find(directory, temporary) if is_large else None
            if opened is None:
                drop(directory, temporary)
                opened = os.open(temporary, _FRESH, 0o600, dir_fd=directory)
            try:
                yield self._look(opened, temporary, facts.size)
            except (OSError, PartIsLost, Damaged):
                drop(directory, temporary)  # a full disk shall not stay full of it
                raise
            except BaseException:
                if os.fstat(opened).st_size < RESUMED_FROM_BYTES:
                    drop(directory, temporary)
                else:
                    self.kept.append(f"{Path(f'/proc/self/fd/{directory}').readlink()}/{temporary}")
                raise
            finally:
                os.close(opened)

    def place(
        self, arriving: Arriving, facts: Facts, directory: int, name: str, existing: os.stat_result | None
    ) -> None:
        """Give a whole file its mode, times and name."""
        os.fchmod(arriving.opened, facts.mode)
        os.utime(arriving.opened, ns=(facts.atime_ns, facts.mtime_ns))
        if self._rules.fsync != "none":
            os.fsync(arriving.opened)
        self._settle(arriving.temporary, directory, name, existing)

    def place_link(self, text: str, directory: int, name: str, existing: os.stat_result | None) -> None:
        """Make a symbolic link with this text."""
        with self._names.use(directory) as temporary:
            os.symlink(text, temporary, dir_fd=directory)
            self._settle(temporary, directory, name, existing)

    def place_same(
        self, leader: int, leader_name: str, directory: int, name: str, existing: os.stat_result | None
    ) -> None:
        """Make a further name of a file that is already in the target."""
        with self._names.use(directory) as temporary:
            os.link(leader_name, temporary, src_dir_fd=leader, dst_dir_fd=directory, follow_symlinks=False)
            self._settle(temporary, directory, name, existing)

    def keep_backup(self, directory: int, name: str) -> None:
        """Give what is at `name` a second name with `~`, in place of what was called so."""
        with self._names.use(directory) as temporary:
            keep_backup(directory, name, temporary)

    def _look(self, opened: int, temporary: str, size: int) -> Arriving:
        held = min(os.fstat(opened).st_size, size)
        held -= held % BLOCK_BYTES
        sums = Checksum()
        for at, block in Blocks(opened, 0, held, self._pulse):
            sums.add(at, block)
        return Arriving(opened, temporary, held, sums)

    def _find(self, directory: int, name: str) -> int | None:
        """Open what an earlier try left, if it is a plain file of our own with no other name."""
        try:
            opened = os.open(name, _FOUND, dir_fd=directory)
        except OSError:
            return None
        found = os.fstat(opened)
        if stat.S_ISREG(found.st_mode) and found.st_nlink == 1 and found.st_uid == os.geteuid():
            return opened
        os.close(opened)
        return None

    def _settle(self, temporary: str, directory: int, name: str, existing: os.stat_result | None) -> None:
        settle(directory, temporary, name, existing, self.keep_backup if self._rules.backup else None)


def resumable_name(as_name: str, facts: Facts) -> str:
    """Return the temporary name of a large file: the same for every try of the same content."""
    key = f"{facts.size}/{facts.mtime_ns}/".encode() + os.fsencode(as_name)
    return f"{_PREFIX}{blake2b(key, digest_size=8).hexdigest()}"
