"""The composition root: settings become services, services become the hub, a worker or a command.

`serve` turns this process into the keeper (`runtime/keeper`), which starts the hub (`run_hub`) and the copy workers
(`run_copy_worker`) as processes without rights. Everything is built here and handed down; nothing below looks around.
"""

import asyncio
import contextlib
import functools
import os
import signal
import socket
import sys
from collections.abc import AsyncGenerator, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

import structlog
import uvicorn
from starlette.applications import Starlette

from studiolo.core.clock import Clock, SystemClock
from studiolo.core.errors import RunnerUnavailable
from studiolo.core.log import configure_logging
from studiolo.core.models import Principal
from studiolo.core.secrets import SecretSource, SystemSecretSource
from studiolo.core.settings import Settings
from studiolo.domain.accounts import Accounts
from studiolo.domain.api_keys import ApiKeys
from studiolo.domain.passwords import Passwords
from studiolo.domain.services import Services, build_services
from studiolo.runtime.agents import UnixAgentConnector
from studiolo.runtime.copying.rsync import RsyncEngine
from studiolo.runtime.keeper import launch
from studiolo.runtime.keeper.client import KeeperClient
from studiolo.runtime.keeper.directories import DataDirectory
from studiolo.runtime.keeper.messages import StartCopyWorker
from studiolo.runtime.keeper.plan import KeeperPlan
from studiolo.runtime.protocols import AgentConnector, ProjectRunner, RunnerReport
from studiolo.runtime.runners.process import ProcessRunner
from studiolo.runtime.runners.sandbox import SandboxRunner
from studiolo.storage.database import Database
from studiolo.web import errors, health, metrics, openapi, reference
from studiolo.web.api_v1 import routes as api_v1
from studiolo.web.api_v1.calls import all_calls
from studiolo.web.assets import Assets
from studiolo.web.frame import routes as frame
from studiolo.web.metrics import Metrics
from studiolo.web.middleware import middleware
from studiolo.web.pages import routes as pages
from studiolo.web.sockets import routes as sockets
from studiolo.workers import copies as copy_worker
from studiolo.workers import reaper

STOP_SECONDS = 8
WORKER_IDLE_SECONDS = 60.0
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
) -> Hub:
    """Build a hub. Several can live in one process; the caller owns the database, the runner and the connector."""
    services = build_services(
        settings, database, clock, secrets, runner, connector, on_copy_queued=on_copy_queued, passwords=passwords
    )
    figures = Metrics()
    assets = Assets()
    describe = functools.cache(lambda: openapi.document(all_calls()))
    routes = [
        *health.routes(database.ping),
        *metrics.routes(figures),
        *openapi.routes(describe),
        *reference.routes(describe),
        *api_v1.routes(services, settings, clock, secrets),
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


def serve(settings: Settings) -> NoReturn:
    """Become the keeper of a server with these settings; does not return."""
    if settings.runner not in ("sandbox", "process"):
        raise RunnerUnavailable(f"The runner {settings.runner} is not part of this release; use sandbox or process.")
    environment = settings.environment or default_environment()
    program = (sys.executable, "-m", "studiolo")
    plan = KeeperPlan(
        data=str(settings.data),
        hub_argv=(*program, "_hub"),
        worker_argv=(*program, "_copy_worker"),
        host=settings.host,
        port=settings.port,
        tls_cert=settings.tls_cert.read_text() if settings.tls_cert else None,
        tls_key=settings.tls_key.read_text() if settings.tls_key else None,
        environment=str(environment) if environment else None,
        runner=settings.runner,
        workers=settings.copy_workers,
        stop_projects_on_exit=settings.stop_projects_on_exit,
        child_environment=settings.as_environment(),
        log_format=settings.log_format,
    )
    launch.run(plan)


def default_environment() -> Path | None:
    """Return the projects' environment that `make setup` made, or None."""
    note = Path(sys.prefix) / "studiolo-environment"
    return Path(note.read_text(encoding="utf-8").strip()) if note.is_file() else None


def run_hub(settings: Settings, *, keeper_fd: int, listen_fd: int) -> None:
    """Run the hub until SIGTERM, as the keeper's child."""
    configure_logging(settings.log_level, settings.log_format)
    database = Database(settings.database_url)
    database.migrate_now()
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
        )
        async with _chores(hub, settings, runner, keeper, clock, wake):
            await _serve(hub.app, listener, settings)
        if settings.stop_projects_on_exit:
            await hub.services.projects.stop_all()
        await hub.services.projects.close()
        await connector.close()
        await keeper.close()
        await database.close()

    _run(run())


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
    """Have workers started when there is something to copy; a scheduled copy is found by looking now and then."""
    while True:
        try:
            if wake.is_set() or await services.copies.is_any_due():
                wake.clear()
                await keeper.ask(StartCopyWorker())
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(wake.wait(), DUE_COPIES_EVERY_SECONDS)
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
        http="httptools",
        ws="websockets-sansio",
        ws_per_message_deflate=False,  # costs more than it saves: updates are small and already dense
        timeout_graceful_shutdown=STOP_SECONDS,
        ssl_certfile=settings.tls_cert,
        ssl_keyfile=settings.tls_key,
        proxy_headers=False,  # web/client_address.py decides whom to believe
    )
    await uvicorn.Server(config).serve(sockets=[listener])


def run_copy_worker(settings: Settings, *, keeper_fd: int) -> None:
    """Carry out copies until there have been none for a while, as the keeper's child."""
    configure_logging(settings.log_level, settings.log_format)
    database = Database(settings.database_url)

    async def run() -> None:
        keeper = await KeeperClient.connect(keeper_fd)
        clock, secrets = SystemClock(), SystemSecretSource()
        runner = SandboxRunner(keeper)  # never asked: copying starts no project
        connector = UnixAgentConnector(clock)
        services = build_services(settings, database, clock, secrets, runner, connector, RsyncEngine(keeper))
        name = f"{socket.gethostname()}-{os.getpid()}-{secrets.base62(8)}"
        wake = asyncio.Event()
        loop = asyncio.get_running_loop()
        loop.add_signal_handler(signal.SIGUSR1, wake.set)  # the keeper's way to say: there is work
        working = loop.create_task(copy_worker.run(services.copies, clock, name, wake, WORKER_IDLE_SECONDS))
        loop.add_signal_handler(signal.SIGTERM, working.cancel)
        with contextlib.suppress(asyncio.CancelledError):
            await working
        await keeper.close()
        await database.close()

    _run(run())


def _run(main: Any) -> None:
    with asyncio.Runner(loop_factory=_new_loop) as runner:
        runner.run(main)


def _new_loop() -> asyncio.AbstractEventLoop:
    # Imported here: the keeper's command line comes through this module without needing an event loop.
    import uvloop

    return uvloop.new_event_loop()


async def create_account(
    settings: Settings,
    *,
    email_address: str,
    password: str,
    first_name: str,
    last_name: str,
    is_admin: bool,
    has_api_key: bool,
) -> dict[str, str]:
    """Make an account for the operator; return its id and, if asked for, an API key."""
    if settings.database is None:
        DataDirectory(str(settings.data), is_root=os.geteuid() == 0).prepare()
    database = Database(settings.database_url)
    clock, secrets = SystemClock(), SystemSecretSource()
    try:
        await database.migrate()
        accounts = Accounts(settings, database, clock, secrets, Passwords())
        account = await accounts.create_as_operator(
            email_address=email_address,
            password=password,
            first_name=first_name,
            last_name=last_name,
            is_admin=is_admin,
        )
        made = {"account_id": str(account.account_id)}
        if has_api_key:
            keys = ApiKeys(settings, database, clock, secrets)
            principal = Principal(account_id=account.account_id, is_admin=account.is_admin)
            _, made["api_key"] = await keys.create(principal, name="made with the account")
        return made
    finally:
        await database.close()
        if settings.database is None:
            DataDirectory(str(settings.data), is_root=os.geteuid() == 0).prepare()


def openapi_document() -> dict[str, Any]:
    """Return the OpenAPI document."""
    return openapi.document(all_calls())
