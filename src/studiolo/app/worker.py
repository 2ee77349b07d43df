"""The copy worker: a process of its own with nothing in it but what copying needs, since it is started on demand."""

import asyncio
import contextlib
import os
import signal
import socket

from studiolo.app import event_loop
from studiolo.app.copy_engine import copy_engine
from studiolo.core.clock import SystemClock
from studiolo.core.log import configure_logging
from studiolo.core.secrets import SystemSecretSource
from studiolo.core.settings import Settings
from studiolo.domain.copies import Copies
from studiolo.domain.copying import Copying
from studiolo.runtime.keeper.client import KeeperClient
from studiolo.runtime.keeper.messages import TellFinished
from studiolo.runtime.runners.process import ProcessRunner
from studiolo.runtime.runners.sandbox import SandboxRunner
from studiolo.storage.database import Database
from studiolo.workers import copies as copy_worker

IDLE_SECONDS = 60.0
SLOTS = 4


def run_copy_worker(settings: Settings, *, keeper_fd: int) -> None:
    """Carry out copies until there have been none for a while, as the keeper's child."""
    configure_logging(settings.log_level, settings.log_format)
    database = Database(settings.database_url)

    async def run() -> None:
        keeper = await KeeperClient.connect(keeper_fd)
        clock, secrets = SystemClock(), SystemSecretSource()
        runner = ProcessRunner(keeper) if settings.runner == "process" else SandboxRunner(keeper)
        copying = Copying(
            settings,
            database,
            clock,
            copy_engine(settings, database, clock, runner, keeper),
            on_finished=lambda copy_ids: keeper.tell(TellFinished(tuple(copy_ids))),
        )
        copies = Copies(database, clock, secrets, copying)
        name = f"{socket.gethostname()}-{os.getpid()}-{secrets.base62(8)}"
        wake = asyncio.Event()
        loop = asyncio.get_running_loop()
        loop.add_signal_handler(signal.SIGUSR1, wake.set)  # the keeper's way to say: there is work
        working = loop.create_task(copy_worker.run(copies, clock, name, wake, IDLE_SECONDS, SLOTS))
        loop.add_signal_handler(signal.SIGTERM, working.cancel)
        with contextlib.suppress(asyncio.CancelledError):
            await working
        await keeper.close()
        await database.close()

    event_loop.run(run())
