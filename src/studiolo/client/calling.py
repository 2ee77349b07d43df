"""Make one call over HTTP, again if that is safe and may help; to be waited for in either way."""

import asyncio
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Generator, Mapping
from contextlib import asynccontextmanager, contextmanager
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
        self,
        name: str,
        parameters: Mapping[str, Any],
        kinds: tuple[type[T], ...],
        *,
        is_reading: bool = False,
        is_once: bool = False,
    ) -> T:
        """Make a call and return its answer as one of these types."""
        key = wire.new_key() if is_once else None
        return wire.typed(name, kinds, self.raw(name, parameters, is_reading=is_reading, idempotency_key=key))

    def do(self, name: str, parameters: Mapping[str, Any], *, is_reading: bool = False, is_once: bool = False) -> None:
        """Make a call whose answer tells nothing but that it was done."""
        key = wire.new_key() if is_once else None
        self.raw(name, parameters, is_reading=is_reading, idempotency_key=key)

    def raw(
        self,
        name: str,
        parameters: Mapping[str, Any],
        *,
        is_reading: bool = False,
        idempotency_key: str | None = None,
    ) -> dict[str, Any]:
        """Make a call and return its answer as it came; raise the server's error as one of `client/errors.py`."""
        asked = wire.asked(name, parameters, is_reading=is_reading, idempotency_key=idempotency_key)
        return self.send(asked, wire.answer_of)

    def send(self, asked: wire.Asked, read: Callable[[str, httpx.Response], T]) -> T:
        """Send a request until `read` makes something of the answer; raise what it raises when patience ends."""
        attempt = 0
        while True:
            attempt += 1
            try:
                return read(asked.call, self._once(asked))
            except StudioloError as error:
                self.pause(attempt, error, is_repeatable=asked.is_repeatable)

    @contextmanager
    def stream(self, asked: wire.Asked) -> Generator[httpx.Response]:
        """Send a request once and give its answer, whose body is not read yet."""
        try:
            timeout = _patient(self.http.timeout, asked.silence_seconds)
            with self.http.stream(asked.method, asked.path, headers=dict(asked.headers), timeout=timeout) as response:
                if response.status_code >= 400:
                    response.read()
                    wire.check(asked.call, response)
                yield response
        except httpx.TransportError as error:
            raise wire.from_transport(asked.call, error) from error

    def pause(self, attempt: int, error: StudioloError, *, is_repeatable: bool) -> None:
        """Wait before a request is sent again; raise the error if it must not be."""
        seconds = self._policy.wait_before(attempt, error, is_repeatable=is_repeatable)
        if seconds is None:
            raise error
        self.sleep(seconds)

    def _once(self, asked: wire.Asked) -> httpx.Response:
        try:
            return self.http.send(asked.request(self.http))
        except httpx.TransportError as error:
            raise wire.from_transport(asked.call, error) from error


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
        self,
        name: str,
        parameters: Mapping[str, Any],
        kinds: tuple[type[T], ...],
        *,
        is_reading: bool = False,
        is_once: bool = False,
    ) -> T:
        """Make a call and return its answer as one of these types."""
        key = wire.new_key() if is_once else None
        return wire.typed(name, kinds, await self.raw(name, parameters, is_reading=is_reading, idempotency_key=key))

    async def do(
        self, name: str, parameters: Mapping[str, Any], *, is_reading: bool = False, is_once: bool = False
    ) -> None:
        """Make a call whose answer tells nothing but that it was done."""
        key = wire.new_key() if is_once else None
        await self.raw(name, parameters, is_reading=is_reading, idempotency_key=key)

    async def raw(
        self,
        name: str,
        parameters: Mapping[str, Any],
        *,
        is_reading: bool = False,
        idempotency_key: str | None = None,
    ) -> dict[str, Any]:
        """Make a call and return its answer as it came; raise the server's error as one of `client/errors.py`."""
        asked = wire.asked(name, parameters, is_reading=is_reading, idempotency_key=idempotency_key)
        return await self.send(asked, wire.answer_of)

    async def send(self, asked: wire.Asked, read: Callable[[str, httpx.Response], T]) -> T:
        """Send a request until `read` makes something of the answer; raise what it raises when patience ends."""
        attempt = 0
        while True:
            attempt += 1
            try:
                return read(asked.call, await self._once(asked))
            except StudioloError as error:
                await self.pause(attempt, error, is_repeatable=asked.is_repeatable)

    @asynccontextmanager
    async def stream(self, asked: wire.Asked) -> AsyncGenerator[httpx.Response]:
        """Send a request once and give its answer, whose body is not read yet."""
        try:
            timeout = _patient(self.http.timeout, asked.silence_seconds)
            async with self.http.stream(
                asked.method, asked.path, headers=dict(asked.headers), timeout=timeout
            ) as response:
                if response.status_code >= 400:
                    await response.aread()
                    wire.check(asked.call, response)
                yield response
        except httpx.TransportError as error:
            raise wire.from_transport(asked.call, error) from error

    async def pause(self, attempt: int, error: StudioloError, *, is_repeatable: bool) -> None:
        """Wait before a request is sent again; raise the error if it must not be."""
        seconds = self._policy.wait_before(attempt, error, is_repeatable=is_repeatable)
        if seconds is None:
            raise error
        await self.sleep(seconds)

    async def _once(self, asked: wire.Asked) -> httpx.Response:
        try:
            return await self.http.send(asked.request(self.http))
        except httpx.TransportError as error:
            raise wire.from_transport(asked.call, error) from error


def _patient(timeout: httpx.Timeout, silence_seconds: float) -> httpx.Timeout:
    read = timeout.read if timeout.read is None else max(timeout.read, silence_seconds)
    return httpx.Timeout(connect=timeout.connect, read=read, write=timeout.write, pool=timeout.pool)
