"""Passwords: hashed with argon2id, off the event loop, at a cost that does not tell whether an account exists."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from argon2.low_level import Type

Result = TypeVar("Result")

# OWASP's recommendation for argon2id with little memory: a sign-in of a whole class must not starve the server
TIME_COST = 2
MEMORY_KIB = 19 * 1024
PARALLELISM = 1
_THREADS = 2
# a well-formed hash of nothing known: to verify against it takes as long as against a real one
_NOBODYS_SALT = "c3R1ZGlvbG9zdHVkaW9sbw"
_NOBODYS_DIGEST = "c3R1ZGlvbG9zdHVkaW9sb3N0dWRpb2xvc3R1ZGlvbG8"


class Passwords:
    """Hashes and verifies; the costs are parameters for tests."""

    def __init__(self, *, time_cost: int = TIME_COST, memory_kib: int = MEMORY_KIB) -> None:
        self._hasher = PasswordHasher(
            time_cost=time_cost, memory_cost=memory_kib, parallelism=PARALLELISM, type=Type.ID
        )
        self._nobodys_hash = (
            f"$argon2id$v=19$m={memory_kib},t={time_cost},p={PARALLELISM}${_NOBODYS_SALT}${_NOBODYS_DIGEST}"
        )
        self._threads = ThreadPoolExecutor(_THREADS, "password")  # each verification holds its memory: bound them

    async def hash(self, password: str) -> str:
        """Return the form in which a password is stored."""
        return await self._in_thread(self._hasher.hash, _encode(password))

    async def verify(self, password_hash: str | None, password: str) -> bool:
        """Tell whether the password fits; no hash (no such account, no password) costs the same time and is False."""
        fits = await self._in_thread(self._verify, password_hash or self._nobodys_hash, _encode(password))
        return fits and password_hash is not None

    def is_outdated(self, password_hash: str) -> bool:
        """Tell whether a hash was made with other costs than are used now."""
        return self._hasher.check_needs_rehash(password_hash)

    def _verify(self, password_hash: str, password: bytes) -> bool:
        try:
            return self._hasher.verify(password_hash, password)
        except (VerificationError, InvalidHashError):
            return False

    async def _in_thread(self, work: Callable[..., Result], *arguments: object) -> Result:
        return await asyncio.get_running_loop().run_in_executor(self._threads, work, *arguments)


def _encode(password: str) -> bytes:
    return password.encode("utf-8", "surrogatepass")  # whatever JSON can carry can be compared
