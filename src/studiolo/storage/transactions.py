"""Running one function in one transaction, again after a clash."""

import random
import threading
from collections.abc import Callable
from typing import TypeVar

from sqlalchemy import Connection, Engine
from sqlalchemy.exc import DBAPIError

from studiolo.core.errors import Unavailable
from studiolo.storage import dialects

MAX_ATTEMPTS = 12
_FIRST_BACKOFF_SECONDS = 0.005
_LONGEST_BACKOFF_SECONDS = 0.5

Result = TypeVar("Result")
Transaction = Connection  # what the functions are given; the layers above need not know its library
Work = Callable[[Transaction], Result]


def run(engine: Engine, work: Work[Result], closing: threading.Event) -> Result:
    """Run and commit; once `closing` is set nothing is tried again."""
    for attempt in range(1, MAX_ATTEMPTS + 1):
        is_last = attempt == MAX_ATTEMPTS or closing.is_set()
        try:
            return _run_once(engine, work)
        except DBAPIError as error:
            if is_last or not dialects.may_try_again(error):
                raise explained(error) from error
        closing.wait(_backoff_seconds(attempt))  # this thread's own pause; the event loop goes on
    raise AssertionError("the last attempt returns or raises")


def explained(error: DBAPIError) -> Exception:
    """Return what the caller is told: Unavailable, or the error itself if the statement was wrong."""
    if dialects.is_unavailable(error):
        return Unavailable("The database does not answer; try again.", internal=str(error))
    return error


def _run_once(engine: Engine, work: Work[Result]) -> Result:
    with engine.connect() as connection:
        begun = connection.begin()
        result = work(connection)
        try:
            begun.commit()
        except DBAPIError as error:
            if error.connection_invalidated:  # it may have been committed: running it again could do it twice
                raise Unavailable("The database went away; look whether it was done.", internal=str(error)) from error
            raise
        return result


def _backoff_seconds(attempt: int) -> float:
    longest = min(_LONGEST_BACKOFF_SECONDS, _FIRST_BACKOFF_SECONDS * 2**attempt)
    return random.uniform(0, longest)  # noqa: S311 - spreads rivals apart, keeps no secret
