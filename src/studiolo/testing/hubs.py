"""The whole domain on fakes: no sandbox, no bytes moved, but a real database and the real wire to agents."""

import tempfile
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Generic, TypeVar

from studiolo.core.clock import Clock
from studiolo.core.ids import ProjectId
from studiolo.core.models import Principal, Project
from studiolo.core.secrets import SecretSource
from studiolo.core.settings import Settings
from studiolo.domain.services import Services, build_services
from studiolo.runtime.agents import UnixAgentConnector
from studiolo.storage.database import Database
from studiolo.testing.agents import FakeAgent
from studiolo.testing.copying import FakeCopyEngine
from studiolo.testing.factories import cheap_passwords
from studiolo.testing.mail import FakeMailer
from studiolo.testing.runners import FakeRunner

Runner = TypeVar("Runner", bound=FakeRunner)


@dataclass(frozen=True, slots=True)
class FakeHub(Generic[Runner]):
    """A hub's services and the fakes below them."""

    services: Services
    runner: Runner
    engine: FakeCopyEngine
    settings: Settings
    mailer: FakeMailer

    def agent(self, project: Project | ProjectId) -> FakeAgent:
        """Return the agent of a project, running or not."""
        return self.runner.agent(project.project_id if isinstance(project, Project) else project)

    async def project(self, owner: Principal, title: str = "") -> Project:
        """Make a project."""
        return await self.services.projects.create(owner, title)


@asynccontextmanager
async def fake_hub(
    settings: Settings,
    database: Database,
    clock: Clock,
    secrets: SecretSource,
    *,
    runner: Callable[[Path], Runner],
    engine: FakeCopyEngine | None = None,
) -> AsyncGenerator[FakeHub[Runner]]:
    """Give a hub of its own with a runner made for a directory."""
    with tempfile.TemporaryDirectory(prefix="st-") as directory:  # a socket's path must be short
        made = runner(Path(directory))
        async with hub_on(settings, database, clock, secrets, runner=made, engine=engine) as hub:
            yield hub
        await made.close()


@asynccontextmanager
async def hub_on(
    settings: Settings,
    database: Database,
    clock: Clock,
    secrets: SecretSource,
    *,
    runner: Runner,
    engine: FakeCopyEngine | None = None,
) -> AsyncGenerator[FakeHub[Runner]]:
    """Give a hub on a runner that other hubs use as well; projects survive it."""
    engine = engine or FakeCopyEngine()
    connector = UnixAgentConnector(clock)
    mailer = FakeMailer()
    services = build_services(
        settings,
        database,
        clock,
        secrets,
        runner,
        connector,
        copy_engine=engine,
        passwords=cheap_passwords(),
        mailer=mailer,
    )
    yield FakeHub(services, runner, engine, settings, mailer)
    await services.copies.close()
    await services.projects.close()
    await connector.close()
