"""Idempotency keys: a request that makes something may be sent again, and makes it once.

**A creating call** is one that makes something to which the server gives an id or a secret of its own, so that the same
request, sent twice, would leave two. A call whose request names what is there afterwards (a file at a path, a person in
a project) leaves one however often it is sent, and needs no key. The registry of calls says which calls create, and
what (`Made`); doors, documents, clients and tests read it there.

1. What a request makes is noted under the caller's key in the very transaction that makes it. A server that is killed
   has made it and noted it, or neither: there is nothing to clean up, and whoever repeats the request gets it or makes
   it.
2. Noted is the id of what was made, not the answer: whoever makes such things asks `made_before` first, and gives the
   one that was made. No secret is ever kept: what was told once is told never again (`refuse_to_tell_again`).
3. A key is bound to the request it came with: with another one it is refused. While its request is under way in this
   hub the same one is asked to wait; in another hub, whoever is second finds what the first one made.
4. What failed made nothing, so nothing is noted, and the same key may be used to try again.
5. What is made outside of the database, by a project's agent, is made under an id that follows from the key
   (`Attempt.id_of`): the agent knows it again, should the server be killed before it noted it.

The request under way is held by a context variable, since what makes a thing is far below what reads the header.
"""

import hashlib
import hmac
from collections.abc import Generator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum

from studiolo.core.clock import Clock
from studiolo.core.errors import (
    Forbidden,
    IdempotencyKeyInUse,
    IdempotencyKeyReused,
    InvalidRequest,
    SecretNotKept,
)
from studiolo.core.models import Principal
from studiolo.core.secrets import hash_secret
from studiolo.storage import idempotency as rows
from studiolo.storage.database import Database, Transaction

KEPT = timedelta(hours=24)
MAX_KEY_CHARACTERS = 255
_RETRY_SECONDS = 1


class Made(StrEnum):
    """What creating calls make."""

    ACCOUNT = "account"
    API_KEY = "API key"
    AUTH_TOKEN = "auth token"  # noqa: S105 - a kind of thing
    COPY = "copy"
    COPY_GROUP = "group of copies"
    EXEC_JOB = "command"
    MESSAGE = "message"
    ORGANIZATION = "organization"
    PASSWORD_RESET_LINK = "password reset link"  # noqa: S105 - a kind of thing
    PROJECT = "project"
    REGISTRATION_TOKEN = "registration token"  # noqa: S105 - a kind of thing
    UPLOAD = "upload"


class MadeBefore(Exception):
    """Another hub carried out the same request meanwhile; what it made is undone nowhere, what we made is."""

    def __init__(self, made: str) -> None:
        super().__init__(made)
        self.made = made


@dataclass(slots=True)
class Attempt:
    """One request with a key; `made_before` is what it made when it was sent first."""

    kind: Made
    caller: str
    key_hash: str
    request_hash: str
    now: datetime
    made_before: str | None = None
    made_elsewhere: str | None = field(default=None, repr=False)  # and not noted yet

    def note(self, tx: Transaction, made: str) -> None:
        """Note what the request makes."""
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

    def id_of(self, characters: int) -> str:
        """Return the id, in hexadecimal, of what this request makes outside of the database."""
        return hash_secret(f"{self.caller} {self.key_hash} {self.request_hash}")[:characters]


_attempt: ContextVar[Attempt | None] = ContextVar("idempotency_attempt", default=None)


class Idempotency:
    """Tells whether a request was sent before."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock
        self._under_way: dict[tuple[str, str], str] = {}

    async def look(self, principal: Principal, key: str, kind: Made, request: str) -> Attempt:
        """Return the attempt that a caller's key and request are.

        Raises InvalidRequest for what is no key, Forbidden for who is nobody, IdempotencyKeyReused, or
        IdempotencyKeyInUse while the same request is under way.
        """
        caller = principal.account_id or principal.key_project_id
        if caller is None:
            raise Forbidden("An Idempotency-Key needs a caller who is known.")
        bare = _read(key)
        key_hash, request_hash = hash_secret(bare), _bound(bare, request)
        other = self._under_way.get((caller, key_hash))
        if other is not None and other != request_hash:
            raise _reused()
        if other is not None:
            words = "The request with this Idempotency-Key is still being carried out."
            raise IdempotencyKeyInUse(words, retry_after_seconds=_RETRY_SECONDS)
        attempt = Attempt(kind, caller, key_hash, request_hash, self._clock.now())
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
        is_under_way = attempt.made_before is None
        token = _attempt.set(attempt)
        try:
            yield
        finally:
            _attempt.reset(token)
            if is_under_way:
                self._under_way.pop((attempt.caller, attempt.key_hash), None)

    async def settle(self, attempt: Attempt) -> None:
        """Note what was made outside of the database, once it is made."""
        made = attempt.made_elsewhere
        if made is not None:
            await self._database.write(lambda tx: attempt.note(tx, made))

    async def reap(self) -> int:
        """Delete what is older than a day; return how much."""
        now = self._clock.now()
        return await self._database.write(lambda tx: rows.reap(tx, now))


def made_before(kind: Made) -> str | None:
    """Return the id of what the request made when it was sent first, if it was."""
    attempt = _attempt.get()
    return attempt.made_before if attempt is not None and attempt.kind is kind else None


def refuse_to_tell_again(kind: Made) -> None:
    """Raise SecretNotKept if the request made something before whose secret was told then."""
    made = made_before(kind)
    if made is not None:
        words = f"{kind[:1].upper()}{kind[1:]} {made} was made by this request before."
        raise SecretNotKept(
            f"{words} Its secret was told then and is not kept; make another with a new key.", made=made
        )


def note_made(tx: Transaction, kind: Made, made: str) -> None:
    """Note what is made, within the transaction that makes it, if the request came with a key.

    What is made beside it, such as the API key of a new account, is not noted. The transaction must know its request
    (`audit.in_request`).
    """
    attempt = _attempt.get()
    if attempt is not None and attempt.kind is kind:
        attempt.note(tx, made)


def id_elsewhere(kind: Made, characters: int) -> str | None:
    """Return the id under which a project's agent is to make something, if the request came with a key."""
    attempt = _attempt.get()
    return attempt.id_of(characters) if attempt is not None and attempt.kind is kind else None


def note_made_elsewhere(kind: Made, made: str) -> None:
    """Have what a project's agent made noted, once the request is carried out, if it came with a key."""
    attempt = _attempt.get()
    if attempt is not None and attempt.kind is kind:
        attempt.made_elsewhere = made


def _read(key: str) -> str:
    """Return the key, which may stand in quotation marks."""
    is_quoted = len(key) >= 2 and key[0] == key[-1] == '"'
    bare = key[1:-1] if is_quoted else key
    if not 1 <= len(bare) <= MAX_KEY_CHARACTERS or not (bare.isascii() and bare.isprintable()):
        text = f"An Idempotency-Key has 1 to {MAX_KEY_CHARACTERS} printable ASCII characters."
        raise InvalidRequest(text, fields={"Idempotency-Key": text})
    return bare


def _bound(key: str, request: str) -> str:
    """Return the hash by which a request is known again.

    A request may hold a password, of which no fast hash may lie in the database: the key, which does not, goes in.
    """
    return hmac.new(key.encode(), request.encode(), hashlib.sha256).hexdigest()


def _reused() -> IdempotencyKeyReused:
    return IdempotencyKeyReused("This Idempotency-Key was used for another request; use a new one for each.")
