"""Rows of `throttles`: how often somebody did something within a window of time."""

from collections.abc import Mapping
from datetime import datetime, timedelta

from sqlalchemy import Connection, delete, select, update

from studiolo.storage.dialects import insert_or_update
from studiolo.storage.tables import throttles


def get(tx: Connection, action: str, subject: str) -> tuple[int, datetime] | None:
    """Return the count and when its window began."""
    query = select(throttles.c.count, throttles.c.window_started_at)
    row = tx.execute(query.where(throttles.c.action == action, throttles.c.subject == subject)).one_or_none()
    return (row[0], row[1]) if row is not None else None


def put(tx: Connection, action: str, subject: str, count: int, window_started_at: datetime) -> None:
    """Write the count of a window."""
    row = {"action": action, "subject": subject, "count": count, "window_started_at": window_started_at}
    insert_or_update(tx, throttles, row, ("action", "subject"))


def give_back(tx: Connection, action: str, subject: str) -> None:
    """Count one less."""
    mine = (throttles.c.action == action) & (throttles.c.subject == subject) & (throttles.c.count > 0)
    tx.execute(update(throttles).where(mine).values(count=throttles.c.count - 1))


def remove(tx: Connection, action: str, subject: str) -> None:
    """Forget what somebody did."""
    tx.execute(delete(throttles).where(throttles.c.action == action, throttles.c.subject == subject))


def reap(tx: Connection, now: datetime, longest_window: timedelta, kept_longer: Mapping[str, timedelta]) -> int:
    """Delete the counts that can matter no more and return how many; some actions are `kept_longer`."""
    others = throttles.c.action.not_in(list(kept_longer))
    gone = tx.execute(delete(throttles).where(throttles.c.window_started_at <= now - longest_window, others)).rowcount
    for action, window in kept_longer.items():
        old = (throttles.c.action == action) & (throttles.c.window_started_at <= now - window)
        gone += tx.execute(delete(throttles).where(old)).rowcount
    return gone
