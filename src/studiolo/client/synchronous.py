"""The client for ordinary programs."""

import time
from collections.abc import Callable, Mapping
from typing import Any, Self

import httpx

from studiolo import __version__
from studiolo.client import wire
from studiolo.client.all_nouns import Nouns
from studiolo.client.calling import Caller
from studiolo.client.retrying import RetryPolicy


class Client(Nouns):
    """A server and a key; the nouns of the API are its attributes. Threads may share it."""

    def __init__(
        self,
        url: str,
        key: str,
        *,
        timeout_seconds: float = 60.0,
        policy: RetryPolicy | None = None,
        verify: Any = True,
        transport: httpx.BaseTransport | None = None,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        """Connect to the server at `url` with an API key.

        `timeout_seconds` is how long the server may be silent; `verify` and `transport` are httpx's.
        """
        self._http = httpx.Client(
            base_url=wire.base_url(url),
            headers=wire.headers(key, __version__),
            timeout=httpx.Timeout(timeout_seconds, connect=min(timeout_seconds, 10.0)),
            verify=verify,
            transport=transport,
        )
        super().__init__(Caller(self._http, policy or RetryPolicy(), sleep=sleep))

    def call(
        self,
        name: str,
        parameters: Mapping[str, Any] | None = None,
        *,
        is_reading: bool = False,
        idempotency_key: str | None = None,
    ) -> dict[str, Any]:
        """Make any call by its name, one that this version does not know too, and return the answer as it came.

        `is_reading` says that the call changes nothing. With an `idempotency_key` a call that makes something makes it
        once, whoever sends it again within a day. Either way it may be made again after any failure that may pass.
        """
        return self._caller.raw(name, parameters or {}, is_reading=is_reading, idempotency_key=idempotency_key)

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def __enter__(self) -> Self:
        """Use the client in a `with` block."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close the connections."""
        self.close()

    def __del__(self) -> None:
        """Close the connections of a client that nobody closed: scripts rarely do."""
        http = getattr(self, "_http", None)
        if http is not None:
            http.close()

    def __repr__(self) -> str:
        """Name the server, and never the key."""
        return f"Client({str(self._http.base_url)!r})"
