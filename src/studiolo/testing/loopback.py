"""A hub in this process on a real loopback port, with fake sandboxes behind it; for whoever speaks HTTP to it."""

import asyncio
import shutil
import socket
import tempfile
import threading
from collections.abc import Awaitable, Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass
from email import message_from_bytes
from email.policy import default
from pathlib import Path
from typing import Any, TypeVar

import uvicorn

from studiolo.app.hub import Hub, build_app
from studiolo.core.clock import SystemClock
from studiolo.core.models import Principal
from studiolo.core.secrets import SystemSecretSource
from studiolo.core.settings_sources import load_settings
from studiolo.domain.services import Services, build_services
from studiolo.runtime.agents import UnixAgentConnector
from studiolo.storage.database import Database
from studiolo.testing.copying import FakeCopyEngine
from studiolo.testing.factories import cheap_passwords
from studiolo.testing.runners import FakeRunner
from studiolo.testing.worlds import Maker, World

T = TypeVar("T")
READY_SECONDS = 20.0


@dataclass(frozen=True)
class LoopbackServer:
    """A hub that answers on `url`, and the key of an administrator."""

    url: str
    key: str
    services: Services
    runner: FakeRunner
    _worker: Services
    _loop: asyncio.AbstractEventLoop
    _mails: Path

    def do(self, work: Callable[[], Awaitable[T]]) -> T:
        """Do something in the hub's event loop and return its result."""

        async def done() -> T:
            return await work()

        return asyncio.run_coroutine_threadsafe(done(), self._loop).result(READY_SECONDS)

    def run_copies(self) -> int:
        """Carry out every copy that is due; return how many there were."""
        count = 0
        while self.do(lambda: self._worker.copies.run_one("worker")):
            count += 1
        return count

    @contextmanager
    def copying(self) -> Generator[None]:
        """Carry out copies as they come, in a thread of its own, until the end of the block."""
        is_over = threading.Event()

        def copy() -> None:
            while not is_over.wait(0.02):
                self.run_copies()

        worker = threading.Thread(target=copy)
        worker.start()
        try:
            yield
        finally:
            is_over.set()
            worker.join()

    def make_world(self, tag: str) -> World:
        """Make what the examples of calls speak of; the tag keeps it apart from other worlds."""
        maker = Maker(self.services, self.runner.agent, self._mail_to)
        return self.do(lambda: maker.make(tag))

    def _mail_to(self, address: str) -> str:
        for path in self._mails.glob("*.eml"):
            mail = message_from_bytes(path.read_bytes(), policy=default)
            if mail["To"] == address:
                path.unlink()
                return str(mail.get_content())
        raise AssertionError(f"no mail to {address}")


@contextmanager
def loopback_server(sqlite_template: Path) -> Generator[LoopbackServer]:
    """Run a hub on a copy of an empty, migrated database."""
    directory = Path(tempfile.mkdtemp(prefix="studiolo-"))
    shutil.copy(sqlite_template, directory / "studiolo.sqlite3")
    listener = socket.create_server(("127.0.0.1", 0))
    url = f"http://127.0.0.1:{listener.getsockname()[1]}"
    started: list[tuple[uvicorn.Server, LoopbackServer]] = []
    is_ready = threading.Event()

    async def serve() -> None:
        clock = SystemClock()
        database = Database(f"sqlite:///{directory / 'studiolo.sqlite3'}")
        runner, connector = FakeRunner(directory), UnixAgentConnector(clock)
        settings = load_settings(data=directory)
        parts: dict[str, Any] = {"database": database, "runner": runner, "connector": connector, "clock": clock}
        parts["secrets"] = SystemSecretSource()
        hub = build_app(settings, **parts, passwords=cheap_passwords())
        worker = build_services(settings, **parts, copy_engine=FakeCopyEngine())
        key = await _administrator(hub)
        loop = asyncio.get_running_loop()
        config = uvicorn.Config(hub.app, log_config=None, lifespan="off", ws="websockets-sansio", proxy_headers=False)
        uvicorn_server = uvicorn.Server(config)
        started.append(
            (uvicorn_server, LoopbackServer(url, key, hub.services, runner, worker, loop, directory / "mail"))
        )
        is_ready.set()
        await uvicorn_server.serve(sockets=[listener])
        await hub.services.projects.close()
        await connector.close()
        await runner.close()
        await database.close()

    thread = threading.Thread(target=lambda: asyncio.run(serve()), daemon=True)
    thread.start()
    assert is_ready.wait(READY_SECONDS), "the server did not start"
    uvicorn_server, server = started[0]
    try:
        yield server
    finally:
        uvicorn_server.should_exit = True
        thread.join(READY_SECONDS)
        shutil.rmtree(directory, ignore_errors=True)
    assert not thread.is_alive(), "the server did not stop"


async def _administrator(hub: Hub) -> str:
    account = await hub.services.accounts.create_as_operator(
        email_address="admin@example.edu",
        password="admin-password",  # noqa: S106 - of a test
        is_admin=True,
    )
    _, key = await hub.services.api_keys.create(Principal(account.account_id))
    return key
