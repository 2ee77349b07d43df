"""Throttles: how often somebody may try something within a window of time, counted in the database for all hubs.

A subject that is an IPv6 address stands for its whole /64, since whoever has one address there has all of them.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from ipaddress import IPv6Address, IPv6Network

from studiolo.core.errors import RateLimited
from studiolo.storage import throttles as rows
from studiolo.storage.database import Transaction

LONGEST_WINDOW = timedelta(hours=1)
KNOWN_ACTION = "known"  # a good password was given from an address; kept longer than counts
MAX_SUBJECT_CHARACTERS = 300
_HOST_BITS = 64


@dataclass(frozen=True, slots=True)
class Throttle:
    """At most `limit` tries of an action by a subject per window."""

    action: str
    limit: int
    window_seconds: int

    def take(self, tx: Transaction, subject: str, now: datetime) -> int:
        """Count one try; return 0, or the seconds to wait if it was one too many.

        The try is counted before it is made, so that many at once cannot slip through; see `give_back`.
        """
        found = rows.get(tx, self.action, subject_of(subject))
        count, started_at = found if found is not None else (0, now)
        if self._is_over(started_at, now):
            count, started_at = 0, now
        if count >= self.limit:
            return self._seconds_left(started_at, now)
        rows.put(tx, self.action, subject_of(subject), count + 1, started_at)
        return 0

    def seconds_to_wait(self, tx: Transaction, subject: str, now: datetime) -> int:
        """Return 0, or for how long no further try is allowed."""
        found = rows.get(tx, self.action, subject_of(subject))
        if found is None or found[0] < self.limit or self._is_over(found[1], now):
            return 0
        return self._seconds_left(found[1], now)

    def give_back(self, tx: Transaction, subject: str) -> None:
        """Count one try less: it was a good one."""
        rows.give_back(tx, self.action, subject_of(subject))

    def forget(self, tx: Transaction, subject: str) -> None:
        """Count anew."""
        rows.remove(tx, self.action, subject_of(subject))

    def _is_over(self, started_at: datetime, now: datetime) -> bool:
        return now >= started_at + timedelta(seconds=self.window_seconds)

    def _seconds_left(self, started_at: datetime, now: datetime) -> int:
        left = started_at + timedelta(seconds=self.window_seconds) - now
        return max(1, -int(-left.total_seconds() // 1))


def subject_of(subject: str) -> str:
    """Return the form in which a subject is counted."""
    if ":" not in subject:
        return subject[:MAX_SUBJECT_CHARACTERS]
    try:
        address = IPv6Address(subject)
    except ValueError:
        return subject[:MAX_SUBJECT_CHARACTERS]
    if address.ipv4_mapped is not None:
        return str(address.ipv4_mapped)
    return str(IPv6Network((int(address) >> _HOST_BITS << _HOST_BITS, _HOST_BITS)))


def refuse(message: str, seconds: int) -> RateLimited:
    """Return the error that tells the caller when to come back."""
    return RateLimited(message, retry_after_seconds=seconds)
