"""All doors beside API v1 in one process; every answer is checked against the OpenAPI document."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import httpx
import jsonschema
import pytest
from starlette.applications import Starlette

from studiolo.core.settings import Settings
from studiolo.domain.services import Services
from studiolo.testing.clock import MovingClock
from studiolo.web import errors, openapi
from studiolo.web.api_v1 import routes as api_v1
from studiolo.web.api_v2 import routes as api_v2
from studiolo.web.calls import every_call
from studiolo.web.conat import routes as conat
from studiolo.web.metrics import Metrics
from studiolo.web.middleware import middleware

Reach = Callable[[str, str, str, dict[str, Any]], Awaitable[Any]]


@dataclass
class DoorAnswers:
    """Holds answers of the doors beside API v1 against the OpenAPI document."""

    document: dict[str, Any] = field(default_factory=lambda: openapi.document(every_call()))
    validators: dict[tuple[str, str], jsonschema.Draft202012Validator] = field(default_factory=dict)

    def check(self, door: str, name: str, answer: Any) -> None:
        if (door, name) not in self.validators:
            schema = {**self._schema(door, name), "components": self.document["components"]}
            self.validators[door, name] = jsonschema.Draft202012Validator(schema)
        self.validators[door, name].validate(answer)

    def _schema(self, door: str, name: str) -> dict[str, Any]:
        if door == "v2":
            operation = self.document["paths"][f"/api/v2/{name}"]["post"]
            return operation["responses"]["200"]["content"]["application/json"]["schema"]
        operation = self.document["paths"][f"/api/conat/{door}"]["post"]
        return {"anyOf": [{"$ref": "#/components/schemas/CallError"}, operation["x-answers"][name]]}


@pytest.fixture(scope="session")
def door_answers() -> DoorAnswers:
    return DoorAnswers()


@pytest.fixture
def app(services: Services, settings: Settings, clock: MovingClock, secret_source: Any) -> Starlette:
    return Starlette(
        routes=[
            *api_v1.routes(services, settings, clock, secret_source),
            *api_v2.routes(services, settings, clock),
            *conat.routes(services, settings, clock),
        ],
        middleware=middleware(settings, clock, secret_source, Metrics()),
        exception_handlers=errors.exception_handlers(),
    )


@pytest.fixture
async def every_door(app: Starlette) -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(app, client=("192.0.2.1", 5000))
    async with httpx.AsyncClient(transport=transport, base_url="https://studiolo.test") as client:
        yield client


@pytest.fixture
def reach(every_door: httpx.AsyncClient, door_answers: DoorAnswers) -> Reach:
    """Return a function that makes a call at a door with a key, empty for nobody's."""

    async def call(key: str, door: str, name: str, given: dict[str, Any]) -> Any:
        path, body = f"/api/v2/{name}", given
        if door != "v2":
            path, body = f"/api/conat/{door}", {"name": name, "args": [given]}
        if door == "project":
            body["project_id"] = given.get("project_id")
        auth = (key, "") if key else None
        response = await every_door.post(path, auth=auth, content=json.dumps(body), timeout=30)
        assert response.status_code == 200
        answer = response.json()
        door_answers.check(door, name, answer)
        return answer

    return call


@pytest.fixture
def while_copying(services: Services, clock: MovingClock):
    """Return a function that waits for an answer while copies are carried out and time passes."""

    async def wait(answer: Awaitable[Any]) -> Any:
        async def work() -> None:
            while True:
                await services.copies.run_one("worker")
                await clock.move_past_sleeper(60)
                await asyncio.sleep(0)

        working = asyncio.ensure_future(work())
        try:
            return await asyncio.wait_for(answer, 20)
        finally:
            working.cancel()
            with suppress(asyncio.CancelledError):
                await working

    return wait
