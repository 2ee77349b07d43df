"""Telling who watches over a sign-in that it may have ended, at once and not at the next look.

Only within one hub; another hub finds out at its own next look, which is never long in coming.
"""

from collections import defaultdict
from collections.abc import Callable, Generator
from contextlib import contextmanager

from studiolo.core.ids import AccountId


class Endings:
    """Those who want to know when a sign-in of an account may have ended."""

    def __init__(self) -> None:
        self._watchers: defaultdict[AccountId, set[Callable[[], object]]] = defaultdict(set)

    @contextmanager
    def watch(self, account_id: AccountId, look: Callable[[], object]) -> Generator[None]:
        """Have `look` called whenever a sign-in of the account may have ended, for the length of a `with` block."""
        self._watchers[account_id].add(look)
        try:
            yield
        finally:
            self._watchers[account_id].discard(look)
            if not self._watchers[account_id]:
                del self._watchers[account_id]

    def tell(self, account_id: AccountId) -> None:
        """Call whoever watches over the account's sign-ins; to be done once the change is in the database."""
        for look in tuple(self._watchers.get(account_id, ())):
            look()
