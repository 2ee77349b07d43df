"""A copy engine that moves nothing, but notes the order and behaves as it is told."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence

from studiolo.core.errors import StudioloError
from studiolo.core.models import CopyOrder
from studiolo.runtime.protocols import CopyOutcome, CopyReport, OnProgress, Postponed


class FakeCopyEngine:
    """Notes every order in `orders`; `behave` may wait or raise for the engine."""

    def __init__(self, behave: Callable[[CopyOrder], Awaitable[None]] | None = None) -> None:
        self.orders: list[CopyOrder] = []
        self.progress: dict[str, int] | None = None  # what it says of every copy
        self.report: CopyReport = {}
        self.batches: list[int] = []  # how many copies each had
        self.postpone: Callable[[CopyOrder], Postponed | None] = lambda _order: None
        self.behave = behave

    async def copy(self, order: CopyOrder, on_progress: OnProgress | None = None) -> CopyReport:
        """Pretend to carry out a copy."""
        self.orders.append(order)
        if on_progress is not None and self.progress is not None:
            on_progress(self.progress)
        if self.behave is not None:
            await self.behave(order)
        return dict(self.report)

    async def copy_all(self, orders: Sequence[CopyOrder]) -> list[CopyOutcome]:
        """Pretend to carry out copies together, one after the other."""
        self.batches.append(len(orders))
        outcomes: list[CopyOutcome] = []
        for order in orders:
            try:
                outcomes.append(self.postpone(order) or await self.copy(order))
            except StudioloError as error:
                outcomes.append(error)
        return outcomes


class SlowCopyEngine(FakeCopyEngine):
    """Copies only once `release` was called."""

    def __init__(self) -> None:
        super().__init__(self._wait)
        self.has_begun = asyncio.Event()
        self._released = asyncio.Event()

    def release(self) -> None:
        """Let every copy go on."""
        self._released.set()

    async def _wait(self, _order: CopyOrder) -> None:
        self.has_begun.set()
        await self._released.wait()
