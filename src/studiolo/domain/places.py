"""Places: how many of something may be open at once, in one hub and for each of several subjects.

Whoever may open one socket may open thousands; each takes a file, memory and a watcher.
"""

from collections import Counter
from collections.abc import Generator, Mapping
from contextlib import contextmanager

from studiolo.core.errors import RateLimited

_RETRY_SECONDS = 10


class Places:
    """The places of one kind of thing; `limits` names the kinds of subjects and how many each subject may have."""

    def __init__(self, what: str, *, most: int, limits: Mapping[str, int]) -> None:
        self._what = what
        self._most = most
        self._limits = dict(limits)
        self._taken = 0
        self._by_subject: Counter[tuple[str, str]] = Counter()

    @property
    def taken(self) -> int:
        """Return how many are open."""
        return self._taken

    def check(self, **subjects: str | None) -> None:
        """Raise RateLimited if the hub or one of the subjects, given by kind, has all it may have."""
        if self._taken >= self._most:
            raise _full(f"This server has {self._most} {self._what}, the most it takes.")
        for kind, subject in subjects.items():
            limit = self._limits[kind]
            if subject is not None and self._by_subject[kind, subject] >= limit:
                whose = kind.replace("_", "-")
                raise _full(f"There are {limit} {self._what} of this {whose}, the most there may be.")

    @contextmanager
    def hold(self, **subjects: str | None) -> Generator[None]:
        """Take a place for the length of a `with` block; raise RateLimited if there is none."""
        self.check(**subjects)
        keys = [(kind, subject) for kind, subject in subjects.items() if subject is not None]
        self._taken += 1
        self._by_subject.update(keys)
        try:
            yield
        finally:
            self._taken -= 1
            self._by_subject.subtract(keys)
            for key in keys:
                if not self._by_subject[key]:
                    del self._by_subject[key]


def _full(message: str) -> RateLimited:
    return RateLimited(message, retry_after_seconds=_RETRY_SECONDS)
