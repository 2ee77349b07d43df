"""Large files and long jobs on the whole server, which may be killed in between."""

import hashlib
import os
import re
import signal
from base64 import b64encode
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from studiolo.runtime.keeper.linux import children_of
from studiolo.testing.live import until
from studiolo.testing.servers import Server

MIB = 1024 * 1024
SIZE = 96 * MIB
MAY_GROW = 40 * MIB
TUS = {"Tus-Resumable": "1.0.0"}
BYTES = {"Content-Type": "application/offset+octet-stream"}


@pytest.fixture(scope="module")
def project_id(server: Server) -> str:
    project_id = server.project()
    server.shell(project_id, "true")
    return project_id


def address(server: Server, project_id: str, path: str) -> str:
    return f"{server.address}/api/v1/files/{project_id}/{path}"


def peak_bytes(pid: int) -> int:
    status = Path(f"/proc/{pid}/status").read_text()
    found = re.search(r"VmHWM:\s+(\d+) kB", status)
    assert found is not None
    return int(found[1]) * 1024


def zeros(size: int, piece: int = MIB) -> Iterator[bytes]:
    for _ in range(size // piece):
        yield bytes(piece)


def test_large_file_takes_no_memory_of_hub_and_agent(server: Server, project_id: str):
    auth = (server.key, "")
    first = server.record(project_id).inner.pid
    pids = (server.hub_pid, first, *children_of(first))  # the agent, the first of its walls or their child
    small = server.http.put(address(server, project_id, "small"), auth=auth, content=b"x")
    assert small.status_code == 201
    before = [peak_bytes(pid) for pid in pids]
    made = server.http.put(address(server, project_id, "big"), auth=auth, content=zeros(SIZE))
    assert (made.status_code, made.json()["size_bytes"]) == (201, SIZE)
    server.shell(project_id, f"truncate -s {SIZE} sparse")
    received, digest = 0, hashlib.sha256()
    with server.http.stream("GET", address(server, project_id, "sparse"), auth=auth) as answer:
        for piece in answer.iter_bytes():
            received += len(piece)
            digest.update(piece)
    assert received == SIZE
    assert digest.hexdigest() == hashlib.sha256(bytes(SIZE)).hexdigest()
    grown = [peak_bytes(pid) - was for pid, was in zip(pids, before, strict=True)]
    assert max(grown) < MAY_GROW, grown


def test_client_that_leaves_a_download_frees_its_place(server: Server, project_id: str):
    auth = (server.key, "")
    server.shell(project_id, "truncate -s 3G huge")
    for _ in range(40):  # more than may be under way at once
        with server.http.stream("GET", address(server, project_id, "huge"), auth=auth) as answer:
            assert answer.status_code == 200
            next(answer.iter_bytes())
        until(lambda: server.http.head(address(server, project_id, "huge"), auth=auth).status_code == 200)


def test_upload_outlives_the_hub(server: Server, project_id: str):
    auth = (server.key, "")
    content = os.urandom(8 * MIB)
    metadata = f"path {b64encode(b'data/kept.bin').decode()}"
    made = server.http.post(
        f"{server.address}/api/v1/uploads/{project_id}",
        auth=auth,
        headers={**TUS, "Upload-Length": str(len(content)), "Upload-Metadata": metadata},
    )
    assert made.status_code == 201
    location = server.address + made.headers["location"]

    uploads = server.data / "projects" / project_id / "home" / ".studiolo" / "uploads"

    def pieces_until_the_hub_dies() -> Iterator[bytes]:
        for at in range(0, len(content), 256 * 1024):
            if at == 4 * MIB:
                until(lambda: any(part.stat().st_size for part in uploads.glob("*.part")))
                os.kill(server.hub_pid, signal.SIGKILL)
            yield content[at : at + 256 * 1024]

    with pytest.raises(httpx.TransportError):
        server.http.patch(
            location, auth=auth, headers={**TUS, **BYTES, "Upload-Offset": "0"}, content=pieces_until_the_hub_dies()
        )
    until(server.is_healthy)
    reached = int(server.http.head(location, auth=auth, headers=TUS).headers["upload-offset"])
    assert 0 < reached < len(content)
    rest = server.http.patch(
        location, auth=auth, headers={**TUS, **BYTES, "Upload-Offset": str(reached)}, content=content[reached:]
    )
    assert (rest.status_code, rest.headers["upload-offset"]) == (204, str(len(content)))
    got = server.http.get(address(server, project_id, "data/kept.bin"), auth=auth)
    assert got.content == content
    assert server.shell(project_id, "ls -A .studiolo/uploads/*.part | wc -l", err_on_exit=False).strip() == "0"


def test_job_outlives_the_hub(server: Server, project_id: str):
    script = "echo before; while [ ! -e go ]; do sleep 0.05; done; echo after"
    job = server.done("start_exec", project_id=project_id, command=script, bash=True)
    given = {"project_id": project_id, "job_id": job["job_id"]}
    auth = (server.key, "")
    with server.http.stream("GET", f"{server.address}/api/v1/exec_output", params=given, auth=auth) as answer:
        heard = ""
        for line in answer.iter_lines():
            heard += line + "\n"
            if "before" in line:
                break
    last = re.findall(r"^id: (\d+)$", heard, re.MULTILINE)[-1]
    os.kill(server.hub_pid, signal.SIGKILL)
    until(server.is_healthy)
    server.shell(project_id, "touch go")
    rest = server.http.get(
        f"{server.address}/api/v1/exec_output", params=given, auth=auth, headers={"Last-Event-ID": last}
    )
    assert "before" not in rest.text
    assert '"text":"after\\n"' in rest.text
    assert "event: exit\n" in rest.text
    assert server.done("exec_status", **given)["exit_code"] == 0
