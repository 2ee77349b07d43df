"""A hub on a loopback port, and both clients of it."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from studiolo.client import AsyncClient, Client
from studiolo.testing.loopback import LoopbackServer, loopback_server


@pytest.fixture(scope="module")
def server(sqlite_template: Path) -> Iterator[LoopbackServer]:
    with loopback_server(sqlite_template) as running:
        yield running


@pytest.fixture
def client(server: LoopbackServer) -> Iterator[Client]:
    with Client(server.url, server.key) as client:
        yield client


@pytest.fixture
async def async_client(server: LoopbackServer, anyio_backend: str) -> AsyncIterator[AsyncClient]:
    async with AsyncClient(server.url, server.key) as client:
        yield client
