"""One process of the project's, run to its end: its group, its output, its time.

1. It gets a session and process group of its own; a timeout kills the group.
2. Output is read as it comes and dropped beyond the limit, so that neither 10 GB of it fill our memory nor a full
   pipe stops the process.
3. The end is the end of the process, not of its pipes: what it left in the background may keep them open. After a
   last read they are closed, and the background lives on.
"""

import asyncio
import codecs
import contextlib
import json
import os
import resource
import signal
import subprocess
from dataclasses import dataclass
from typing import IO, Protocol

CHUNK_BYTES = 64 * 1024
DRAIN_SECONDS = 0.2
REAP_SECONDS = 5.0
# Per stream, counted as it will be sent: both streams of one answer must fit into one frame of the wire.
MAX_SENT_BYTES = 36 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Ended:
    """How a process ended and what it said; `exit_code` is 1 for an end by a signal."""

    stdout: str
    stderr: str
    exit_code: int
    was_killed: bool  # by us, because its time was over


@dataclass(frozen=True, slots=True)
class Exit:
    """How a process ended: with a status, or by a signal; with neither if it could not be waited for."""

    exit_code: int | None
    signal: int | None
    was_killed: bool  # by us, because its time was over


class Sink(Protocol):
    """Takes what one stream says."""

    def feed(self, data: bytes, *, is_last: bool = False) -> None:
        """Take what was read."""
        ...


class Output:
    """What one stream said: decoded with replacement characters, cut at a number of characters."""

    def __init__(self, max_characters: int | None, max_sent_bytes: int = MAX_SENT_BYTES) -> None:
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._left = max_characters
        self._budget = max_sent_bytes
        self._pieces: list[str] = []
        self._is_cut = max_characters == 0

    def feed(self, data: bytes, *, is_last: bool = False) -> None:
        """Take what was read; beyond the limit it is dropped."""
        if self._is_cut:
            return
        piece = self._decoder.decode(data, is_last)
        if self._left is not None:
            piece = piece[: self._left]
            self._left -= len(piece)
        sent_bytes = len(json.dumps(piece, ensure_ascii=False).encode())
        self._is_cut = self._left == 0 or sent_bytes > self._budget
        if sent_bytes <= self._budget:
            self._budget -= sent_bytes
            self._pieces.append(piece)

    def text(self) -> str:
        """Return the whole; a cut one says so, and so does one that reaches its limit exactly."""
        self.feed(b"", is_last=True)
        whole = "".join(self._pieces)
        return f"{whole} (truncated at {len(whole)} characters)" if self._is_cut else whole


class Process:
    """A running process with its two streams."""

    def __init__(
        self, argv: list[str], *, directory: str, environment: dict[str, str], stdout: Sink, stderr: Sink
    ) -> None:
        """Start it; raise OSError when it cannot be started."""
        self._popen = subprocess.Popen(  # blocks for about a millisecond, until the program is loaded
            argv,
            cwd=directory,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
        )
        assert self._popen.stdout is not None
        assert self._popen.stderr is not None
        self._streams: dict[IO[bytes], Sink] = {self._popen.stdout: stdout, self._popen.stderr: stderr}
        self._open_streams = set(self._streams)
        self._all_read = asyncio.Event()

    @property
    def pid(self) -> int:
        """Return the number of the process, which is that of its group, too."""
        return self._popen.pid

    def kill(self, number: int = signal.SIGKILL) -> None:
        """Send the whole process group a signal."""
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self._popen.pid, number)

    def limit_cpu(self, seconds: int) -> None:
        """Let the process, and each that it starts from now on, use only so much time of the processor."""
        # it has ended already, a lower limit is set, or the number is larger than limits can be
        with contextlib.suppress(OSError, ValueError, OverflowError):
            resource.prlimit(self._popen.pid, resource.RLIMIT_CPU, (seconds, seconds + 5))

    async def run_to_end(self, timeout_seconds: float) -> Exit:
        """Read until the process ends, or kill it after `timeout_seconds`."""
        loop = asyncio.get_running_loop()
        for stream in self._streams:
            os.set_blocking(stream.fileno(), False)
            loop.add_reader(stream.fileno(), self._read, stream)
        try:
            was_killed = await self._wait(timeout_seconds)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(DRAIN_SECONDS):
                    await self._all_read.wait()
            for stream in tuple(self._open_streams):
                self._read(stream)  # a busy loop may have come too late to read what is there
        finally:
            self._end()
        code = self._popen.returncode
        if code is None or code >= 0:
            return Exit(code, None, was_killed)
        return Exit(None, -code, was_killed)

    async def _wait(self, timeout_seconds: float) -> bool:
        exited = asyncio.create_task(_exited(self._popen))
        try:
            done, _ = await asyncio.wait((exited,), timeout=timeout_seconds)
            if done:
                return False
            self.kill()
            await asyncio.wait((exited,), timeout=REAP_SECONDS)  # a process in a dead file system never ends
            return True
        finally:
            exited.cancel()

    def _read(self, stream: IO[bytes]) -> None:
        try:
            data = os.read(stream.fileno(), CHUNK_BYTES)
        except BlockingIOError:
            return
        if data:
            self._streams[stream].feed(data)
        else:
            self._close(stream)

    def _close(self, stream: IO[bytes]) -> None:
        asyncio.get_running_loop().remove_reader(stream.fileno())
        stream.close()
        self._open_streams.discard(stream)
        if not self._open_streams:
            self._all_read.set()

    def _end(self) -> None:
        for stream in tuple(self._open_streams):
            self._close(stream)
        if self._popen.poll() is None:  # we were cancelled
            self.kill()


async def _exited(process: subprocess.Popen[bytes]) -> None:
    """Wait until the process has ended and reap it."""
    try:
        descriptor = os.pidfd_open(process.pid)
    except OSError:  # an old kernel or a filter: a thread waits instead
        await asyncio.to_thread(process.wait)
        return
    loop = asyncio.get_running_loop()
    ended = loop.create_future()
    loop.add_reader(descriptor, _set_done, ended)
    try:
        await ended
        process.wait()
    finally:
        loop.remove_reader(descriptor)
        os.close(descriptor)


def _set_done(future: "asyncio.Future[None]") -> None:
    if not future.done():
        future.set_result(None)
