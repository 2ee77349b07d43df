"""What the OpenAPI document says of uploads, downloads and followed commands is what the whole server does.

Requests are generated; in most of them stand a project, a file, an upload and a job that are there, and what fits them.
"""

import random
from base64 import b64encode
from collections.abc import Callable, Iterator
from dataclasses import dataclass
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

from studiolo.testing.generated import generated
from studiolo.testing.servers import Server
from studiolo.web import openapi, openapi_transfers
from studiolo.web.calls import every_call

REQUESTS = 25
CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]
DOCUMENT = openapi.document(every_call())
OPERATIONS = [
    (method, path)
    for path, operations in DOCUMENT["paths"].items()
    for method, operation in operations.items()
    if openapi_transfers.TAG in operation["tags"]
]


@dataclass
class Files:
    """A project with a file and a job that has ended; uploads are begun as they are needed."""

    server: Server
    project_id: str
    job_id: str

    def begin_upload(self) -> str:
        headers = {"Tus-Resumable": "1.0.0", "Upload-Length": "10", "Upload-Metadata": f"path {_base64('made/f')}"}
        address = f"{self.server.address}/api/v1/uploads/{self.project_id}"
        made = self.server.http.post(address, auth=(self.server.key, ""), headers=headers)
        return made.headers["location"].rpartition("/")[2]

    def known(self, method: str) -> dict[str, Callable[[], Any]]:
        """Return what fits, by the name of a parameter."""
        return {
            "project_id": lambda: self.project_id,
            "path": lambda: "made/by put" if method == "put" else "notes/a b.txt",
            "upload_id": self.begin_upload,
            "job_id": lambda: self.job_id,
            "Tus-Resumable": lambda: "1.0.0",
            "Upload-Length": lambda: "10",
            "Upload-Offset": lambda: "0",
            "Upload-Metadata": lambda: f"path {_base64('made/f')}",
            "Range": lambda: "bytes=2-5",
            "format": lambda: "tar.gz",
            "Last-Event-ID": lambda: "1",
        }


@schemathesis.serializer("application/offset+octet-stream")
def _as_it_is(_context: Any, value: Any) -> bytes:
    return value if isinstance(value, bytes) else str(value).encode()


def _base64(text: str) -> str:
    return b64encode(text.encode()).decode()


@pytest.fixture(scope="module")
def files() -> Iterator[Files]:
    server = Server().start()
    try:
        project_id = server.project()
        file = {"project_id": project_id, "path": "notes/a b.txt"}
        server.done("write_text_file_to_project", **file, content="0123456789")
        job = server.done("start_exec", project_id=project_id, command="echo said")
        server.done("exec_status", project_id=project_id, job_id=job["job_id"], wait=20)
        yield Files(server, project_id, job["job_id"])
        assert "Traceback" not in server.log()
    finally:
        server.close()


@pytest.mark.parametrize(("method", "path"), OPERATIONS)
def test_every_answer_is_as_documented(method: str, path: str, files: Files):
    document = {**DOCUMENT, "paths": {path: {method: DOCUMENT["paths"][path][method]}}}
    operation = schemathesis.openapi.from_dict(document)[path][method.upper()]
    chance, known, statuses = random.Random(path), files.known(method), list[int]()

    @generated(REQUESTS)
    @hypothesis.given(case=operation.as_strategy())
    def make(case: schemathesis.Case) -> None:
        made_up = chance.choice((0, 0, 0.2, 1))  # how much of what fits is left out
        for given in (case.path_parameters, case.query, case.headers):
            for name in list(given or ()):
                if name in known and chance.random() >= made_up:
                    given[name] = known[name]()
        if method == "patch" and chance.random() < 0.7:
            case.body = b"0123456789"[: chance.randint(0, 10)]
        auth = (files.server.key, "") if chance.random() < 0.9 else None
        response = case.call(base_url=files.server.address, auth=auth, timeout=60)
        statuses.append(response.status_code)
        case.validate_response(response, checks=CHECKS)

    make()
    assert min(statuses) < 300, statuses  # some were carried out
    assert max(statuses) >= 400 or method == "options", statuses  # and some refused
