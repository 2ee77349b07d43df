"""Servers for the tests that need the whole program."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from studiolo.testing.servers import Server

StartServer = Callable[..., Server]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.live)


@pytest.fixture
def live_server() -> Iterator[StartServer]:
    """Give a function that starts a server; whatever it started is ended and its log searched for secrets."""
    servers: list[Server] = []

    def start(*options: str, is_started: bool = True, **given: Any) -> Server:
        server = Server(*options, **given)
        servers.append(server)
        return server.start() if is_started else server

    yield start
    end(servers)


@pytest.fixture(scope="module", params=[pytest.param("root", marks=pytest.mark.root), "ordinary"])
def server(request: pytest.FixtureRequest) -> Iterator[Server]:
    """Give a server that the tests of one file share, once run by root and once by an ordinary user."""
    server = Server(is_root=request.param == "root")
    try:
        yield server.start()
    finally:
        end([server])


def end(servers: list[Server]) -> None:
    for server in servers:
        leaked, said = server.leaked_secrets(), server.log()
        server.close()
        assert not leaked
        assert "Traceback" not in said, said
