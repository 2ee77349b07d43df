"""Idempotency keys: a request that makes something may be sent again, and makes it once.

1. What a request makes is noted under the caller's key in the very transaction that makes it. A server that is killed
   has made it and noted it, or neither: there is nothing to clean up, and whoever repeats the request gets it or makes
   it.
2. Noted is the id of what was made, not the answer: the answer is built from it again, and no secret is ever kept.
3. A key is bound to the request it came with: with another one it is refused. While its request is under way in this
   hub the same one is asked to wait; in another hub, whoever is second finds what the first one made.
4. What failed made nothing, so nothing is noted, and the same key may be used to try again.

The request under way is held by a context variable, since what makes a thing is far below what reads the header.
"""

from collections.abc import Generator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from studiolo.core.clock import Clock
from studiolo.core.errors import Forbidden, IdempotencyKeyInUse, IdempotencyKeyReused, InvalidRequest
from studiolo.core.models import Principal
from studiolo.core.secrets import hash_secret
from studiolo.storage import idempotency as rows
from studiolo.storage.database import Database, Transaction

KEPT = timedelta(hours=24)
MAX_KEY_CHARACTERS = 255
_RETRY_SECONDS = 1


class MadeBefore(Exception):
    """Another hub carried out the same request meanwhile; what it made is undone nowhere, what we made is."""

    def __init__(self, made: str) -> None:
        super().__init__(made)
        self.made = made


@dataclass(slots=True)
class Attempt:
    """One request with a key; `made_before` is what it made when it was sent first."""

    caller: str
    key_hash: str
    request_hash: str
    now: datetime
    made_before: str | None = None
    _kind: str | None = field(default=None, repr=False)

    def note(self, tx: Transaction, kind: str, made: str) -> None:
        """Note the first kind of thing that the request makes."""
        self._kind = self._kind or kind
        if self._kind != kind:
            return  # what is made beside it, such as the API key of a new account
        is_first = rows.add(
            tx,
            self.caller,
            self.key_hash,
            request_hash=self.request_hash,
            made=made,
            now=self.now,
            expires_at=self.now + KEPT,
        )
        if not is_first:
            found = rows.get(tx, self.caller, self.key_hash, self.now)
            if found is None or found[0] != self.request_hash:
                raise _reused()
            raise MadeBefore(found[1])


_attempt: ContextVar[Attempt | None] = ContextVar("idempotency_attempt", default=None)


class Idempotency:
    """Tells whether a request was sent before."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock
        self._under_way: dict[tuple[str, str], str] = {}

    async def look(self, principal: Principal, key: str, request: str) -> Attempt:
        """Return the attempt that a caller's key and request are.

        Raises InvalidRequest for what is no key, Forbidden for who is nobody, IdempotencyKeyReused, or
        IdempotencyKeyInUse while the same request is under way.
        """
        caller = principal.account_id or principal.key_project_id
        if caller is None:
            raise Forbidden("An Idempotency-Key needs a caller who is known.")
        key_hash, request_hash = hash_secret(_read(key)), hash_secret(request)
        other = self._under_way.get((caller, key_hash))
        if other is not None and other != request_hash:
            raise _reused()
        if other is not None:
            words = "The request with this Idempotency-Key is still being carried out."
            raise IdempotencyKeyInUse(words, retry_after_seconds=_RETRY_SECONDS)
        attempt = Attempt(caller, key_hash, request_hash, self._clock.now())
        self._under_way[caller, key_hash] = request_hash
        try:
            found = await self._database.read(lambda tx: rows.get(tx, caller, key_hash, attempt.now))
        except BaseException:
            del self._under_way[caller, key_hash]
            raise
        if found is not None:
            del self._under_way[caller, key_hash]
            if found[0] != request_hash:
                raise _reused()
            attempt.made_before = found[1]
        return attempt

    @contextmanager
    def carry_out(self, attempt: Attempt) -> Generator[None]:
        """Carry an attempt out for the length of a `with` block; what is made inside is noted."""
        token = _attempt.set(attempt)
        try:
            yield
        finally:
            _attempt.reset(token)
            self._under_way.pop((attempt.caller, attempt.key_hash), None)

    async def reap(self) -> int:
        """Delete what is older than a day; return how much."""
        now = self._clock.now()
        return await self._database.write(lambda tx: rows.reap(tx, now))


def note_made(tx: Transaction, kind: str, made: str) -> None:
    """Note what is made, within the transaction that makes it, if the request came with a key.

    The transaction must know its request (`audit.in_request`).
    """
    attempt = _attempt.get()
    if attempt is not None:
        attempt.note(tx, kind, made)


def _read(key: str) -> str:
    """Return the key, which may stand in quotation marks."""
    is_quoted = len(key) >= 2 and key[0] == key[-1] == '"'
    bare = key[1:-1] if is_quoted else key
    if not 1 <= len(bare) <= MAX_KEY_CHARACTERS or not (bare.isascii() and bare.isprintable()):
        text = f"An Idempotency-Key has 1 to {MAX_KEY_CHARACTERS} printable ASCII characters."
        raise InvalidRequest(text, fields={"Idempotency-Key": text})
    return bare


def _reused() -> IdempotencyKeyReused:
    return IdempotencyKeyReused("This Idempotency-Key was used for another request; use a new one for each.")
