"""What costs the server much, and how often one caller may ask for it, in one hub (`buckets.py`)."""

from enum import StrEnum

from studiolo.core.clock import Clock
from studiolo.core.errors import RateLimited
from studiolo.core.models import Principal
from studiolo.core.settings import Settings
from studiolo.domain.buckets import TokenBuckets, whole_seconds
from studiolo.domain.throttles import subject_of


class Costly(StrEnum):
    """The kinds of costly things."""

    PASSWORD = "password"  # noqa: S105 - a kind of work: hashing
    COMMAND = "command"
    COPY = "copy"


_WORDS = {
    Costly.PASSWORD: "Too many passwords are to be hashed for you",
    Costly.COMMAND: "You run too many commands",
    Costly.COPY: "You ask for too many copies",
}


class Spending:
    """Counts what each caller asks for; whoever is nobody is counted by address."""

    def __init__(self, settings: Settings, clock: Clock) -> None:
        self._clock = clock
        self._buckets = {
            Costly.PASSWORD: TokenBuckets(rate=settings.rate_of_passwords, burst=settings.burst_of_passwords),
            Costly.COMMAND: TokenBuckets(rate=settings.rate_of_commands, burst=settings.burst_of_commands),
            Costly.COPY: TokenBuckets(rate=settings.rate_of_copies, burst=settings.burst_of_copies),
        }

    def charge(self, principal: Principal, kind: Costly, times: int = 1) -> None:
        """Count something costly before it is done; raise RateLimited if it was too often."""
        subject = principal.account_id or principal.key_project_id or subject_of(principal.address)
        seconds = self._buckets[kind].take(subject, self._clock.monotonic(), float(times))
        if seconds:
            wait = whole_seconds(seconds)
            raise RateLimited(f"{_WORDS[kind]}. Try again in {wait} seconds.", retry_after_seconds=wait)
