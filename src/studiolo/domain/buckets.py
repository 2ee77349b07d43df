"""Token buckets in memory: how often each of many subjects may do something, in constant memory.

A bucket holds at most `burst` tokens and gains `rate` of them a second; what is done takes some. Each hub counts for
itself, and anew when it is started again: that is enough against abuse and costs no transaction. What has to be exact
is counted in the database (`throttles.py`).

At most `most` subjects are remembered. A new one takes the place of the one that was quiet for longest, whose bucket is
full again in all likelihood.
"""

import math
from collections import OrderedDict

MOST_SUBJECTS = 20_000


class TokenBuckets:
    """The buckets of one kind of action."""

    def __init__(self, *, rate: float, burst: float, most: int = MOST_SUBJECTS) -> None:
        """Take tokens a second and the most that a bucket holds; a rate of 0 sets no limit."""
        self._rate = rate
        self._burst = burst
        self._most = most
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()  # tokens left, and when that was so

    def __len__(self) -> int:
        """Return how many subjects are remembered."""
        return len(self._buckets)

    def take(self, subject: str, now: float, cost: float = 1.0) -> float:
        """Take `cost` tokens; return 0, or for how many seconds there will not be enough, in which case none is taken.

        What costs more than a full bucket is let through when the bucket is full. `now` is monotonic.
        """
        if self._rate == 0:
            return 0.0
        left = self._left(subject, now)
        needed = min(cost, self._burst)
        if left < needed:
            self._put(subject, left, now)
            return (needed - left) / self._rate
        self._put(subject, left - cost, now)
        return 0.0

    def give_back(self, subject: str, now: float, cost: float = 1.0) -> None:
        """Put tokens back: it does not count after all."""
        if self._rate:
            self._put(subject, min(self._burst, self._left(subject, now) + cost), now)

    def _left(self, subject: str, now: float) -> float:
        tokens, at = self._buckets.get(subject, (self._burst, now))
        return min(self._burst, tokens + max(0.0, now - at) * self._rate)

    def _put(self, subject: str, tokens: float, now: float) -> None:
        self._buckets[subject] = (tokens, now)
        self._buckets.move_to_end(subject)
        while len(self._buckets) > self._most:
            self._buckets.popitem(last=False)


def whole_seconds(seconds: float) -> int:
    """Return the seconds to tell in `Retry-After`: never less than has to be waited."""
    return max(1, math.ceil(seconds))
