"""Wrong passwords: how many may be tried, so that neither can a password be guessed nor its owner be kept out.

1. From one source so many wrong ones in five minutes, for whatever accounts. A source is a network address (of IPv6:
   one /64), or the account whose API key asks.
2. For one account so many wrong ones in five minutes, from wherever.
3. A source that gave an account's right password lately is counted for itself there: whoever guesses from elsewhere
   without end cannot keep out who comes from where they always come from.

A try is counted before it is made, so that many at once cannot slip through; a good one is taken back. Sources are
counted in memory: many who share an address would wait for each other in the database.
"""

from datetime import datetime, timedelta

from studiolo.core.clock import Clock
from studiolo.core.errors import RateLimited
from studiolo.domain.buckets import TokenBuckets, whole_seconds
from studiolo.domain.throttles import KNOWN_ACTION, Throttle, refuse, subject_of
from studiolo.storage import throttles as rows
from studiolo.storage.database import Transaction

WINDOW_SECONDS = 5 * 60
KNOWN_FOR = timedelta(days=30)
NOTED_EVERY = timedelta(days=1)


class Sources:
    """How often each source may be wrong."""

    def __init__(self, clock: Clock, limit: int) -> None:
        self._clock = clock
        self._buckets = TokenBuckets(rate=limit / WINDOW_SECONDS, burst=limit)

    def take(self, source: str) -> int:
        """Count one try; return 0, or the seconds to wait if it was one too many."""
        seconds = self._buckets.take(subject_of(source), self._clock.monotonic()) if source else 0
        return whole_seconds(seconds) if seconds else 0

    def give_back(self, source: str) -> None:
        """Take the try back: the password was right."""
        if source:
            self._buckets.give_back(subject_of(source), self._clock.monotonic())


class Guesses:
    """The wrong passwords of accounts; `action` tells apart the ways to give one."""

    def __init__(self, action: str, *, per_account: int) -> None:
        self._throttle = Throttle(action, per_account, WINDOW_SECONDS)

    def take(self, tx: Transaction, account: str, source: str, now: datetime) -> int:
        """Count one try; return 0, or the seconds to wait if it was one too many."""
        return self._throttle.take(tx, _counted_as(tx, account, source, now), now)

    def seconds_to_wait(self, tx: Transaction, account: str, source: str, now: datetime) -> int:
        """Return 0, or for how long no further try is allowed."""
        return self._throttle.seconds_to_wait(tx, _counted_as(tx, account, source, now), now)

    def is_known(self, tx: Transaction, account: str, source: str, now: datetime) -> bool:
        """Tell whether the source gave the right password within a day, so that it need not be noted again."""
        known = rows.get(tx, KNOWN_ACTION, _pair(account, source))
        return known is not None and now - known[1] < NOTED_EVERY

    def succeeded(self, tx: Transaction, account: str, source: str, now: datetime) -> None:
        """Take the tries back: the password was right. From now on the source is known to be the account's."""
        self._throttle.forget(tx, _counted_as(tx, account, source, now))
        if source:
            rows.put(tx, KNOWN_ACTION, _pair(account, source), 1, now)


def too_many(seconds: int) -> RateLimited:
    """Return the error for who tried too often."""
    return refuse(f"Too many wrong passwords. Try again in {seconds} seconds.", seconds)


def _counted_as(tx: Transaction, account: str, source: str, now: datetime) -> str:
    """Return whose tries are counted together: all of an account, or those of a source that it knows."""
    pair = _pair(account, source)
    known = rows.get(tx, KNOWN_ACTION, pair) if source else None
    return pair if known is not None and now - known[1] < KNOWN_FOR else account


def _pair(account: str, source: str) -> str:
    return f"{subject_of(source)} {account}"
