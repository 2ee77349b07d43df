"""Whatever stands in addresses and headers, the doors of files answer as they say and never break."""

import random
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import quote

import jsonschema
import pytest

from studiolo.core.ids import ProjectId
from studiolo.core.settings import Settings
from studiolo.testing.homes import HomeRunner
from studiolo.web import openapi
from studiolo.web.calls import every_call

pytestmark = pytest.mark.anyio
REQUESTS = 250
TEXTS = (
    "", "*", "0", "-1", "5", "99999999999999999999", "bytes=0-", "bytes=-1", "bytes=9-1", "bytes=99-", '"x"',
    "W/", "tus",
    "1.0.0", "path Zg==", "path Li4vLi4=", "path AA==", "path 77+9", "path Zg==,sha256 eA==", "sha1 AAAA", "sha256 !",
    "sha-256=:AAAA:", "Thu, 01 Jan 1970 00:00:00 GMT", "Thu, 99 Foo", "application/offset+octet-stream",
    "gzip", "PATCH",
    "GET", "zip", "\xff\xfe", "1e3", " 5", "0x10",
)  # fmt: skip
HEADERS = (
    "Range", "If-Range", "If-None-Match", "If-Match", "If-Modified-Since", "Repr-Digest", "Upload-Length",
    "Upload-Offset",
    "Upload-Metadata", "Upload-Checksum", "Tus-Resumable", "Content-Type", "X-HTTP-Method-Override", "Last-Event-ID",
    "Content-Range", "Content-Length", "Accept-Encoding",
)  # fmt: skip
NAMES = (
    b"f",
    b"d",
    b"d/f",
    b"nothing",
    b"..",
    b"\xff",
    b"a\nb",
    b"",
    b"//",
    b"%",
    b"\x00",
    b".studiolo/uploads",
    b"x" * 300,
)


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(data=tmp_path, max_body_mb=1, max_upload_mb=2, disk_mb=20)


@pytest.fixture
def runner(home_runner: HomeRunner) -> HomeRunner:
    return home_runner


@pytest.fixture(scope="module")
def is_documented() -> Callable[[str, str, int], bool]:
    """Return a function that tells whether an answer stands in the OpenAPI document."""
    paths = openapi.document(every_call())["paths"]

    def is_documented(path: str, method: str, status: int) -> bool:
        operation = paths[path].get(method.lower())
        return operation is None or status >= 400 or str(status) in operation["responses"]

    return is_documented


@pytest.mark.parametrize("seed", range(3))
async def test_doors_answer_whatever_comes(as_owner, project_id: ProjectId, runner, is_documented, seed: int):
    chance = random.Random(seed)
    home = runner.home(project_id)
    (home / "d").mkdir()
    (home / "f").write_bytes(b"0123456789")
    error = {
        "type": "object",
        "required": ["error", "code"],
        "additionalProperties": False,
        "properties": {"error": {}, "code": {}},
    }
    for _ in range(REQUESTS):
        method, shape, address = _address(chance, project_id)
        headers = {"Authorization": as_owner.header, "Tus-Resumable": "1.0.0"}
        headers |= {name: chance.choice(TEXTS) for name in chance.sample(HEADERS, chance.randint(0, 4))}
        raw = {name: value.encode("latin-1", "replace") for name, value in headers.items()}
        content = chance.randbytes(chance.choice((0, 1, 10, 5000))) if method not in ("GET", "HEAD") else b""
        answer = await as_owner.http.request(method, address, headers=raw, content=content)
        said: Any = (method, address, headers, answer.status_code, answer.text[:300])
        assert answer.status_code < 500, said
        if "X-HTTP-Method-Override" not in headers:
            assert is_documented(shape, method, answer.status_code), said
        if answer.status_code >= 400 and method != "HEAD":
            jsonschema.validate(answer.json(), error)


def _address(chance: random.Random, project_id: str) -> tuple[str, str, str]:
    name = quote(chance.choice(NAMES), safe="/")
    upload = chance.choice(("0" * 32, "x", "%00", "..", "a" * 300))
    return chance.choice(
        [
            (method, "/api/v1/files/{project_id}/{path}", f"/api/v1/files/{project_id}/{name}")
            for method in ("GET", "HEAD", "PUT", "PUT", "DELETE")
        ]
        + [
            (method, "/api/v1/uploads/{project_id}/{upload_id}", f"/api/v1/uploads/{project_id}/{upload}")
            for method in ("HEAD", "PATCH", "DELETE", "POST")
        ]
        + [
            (method, "/api/v1/uploads/{project_id}", f"/api/v1/uploads/{project_id}")
            for method in ("POST", "POST", "OPTIONS")
        ]
        + [
            ("GET", "/api/v1/archives/{project_id}", f"/api/v1/archives/{project_id}?path={name}"),
            ("GET", "/api/v1/exec_output", f"/api/v1/exec_output?project_id={project_id}&job_id={upload}"),
        ]
    )
