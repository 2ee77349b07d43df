"""The official client's door in one process, spoken to by hand."""

import json
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import httpx
import pytest
from starlette.applications import Starlette

from studiolo.core.settings import Settings
from studiolo.domain.services import Services
from studiolo.testing.clock import MovingClock
from studiolo.web import errors
from studiolo.web.conat.routes import routes
from studiolo.web.metrics import Metrics
from studiolo.web.middleware import middleware

Post = Callable[..., Awaitable[Any]]


@pytest.fixture
async def door(services: Services, settings: Settings, clock: MovingClock, secret_source) -> AsyncIterator[Any]:
    app = Starlette(
        routes=routes(services, settings, clock),
        middleware=middleware(settings, clock, secret_source, Metrics()),
        exception_handlers=errors.exception_handlers(),
    )
    transport = httpx.ASGITransport(app, client=("192.0.2.1", 5000))
    async with httpx.AsyncClient(transport=transport, base_url="https://studiolo.test") as client:
        yield client


@pytest.fixture
def hub(door: httpx.AsyncClient) -> Post:
    """Return a function that calls the form `hub`: a key, a name and the arguments."""

    async def post(key: str, name: str, *args: Any, **more: Any) -> Any:
        response = await door.post(
            "/api/conat/hub", auth=(key, ""), content=json.dumps({"name": name, "args": list(args), **more})
        )
        assert response.status_code == 200
        return response.json()

    return post


@pytest.fixture
def project(door: httpx.AsyncClient) -> Post:
    """Return a function that calls the form `project`."""

    async def post(key: str, name: str, *args: Any, **more: Any) -> Any:
        response = await door.post(
            "/api/conat/project", auth=(key, ""), content=json.dumps({"name": name, "args": list(args), **more})
        )
        assert response.status_code == 200
        return response.json()

    return post
