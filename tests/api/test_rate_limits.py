"""How much one address, one key and one account may ask for, at every door."""

import json
from base64 import b64encode
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from studiolo.core.settings import Settings
from studiolo.domain.services import Services
from studiolo.testing.clock import MovingClock
from studiolo.web import call_costs
from studiolo.web.api_v2 import routes as api_v2
from studiolo.web.calls import every_call
from studiolo.web.conat import routes as conat
from studiolo.web.metrics import Metrics
from studiolo.web.middleware import middleware
from studiolo.web.rate_limit import RateLimit

pytestmark = pytest.mark.anyio


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(
        data=tmp_path,
        metrics_addresses="192.0.2.0/24",
        rate_per_address=2,
        burst_per_address=8,
        rate_per_key=1,
        burst_per_key=3,
        rate_of_commands=0.1,
        burst_of_commands=1,
        rate_of_copies=0.1,
        burst_of_copies=1,
        rate_of_passwords=0.1,
        burst_of_passwords=1,
    )


async def test_a_key_makes_a_burst_and_then_waits_as_long_as_it_is_told(as_owner, as_stranger, clock: MovingClock):
    for _ in range(3):
        await as_owner.call("ping")
    refused = await as_owner.post("ping")
    assert (refused.status_code, refused.json()["code"]) == (429, "rate_limited")
    assert refused.headers["retry-after"] == "1"
    await as_stranger.call("ping")
    clock.move(1)
    await as_owner.call("ping")


@pytest.mark.parametrize(
    "written",
    [
        [f"Bearer sk-abc {number}" for number in range(4)],
        ["Bearer" + " " * number + "sk-abc" for number in range(1, 5)],
        ["Basic " + b64encode(f"sk-abc:{number}".encode()).decode() for number in range(4)],
        ["Bearer sk-abc", "Basic " + b64encode(b"sk-abc:").decode(), "Basic " + b64encode(b"sk-abc").decode()] * 2,
        ["bearer sk-abc", "Bearer sk-abc", "BEARER sk-abc", "beareR sk-abc"],
    ],
)
async def test_a_key_is_the_same_key_however_it_is_written(
    settings: Settings, clock: MovingClock, secret_source, written: list[str]
):
    async with client_of(settings, clock, secret_source, "127.0.0.1") as client:
        answers = [await client.get("/api/v1/ping", headers={"Authorization": one}) for one in written]
    assert [answer.status_code for answer in answers] == [200] * 3 + [429] * (len(written) - 3)


async def test_an_address_is_limited_whatever_keys_it_shows(as_anonymous):
    statuses = [(await as_anonymous.with_key(f"sk-{number:022}").post("ping")).status_code for number in range(10)]
    assert statuses == [400] * 8 + [429] * 2


@pytest.mark.parametrize("path", ["/healthz", "/metrics"])
async def test_health_and_figures_are_free(http: httpx.AsyncClient, path: str):
    assert [(await http.get(path)).status_code for _ in range(20)] == [200] * 20


async def show(_request: Request) -> Response:
    return PlainTextResponse("shown")


def client_of(settings: Settings, clock: MovingClock, secret_source: Any, address: str) -> httpx.AsyncClient:
    app = Starlette(
        routes=[Route("/{path:path}", show, methods=["GET", "POST"])],
        middleware=middleware(settings, clock, secret_source, Metrics()),
    )
    transport = httpx.ASGITransport(app, client=(address, 5000))
    return httpx.AsyncClient(transport=transport, base_url="https://studiolo.test")


@pytest.mark.parametrize(
    ("path", "accept", "shape"),
    [
        ("/api/v1/ping", "*/*", ["code", "error"]),
        ("/api/v2/projects/start", "*/*", ["code", "error"]),
        ("/api/conat/hub", "*/*", ["code", "error"]),
        ("/api/conat/project", "text/html", ["code", "error"]),
        ("/frame/render", "*/*", ["code", "error"]),
        ("/frame/open", "*/*", ["code", "event", "message"]),
        ("/projects", "*/*", ["code", "error"]),
    ],
)
async def test_every_door_refuses_in_its_own_shape(
    settings: Settings, clock: MovingClock, secret_source, path: str, accept: str, shape: list[str]
):
    async with client_of(settings, clock, secret_source, "192.0.2.1") as client:
        for _ in range(8):
            assert (await client.post(path)).status_code == 200
        refused = await client.post(path, headers={"Accept": accept})
    assert (refused.status_code, refused.headers["retry-after"]) == (429, "1")
    assert sorted(refused.json()) == shape
    assert refused.json()["code"] == "rate_limited"


async def test_a_browser_is_refused_with_a_page(settings: Settings, clock: MovingClock, secret_source):
    async with client_of(settings, clock, secret_source, "192.0.2.1") as client:
        for _ in range(8):
            await client.get("/projects")
        refused = await client.get("/projects", headers={"Accept": "text/html"})
    assert refused.status_code == 429
    assert "Too many requests" in refused.text


async def test_addresses_of_one_ipv6_network_are_one_and_this_machines_own_are_free(
    settings: Settings, clock: MovingClock, secret_source
):
    shared: list[int] = []
    limit = RateLimit(Starlette(routes=[Route("/", show)]), settings=settings, clock=clock)
    for number in range(9):
        transport = httpx.ASGITransport(limit, client=(f"2001:db8::{number:x}", 1))
        async with httpx.AsyncClient(transport=transport, base_url="http://x") as client:
            shared.append((await client.get("/")).status_code)
    assert shared == [200] * 8 + [429]
    for own in ("127.0.0.1", "::1"):
        async with client_of(settings, clock, secret_source, own) as client:
            assert {(await client.get("/")).status_code for _ in range(20)} == {200}


async def test_a_rate_of_0_sets_no_limit(tmp_path: Path, clock: MovingClock, secret_source):
    free = Settings(data=tmp_path, rate_per_address=0, burst_per_address=1, rate_per_key=0, burst_per_key=1)
    async with client_of(free, clock, secret_source, "192.0.2.1") as client:
        assert {(await client.get("/", headers={"Authorization": "Bearer x"})).status_code for _ in range(9)} == {200}


async def test_a_socket_is_refused_before_it_is_open(settings: Settings, clock: MovingClock):
    async def nobody(*_: Any) -> None:
        raise AssertionError("the socket got through")

    limit = RateLimit(Starlette(routes=[Route("/", show)]), settings=settings, clock=clock)
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(limit, client=("192.0.2.1", 1)), base_url="http://x"
    ) as client:
        for _ in range(8):
            await client.get("/")
    sent: list[Any] = []

    async def send(message: Any) -> None:
        sent.append(message)

    scope = {"type": "websocket", "path": "/frame/socket", "headers": [], "client": ("192.0.2.1", 1)}
    await limit(scope, nobody, send)
    assert sent == [{"type": "websocket.close", "code": 4429, "reason": "rate_limited"}]


async def test_commands_are_limited_inside_the_call(as_owner, clock: MovingClock):
    first = await as_owner.call("project_exec", project_id="none", command="ls")
    assert first["code"] == "project_not_found"
    refused = await as_owner.post(
        "project_exec",
        content=json.dumps({"project_id": "none", "command": "ls"}),
        content_type="application/json",
    )
    assert (refused.status_code, refused.headers["retry-after"]) == (200, "10")
    assert refused.json()["event"] == "error"
    assert refused.json()["code"] == "rate_limited"
    clock.move(10)
    assert (await as_owner.call("project_exec", project_id="none", command="ls"))["code"] == "project_not_found"


async def test_creating_accounts_is_limited_in_the_calls_own_shape(as_owner):
    await as_owner.call("create_account", email_address="a@example.edu", password="a-password")
    refused = await as_owner.post(
        "create_account",
        content=json.dumps({"email_address": "b@example.edu", "password": "a-password"}),
        content_type="application/json",
    )
    assert refused.json()["event"] == "account_creation_failed"
    assert refused.json()["code"] == "rate_limited"
    assert refused.headers["retry-after"] == "10"


@pytest.fixture
async def other_doors(
    settings: Settings, services: Services, clock: MovingClock, secret_source
) -> AsyncIterator[httpx.AsyncClient]:
    app = Starlette(
        routes=[*api_v2.routes(services, settings, clock), *conat.routes(services, settings, clock)],
        middleware=middleware(settings, clock, secret_source, Metrics()),
    )
    transport = httpx.ASGITransport(app, client=("192.0.2.1", 5000))
    async with httpx.AsyncClient(transport=transport, base_url="https://studiolo.test") as client:
        yield client


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/api/v2/exec", {"project_id": "none", "command": "ls"}),
        ("/api/conat/project", {"name": "system.exec", "args": [{"command": "ls"}], "project_id": "none"}),
    ],
)
async def test_what_is_spent_at_one_door_is_spent_at_all(
    other_doors: httpx.AsyncClient, as_owner, path: str, body: dict[str, Any]
):
    await as_owner.call("project_exec", project_id="none", command="ls")
    refused = await other_doors.post(path, auth=(as_owner.key, ""), json=body)
    assert refused.json()["code"] == "rate_limited", refused.text
    assert refused.headers["retry-after"] == "10"


def test_every_costly_call_is_a_call():
    known = {call.name for call in every_call()}
    named = {name for names in call_costs.CALLS.values() for name in names.split()}
    assert named - known <= {"restart_project", "start_exec"}
