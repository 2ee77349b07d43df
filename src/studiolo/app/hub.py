"""The hub: settings become services, services become an application, and a process serves it.

Everything is built here and handed down; nothing below looks around.
"""

import asyncio
import contextlib
import functools
import gc
import math
import os
import resource
import signal
import socket
import sys
from collections.abc import AsyncGenerator, Callable
from dataclasses import dataclass

import structlog
import uvicorn
from starlette.applications import Starlette

from studiolo.app import event_loop
from studiolo.app.http_protocol import LimitedHttpProtocol
from studiolo.core.clock import Clock, SystemClock
from studiolo.core.errors import StudioloError
from studiolo.core.log import configure_logging
from studiolo.core.secrets import SecretSource, SystemSecretSource
from studiolo.core.settings import Settings
from studiolo.domain.passwords import Passwords
from studiolo.domain.services import Services, build_services
from studiolo.runtime.agents import UnixAgentConnector
from studiolo.runtime.copying.engine import ChoosingEngine
from studiolo.runtime.homes import KeeperHomes
from studiolo.runtime.keeper.client import KeeperClient
from studiolo.runtime.keeper.messages import StartCopyWorker
from studiolo.runtime.keeper.plan import CANNOT_START
from studiolo.runtime.protocols import AgentConnector, BatchCopyEngine, HomeRemover, ProjectRunner, RunnerReport
from studiolo.runtime.runners.process import WARNING as WALLS_MISSING
from studiolo.runtime.runners.process import ProcessRunner
from studiolo.runtime.runners.sandbox import SandboxRunner
from studiolo.storage.database import Database, hide_password
from studiolo.web import errors, health, metrics, openapi, reference
from studiolo.web.api_v1 import routes as api_v1
from studiolo.web.api_v1.authorization import administrators
from studiolo.web.api_v2 import routes as api_v2
from studiolo.web.assets import Assets
from studiolo.web.calls import every_call
from studiolo.web.conat import routes as conat
from studiolo.web.frame import routes as frame
from studiolo.web.metrics import Metrics
from studiolo.web.middleware import middleware
from studiolo.web.pages import routes as pages
from studiolo.web.sockets import routes as sockets
from studiolo.web.streams import routes as streams
from studiolo.workers import reaper

STOP_SECONDS = 8
SWITCH_SECONDS = 0.001
DUE_COPIES_EVERY_SECONDS = 2.0
_log = structlog.get_logger("studiolo")


@dataclass(frozen=True, slots=True)
class Hub:
    """One hub: the application and what it is made of."""

    app: Starlette
    services: Services
    metrics: Metrics


def build_app(
    settings: Settings,
    *,
    database: Database,
    runner: ProjectRunner,
    connector: AgentConnector,
    clock: Clock,
    secrets: SecretSource,
    on_copy_queued: Callable[[], None] | None = None,
    passwords: Passwords | None = None,
    homes: HomeRemover | None = None,
    copy_engine: BatchCopyEngine | None = None,
) -> Hub:
    """Build a hub. Several can live in one process; the caller owns the database, the runner and the connector."""
    services = build_services(
        settings,
        database,
        clock,
        secrets,
        runner,
        connector,
        copy_engine,
        on_copy_queued=on_copy_queued,
        passwords=passwords,
        homes=homes,
    )
    figures = Metrics()
    figures.add_gauge("running_projects", "Projects that run.", services.projects.count_running)
    assets = Assets()
    describe = functools.cache(lambda: openapi.document(every_call()))
    routes = [
        *health.routes(database.ping, warnings=(WALLS_MISSING,) if settings.runner == "process" else ()),
        *metrics.routes(figures, settings.metrics_addresses, administrators(services.api_keys)),
        *openapi.routes(describe),
        *reference.routes(describe),
        *streams.routes(services, settings, clock),
        *api_v1.routes(services, settings, clock, secrets),
        *api_v2.routes(services, settings, clock),
        *conat.routes(services, settings, clock),
        *assets.routes(),
        *frame.routes(services, settings, clock, assets),
        *sockets.routes(services, settings, clock),
        *pages.routes(services, settings, clock, assets),
    ]
    app = Starlette(
        routes=routes,
        middleware=middleware(settings, clock, secrets, figures),
        exception_handlers=errors.exception_handlers(),
    )
    return Hub(app, services, figures)


def run_hub(settings: Settings, *, keeper_fd: int, listen_fd: int) -> None:
    """Run the hub until SIGTERM, as the keeper's child."""
    configure_logging(settings.log_level, settings.log_format)
    # a thread that writes a thousand rows hands the interpreter to the loop five times sooner than by default
    sys.setswitchinterval(SWITCH_SECONDS)
    most_files = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (most_files, most_files))  # every browser takes one, and 1,024 is usual
    _prepare_database(settings)
    database = Database(settings.database_url)
    listener = socket.socket(fileno=listen_fd)

    async def run() -> None:
        keeper = await KeeperClient.connect(keeper_fd)
        clock = SystemClock()
        connector = UnixAgentConnector(clock)
        runner = ProcessRunner(keeper) if settings.runner == "process" else SandboxRunner(keeper)
        wake = asyncio.Event()
        hub = build_app(
            settings,
            database=database,
            runner=runner,
            connector=connector,
            clock=clock,
            secrets=SystemSecretSource(),
            on_copy_queued=wake.set,
            homes=KeeperHomes(keeper),
            copy_engine=ChoosingEngine(keeper) if runner.shares_disk else None,
        )
        gc.collect()
        gc.freeze()  # what is here stays; looking through all of it now and then would stop the loop for 60 ms
        keeper.on_event = lambda event: hub.services.copies.notice_finished(event.get("finished", ()))
        async with _chores(hub, settings, runner, keeper, clock, wake):
            await _serve(hub.app, listener, settings)
        await hub.services.copies.close()
        if settings.stop_projects_on_exit:
            await hub.services.projects.stop_all()
        await hub.services.projects.close()
        await connector.close()
        await keeper.close()
        await database.close()

    event_loop.run(run())


def _prepare_database(settings: Settings) -> None:
    """Bring the schema up to date; end the process when that cannot be done.

    A process of its own does it, since all that it loads (10 MB) is never needed again.
    """
    child = os.fork()
    if child == 0:
        os._exit(_migrate(settings))
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    if code != 0:
        sys.exit(code)


def _migrate(settings: Settings) -> int:
    """Return 0, or another exit code after saying why."""
    try:
        Database(settings.database_url).migrate_now()
    except (StudioloError, ValueError) as error:
        reason, detail = (error.message, error.internal) if isinstance(error, StudioloError) else (str(error), "")
        said = detail.splitlines()[0] if detail else ""
        _log.error("cannot_serve", reason=reason, database=hide_password(settings.database_url), detail=said)
        return CANNOT_START
    except Exception:  # noqa: BLE001 - the edge of a process
        _log.exception("migration_failed")
        return 1
    return 0


@contextlib.asynccontextmanager
async def _chores(
    hub: Hub, settings: Settings, runner: ProjectRunner, keeper: KeeperClient, clock: Clock, wake: asyncio.Event
) -> AsyncGenerator[None]:
    """Take over the projects that survived, then keep house while the hub serves."""
    report_runner(await runner.probe(), settings)
    await hub.services.projects.adopt_all()
    async with asyncio.TaskGroup() as group:
        tasks = [
            group.create_task(reaper.run(hub.services, clock)),
            group.create_task(_start_copy_workers(hub.services, keeper, clock, wake)),
        ]
        try:
            yield
        finally:
            for task in tasks:
                task.cancel()


def report_runner(report: RunnerReport, settings: Settings) -> None:
    """Say at start-up what keeps projects apart, and loudly what does not."""
    _log.info("runner_ready", runner=report.name, isolated=report.is_isolated, limits=", ".join(report.limits_enforced))
    for warning in report.warnings:
        _log.warning("runner_warning", runner=settings.runner, warning=warning)


async def _start_copy_workers(services: Services, keeper: KeeperClient, clock: Clock, wake: asyncio.Event) -> None:
    """Have workers started when there is something to copy.

    Looking now and then finds scheduled copies, and copies that nobody has had time for: then one more worker helps.
    """
    looked_at, was_due = -math.inf, False
    while True:
        try:
            is_time_to_look = clock.monotonic() - looked_at >= DUE_COPIES_EVERY_SECONDS
            is_woken = wake.is_set()
            wake.clear()
            if is_time_to_look:
                looked_at = clock.monotonic()
                is_due = await services.copies.is_any_due()
                if is_due:
                    await keeper.ask(StartCopyWorker(is_behind=was_due))
                was_due = is_due
            elif is_woken:
                await keeper.ask(StartCopyWorker())
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(wake.wait(), DUE_COPIES_EVERY_SECONDS)
        except StudioloError as error:
            _log.warning("copy_workers_not_started", reason=error.message)
            await clock.sleep(DUE_COPIES_EVERY_SECONDS)
        except Exception:  # noqa: BLE001 - the edge: a failure here must not end the hub, the next look may succeed
            _log.exception("copy_workers_not_started")
            await clock.sleep(DUE_COPIES_EVERY_SECONDS)


async def _serve(app: Starlette, listener: socket.socket, settings: Settings) -> None:
    config = uvicorn.Config(
        app,
        log_config=None,
        access_log=False,  # web/middleware.py logs each request, without secrets
        server_header=False,
        lifespan="off",
        http=LimitedHttpProtocol,
        ws="websockets-sansio",
        ws_per_message_deflate=False,  # costs more than it saves: updates are small and already dense
        timeout_graceful_shutdown=STOP_SECONDS,
        ssl_certfile=settings.tls_cert,
        ssl_keyfile=settings.tls_key,
        proxy_headers=False,  # web/client_address.py decides whom to believe
    )
    # uvicorn raises again what ended it: by then the signal has had its effect
    signal.signal(signal.SIGTERM, lambda _number, _frame: None)
    await uvicorn.Server(config).serve(sockets=[listener])
