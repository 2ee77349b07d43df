"""A hub on a loopback port, and both clients of it."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from studiolo.client import AsyncClient, Client
from studiolo.testing.loopback import LoopbackServer, loopback_server
from studiolo.testing.proxies import CuttingProxy
from studiolo.testing.servers import Server


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


@pytest.fixture(scope="module")
def real_server() -> Iterator[Server]:
    server = Server().start()
    yield server
    server.close()


@pytest.fixture(scope="module")
def project_id(real_server: Server) -> str:
    return real_server.project(start=True)


@pytest.fixture
def real_client(real_server: Server) -> Iterator[Client]:
    with Client(real_server.address, real_server.key) as client:
        yield client


@pytest.fixture
def proxy(real_server: Server) -> Iterator[CuttingProxy]:
    proxy = CuttingProxy(real_server.address)
    yield proxy
    proxy.close()


@pytest.fixture
def through_proxy(proxy: CuttingProxy, real_server: Server) -> Iterator[Client]:
    with Client(proxy.url, real_server.key, sleep=lambda _: None) as client:
        yield client
