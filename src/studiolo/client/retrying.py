"""When a call is made again.

1. A request that never reached the server is sent again: nothing can have happened.
2. 429 says that nothing was done; so does 503 with `Retry-After`. Both are sent again after the time they ask for.
3. Any other failure that may pass (a connection that broke, 502 to 504, an error that says it is retryable) leaves open
   whether the call ran. It is made again only if that cannot do harm: it only reads, or the server knows it again
   by its `Idempotency-Key`.
4. Nothing is made again after `retries` times, or when the server asks for more than `longest_wait_seconds`.
"""

import random
from dataclasses import dataclass

from studiolo.client.errors import ConnectionFailed, RateLimited, StudioloError

_MAY_PASS = (502, 503, 504)


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """How often and how long; `RetryPolicy(retries=0)` never makes a call again."""

    retries: int = 4
    first_wait_seconds: float = 0.2
    longest_wait_seconds: float = 30.0

    def wait_before(self, attempt: int, error: StudioloError, *, is_repeatable: bool) -> float | None:
        """Return how many seconds to wait after the failed `attempt` (1, 2, ...), or None to give up."""
        if attempt > self.retries or not _may_be_sent_again(error, is_repeatable=is_repeatable):
            return None
        if error.retry_after_seconds is not None:
            asked = error.retry_after_seconds
            return asked if asked <= self.longest_wait_seconds else None
        longest = min(self.first_wait_seconds * 2 ** (attempt - 1), self.longest_wait_seconds)
        return random.uniform(longest / 2, longest)  # noqa: S311 - spreads clients out, keeps no secret


def _may_be_sent_again(error: StudioloError, *, is_repeatable: bool) -> bool:
    if isinstance(error, ConnectionFailed):
        return True
    if error.status == 429 or isinstance(error, RateLimited):
        return True
    if error.status == 503 and error.retry_after_seconds is not None:
        return True
    return is_repeatable and (error.is_retryable or error.status in _MAY_PASS)
