"""Passwords: hashed with argon2id, off the event loop, at a cost that does not tell whether an account exists.

Each hash takes 20 ms and 19 MiB, so few are computed at once and few may wait: verifying (which anybody can ask for)
and hashing (for who may make accounts) wait in lines of their own, and the lines take turns. A class that is being
made does not keep those waiting who sign in, and the reverse.

argon2 is loaded with the first password (0.6 MB, 3 ms): a server whose accounts come with keys and tokens sees none.
"""

import asyncio
from collections import deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import cached_property
from typing import TYPE_CHECKING, Literal, TypeVar

from studiolo.core.errors import RateLimited

if TYPE_CHECKING:
    from argon2 import PasswordHasher

Result = TypeVar("Result")
Line = Literal["verify", "hash"]

# OWASP's recommendation for argon2id with little memory: a sign-in of a whole class must not starve the server
TIME_COST = 2
MEMORY_KIB = 19 * 1024
PARALLELISM = 1
THREADS = 2
MOST_WAITING: dict[Line, int] = {"verify": 250, "hash": 1000}  # some 3 and 12 seconds of work
_A_SECONDS_WORK = 40  # how many are done in a second, at the least
# a well-formed hash of nothing known: to verify against it takes as long as against a real one
_NOBODYS_SALT = "c3R1ZGlvbG9zdHVkaW9sbw"
_NOBODYS_DIGEST = "c3R1ZGlvbG9zdHVkaW9sb3N0dWRpb2xvc3R1ZGlvbG8"


class Passwords:
    """Hashes and verifies; the costs are parameters for tests."""

    def __init__(self, *, time_cost: int = TIME_COST, memory_kib: int = MEMORY_KIB) -> None:
        self._time_cost = time_cost
        self._memory_kib = memory_kib
        self._nobodys_hash = (
            f"$argon2id$v=19$m={memory_kib},t={time_cost},p={PARALLELISM}${_NOBODYS_SALT}${_NOBODYS_DIGEST}"
        )
        self._threads = ThreadPoolExecutor(THREADS, "password")  # each verification holds its memory: bound them
        self._queue = _Queue(THREADS)

    async def hash(self, password: str) -> str:
        """Return the form in which a password is stored; raise RateLimited if too many wait."""
        return await self._in_thread("hash", self._hash, _encode(password))

    async def verify(self, password_hash: str | None, password: str) -> bool:
        """Tell whether the password fits; no hash (no such account, no password) costs the same time and is False.

        Raises RateLimited if too many wait.
        """
        fits = await self._in_thread("verify", self._verify, password_hash or self._nobodys_hash, _encode(password))
        return fits and password_hash is not None

    def is_outdated(self, password_hash: str) -> bool:
        """Tell whether a hash was made with other costs than are used now."""
        return self._hasher.check_needs_rehash(password_hash)

    @cached_property
    def _hasher(self) -> "PasswordHasher":
        from argon2 import PasswordHasher
        from argon2.low_level import Type

        return PasswordHasher(
            time_cost=self._time_cost, memory_cost=self._memory_kib, parallelism=PARALLELISM, type=Type.ID
        )

    def _hash(self, password: bytes) -> str:
        return self._hasher.hash(password)

    def _verify(self, password_hash: str, password: bytes) -> bool:
        from argon2.exceptions import InvalidHashError, VerificationError

        try:
            return self._hasher.verify(password_hash, password)
        except (VerificationError, InvalidHashError):
            return False

    async def _in_thread(self, line: Line, work: Callable[..., Result], *arguments: object) -> Result:
        await self._queue.enter(line)
        loop = asyncio.get_running_loop()
        working = loop.run_in_executor(self._threads, work, *arguments)
        # the place is free when the thread is, even if the caller went away long before
        working.add_done_callback(lambda _: self._queue.leave())
        return await asyncio.shield(working)


class _Queue:
    """Places for a few at a time; two lines of those who wait, which take turns."""

    def __init__(self, places: int) -> None:
        self._free = places
        self._lines: dict[Line, deque[asyncio.Future[None]]] = {"verify": deque(), "hash": deque()}

    async def enter(self, line: Line) -> None:
        if self._free:
            self._free -= 1
            return
        waiting = self._lines[line]
        if len(waiting) >= MOST_WAITING[line]:
            seconds = max(1, len(waiting) // _A_SECONDS_WORK)
            raise RateLimited("Too many passwords are being checked; try again soon.", retry_after_seconds=seconds)
        turn = asyncio.get_running_loop().create_future()
        waiting.append(turn)
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():
                self.leave()  # it was our turn already: the next one's now
            elif turn in waiting:
                waiting.remove(turn)
            raise

    def leave(self) -> None:
        for name in list(self._lines):
            waiting = self._lines[name]
            while waiting:
                turn = waiting.popleft()
                if not turn.done():
                    self._lines[name] = self._lines.pop(name)  # to the end: the other line is next
                    turn.set_result(None)
                    return
        self._free += 1


def _encode(password: str) -> bytes:
    return password.encode("utf-8", "surrogatepass")  # whatever JSON can carry can be compared
