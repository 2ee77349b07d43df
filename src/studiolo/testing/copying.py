"""A copy engine that moves nothing, but notes the order and behaves as it is told."""

import asyncio
from collections.abc import Awaitable, Callable

from studiolo.core.models import CopyOrder
from studiolo.runtime.protocols import CopyReport, OnProgress


class FakeCopyEngine:
    """Notes every order in `orders`; `behave` may wait or raise for the engine."""

    def __init__(self, behave: Callable[[CopyOrder], Awaitable[None]] | None = None) -> None:
        self.orders: list[CopyOrder] = []
        self.progress: dict[str, int] | None = None  # what it says of every copy
        self.report: CopyReport = {}
        self._behave = behave

    async def copy(self, order: CopyOrder, on_progress: OnProgress | None = None) -> CopyReport:
        """Pretend to carry out a copy."""
        self.orders.append(order)
        if on_progress is not None and self.progress is not None:
            on_progress(self.progress)
        if self._behave is not None:
            await self._behave(order)
        return dict(self.report)


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
