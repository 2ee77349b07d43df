"""API v1 in one process: real routes, domain and database; a fake runner with fake agents behind it.

Every answer is checked against the OpenAPI document, in every test.
"""

import asyncio
import json
import shutil
import tempfile
from base64 import b64encode
from collections.abc import AsyncIterator, Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import httpx
import jsonschema
import pytest
import structlog
from starlette.applications import Starlette

from studiolo.core.ids import AccountId, ProjectId
from studiolo.core.models import ANONYMOUS, Principal, Role
from studiolo.core.secrets import SystemSecretSource
from studiolo.core.settings import Settings
from studiolo.domain.services import Services, build_services
from studiolo.runtime.agents import UnixAgentConnector
from studiolo.storage import collaborators
from studiolo.storage.database import Database
from studiolo.testing.clock import MovingClock
from studiolo.testing.copying import FakeCopyEngine
from studiolo.testing.factories import cheap_passwords
from studiolo.testing.homes import HomeRunner
from studiolo.testing.mail import FakeMailer
from studiolo.testing.runners import FakeRunner
from studiolo.testing.worlds import Maker, World
from studiolo.web import errors, health, metrics, openapi, reference
from studiolo.web.api_v1.authorization import administrators
from studiolo.web.api_v1.routes import routes
from studiolo.web.calls import every_call
from studiolo.web.middleware import middleware
from studiolo.web.streams import routes as streams


class AnswerCheck:
    """Holds answers of the API against the OpenAPI document."""

    def __init__(self) -> None:
        self.document = openapi.document(every_call())
        self._validators: dict[tuple[str, int], jsonschema.Draft202012Validator] = {}

    def check(self, response: httpx.Response) -> None:
        name = response.request.url.path.rpartition("/")[2] if response.request.method == "POST" else ""
        assert response.headers["content-type"] == "application/json"
        if (name, response.status_code) not in self._validators:
            schema = {**self._schema(name, response.status_code), "components": self.document["components"]}
            self._validators[name, response.status_code] = jsonschema.Draft202012Validator(schema)
        self._validators[name, response.status_code].validate(json.loads(response.content))

    def _schema(self, name: str, status: int) -> dict[str, Any]:
        operation = self.document["paths"].get(f"/api/v1/{name}", {}).get("post")
        if operation is None:
            return {"$ref": "#/components/schemas/DoorError"}
        answers = operation["responses"]
        return answers.get(str(status), answers["default"])["content"]["application/json"]["schema"]


@dataclass
class Caller:
    """Somebody who makes calls, with a key or without."""

    http: httpx.AsyncClient
    answers: AnswerCheck
    header: str | None
    key: str = ""
    principal: Principal = ANONYMOUS

    @property
    def account_id(self) -> AccountId:
        assert self.principal.account_id is not None
        return self.principal.account_id

    async def request(self, method: str, path: str, **given: Any) -> httpx.Response:
        headers = dict(given.pop("headers", {}))
        if self.header is not None:
            headers["Authorization"] = self.header
        response = await self.http.request(method, path, headers=headers, **given)
        self.answers.check(response)
        return response

    async def post_to(self, path: str, **given: Any) -> httpx.Response:
        return await self.request("POST", path, **given)

    async def post(self, name: str, *, content: Any = b"", content_type: str = "") -> httpx.Response:
        headers = {"Content-Type": content_type} if content_type else {}
        return await self.post_to(f"/api/v1/{name}", content=content, headers=headers)

    async def call(self, name: str, /, **parameters: Any) -> dict[str, Any]:
        """Make a call that gets through the door."""
        response = await self.post(name, content=json.dumps(parameters), content_type="application/json")
        assert response.status_code == 200, response.text
        return response.json()

    async def form(self, name: str, fields: dict[str, Any]) -> dict[str, Any]:
        """Do the same with a form."""
        response = await self.post_to(f"/api/v1/{name}", data=fields)
        assert response.status_code == 200, response.text
        return response.json()

    async def refused(self, name: str, /, **parameters: Any) -> dict[str, Any]:
        """Make a call that the door refuses."""
        response = await self.post(name, content=json.dumps(parameters), content_type="application/json")
        assert response.status_code == 400, response.text
        return response.json()

    async def fails(self, name: str, /, **parameters: Any) -> str:
        """Make a call that fails inside and return the error's words."""
        answer = await self.call(name, **parameters)
        assert answer["event"] == "error", answer
        return answer["error"]

    def with_header(self, header: str | None) -> "Caller":
        return replace(self, header=header)

    def with_key(self, key: str) -> "Caller":
        return replace(self, header=_basic(key), key=key)


def _basic(key: str) -> str:
    return "Basic " + b64encode(f"{key}:".encode()).decode()


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(
        data=tmp_path, public_url="https://example.edu/portal/", max_body_mb=2, metrics_addresses="192.0.2.0/24"
    )


@pytest.fixture
async def database(sqlite_template: Path, tmp_path: Path, anyio_backend: str) -> AsyncIterator[Database]:
    """Give SQLite only: the storage's and the domain's tests run on both."""
    path = tmp_path / "studiolo.sqlite3"
    shutil.copy(sqlite_template, path)
    database = Database(f"sqlite:///{path}")
    yield database
    await database.close()


@pytest.fixture
async def runner(anyio_backend: str) -> AsyncIterator[FakeRunner]:
    directory = Path(tempfile.mkdtemp(prefix="studiolo-", dir="/tmp"))
    runner = FakeRunner(directory)
    yield runner
    await runner.close()
    shutil.rmtree(directory)


@pytest.fixture
async def home_runner(anyio_backend: str) -> AsyncIterator[HomeRunner]:
    """Give a runner with real homes; a module that needs them takes it for its `runner`."""
    directory = Path(tempfile.mkdtemp(prefix="studiolo-", dir="/tmp"))
    runner = HomeRunner(directory)
    yield runner
    await runner.close()
    shutil.rmtree(directory)


@pytest.fixture
def copy_engine(anyio_backend: str) -> FakeCopyEngine:
    return FakeCopyEngine()


@pytest.fixture
def mailer() -> FakeMailer:
    return FakeMailer()


@pytest.fixture
async def services(
    settings: Settings,
    database: Database,
    clock: MovingClock,
    secret_source: SystemSecretSource,
    runner: FakeRunner,
    copy_engine: FakeCopyEngine,
    mailer: FakeMailer,
) -> AsyncIterator[Services]:
    connector = UnixAgentConnector(clock)
    services = build_services(
        settings,
        database,
        clock,
        secret_source,
        runner,
        connector,
        copy_engine,
        passwords=cheap_passwords(),
        mailer=mailer,
    )
    yield services
    await services.copies.close()
    await services.projects.close()
    await connector.close()


@pytest.fixture(scope="session")
def answers() -> AnswerCheck:
    return AnswerCheck()


@pytest.fixture
def open_http(
    settings: Settings,
    clock: MovingClock,
    secret_source: SystemSecretSource,
    services: Services,
    answers: AnswerCheck,  # its document takes a fifth of a second to make
):
    """Return a function that opens a client of the API over these services, or others."""

    def open_client(services: Services = services) -> httpx.AsyncClient:
        figures = metrics.Metrics()
        app = Starlette(
            routes=[
                *streams.routes(services, settings, clock),
                *routes(services, settings, clock, secret_source),
                *openapi.routes(lambda: answers.document),
                *reference.routes(lambda: answers.document),
                *metrics.routes(figures, settings.metrics_addresses, administrators(services.api_keys)),
                *health.routes(_answers_always),
            ],
            middleware=middleware(settings, clock, secret_source, figures),
            exception_handlers=errors.exception_handlers(),
        )
        transport = httpx.ASGITransport(app, client=("192.0.2.1", 5000))
        return httpx.AsyncClient(transport=transport, base_url="https://studiolo.test")

    return open_client


@pytest.fixture
async def http(open_http) -> AsyncIterator[httpx.AsyncClient]:
    async with open_http() as client:
        yield client


@pytest.fixture
def as_anonymous(http: httpx.AsyncClient, answers: AnswerCheck) -> Caller:
    return Caller(http, answers, None)


@pytest.fixture
def as_blank(as_anonymous: Caller) -> Caller:
    """Give a caller as `curl -u :` is one."""
    return as_anonymous.with_key("")


@pytest.fixture
def caller(services: Services, as_anonymous: Caller):
    """Return a function that makes an account with a key, and its caller."""

    async def make(name: str, *, is_admin: bool = False) -> Caller:
        account = await services.accounts.create_as_operator(
            email_address=f"{name}@example.edu",
            password=f"{name}-password",
            first_name=name.title(),
            last_name="Example",
            is_admin=is_admin,
        )
        principal = Principal(account.account_id, is_admin=is_admin)
        _, key = await services.api_keys.create(principal)
        return replace(as_anonymous.with_key(key), principal=principal)

    return make


@pytest.fixture
async def as_owner(caller) -> Caller:
    return await caller("owner")


@pytest.fixture
async def as_stranger(caller) -> Caller:
    return await caller("stranger")


@pytest.fixture
async def as_admin(caller) -> Caller:
    return await caller("admin", is_admin=True)


@pytest.fixture
async def project_id(as_owner: Caller) -> str:
    return (await as_owner.call("create_project", title="Homework"))["project_id"]


@pytest.fixture
async def other_project_id(as_owner: Caller) -> str:
    return (await as_owner.call("create_project", title="Solutions"))["project_id"]


@pytest.fixture
def add_person(database: Database, clock: MovingClock):
    """Return a function that gives an account a place in a project; there is no call for that yet."""

    async def add(project_id: str, caller: Caller, role: str) -> None:
        await database.write(
            lambda tx: collaborators.put(tx, ProjectId(project_id), caller.account_id, Role(role), {}, clock.now())
        )

    return add


@pytest.fixture
def run_copies(services: Services):
    """Return a function that carries out all copies that are due."""

    async def run() -> None:
        while await services.copies.run_one("worker"):
            pass

    return run


@pytest.fixture
def wait_for(clock: MovingClock):
    """Return a function that waits for something while the clock moves whenever somebody sleeps."""

    async def wait(awaitable: Any) -> Any:
        mover = asyncio.ensure_future(_move_on(clock))
        try:
            return await asyncio.wait_for(awaitable, 10)
        finally:
            mover.cancel()
            with suppress(asyncio.CancelledError):
                await mover

    return wait


@pytest.fixture
def log_lines() -> Iterator[list[Any]]:
    with structlog.testing.capture_logs() as lines:
        yield lines


@dataclass
class ExampleWorld:
    """The things of which the examples speak, under the ids that they have here."""

    caller: Caller
    world: World
    services: Services
    clock: MovingClock

    async def run(self, name: str, parameters: dict[str, Any]) -> dict[str, Any]:
        working = [asyncio.ensure_future(work) for work in (self._copy(), _move_on(self.clock))]
        try:
            return await self.caller.call(name, **json.loads(self.world.put(json.dumps(parameters))))
        finally:
            for task in working:
                task.cancel()
            await asyncio.gather(*working, return_exceptions=True)

    async def _copy(self) -> None:
        while True:
            if not await self.services.copies.run_one("worker"):
                await self.clock.sleep(0.01)


@pytest.fixture
async def example_world(
    as_anonymous: Caller, services: Services, runner: FakeRunner, mailer: FakeMailer, clock: MovingClock
) -> ExampleWorld:
    def mail_to(address: str) -> str:
        return next(mail.body for mail in reversed(mailer.sent) if mail.to == address)

    world = await Maker(services, runner.agent, mail_to).make()
    return ExampleWorld(replace(as_anonymous.with_key(world.key), principal=world.admin), world, services, clock)


async def _answers_always() -> None: ...


async def _move_on(clock: MovingClock) -> None:
    while True:
        await clock.move_past_sleeper(60)
        await asyncio.sleep(0)  # let who was woken run
