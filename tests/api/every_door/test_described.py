"""What the OpenAPI document says is what happens: generated requests against a server, each answer checked.

Every call at every door is made a dozen times: as an ordinary person with a project, as an administrator and as nobody.
Nothing breaks, and every answer is of a documented status, type and shape. Ids, paths and what else must fit to what is
there are put into the requests, so that every call is also carried out, and not only refused.
"""

import json
import os
import re
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import hypothesis
import pytest
import schemathesis
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from studiolo.core.ids import AccountId
from studiolo.core.models import Principal
from studiolo.domain.services import Services
from studiolo.testing.generated import generated
from studiolo.testing.loopback import LoopbackServer, loopback_server
from studiolo.testing.worlds import SOURCE, TARGET, World
from studiolo.web import openapi
from studiolo.web.calls import every_call

REQUESTS = int(os.environ.get("STUDIOLO_TEST_REQUESTS", "12"))  # more by hand, to look for more
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


RELUCTANT: dict[str, str] = {}  # calls that are never carried out here, and why; may only shrink


@dataclass
class Stage:
    """Who makes requests to a server, and the world that they speak of: the same for all calls until it is used up."""

    server: LoopbackServer
    worlds: list[World] = field(default_factory=list)
    person: str = ""
    names: dict[str, str] = field(default_factory=dict)
    is_fresh: bool = False
    has_lost_somebody: bool = False  # who was deleted or banned, or whose key was ended, by a request

    def renew(self) -> None:
        """Make another world."""
        world = self.server.make_world(f"w{len(self.worlds)}")
        self.worlds.append(world)
        self.person, account_id = self.server.do(lambda: _make_person(self.server.services, world))
        source, target = world.id_of(SOURCE), world.id_of(TARGET)
        ids = {"project_id": source, "src_project_id": source, "target_project_id": target}
        paths = dict.fromkeys(("path", "src_path"), "welcome.md")
        people = dict.fromkeys(("account_id", "target_account_id", "user_account_id", "user"), account_id)
        self.names = {**ids, **paths, **people, "kernel": "python3"}
        self.is_fresh, self.has_lost_somebody = True, False


@dataclass
class Requests:
    """The requests of one call: by turns of a person, an administrator, the person and nobody."""

    stage: Stage
    example: dict[str, Any]  # what is known to fit together
    is_official: bool  # as the official client makes them
    turn: int = -1
    accepted: int = 0

    def next(self, given: Any) -> tuple[str | None, Any]:
        """Return who makes a request, and what is asked."""
        self.turn += 1
        who = self.turn % 4
        if who == 1:
            if self.is_official:
                return self.stage.worlds[-1].key, {**given, "args": [self._around_the_example(given["args"][0])]}
            return self.stage.worlds[-1].key, self._around_the_example(given)
        is_made_up = self.turn % 5 == 0
        return self.stage.person if who != 3 else None, given if is_made_up else self.put_into(given)

    def put_into(self, value: Any) -> Any:
        """Replace made-up ids and paths by real ones."""
        if isinstance(value, list):
            return [self.put_into(item) for item in value]
        if not isinstance(value, dict):
            return value
        return {name: self._real(name, self.put_into(item)) for name, item in value.items()}

    def _real(self, name: str, item: Any) -> Any:
        return self.stage.names[name] if name in self.stage.names and isinstance(item, str) else item

    def _around_the_example(self, given: Any) -> Any:
        """Return what fits, and beside it one thing that is made up, in the last turn all of them."""
        made_up = sorted((given if isinstance(given, dict) else {}).items())
        others = [item for item in made_up if item[0] not in self.example]
        if self.turn < 8 and others:
            others = [others[self.turn // 4 % len(others)]]
        return {**dict(others), **self.example}


@pytest.fixture(scope="module")
def stage(sqlite_template: Any) -> Iterator[Stage]:
    with loopback_server(sqlite_template) as server, server.copying():
        stage = Stage(server)
        stage.renew()
        yield stage


async def _make_person(services: Services, world: World) -> tuple[str, str]:
    """Make a collaborator of the world's projects; return a key of theirs, and the id of somebody else."""
    ids: list[AccountId] = []
    for name in ("person", "stranger"):
        made = {"email_address": f"{name}@{uuid.uuid4().hex}.edu", "password": "a-password"}
        ids.append((await services.accounts.create_as_operator(**made)).account_id)
    projects = [world.id_of(project) for project in (SOURCE, TARGET)]
    await services.collaborators.add(world.admin, [ids[0], ids[0]], projects, [])
    return (await services.api_keys.create(Principal(ids[0])))[1], ids[1]


def _example_of(door: str, name: str) -> dict[str, Any]:
    """Return parameters of a call that is carried out."""
    if door == "v1":
        examples = every_call().by_name[name].examples
    else:
        one = every_call().at(door)[name]
        examples = one.examples or one.call.examples
    return next(one.parameters for one in examples if not _is_refusal(one.answer))


def _is_refusal(answer: Any) -> bool:
    return isinstance(answer, dict) and bool(answer.get("error") or answer.get("reason"))


@pytest.mark.parametrize("path", CALLS)
def test_every_answer_is_as_documented(path: str, stage: Stage):
    _, _, door, name = path.split("/", 3)
    _make_requests(DOCUMENT, path, stage, door, name)


@pytest.mark.parametrize(("path", "name"), FORMS)
def test_every_answer_to_the_official_client_is_as_documented(path: str, name: str, stage: Stage):
    _make_requests(_only(path, name), path, stage, path.rpartition("/")[2], name)


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


def _make_requests(document: dict[str, Any], path: str, stage: Stage, door: str, name: str) -> None:
    operation = _operation(document, path)
    if stage.has_lost_somebody:
        stage.renew()
    accepted = _make_some(operation, stage, door, name)
    if not accepted and not stage.is_fresh:  # calls before have used up what this one needs
        stage.renew()
        accepted = _make_some(operation, stage, door, name)
    stage.is_fresh = False
    assert bool(accepted) != (f"{door} {name}" in RELUCTANT), "never carried out" if not accepted else "not reluctant"


def _operation(document: dict[str, Any], path: str) -> Any:
    paths = {path: document["paths"][path]}
    schemas = _used(paths, DOCUMENT["components"]["schemas"])  # to read all of them takes longer than the requests
    components = {**DOCUMENT["components"], "schemas": schemas}
    return schemathesis.openapi.from_dict({**document, "paths": paths, "components": components})[path]["POST"]


def _make_some(operation: Any, stage: Stage, door: str, name: str) -> int:
    """Make the requests; return how many were carried out."""
    example = json.loads(stage.worlds[-1].put(json.dumps(_example_of(door, name))))
    project_id = example.pop("project_id", stage.names["project_id"]) if door == "project" else None
    requests = Requests(stage, example, door in ("hub", "project"))

    @generated(REQUESTS)
    @hypothesis.given(case=operation.as_strategy())
    def make(case: schemathesis.Case) -> None:
        key, case.body = requests.next(case.body)
        if door == "project" and isinstance(case.body, dict):
            case.body.setdefault("project_id", project_id)
        response = case.call(base_url=stage.server.url, auth=(key, "") if key else None, timeout=30)
        case.validate_response(response, checks=CHECKS)
        answer = response.json()
        requests.accepted += response.status_code < 300 and not _is_refusal(answer)
        if key is not None and isinstance(answer, dict) and answer.get("code") == "api_key_invalid":
            stage.has_lost_somebody = True

    make()
    return requests.accepted


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
