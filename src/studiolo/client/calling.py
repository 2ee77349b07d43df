"""Make one call over HTTP, again if that is safe and may help; to be waited for in either way."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, TypeVar

import httpx

from studiolo.client import wire
from studiolo.client.errors import StudioloError
from studiolo.client.retrying import RetryPolicy

T = TypeVar("T")


class Caller:
    """Calls over one pool of connections."""

    def __init__(self, http: httpx.Client, policy: RetryPolicy, *, sleep: Callable[[float], None] = time.sleep) -> None:
        """Take the pool, which stays the caller's own, and the way to wait."""
        self.http = http
        self.sleep = sleep
        self._policy = policy

    def call(
        self, name: str, parameters: Mapping[str, Any], kinds: tuple[type[T], ...], *, is_reading: bool = False
    ) -> T:
        """Make a call and return its answer as one of these types."""
        return wire.typed(name, kinds, self.raw(name, parameters, is_reading=is_reading))

    def do(self, name: str, parameters: Mapping[str, Any], *, is_reading: bool = False) -> None:
        """Make a call whose answer tells nothing but that it was done."""
        self.raw(name, parameters, is_reading=is_reading)

    def raw(self, name: str, parameters: Mapping[str, Any], *, is_reading: bool = False) -> dict[str, Any]:
        """Make a call and return its answer as it came; raise the server's error as one of `client/errors.py`."""
        asked = wire.asked(name, parameters, is_reading=is_reading)
        attempt = 0
        while True:
            attempt += 1
            try:
                return self._once(asked)
            except StudioloError as error:
                seconds = self._policy.wait_before(attempt, error, is_repeatable=asked.is_repeatable)
                if seconds is None:
                    raise
            self.sleep(seconds)

    def _once(self, asked: wire.Asked) -> dict[str, Any]:
        try:
            response = self.http.send(asked.request(self.http))
        except httpx.TransportError as error:
            raise wire.from_transport(asked.call, error) from error
        return wire.answer_of(asked.call, response)


class AsyncCaller:
    """The same, to be awaited."""

    def __init__(
        self, http: httpx.AsyncClient, policy: RetryPolicy, *, sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
    ) -> None:
        """Take the pool, which stays the caller's own, and the way to wait."""
        self.http = http
        self.sleep = sleep
        self._policy = policy

    async def call(
        self, name: str, parameters: Mapping[str, Any], kinds: tuple[type[T], ...], *, is_reading: bool = False
    ) -> T:
        """Make a call and return its answer as one of these types."""
        return wire.typed(name, kinds, await self.raw(name, parameters, is_reading=is_reading))

    async def do(self, name: str, parameters: Mapping[str, Any], *, is_reading: bool = False) -> None:
        """Make a call whose answer tells nothing but that it was done."""
        await self.raw(name, parameters, is_reading=is_reading)

    async def raw(self, name: str, parameters: Mapping[str, Any], *, is_reading: bool = False) -> dict[str, Any]:
        """Make a call and return its answer as it came; raise the server's error as one of `client/errors.py`."""
        asked = wire.asked(name, parameters, is_reading=is_reading)
        attempt = 0
        while True:
            attempt += 1
            try:
                return await self._once(asked)
            except StudioloError as error:
                seconds = self._policy.wait_before(attempt, error, is_repeatable=asked.is_repeatable)
                if seconds is None:
                    raise
            await self.sleep(seconds)

    async def _once(self, asked: wire.Asked) -> dict[str, Any]:
        try:
            response = await self.http.send(asked.request(self.http))
        except httpx.TransportError as error:
            raise wire.from_transport(asked.call, error) from error
        return wire.answer_of(asked.call, response)
