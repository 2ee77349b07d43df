"""The names that patterns leave in: rsync itself is asked, since the patterns are its own.

It is asked once, before anything is written, for names only. What comes into being afterwards was not asked about and
counts as left out: it is neither sent nor deleted.
"""

import os
import re
import selectors
import shutil
import subprocess
from collections.abc import Callable, Collection, Iterator, Sequence
from typing import IO

from studiolo.agent.copies.entries import Trail
from studiolo.core.copying.patterns import exclude_options
from studiolo.core.errors import Conflict

_LIST = ("-rn", "--links", "--specials", "--devices", "-8", "--one-file-system", "--out-format=%n")
_NOWHERE = "/proc/studiolo/"  # a target where nothing can be: rsync tells all that it would bring there
_ENDED_WELL = (0, 23, 24)  # 23: something could not be read, which whoever lists it will say; 24: it went away
_PIECE = 64 * 1024
_MOST_SAID = 2000
_WAIT_SECONDS = 0.5
_ESCAPED = re.compile(rb"\\#([0-3][0-7]{2})")
_WILD = re.compile(r"[*?[]")


class SelectionFailed(Exception):
    """Rsync could not tell; the message is for people."""


class Selection:
    """What the patterns leave in below an open directory, or of its one entry `name`."""

    def __init__(self, root: int, patterns: Sequence[str], pulse: Callable[[], None], name: str | None = None) -> None:
        self._root = root
        self._patterns = exclude_options(patterns)
        self._pulse = pulse
        self._below: dict[bytes, bytearray] = {}  # the names in each directory, each ended by a slash
        self._ask((), "./" if name is None else f"./{name}")

    def holds(self, trail: Trail) -> bool:
        """Tell whether a directory is left in."""
        return _key(trail) in self._below

    def names(self, trail: Trail) -> Collection[str]:
        """Return the names that are left in of a directory; none of one that is left out itself."""
        return set(os.fsdecode(bytes(self._below.get(_key(trail), b""))).split("/")[:-1])

    def names_inside(self, trail: Trail) -> Collection[str]:
        """Return the names that are left in of a directory, also of one that is left out itself."""
        if _key(trail) not in self._below:
            self._ask(_only(trail), "./")
        return self.names(trail)

    def _ask(self, options: Sequence[str], what: str) -> None:
        command = [require_rsync(), *_LIST, *options, *self._patterns, "--", what, _NOWHERE]
        with subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            cwd=f"/proc/self/fd/{self._root}",
            env={"LANG": "C.UTF-8"},  # nothing of the project's own settings for rsync
        ) as process:
            try:
                said = self._hear(process)
            except BaseException:
                process.kill()
                raise
        if process.returncode not in _ENDED_WELL:
            words = " ".join(said.decode(errors="replace").split())
            raise SelectionFailed(f"rsync refused what was to be excluded: {words or process.returncode}")

    def _hear(self, process: "subprocess.Popen[bytes]") -> bytes:
        """Take in the names; return what rsync complained of."""
        assert process.stdout is not None
        assert process.stderr is not None
        said, rest = b"", b""
        for stream, piece in _pieces((process.stdout, process.stderr), self._pulse):
            if stream is process.stderr:
                said = (said + piece)[:_MOST_SAID]
                continue
            *lines, rest = (rest + piece).split(b"\n")
            for line in lines:
                self._take(_unescaped(line))
        return said

    def _take(self, path: bytes) -> None:
        if path.endswith(b"/"):
            path = path[:-1]
            self._below.setdefault(b"" if path == b"." else path, bytearray())
        if path != b".":
            directory, _, name = path.rpartition(b"/")
            self._below.setdefault(directory, bytearray()).extend(name + b"/")


def require_rsync() -> str:
    """Return where rsync is; raise Conflict if it is not installed where the agent runs."""
    found = shutil.which("rsync")
    if found is None:
        raise Conflict("`exclude` needs rsync in the environments of both projects.")
    return found


def _key(trail: Trail) -> bytes:
    return os.fsencode("/".join(trail))


def _pieces(streams: Sequence[IO[bytes]], pulse: Callable[[], None]) -> Iterator[tuple[IO[bytes], bytes]]:
    """Yield what streams say as it comes, until all have ended."""
    with selectors.DefaultSelector() as selector:
        for stream in streams:
            selector.register(stream, selectors.EVENT_READ, stream)
        while selector.get_map():
            pulse()
            for ready, _ in selector.select(_WAIT_SECONDS):
                piece = os.read(ready.fd, _PIECE)
                if piece:
                    yield ready.data, piece
                else:
                    selector.unregister(ready.fileobj)


def _unescaped(line: bytes) -> bytes:
    """Return the name that rsync wrote: what no line can hold stands there in octal."""
    return _ESCAPED.sub(lambda found: bytes([int(found[1], 8)]), line)


def _only(trail: Trail) -> list[str]:
    """Return the options with which rsync goes to one directory only, whatever the patterns say of those above it."""
    options: list[str] = []
    above = "/"
    for name in trail:
        options += [f"--include={_literal(f'{above}{name}/')}", f"--exclude={_literal(above, '*')}"]
        above += f"{name}/"
    return options


def _literal(path: str, wild: str = "") -> str:
    """Return the pattern of exactly this path, followed by `wild`; without wildcards a backslash is a backslash."""
    if not wild and not _WILD.search(path):
        return path
    return re.sub(r"([*?[\\])", r"\\\1", path) + wild
