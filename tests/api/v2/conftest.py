"""API v2 in one process."""

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
from studiolo.web.api_v2.routes import routes
from studiolo.web.metrics import Metrics
from studiolo.web.middleware import middleware

Post = Callable[..., Awaitable[Any]]


@pytest.fixture
def settings(tmp_path) -> Settings:
    return Settings(data=tmp_path, public_url="https://studiolo.test", max_body_mb=2)


@pytest.fixture
async def browser(services: Services, settings: Settings, clock: MovingClock, secret_source) -> AsyncIterator[Any]:
    app = Starlette(
        routes=routes(services, settings, clock),
        middleware=middleware(settings, clock, secret_source, Metrics()),
        exception_handlers=errors.exception_handlers(),
    )
    transport = httpx.ASGITransport(app, client=("192.0.2.1", 5000))
    async with httpx.AsyncClient(transport=transport, base_url="https://studiolo.test") as client:
        yield client


@pytest.fixture
def v2(browser: httpx.AsyncClient) -> Post:
    """Return a function that makes a call with a key."""

    async def post(key: str, path: str, /, **given: Any) -> Any:
        response = await browser.post(f"/api/v2/{path}", auth=(key, ""), content=json.dumps(given))
        assert response.status_code == 200
        return response.json()

    return post
