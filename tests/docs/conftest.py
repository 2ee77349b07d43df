"""A real server on a loopback port, for the documentation's examples."""

import asyncio
import importlib.util
import shutil
import socket
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import requests as r
import uvicorn

from studiolo.app.hub import build_app
from studiolo.core.clock import SystemClock
from studiolo.core.models import Principal
from studiolo.core.secrets import SystemSecretSource
from studiolo.core.settings import Settings
from studiolo.domain.services import build_services
from studiolo.runtime.agents import UnixAgentConnector
from studiolo.storage.database import Database
from studiolo.testing.copying import FakeCopyEngine
from studiolo.testing.factories import cheap_passwords
from studiolo.testing.runners import FakeRunner

ROOT = Path(__file__).parents[2]


@dataclass
class Server:
    """A server that runs, and the key of an administrator."""

    url: str
    key: str
    run_copies: Callable[[], None]

    def post(self, name: str, data: dict[str, Any]) -> dict[str, Any]:
        req = r.post(f"{self.url}/api/v1/{name}", auth=(self.key, ""), data=data, timeout=30)
        return req.json()


@pytest.fixture
def server(sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    directory = tmp_path_factory.mktemp("s")
    shutil.copy(sqlite_template, directory / "studiolo.sqlite3")
    listener = socket.create_server(("127.0.0.1", 0))
    started: list[Any] = []
    ready = threading.Event()

    async def serve() -> None:
        settings, clock, secrets = Settings(data=directory), SystemClock(), SystemSecretSource()
        database = Database(f"sqlite:///{directory / 'studiolo.sqlite3'}")
        runner, connector = FakeRunner(directory), UnixAgentConnector(clock)
        parts = {"database": database, "runner": runner, "connector": connector, "clock": clock, "secrets": secrets}
        hub = build_app(settings, **parts, passwords=cheap_passwords())
        worker = build_services(settings, **parts, copy_engine=FakeCopyEngine())
        account = await hub.services.accounts.create_as_operator(
            email_address="admin@example.edu", password="admin-password", is_admin=True
        )
        _, key = await hub.services.api_keys.create(Principal(account.account_id))
        config = uvicorn.Config(
            hub.app, log_config=None, lifespan="off", http="httptools", ws="websockets-sansio", proxy_headers=False
        )
        uvicorn_server = uvicorn.Server(config)
        started.extend([uvicorn_server, key, worker, asyncio.get_running_loop()])
        ready.set()
        await uvicorn_server.serve(sockets=[listener])
        await hub.services.projects.close()
        await connector.close()
        await runner.close()
        await database.close()

    thread = threading.Thread(target=lambda: asyncio.run(serve()), daemon=True)
    thread.start()
    assert ready.wait(20)
    uvicorn_server, key, worker, loop = started

    def run_copies() -> None:
        assert asyncio.run_coroutine_threadsafe(worker.copies.run_one("worker"), loop).result(20)

    url = f"http://127.0.0.1:{listener.getsockname()[1]}"
    _wait_until_healthy(url)
    yield Server(url, key, run_copies)
    uvicorn_server.should_exit = True
    thread.join(20)
    assert not thread.is_alive()


def _wait_until_healthy(url: str) -> None:
    deadline = time.monotonic() + 20
    while True:
        try:
            if r.get(f"{url}/healthz", timeout=5).status_code == 200:
                return
        except r.ConnectionError:
            pass
        assert time.monotonic() < deadline, "the server did not get ready"
        time.sleep(0.02)


@pytest.fixture
def example() -> Callable[[str], Any]:
    """Return a function that loads a program of `examples/` as it stands."""

    def load(name: str) -> Any:
        spec = importlib.util.spec_from_file_location(name, ROOT / "examples" / f"{name}.py")
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        return module

    return load
