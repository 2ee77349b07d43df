"""What happens around every request."""

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager

import httpx
import pytest
import structlog
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response, StreamingResponse
from starlette.routing import Route

from studiolo.core.errors import RateLimited
from studiolo.core.settings import Settings
from studiolo.domain.services import Services
from studiolo.testing.clock import MovingClock
from studiolo.testing.secrets import CountedSecretSource
from studiolo.web import errors, health, metrics
from studiolo.web.api_v1.authorization import administrators
from studiolo.web.middleware import middleware, note

pytestmark = pytest.mark.anyio
Open = Callable[..., AbstractAsyncContextManager[httpx.AsyncClient]]


async def read_body(request: Request) -> Response:
    return PlainTextResponse(str(len(await request.body())))


async def say_address(request: Request) -> Response:
    note(request.scope, call="say_address")
    return PlainTextResponse(f"{request.client.host if request.client else ''} {request.url.scheme}")


async def break_down(_request: Request) -> Response:
    raise RuntimeError("the password is 1234")


async def break_halfway(_request: Request) -> Response:
    async def chunks() -> AsyncIterator[bytes]:
        yield b"half"
        raise RuntimeError("the other half is missing")

    return StreamingResponse(chunks())


async def refuse(_request: Request) -> Response:
    raise RateLimited("Too fast.", internal="from 10.0.0.1", retry_after_seconds=2.6)


async def own_headers(_request: Request) -> Response:
    return PlainTextResponse("", headers={"Referrer-Policy": "same-origin"})


@pytest.fixture
def figures() -> metrics.Metrics:
    return metrics.Metrics()


@pytest.fixture
def opened(clock: MovingClock, figures: metrics.Metrics, services: Services) -> Open:
    """Return a function that opens a client of a small application behind our middleware."""

    async def database_answers() -> None: ...

    @asynccontextmanager
    async def open_client(*, warnings: tuple[str, ...] = (), **given: object) -> AsyncIterator[httpx.AsyncClient]:
        settings = Settings(**given)  # type: ignore[arg-type]
        routes = [
            Route("/body", read_body, methods=["POST"]),
            Route("/address", say_address),
            Route("/broken", break_down),
            Route("/halfway", break_halfway),
            Route("/refused", refuse),
            Route("/own", own_headers),
            *metrics.routes(figures, settings.metrics_addresses, administrators(services.api_keys)),
            *health.routes(database_answers, warnings=warnings),
        ]
        app = Starlette(
            routes=routes,
            middleware=middleware(settings, clock, CountedSecretSource(), figures),
            exception_handlers=errors.exception_handlers(),
        )
        transport = httpx.ASGITransport(app, client=("10.0.0.1", 5000))
        async with httpx.AsyncClient(transport=transport, base_url="http://studiolo.test") as client:
            yield client

    return open_client


async def test_answer_carries_the_default_headers_and_the_request_id(opened: Open):
    async with opened() as client:
        response = await client.get("/address")
    assert response.headers["x-content-type-options"] == "nosniff"
    assert response.headers["referrer-policy"] == "no-referrer"
    assert response.headers["x-request-id"] == "00000000-0000-4000-8000-000000000001"


@pytest.mark.parametrize("path", ["/address", "/refused", "/broken", "/nowhere", "/healthz", "/metrics"])
async def test_what_sets_no_policy_of_its_own_is_never_framed_and_runs_nothing(opened: Open, path: str):
    async with opened() as client:
        policy = (await client.get(path)).headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "frame-ancestors 'none'" in policy


async def test_length_of_absurdly_many_digits_is_too_large(opened: Open):
    async with opened() as client:
        response = await client.post("/body", content=b"x", headers={"Content-Length": "9" * 5000})
    assert response.status_code == 413


async def test_route_may_set_a_header_of_its_own(opened: Open):
    async with opened() as client:
        assert (await client.get("/own")).headers["referrer-policy"] == "same-origin"


async def test_body_over_the_limit_is_refused_by_its_announced_length(opened: Open):
    async with opened(max_body_mb=1) as client:
        response = await client.post("/body", content=b"x" * (1024 * 1024 + 1))
    assert response.status_code == 413
    assert response.json()["code"] == "body_too_large"


async def test_body_of_unknown_length_is_counted_as_it_arrives(opened: Open):
    async def chunks() -> AsyncIterator[bytes]:
        for _ in range(3):
            yield b"x" * 512 * 1024

    async with opened(max_body_mb=1) as client:
        response = await client.post("/body", content=chunks())
    assert response.status_code == 413


async def test_body_of_exactly_the_limit_is_taken(opened: Open):
    async with opened(max_body_mb=1) as client:
        assert (await client.post("/body", content=b"x" * 1024 * 1024)).text == str(1024 * 1024)


async def test_unforeseen_exception_is_answered_with_the_request_id_and_logged(opened: Open):
    with structlog.testing.capture_logs() as lines:
        async with opened() as client:
            response = await client.get("/broken")
    assert response.status_code == 500
    assert response.json()["code"] == "internal_error"
    assert response.headers["x-request-id"] in response.json()["error"]
    assert response.headers["x-content-type-options"] == "nosniff"
    assert "1234" not in response.text
    assert [line["event"] for line in lines] == ["request_broke", "request"]
    assert lines[1]["status"] == 500


async def test_browser_gets_a_page_for_an_unforeseen_exception(opened: Open):
    async with opened() as client:
        response = await client.get("/broken", headers={"Accept": "text/html,*/*"})
    assert response.headers["content-type"].startswith("text/html")
    assert "default-src 'none'" in response.headers["content-security-policy"]


async def test_exception_after_half_an_answer_cuts_the_connection(opened: Open):
    async with opened() as client:
        with pytest.raises(RuntimeError):
            await client.get("/halfway")


async def test_error_of_ours_is_rendered_with_its_status_and_without_its_internals(opened: Open):
    async with opened() as client:
        response = await client.get("/refused")
    assert (response.status_code, response.json()) == (429, {"error": "Too fast.", "code": "rate_limited"})
    assert response.headers["retry-after"] == "3"


async def test_unknown_address_and_wrong_method_have_the_same_shape(opened: Open):
    async with opened() as client:
        unknown, wrong = await client.get("/nowhere"), await client.get("/body")
    assert (unknown.status_code, unknown.json()["code"]) == (404, "endpoint_unknown")
    assert (wrong.status_code, wrong.json()["code"]) == (405, "method_not_allowed")
    assert wrong.headers["allow"] == "POST"


async def test_log_line_holds_neither_query_nor_authorization(opened: Open):
    with structlog.testing.capture_logs() as lines:
        async with opened() as client:
            await client.get("/address?auth_token=SECRET1", headers={"Authorization": "Bearer SECRET2"})
    assert "SECRET" not in repr(lines)
    (line,) = lines
    assert (line["path"], line["status"], line["call"], line["address"]) == ("/address", 200, "say_address", "10.0.0.1")


async def test_trusted_proxy_names_the_client(opened: Open):
    headers = {"X-Forwarded-For": "198.51.100.7", "X-Forwarded-Proto": "https"}
    async with opened(trusted_proxies="10.0.0.1") as client:
        assert (await client.get("/address", headers=headers)).text == "198.51.100.7 https"
    async with opened() as client:
        assert (await client.get("/address", headers=headers)).text == "10.0.0.1 http"


async def test_metrics_count_requests_by_call_and_status(opened: Open, figures: metrics.Metrics):
    async def running() -> float:
        return 3

    figures.add_gauge("running_projects", "Projects that run.", running)
    async with opened(metrics_addresses="10.0.0.0/8") as client:
        await client.get("/address")
        await client.get("/broken")
        await client.get("/some/name/that/nobody/has")
        text = (await client.get("/metrics")).text
    assert 'studiolo_requests_total{call="say_address",status="200"} 1.0' in text
    assert 'studiolo_requests_total{call="break_down",status="500"} 1.0' in text
    assert 'studiolo_requests_total{call="none",status="404"} 1.0' in text
    assert "studiolo_running_projects 3.0" in text


@pytest.mark.parametrize(
    ("addresses", "headers", "status"),
    [
        ("10.0.0.1", {}, 200),
        ("10.0.0.0/24,::1", {}, 200),
        ("127.0.0.0/8,::1", {}, 404),
        ("10.0.0.1", {"X-Forwarded-For": "127.0.0.1"}, 404),  # of a proxy that nobody named as trusted
        ("10.0.0.1", {"Forwarded": "for=127.0.0.1"}, 404),
        ("127.0.0.1", {"Authorization": "Bearer sk-0000000000000000000000"}, 404),
        ("127.0.0.1", {"Authorization": "Digest x"}, 404),
    ],
)
async def test_figures_are_for_the_addresses_that_the_operator_named(
    opened: Open, addresses: str, headers: dict[str, str], status: int
):
    async with opened(metrics_addresses=addresses) as client:
        assert (await client.get("/metrics", headers=headers)).status_code == status


async def test_figures_are_for_the_address_that_a_trusted_proxy_names(opened: Open):
    async with opened(trusted_proxies="10.0.0.1", metrics_addresses="198.51.100.7") as client:
        answers = [
            await client.get("/metrics", headers={"X-Forwarded-For": who}) for who in ("198.51.100.7", "10.0.0.1")
        ]
    assert [answer.status_code for answer in answers] == [200, 404]


async def test_figures_are_for_administrators_keys(opened: Open, as_admin, as_owner):
    async with opened() as client:
        for caller, status in ((as_admin, 200), (as_owner, 404)):
            assert (await client.get("/metrics", headers={"Authorization": caller.header})).status_code == status


async def test_health_tells_warnings(opened: Open):
    async with opened(warnings=("There are no walls.",)) as client:
        assert (await client.get("/healthz")).json() == {"status": "ok", "warnings": ["There are no walls."]}


async def test_health_says_when_the_database_is_away():
    async def database_is_away() -> None:
        raise ConnectionError("no route to host")

    app = Starlette(routes=health.routes(database_is_away))
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://studiolo.test") as client:
        response = await client.get("/healthz")
    assert response.status_code == 503
    assert "no route" not in response.text


async def test_health_is_ok_when_the_database_answers(opened: Open):
    async with opened() as client:
        assert (await client.get("/healthz")).json() == {"status": "ok"}
