"""The writing thread of SQLite: transactions that wait while the disk is flushed share the next flush.

1. Each transaction is still all or nothing: in a group it runs in a savepoint of its own, and only its own exception
   undoes it.
2. Nobody is told of success before the group is durable, unless none of its members asked for that.
3. A group that cannot be committed leaves nothing, and its members are run again one by one.
"""

import threading
from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Engine
from sqlalchemy.exc import DBAPIError

from studiolo.storage import dialects, transactions
from studiolo.storage.transactions import Result, Transaction, Work

LARGEST_GROUP = 64
_Outcome = tuple[Any, Exception | None]


@dataclass(frozen=True, slots=True)
class _Waiting:
    work: Work[Any]
    future: "Future[Any]"
    is_flushed: bool


class GroupCommit:
    """Runs writing transactions one after the other in one thread."""

    def __init__(self, engine: Engine, closing: threading.Event) -> None:
        self._engine = engine
        self._unflushed = dialects.unflushed(engine)
        self._closing = closing
        self._waiting: deque[_Waiting] = deque()
        self._thread = ThreadPoolExecutor(1, "database-write")

    def submit(self, work: Work[Result], *, is_flushed: bool = True) -> "Future[Result]":
        """Queue a transaction; the future is done when it is durable, or just committed, or undone."""
        future: Future[Result] = Future()
        self._waiting.append(_Waiting(work, future, is_flushed))
        self._thread.submit(self._run_waiting)
        return future

    def shutdown(self) -> None:
        """Run what waits, then end the thread."""
        self._thread.shutdown(wait=True)

    def _run_waiting(self) -> None:
        group: list[_Waiting] = []
        while self._waiting and len(group) < LARGEST_GROUP:
            one = self._waiting.popleft()
            if one.future.set_running_or_notify_cancel():
                group.append(one)
        engine = self._engine if any(one.is_flushed for one in group) else self._unflushed
        outcomes = _run_group(engine, [one.work for one in group]) if len(group) > 1 else None
        if outcomes is None:
            outcomes = [self._run_alone(engine, one.work) for one in group]
        for one, (result, error) in zip(group, outcomes, strict=True):
            if error is not None:
                one.future.set_exception(error)
            else:
                one.future.set_result(result)

    def _run_alone(self, engine: Engine, work: Work[Any]) -> _Outcome:
        try:
            return transactions.run(engine, work, self._closing), None
        except Exception as error:  # noqa: BLE001 - it is the caller's, who gets it from the future
            return None, error


def _run_group(engine: Engine, works: list[Work[Any]]) -> list[_Outcome] | None:
    """Run all in one transaction; None if the group as a whole failed and nothing was kept."""
    try:
        with engine.begin() as connection:
            return [_run_in_savepoint(connection, work) for work in works]
    except DBAPIError:
        return None


def _run_in_savepoint(connection: Transaction, work: Work[Any]) -> _Outcome:
    savepoint = connection.begin_nested()
    try:
        result = work(connection)
    except Exception as error:  # noqa: BLE001 - it is the caller's, who gets it from the future
        savepoint.rollback()  # fails if SQLite has undone the whole transaction: then the group failed
        return None, transactions.explained(error) if isinstance(error, DBAPIError) else error
    savepoint.commit()
    return result, None
