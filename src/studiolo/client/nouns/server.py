"""Calls about server. Written by `make client` from the registry of calls; not to be edited."""

from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar

from studiolo.client.calling import AsyncCaller, Caller


@dataclass(frozen=True, slots=True, kw_only=True)
class Pong:
    """The answer, with the server's time."""

    EVENT: ClassVar[str] = "pong"

    now: datetime


class ServerCalls:
    """Calls about server."""

    def __init__(self, caller: Caller) -> None:
        """Make calls through a client's connection."""
        self._caller = caller

    def log_client_error(self, *, error: str) -> None:
        """Record an error that happened in the client, for the operators to see.

        Who may call it: Any account.

        Args:
            error: What went wrong, in words or as a traceback.
        """
        self._caller.do("log_client_error", {"error": error})

    def ping(self) -> Pong:
        """Test that the server answers, and learn its time.

        Who may call it: Anybody; the key may be blank.
        """
        return self._caller.call("ping", {}, (Pong,), is_reading=True)


class AsyncServerCalls:
    """Calls about server, to be awaited."""

    def __init__(self, caller: AsyncCaller) -> None:
        """Make calls through a client's connection."""
        self._caller = caller

    async def log_client_error(self, *, error: str) -> None:
        """Record an error that happened in the client, for the operators to see.

        Who may call it: Any account.

        Args:
            error: What went wrong, in words or as a traceback.
        """
        await self._caller.do("log_client_error", {"error": error})

    async def ping(self) -> Pong:
        """Test that the server answers, and learn its time.

        Who may call it: Anybody; the key may be blank.
        """
        return await self._caller.call("ping", {}, (Pong,), is_reading=True)
