"""A clock that is moved by hand."""

import asyncio
from datetime import UTC, datetime, timedelta

START = datetime(2026, 1, 1, 12, 0, 0, tzinfo=UTC)


class MovingClock:
    """Stands still until it is moved; `sleep` waits for the moves."""

    def __init__(self, start: datetime = START) -> None:
        self._start = start
        self._passed = 0.0
        self._sleepers: list[tuple[float, asyncio.Future[None]]] = []
        self._somebody_sleeps = asyncio.Event()

    def now(self) -> datetime:
        """Return the present moment, aware, in UTC."""
        return self._start + timedelta(seconds=self._passed)

    def monotonic(self) -> float:
        """Return seconds of a clock that never goes back."""
        return self._passed

    async def sleep(self, seconds: float) -> None:
        """Wait until the clock was moved by so many seconds."""
        waiting = asyncio.get_running_loop().create_future()
        self._sleepers.append((self._passed + seconds, waiting))
        if seconds <= 0:
            self._wake()
        self._somebody_sleeps.set()
        try:
            await waiting
        finally:
            self._sleepers = [(due, sleeper) for due, sleeper in self._sleepers if sleeper is not waiting]

    def move(self, seconds: float) -> None:
        """Let time pass at once and wake who is due, the earliest first."""
        self._passed += seconds
        self._wake()

    async def move_past_sleeper(self, timeout_seconds: float = 5.0) -> None:
        """Wait until somebody sleeps, then move to the moment the earliest one is due."""
        async with asyncio.timeout(timeout_seconds):
            while not self._sleepers:
                self._somebody_sleeps.clear()
                await self._somebody_sleeps.wait()
        self.move(max(0.0, min(due for due, _ in self._sleepers) - self._passed))

    def _wake(self) -> None:
        due_now = sorted((one for one in self._sleepers if one[0] <= self._passed), key=lambda one: one[0])
        for _, sleeper in due_now:
            if not sleeper.done():
                sleeper.set_result(None)
