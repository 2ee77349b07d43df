"""What the OpenAPI document says is what happens: generated requests against a server, each answer checked.

Every call at every door is made a dozen times: as an ordinary person with a project, as an administrator and as nobody.
Nothing breaks, and every answer is of a documented status, type and shape. The requests are the same in every run.
"""

import json
import os
import re
import threading
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import hypothesis
import pytest
import schemathesis
from hypothesis import HealthCheck, Phase
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from studiolo.core.models import Principal
from studiolo.testing.loopback import LoopbackServer, loopback_server
from studiolo.web import openapi
from studiolo.web.calls import every_call

EXAMPLES = int(os.environ.get("STUDIOLO_TEST_REQUESTS", "12"))  # more by hand, to look for more
CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]
DOCUMENT = openapi.document(every_call())
CALLS = [
    path
    for path, operations in DOCUMENT["paths"].items()
    if path.startswith(("/api/v1/", "/api/v2/")) and "transfers" not in next(iter(operations.values()))["tags"]
]
FORMS = [
    (path, schema["title"])
    for path in ("/api/conat/hub", "/api/conat/project")
    for schema in DOCUMENT["paths"][path]["post"]["requestBody"]["content"]["application/json"]["schema"]["oneOf"]
]


@dataclass
class Callers:
    """Who makes requests, and the project, file and person that they speak of."""

    person: str
    admin: str
    names: dict[str, str]
    turn: int = 0

    def next_key(self) -> str | None:
        self.turn += 1
        return (self.person, self.admin, self.person, None)[self.turn % 4]

    def put_into(self, value: Any) -> Any:
        """Replace most made-up ids and paths by real ones, or requests would never get far."""
        if isinstance(value, list):
            return [self.put_into(item) for item in value]
        if not isinstance(value, dict):
            return value
        return {name: self._real(name, self.put_into(item)) for name, item in value.items()}

    def _real(self, name: str, item: Any) -> Any:
        is_spared = self.turn % 5 == 0
        return self.names[name] if name in self.names and isinstance(item, str) and not is_spared else item


@pytest.fixture(scope="module")
def server(sqlite_template: Any) -> Iterator[LoopbackServer]:
    is_over = threading.Event()
    with loopback_server(sqlite_template) as running:

        def copy() -> None:
            while not is_over.wait(0.02):
                running.run_copies()

        worker = threading.Thread(target=copy)
        worker.start()
        yield running
        is_over.set()
        worker.join()


@pytest.fixture
def callers(server: LoopbackServer) -> Callers:
    principal, key = _account(server)
    stranger, _ = _account(server)
    _, admin = _account(server, is_admin=True)
    project = server.do(lambda: server.services.projects.create(principal, "Homework", ""))
    server.runner.agent(project.project_id).files["a.md"] = "a"
    ids = dict.fromkeys(("project_id", "src_project_id", "target_project_id"), project.project_id)
    paths = dict.fromkeys(("path", "src_path"), "a.md")
    people = dict.fromkeys(("account_id", "target_account_id", "user_account_id", "user"), stranger.account_id or "")
    return Callers(key, admin, {**ids, **paths, **people, "kernel": "python3"})


def _account(server: LoopbackServer, *, is_admin: bool = False) -> tuple[Principal, str]:
    make = server.services.accounts.create_as_operator
    given = {"email_address": f"{uuid.uuid4().hex}@example.edu", "password": "a-password"}
    account = server.do(lambda: make(**given, is_admin=is_admin))
    principal = Principal(account.account_id, is_admin=is_admin)
    return principal, server.do(lambda: server.services.api_keys.create(principal))[1]


@pytest.mark.parametrize("path", CALLS)
def test_every_answer_is_as_documented(path: str, server: LoopbackServer, callers: Callers):
    _make_requests(DOCUMENT, path, server, callers)


@pytest.mark.parametrize(("path", "name"), FORMS)
def test_every_answer_to_the_official_client_is_as_documented(
    path: str, name: str, server: LoopbackServer, callers: Callers
):
    _make_requests(_only(path, name), path, server, callers)


def _only(path: str, name: str) -> dict[str, Any]:
    """Return the document of one call at a door of the official client, with its answer alone."""
    operation = DOCUMENT["paths"][path]["post"]
    kinds = operation["requestBody"]["content"]["application/json"]["schema"]["oneOf"]
    body = next(kind for kind in kinds if kind["title"] == name)
    answer = {"anyOf": [{"$ref": "#/components/schemas/CallError"}, operation["x-answers"][name]]}
    ok = {"description": "", "content": {"application/json": {"schema": answer}}}
    one = {
        **operation,
        "requestBody": {"required": True, "content": {"application/json": {"schema": body}}},
        "responses": {**operation["responses"], "200": ok},
    }
    return {**DOCUMENT, "paths": {path: {"post": one}}}


def _make_requests(document: dict[str, Any], path: str, server: LoopbackServer, callers: Callers) -> None:
    paths = {path: document["paths"][path]}
    schemas = _used(paths, DOCUMENT["components"]["schemas"])  # to read all of them takes longer than the requests
    components = {**DOCUMENT["components"], "schemas": schemas}
    operation = schemathesis.openapi.from_dict({**document, "paths": paths, "components": components})[path]["POST"]

    @hypothesis.settings(
        max_examples=EXAMPLES,
        derandomize=True,
        database=None,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @hypothesis.given(case=operation.as_strategy())
    def make(case: schemathesis.Case) -> None:
        key = callers.next_key()
        case.body = callers.put_into(case.body)
        if path == "/api/conat/project" and isinstance(case.body, dict):
            case.body.setdefault("project_id", callers.names["project_id"])
        response = case.call(base_url=server.url, auth=(key, "") if key else None, timeout=30)
        case.validate_response(response, checks=CHECKS)

    make()


def _used(what: Any, schemas: dict[str, Any]) -> dict[str, Any]:
    """Return the schemas that something refers to, and those that they refer to."""
    found: dict[str, Any] = {}
    todo = [what]
    while todo:
        for name in re.findall(r'"#/components/schemas/(\w+)"', json.dumps(todo.pop())):
            if name not in found:
                found[name] = schemas[name]
                todo.append(schemas[name])
    return found
