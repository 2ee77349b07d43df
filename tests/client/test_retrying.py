"""A call is made again where that is safe, and only there; against a server that fails as it is told to."""

import json
import socket
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from studiolo.client import AsyncClient, Client, RetryPolicy
from studiolo.client.errors import (
    AnswerMalformed,
    ConnectionFailed,
    ConnectionLost,
    RateLimited,
    RunnerUnavailable,
    StudioloError,
    Unavailable,
)

PONG = (200, {}, {"event": "pong", "id": "1", "now": "2026-01-01T00:00:00.000Z"})
MADE = (200, {}, {"event": "project_created", "id": "1", "project_id": "p"})
LIMITED = (429, {"Retry-After": "7"}, {"error": "Too many.", "code": "rate_limited"})
AWAY = (503, {}, {"error": "Not now.", "code": "unavailable"})
AWAY_FOR_A_WHILE = (503, {"Retry-After": "3"}, {"error": "Not now.", "code": "unavailable"})
FAILED_INSIDE = (200, {}, {"event": "error", "id": "1", "error": "No runner.", "code": "runner_unavailable"})
PROXY = (502, {}, None)
HANG_UP = (0, {}, None)


class FailingServer(ThreadingHTTPServer):
    """Gives the answers of a list, one after the other, and remembers the requests."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.answers: list[Any] = []
        self.requests: list[dict[str, Any]] = []
        self.url = f"http://127.0.0.1:{self.server_address[1]}"


class _Handler(BaseHTTPRequestHandler):
    server: FailingServer

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.server.requests.append({"path": self.path, "body": body, "headers": dict(self.headers)})
        status, headers, answer = self.server.answers.pop(0)
        if not status:
            self.connection.shutdown(socket.SHUT_RDWR)
            return
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        written = b"<html>" if answer is None else json.dumps(answer).encode()
        self.send_header("Content-Length", str(len(written)))
        self.end_headers()
        self.wfile.write(written)

    def log_message(self, *_: Any) -> None: ...


@pytest.fixture
def failing() -> Iterator[FailingServer]:
    with FailingServer() as server:
        thread = threading.Thread(
            target=server.serve_forever, args=(0.01,), daemon=True
        )  # how often it looks for the end
        thread.start()
        yield server
        server.shutdown()
        thread.join(10)


@pytest.fixture
def waited() -> list[float]:
    return []


@pytest.fixture
def client(failing: FailingServer, waited: list[float]) -> Iterator[Client]:
    with Client(failing.url, "sk-key", sleep=waited.append) as client:
        yield client


READING_SURVIVES = [LIMITED, AWAY, AWAY_FOR_A_WHILE, FAILED_INSIDE, PROXY, HANG_UP]
CHANGING_SURVIVES = [LIMITED, AWAY_FOR_A_WHILE]
CHANGING_GIVES_UP = [(AWAY, Unavailable), (FAILED_INSIDE, RunnerUnavailable), (HANG_UP, ConnectionLost)]


@pytest.mark.parametrize("failure", READING_SURVIVES, ids=str)
def test_reading_is_done_again_after_any_failure_that_may_pass(failing, client, failure):
    failing.answers = [failure, failure, PONG]
    assert client.server.ping().now.year == 2026
    assert len(failing.requests) == 3


@pytest.mark.parametrize("failure", CHANGING_SURVIVES, ids=str)
def test_changing_is_done_again_when_the_server_says_that_nothing_was_done(failing, client, failure):
    failing.answers = [failure, MADE]
    assert client.projects.create(title="x").project_id == "p"
    assert len(failing.requests) == 2


@pytest.mark.parametrize(("failure", "kind"), CHANGING_GIVES_UP, ids=str)
def test_changing_is_not_done_again_when_it_may_have_been_done(failing, client, failure, kind):
    failing.answers = [failure, MADE]
    with pytest.raises(kind):
        client.call("touch_project", {"project_id": "p"})
    assert len(failing.requests) == 1


def test_server_is_given_the_time_that_it_asks_for(failing, client, waited):
    failing.answers = [LIMITED, AWAY_FOR_A_WHILE, PONG]
    client.server.ping()
    assert waited == [7.0, 3.0]


def test_pauses_get_longer(failing, client, waited):
    failing.answers = [AWAY, AWAY, AWAY, PONG]
    client.server.ping()
    assert [round(seconds / 0.2, 2) for seconds in waited] == pytest.approx([0.75, 1.5, 3.0], rel=0.35)


def test_who_asks_for_too_much_time_is_not_waited_for(failing, client, waited):
    failing.answers = [(429, {"Retry-After": "3600"}, {"error": "Too many.", "code": "rate_limited"})]
    with pytest.raises(RateLimited) as caught:
        client.server.ping()
    assert caught.value.retry_after_seconds == 3600
    assert waited == []


def test_patience_ends(failing, client):
    failing.answers = [AWAY] * 9
    with pytest.raises(Unavailable, match="Not now"):
        client.server.ping()
    assert len(failing.requests) == 5


def test_policy_without_retries_never_calls_again(failing):
    failing.answers = [LIMITED]
    with Client(failing.url, "sk-key", policy=RetryPolicy(retries=0)) as client, pytest.raises(RateLimited):
        client.server.ping()
    assert len(failing.requests) == 1


def test_server_that_is_not_there_is_tried_again_for_every_call(waited):
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    with Client(f"http://127.0.0.1:{port}", "k", sleep=waited.append) as client, pytest.raises(ConnectionFailed):
        client.projects.create()
    assert len(waited) == 4


def test_key_and_parameters_travel_as_they_should(failing, client):
    failing.answers = [MADE]
    client.projects.create(title="x", description=None)
    (request,) = failing.requests
    assert (request["path"], request["body"]) == ("/api/v1/create_project", {"title": "x"})
    assert request["headers"]["Authorization"] == "Bearer sk-key"
    assert request["headers"]["User-Agent"].startswith("studiolo-python/")


def test_call_that_makes_something_keeps_its_idempotency_key(failing, client):
    failing.answers = [HANG_UP, AWAY, MADE, MADE, PONG]
    client.projects.create(title="x")
    client.projects.create(title="x")
    client.server.ping()
    keys = [request["headers"].get("Idempotency-Key") for request in failing.requests]
    assert keys[0] == keys[1] == keys[2]
    assert keys[3] not in (None, keys[0])
    assert keys[4] is None


def test_own_idempotency_key_makes_a_call_repeatable(failing, client):
    failing.answers = [HANG_UP, MADE]
    answer = client.call("create_project", {"title": "x"}, idempotency_key="sheet-1")
    assert answer["project_id"] == "p"
    assert [request["headers"]["Idempotency-Key"] for request in failing.requests] == ["sheet-1", "sheet-1"]


def test_answer_of_another_program_is_not_believed(failing, client):
    failing.answers = [(200, {}, None), (404, {}, None), (200, {}, {"event": "pong", "now": 5})]
    with pytest.raises(AnswerMalformed, match="without JSON"):
        client.server.ping()
    with pytest.raises(StudioloError) as caught:
        client.server.ping()
    assert caught.value.status == 404
    with pytest.raises(AnswerMalformed, match="not what this version"):
        client.server.ping()


def test_unknown_code_becomes_an_error_of_its_status_and_keeps_the_code(failing, client):
    failing.answers = [(413, {}, {"error": "Too much.", "code": "of_the_future"})]
    with pytest.raises(StudioloError) as caught:
        client.projects.create()
    assert (caught.value.code, type(caught.value).__name__) == ("of_the_future", "TooLarge")


def test_what_a_newer_server_adds_is_left_out(failing, client):
    failing.answers = [(200, {}, {**MADE[2], "new": 1})]
    assert client.projects.create().project_id == "p"


def test_server_below_a_path_is_reached_there(failing):
    failing.answers = [PONG]
    with Client(f"{failing.url}/portal/", "sk-key") as client:
        client.server.ping()
    assert failing.requests[0]["path"] == "/portal/api/v1/ping"


@pytest.mark.anyio
@pytest.mark.parametrize("failure", READING_SURVIVES, ids=str)
async def test_reading_is_done_again_with_await(failing, waited, failure):
    async def sleep(seconds: float) -> None:
        waited.append(seconds)

    failing.answers = [failure, PONG]
    async with AsyncClient(failing.url, "sk-key", sleep=sleep) as client:
        assert (await client.server.ping()).now.year == 2026
        failing.answers = [HANG_UP, MADE]
        with pytest.raises(ConnectionLost):
            await client.call("touch_project")
    assert len(waited) == 1
