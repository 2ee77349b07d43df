"""Files through HTTP's own methods, with the real agent behind them."""

import asyncio
import hashlib
import io
import os
import tarfile
import zipfile
from base64 import b64encode
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx
import pytest
from starlette.requests import ClientDisconnect

from studiolo.core import wire
from studiolo.core.ids import ProjectId
from studiolo.core.settings import Settings
from studiolo.storage import tables
from studiolo.testing.homes import HomeRunner

pytestmark = pytest.mark.anyio
NOBODY = "00000000-0000-4000-8000-000000000000"
MIB = 1024 * 1024


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(data=tmp_path, max_body_mb=1, max_upload_mb=20, disk_mb=50)


@pytest.fixture
def runner(home_runner: HomeRunner) -> HomeRunner:
    return home_runner


@dataclass
class Files:
    """A project's files, as one caller reaches them."""

    caller: Any
    project_id: ProjectId
    home: Path

    async def send(self, method: str, address: str, **given: Any) -> httpx.Response:
        headers = dict(given.pop("headers", {}))
        if self.caller.header is not None:
            headers.setdefault("Authorization", self.caller.header)
        return await self.caller.http.request(method, f"/api/v1/{address}", headers=headers, **given)

    async def get(self, path: str, **headers: str) -> httpx.Response:
        return await self.send("GET", f"files/{self.project_id}/{path}", headers=headers)

    async def put(self, path: str, content: Any, **headers: str) -> httpx.Response:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return await self.send("PUT", f"files/{self.project_id}/{path}", content=content, headers=named)

    def of(self, caller: Any) -> "Files":
        return Files(caller, self.project_id, self.home)


@pytest.fixture
def files(as_owner, project_id: ProjectId, runner: HomeRunner) -> Files:
    return Files(as_owner, project_id, runner.home(project_id))


@pytest.fixture
async def hostile_agent(files: Files, runner: HomeRunner) -> AsyncIterator[Any]:
    """Return a function that puts an agent in the place of the project's, which answers every call with an error."""
    servers: list[asyncio.Server] = []

    async def take_over(error: dict[str, Any]) -> None:
        async def refuse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            while await wire.read(reader) is not None:
                await wire.write(writer, {"error": error})
            writer.close()

        await files.get("nothing")  # the project runs now
        await runner.stop(files.project_id, {})
        path = runner.socket_path(files.project_id, {})
        os.unlink(path)  # noqa: PTH108 - the socket is not asyncio's to wait for
        servers.append(await asyncio.start_unix_server(refuse, path))

    yield take_over
    for server in servers:
        server.close()


async def pieces_of(content: bytes, size: int = 70_000) -> AsyncIterator[bytes]:
    for at in range(0, len(content), size):
        yield content[at : at + size]


async def test_what_was_sent_comes_back_byte_for_byte(files):
    content = os.urandom(3 * MIB + 1)
    made = await files.put("a/b c/ünï.bin", content)
    assert (made.status_code, made.json()["size_bytes"]) == (201, len(content))
    assert made.headers["etag"] == f'"{made.json()["etag"]}"'
    assert (files.home / "a/b c/ünï.bin").read_bytes() == content
    got = await files.get("a/b c/ünï.bin")
    assert (got.status_code, got.content) == (200, content)
    assert got.headers["etag"] == made.headers["etag"]
    assert (await files.put("a/b c/ünï.bin", pieces_of(b"x" * MIB))).status_code == 200
    assert (files.home / "a/b c/ünï.bin").stat().st_size == MIB


async def test_empty_file_is_a_file(files):
    assert (await files.put("empty", b"")).status_code == 201
    got = await files.get("empty")
    assert (got.status_code, got.content, got.headers["content-length"]) == (200, b"", "0")
    assert (await files.get("empty", Range="bytes=0-0")).status_code == 416


@pytest.mark.parametrize("name", [b"new\nline", b"\xff\xfe", "文件 %2F?#".encode(), b"a&b=c;d", b'it\'s "quoted"'])
async def test_every_name_can_be_written_and_read(files, name):
    address = quote(name, safe="")
    assert (await files.put(address, b"x")).status_code == 201
    assert (files.home / os.fsdecode(name)).read_bytes() == b"x"
    got = await files.get(address)
    assert got.content == b"x"
    assert got.headers["content-disposition"].isascii()


async def test_no_file_of_a_project_becomes_a_page_of_ours(files):
    (files.home / "evil.html").write_text("<script>alert(document.cookie)</script>" * 100)
    got = await files.get("evil.html", Accept="text/html", Accept_Encoding="gzip")
    assert got.headers["content-security-policy"].startswith("sandbox; default-src 'none'")
    assert got.headers["x-content-type-options"] == "nosniff"
    assert got.headers["content-disposition"].startswith('attachment; filename="evil.html"')
    assert "content-encoding" not in got.headers
    assert got.headers["cache-control"].startswith("private")


async def test_head_tells_what_get_would_send(files):
    (files.home / "f").write_bytes(b"12345")
    got = await files.send("HEAD", f"files/{files.project_id}/f")
    assert (got.status_code, got.content, got.headers["content-length"]) == (200, b"", "5")
    assert got.headers["accept-ranges"] == "bytes"


@pytest.mark.parametrize(
    ("asked", "status", "content", "content_range"),
    [
        ("bytes=0-3", 206, b"0123", "bytes 0-3/10"),
        ("bytes=8-", 206, b"89", "bytes 8-9/10"),
        ("bytes=-3", 206, b"789", "bytes 7-9/10"),
        ("bytes=-99", 206, b"0123456789", "bytes 0-9/10"),
        ("bytes=5-99", 206, b"56789", "bytes 5-9/10"),
        ("bytes=10-", 416, None, "bytes */10"),
        ("bytes=-0", 416, None, "bytes */10"),
        ("bytes=5-2", 200, b"0123456789", None),
        ("bytes=0-1,4-5", 200, b"0123456789", None),
        ("lines=1-2", 200, b"0123456789", None),
        ("bytes=x", 200, b"0123456789", None),
    ],
)
async def test_part_of_a_file_is_sent(files, asked, status, content, content_range):
    (files.home / "f").write_bytes(b"0123456789")
    got = await files.get("f", Range=asked)
    assert (got.status_code, got.headers.get("content-range")) == (status, content_range)
    if content is None:
        assert got.json()["code"] == "range_not_satisfiable"
    else:
        assert got.content == content


async def test_part_is_sent_only_of_the_file_that_is_meant(files):
    (files.home / "f").write_bytes(b"0123456789")
    whole = await files.get("f")
    etag, date = whole.headers["etag"], whole.headers["last-modified"]
    for condition in (etag, date):
        assert (await files.get("f", Range="bytes=0-0", **{"If-Range": condition})).status_code == 206
    for condition in (f"W/{etag}", '"other"', "Sat, 01 Jan 2000 00:00:00 GMT", "nonsense"):
        assert (await files.get("f", Range="bytes=0-0", **{"If-Range": condition})).status_code == 200
    (files.home / "f").write_bytes(b"9876543210")
    changed = await files.get("f", Range="bytes=0-0", **{"If-Range": etag})
    assert (changed.status_code, changed.content) == (200, b"9876543210")


async def test_file_that_the_client_has_is_not_sent_again(files):
    (files.home / "f").write_bytes(b"0123456789")
    whole = await files.get("f")
    for conditions in (
        {"If-None-Match": whole.headers["etag"]},
        {"If-None-Match": f'"x", W/{whole.headers["etag"]}'},
        {"If-Modified-Since": whole.headers["last-modified"]},
    ):
        got = await files.get("f", **conditions)
        assert (got.status_code, got.content) == (304, b"")
    assert (await files.get("f", **{"If-None-Match": '"x"'})).status_code == 200


async def test_sparse_fifty_megabytes_are_read_from_the_middle(files):
    with (files.home / "big").open("wb") as file:
        file.truncate(50 * MIB)
        file.seek(40 * MIB)
        file.write(b"here")
    got = await files.get("big", Range=f"bytes={40 * MIB}-{40 * MIB + 3}")
    assert (got.content, got.headers["content-range"]) == (b"here", f"bytes {40 * MIB}-{40 * MIB + 3}/{50 * MIB}")
    assert len((await files.get("big")).content) == 50 * MIB


async def test_file_is_written_only_where_there_is_none(files):
    assert (await files.put("f", b"1", If_None_Match="*")).status_code == 201
    refused = await files.put("f", b"2", If_None_Match="*")
    assert (refused.status_code, refused.json()["code"]) == (412, "precondition_failed")
    assert (files.home / "f").read_bytes() == b"1"


async def test_file_is_written_only_over_the_one_that_is_meant(files):
    etag = (await files.put("f", b"1")).headers["etag"]
    assert (await files.put("f", b"2", If_Match=etag)).status_code == 200
    assert (await files.put("f", b"3", If_Match=etag)).status_code == 412
    assert (await files.put("new", b"3", If_Match="*")).status_code == 412
    assert (files.home / "f").read_bytes() == b"2"


async def test_digest_is_checked(files):
    digest = b64encode(hashlib.sha256(b"right").digest()).decode()
    assert (await files.put("f", b"right", Repr_Digest=f"sha-256=:{digest}:")).status_code == 201
    wrong = await files.put("f", b"wrong", Repr_Digest=f"sha-256=:{digest}:")
    assert (wrong.status_code, wrong.json()["code"]) == (460, "checksum_mismatch")
    assert (files.home / "f").read_bytes() == b"right"
    assert (await files.put("f", b"x", Repr_Digest="sha-256=:AAAA:")).status_code == 400


async def test_mode_of_a_replaced_file_is_kept(files):
    (files.home / "run.sh").write_text("old")
    (files.home / "run.sh").chmod(0o750)
    await files.put("run.sh", b"new")
    assert (files.home / "run.sh").stat().st_mode & 0o777 == 0o750


async def test_link_in_the_home_is_written_through(files):
    (files.home / "real").write_text("old")
    (files.home / "link").symlink_to("real")
    assert (await files.put("link", b"new")).status_code == 200
    assert (files.home / "link").is_symlink()
    assert (files.home / "real").read_text() == "new"


@pytest.mark.parametrize("path", ["..%2Fneighbour%2Fx", "out/x", "file-out", "%2E%2E/x", "a/..%2F..%2Fneighbour/x"])
async def test_nothing_outside_the_home_is_reached(files, path):
    neighbour = files.home.parent / "neighbour"
    neighbour.mkdir(exist_ok=True)
    (neighbour / "x").write_text("secret")
    (files.home / "out").symlink_to(neighbour)
    (files.home / "file-out").symlink_to(neighbour / "x")
    for answer in (await files.get(path), await files.put(path, b"overwritten"), await create(files, path, 3)):
        assert answer.status_code in (400, 404), answer.text
        assert answer.json()["code"] in ("path_outside_project", "file_not_found")
    assert (neighbour / "x").read_text() == "secret"


async def test_too_large_is_refused_before_and_while_it_comes(files):
    announced = await files.put("f", bytes(21 * MIB))
    assert (announced.status_code, announced.json()["code"]) == (413, "file_too_large")
    growing = await files.put("f", pieces_of(bytes(21 * MIB)))
    assert (growing.status_code, growing.json()["code"]) == (413, "body_too_large")
    refused = await create(files, "f", 21 * MIB)
    assert (refused.status_code, refused.json()["code"]) == (413, "file_too_large")
    assert not (files.home / "f").exists()
    await until_no_part_is_left(files)


async def test_quota_is_kept(files):
    (files.home / "full").write_bytes(os.urandom(45 * MIB))
    for refused in (
        await files.put("f", bytes(6 * MIB)),
        await files.put("f", pieces_of(bytes(6 * MIB))),
        await create(files, "f", 6 * MIB),
    ):
        assert (refused.status_code, refused.json()["code"]) == (413, "quota_exceeded")
        assert refused.headers["connection"] == "close"
    assert not (files.home / "f").exists()


async def test_uploads_side_by_side_keep_the_quota_together(files):
    answers = await asyncio.gather(*(files.put(f"f{n}", pieces_of(os.urandom(15 * MIB))) for n in range(5)))
    assert {answer.status_code for answer in answers} <= {201, 413}
    assert sum(path.stat().st_size for path in files.home.glob("f*")) <= 50 * MIB
    assert (await files.put("small", b"x" * MIB)).status_code == 201


@pytest.mark.parametrize("path", ["", "d", "pipe", "nothing/at/all"])
async def test_what_is_no_file_is_not_read(files, path):
    (files.home / "d").mkdir()
    os.mkfifo(files.home / "pipe")
    got = await files.get(path)
    assert got.status_code == (404 if path.startswith("nothing") else 400)
    assert set(got.json()) == {"error", "code"}
    if path in ("", "d", "pipe"):
        assert (await files.put(path, b"x")).status_code == 400


async def until_no_part_is_left(files: Files) -> None:
    """Wait until the agent, who hears of it a little later, has tidied up."""
    async with asyncio.timeout(10):
        while list((files.home / ".studiolo/uploads").iterdir()):  # noqa: ASYNC110 - a directory tells nobody
            await asyncio.sleep(0.01)


async def breaking() -> AsyncIterator[bytes]:
    """Give some bytes as a client does that goes away then."""
    yield b"x" * 300_000
    raise ClientDisconnect


async def test_broken_off_upload_leaves_nothing(files, services):
    with pytest.raises(ClientDisconnect):
        await services.transfers.upload(files.caller.principal, files.project_id, "f", breaking())
    await until_no_part_is_left(files)
    assert not (files.home / "f").exists()


async def create(files: Files, path: str, size: int, key: str = "", **more: str) -> httpx.Response:
    metadata = f"path {b64encode(httpx.URL('http://x/' + path).path[1:].encode()).decode()}"
    for name, value in more.items():
        metadata += f",{name} {b64encode(value.encode()).decode()}"
    headers = {"Tus-Resumable": "1.0.0", "Upload-Length": str(size), "Upload-Metadata": metadata}
    headers |= {"Idempotency-Key": key} if key else {}
    return await files.send("POST", f"uploads/{files.project_id}", headers=headers)


async def tus(files: Files, method: str, location: str, content: Any = b"", **given: str) -> httpx.Response:
    headers = {"Tus-Resumable": "1.0.0", **{name.replace("_", "-"): value for name, value in given.items()}}
    if method == "PATCH":
        headers.setdefault("Content-Type", "application/offset+octet-stream")
    return await files.send(method, location.removeprefix("/api/v1/"), content=content, headers=headers)


async def test_upload_goes_on_where_it_stopped(files):
    content = os.urandom(3 * MIB)
    made = await create(files, "data/set.bin", len(content), sha256=hashlib.sha256(content).hexdigest())
    assert (made.status_code, made.headers["tus-resumable"]) == (201, "1.0.0")
    location = made.headers["location"]
    assert "upload-expires" in made.headers
    first = await tus(files, "PATCH", location, content[:MIB], Upload_Offset="0")
    assert (first.status_code, first.headers["upload-offset"]) == (204, str(MIB))
    shown = await tus(files, "HEAD", location)
    assert (shown.headers["upload-offset"], shown.headers["upload-length"]) == (str(MIB), str(3 * MIB))
    assert shown.headers["cache-control"] == "no-store"
    assert not (files.home / "data").exists()
    last = await tus(files, "PATCH", location, pieces_of(content[MIB:]), Upload_Offset=str(MIB))
    assert last.headers["upload-offset"] == str(3 * MIB)
    assert (files.home / "data/set.bin").read_bytes() == content
    done = await tus(files, "HEAD", location)
    assert done.headers["upload-offset"] == done.headers["upload-length"]


async def test_broken_off_piece_is_kept_as_far_as_it_came(files, services):
    location = (await create(files, "f", MIB)).headers["location"]
    upload_id = location.rpartition("/")[2]
    with pytest.raises(ClientDisconnect):
        await services.transfers.append(files.caller.principal, files.project_id, upload_id, 0, breaking())
    reached = int((await tus(files, "HEAD", location)).headers["upload-offset"])
    assert 0 <= reached <= 300_000
    rest = await tus(files, "PATCH", location, b"x" * (MIB - reached), Upload_Offset=str(reached))
    assert rest.status_code == 204
    assert (files.home / "f").read_bytes() == b"x" * MIB


async def test_first_bytes_may_come_with_the_creation(files):
    headers = {
        "Tus-Resumable": "1.0.0",
        "Upload-Length": "5",
        "Upload-Metadata": f"filename {b64encode(b'f').decode()}",
        "Content-Type": "application/offset+octet-stream",
    }
    made = await files.send("POST", f"uploads/{files.project_id}", headers=headers, content=b"hello")
    assert (made.status_code, made.headers["upload-offset"]) == (201, "5")
    assert (files.home / "f").read_bytes() == b"hello"


async def test_upload_is_begun_once_with_a_key(files):
    first = await create(files, "f", 10, key="k1")
    again = await create(files, "f", 10, key="k1")
    assert (again.status_code, again.headers["location"]) == (201, first.headers["location"])
    assert ("idempotency-replayed" in first.headers, again.headers["idempotency-replayed"]) == (False, "true")
    assert len(list((files.home / ".studiolo/uploads").glob("*.part"))) == 1
    other = await create(files, "g", 10, key="k1")
    assert (other.status_code, other.json()["code"]) == (422, "idempotency_key_reused")
    assert (await create(files, "f", 10)).headers["location"] != first.headers["location"]


async def test_upload_whose_beginning_was_not_heard_of_goes_on(files):
    """The first bytes come along: who sends the request again is told that they have arrived."""
    headers = {
        "Tus-Resumable": "1.0.0",
        "Upload-Length": "10",
        "Upload-Metadata": f"path {b64encode(b'f').decode()}",
        "Content-Type": "application/offset+octet-stream",
        "Idempotency-Key": "k1",
    }
    for _ in range(2):
        made = await files.send("POST", f"uploads/{files.project_id}", headers=headers, content=b"hello")
        assert (made.status_code, made.headers["upload-offset"]) == (201, "5")
    await tus(files, "PATCH", made.headers["location"], b"world", Upload_Offset="5")
    assert (files.home / "f").read_bytes() == b"helloworld"
    after = await files.send("POST", f"uploads/{files.project_id}", headers=headers, content=b"hello")
    assert (after.status_code, after.headers["upload-offset"]) == (201, "10")


async def test_upload_begun_by_a_hub_that_died_is_found_by_its_key(files, services, database):
    """The agent has begun it, the hub was killed before it noted that."""
    first = await create(files, "f", 10, key="k1")
    await database.write(lambda tx: tx.execute(tables.idempotency_keys.delete()))
    again = await create(files, "f", 10, key="k1")
    assert again.headers["location"] == first.headers["location"]
    assert len(list((files.home / ".studiolo/uploads").glob("*.part"))) == 1


async def test_upload_that_was_begun_by_half_is_begun_anew(files, database):
    """The agent was killed between its two files."""
    first = await create(files, "f", 10, key="k1")
    await database.write(lambda tx: tx.execute(tables.idempotency_keys.delete()))
    (note,) = (files.home / ".studiolo/uploads").glob("*.json")
    note.unlink()
    again = await create(files, "f", 10, key="k1")
    assert again.headers["location"] == first.headers["location"]
    assert (await tus(files, "HEAD", again.headers["location"])).headers["upload-offset"] == "0"


async def test_upload_of_nothing_is_done_at_once(files):
    location = (await create(files, "empty", 0)).headers["location"]
    assert (files.home / "empty").read_bytes() == b""
    assert (await tus(files, "HEAD", location)).headers["upload-offset"] == "0"


async def test_upload_goes_on_nowhere_else(files):
    location = (await create(files, "f", 10)).headers["location"]
    refused = await tus(files, "PATCH", location, b"x", Upload_Offset="3")
    assert (refused.status_code, refused.json()["code"]) == (409, "upload_offset_mismatch")
    assert refused.headers["upload-offset"] == "0"
    more = await tus(files, "PATCH", location, b"x" * 11, Upload_Offset="0")
    assert more.status_code == 413


async def test_checksum_of_a_piece_is_checked(files):
    location = (await create(files, "f", 10)).headers["location"]
    right = b64encode(hashlib.sha1(b"hello").digest()).decode()
    wrong = await tus(files, "PATCH", location, b"world", Upload_Offset="0", Upload_Checksum=f"sha1 {right}")
    assert (wrong.status_code, wrong.json()["code"]) == (460, "checksum_mismatch")
    assert (await tus(files, "HEAD", location)).headers["upload-offset"] == "0"
    good = await tus(files, "PATCH", location, b"hello", Upload_Offset="0", Upload_Checksum=f"sha1 {right}")
    assert good.headers["upload-offset"] == "5"
    for bad in ("md5 AAAA", "sha1 AAAA", "sha256", "sha1 !"):
        answer = await tus(files, "PATCH", location, b"hello", Upload_Offset="5", Upload_Checksum=bad)
        assert answer.status_code == 400


async def test_checksum_of_the_whole_is_checked(files):
    location = (await create(files, "f", 5, sha256=hashlib.sha256(b"hello").hexdigest())).headers["location"]
    assert (await tus(files, "PATCH", location, b"world", Upload_Offset="0")).status_code == 460
    assert not (files.home / "f").exists()
    assert (await tus(files, "HEAD", location)).status_code == 404


async def test_upload_is_given_up(files):
    location = (await create(files, "f", 5)).headers["location"]
    assert (await tus(files, "DELETE", location)).status_code == 204
    for method in ("HEAD", "DELETE", "PATCH"):
        assert (await tus(files, method, location, Upload_Offset="0")).status_code == 404
    assert list((files.home / ".studiolo/uploads").iterdir()) == []


async def test_options_tell_what_is_possible(files, as_anonymous):
    shown = await tus(files.of(as_anonymous), "OPTIONS", f"uploads/{files.project_id}")
    assert (shown.status_code, shown.headers["tus-version"]) == (204, "1.0.0")
    assert shown.headers["tus-max-size"] == str(20 * MIB)
    assert "checksum" in shown.headers["tus-extension"]


async def test_protocol_is_held_to(files):
    location = (await create(files, "f", 5)).headers["location"]
    other = await files.send("HEAD", location.removeprefix("/api/v1/"), headers={"Tus-Resumable": "0.2.2"})
    assert (other.status_code, other.headers["tus-version"]) == (412, "1.0.0")
    assert (await tus(files, "PATCH", location, b"x", Upload_Offset="0", Content_Type="text/plain")).status_code == 415
    assert (await tus(files, "PATCH", location, b"x")).status_code == 400
    assert (await tus(files, "PATCH", location, b"x", Upload_Offset="-1")).status_code == 400
    overridden = await tus(
        files,
        "POST",
        location,
        b"hello",
        Upload_Offset="0",
        X_HTTP_Method_Override="PATCH",
        Content_Type="application/offset+octet-stream",
    )
    assert overridden.status_code == 204
    not_allowed = await tus(files, "PUT", location)
    assert (not_allowed.status_code, "PATCH" in not_allowed.headers["allow"]) == (405, True)
    for metadata in ("", "path !", "other eA=="):
        headers = {"Tus-Resumable": "1.0.0", "Upload-Length": "1", "Upload-Metadata": metadata}
        assert (await files.send("POST", f"uploads/{files.project_id}", headers=headers)).status_code == 400
    headers = {"Tus-Resumable": "1.0.0", "Upload-Metadata": "path eA==", "Upload-Defer-Length": "1"}
    assert (await files.send("POST", f"uploads/{files.project_id}", headers=headers)).status_code == 400


@pytest.mark.parametrize("form", ["zip", "tar.gz"])
async def test_archive_is_sent_as_it_is_made(files, form):
    (files.home / "d").mkdir()
    (files.home / "d/a").write_text("A")
    (files.home / "b").write_bytes(os.urandom(MIB))
    got = await files.send("GET", f"archives/{files.project_id}?path=d&path=b&format={form}")
    assert (got.status_code, got.headers["content-security-policy"][:7]) == (200, "sandbox")
    assert got.headers["content-disposition"].endswith(f".{form}")
    held = io.BytesIO(got.content)
    if form == "zip":
        with zipfile.ZipFile(held) as archive:
            assert (archive.read("d/a"), len(archive.read("b"))) == (b"A", MIB)
    else:
        with tarfile.open(fileobj=held) as archive:
            assert archive.getnames() == ["d", "d/a", "b"]


@pytest.mark.parametrize("query", ["path=nothing", "path=..", "format=rar", "path=d&path=nothing"])
async def test_archive_of_nonsense_is_refused(files, query):
    (files.home / "d").mkdir()
    got = await files.send("GET", f"archives/{files.project_id}?{query}")
    assert got.status_code in (400, 404)
    assert set(got.json()) == {"error", "code"}


async def every_door(files: Files, location: str) -> list[tuple[str, httpx.Response]]:
    return [
        ("read", await files.get("f")),
        ("read", await files.send("GET", f"archives/{files.project_id}?path=f")),
        ("write", await files.put("g", b"x")),
        ("write", await create(files, "g", 1)),
        ("write", await tus(files, "HEAD", location)),
        ("write", await tus(files, "PATCH", location, b"x", Upload_Offset="0")),
        ("write", await tus(files, "DELETE", location)),
    ]


@pytest.mark.parametrize(
    ("who", "read", "write"),
    [("stranger", 404, 404), ("viewer", 200, 403), ("anonymous", 401, 401), ("wrong key", 401, 401)],
)
async def test_who_may_not_is_refused_at_every_door(files, as_stranger, as_anonymous, add_person, who, read, write):
    (files.home / "f").write_text("f")
    location = (await create(files, "h", 5)).headers["location"]
    if who == "viewer":
        await add_person(files.project_id, as_stranger, "viewer")
    caller = {"anonymous": as_anonymous, "wrong key": as_anonymous.with_key("sk-wrong")}.get(who, as_stranger)
    for kind, answer in await every_door(files.of(caller), location):
        assert answer.status_code == {"read": read, "write": write}[kind], (kind, answer.text)
        if answer.status_code >= 400 and answer.request.method != "HEAD":
            assert set(answer.json()) == {"error", "code"}
    assert not (files.home / "g").exists()


async def test_collaborators_administrators_and_the_projects_own_key_may(
    files, as_stranger, as_admin, as_owner, services, add_person
):
    (files.home / "f").write_text("f")
    await add_person(files.project_id, as_stranger, "collaborator")
    _, key = await services.api_keys.create(as_owner.principal, project_id=files.project_id)
    for caller in (as_stranger, as_admin, as_owner.with_key(key)):
        location = (await create(files.of(caller), "h", 5)).headers["location"]
        answers = await every_door(files.of(caller), location)
        assert [answer.status_code < 300 for _, answer in answers] == [True] * 7


async def test_unknown_project_looks_like_a_foreign_one(files):
    other = Files(files.caller, ProjectId(NOBODY), files.home)
    assert (await other.get("f")).status_code == 404
    assert (await other.put("f", b"x")).status_code == 404
    assert (await Files(files.caller, ProjectId("nonsense"), files.home).get("f")).status_code == 404


async def test_method_that_is_none_says_which_are(files):
    answer = await files.send("DELETE", f"files/{files.project_id}/f")
    assert (answer.status_code, answer.headers["allow"]) == (405, "GET, HEAD, PUT")


async def test_agent_cannot_write_headers(files, runner, hostile_agent):
    hostile = {"allow": "x\r\nSet-Cookie: a=b", "retry_after_seconds": "soon", "offset": "1\r\nSet-Cookie: a=b"}
    await hostile_agent({"code": "upload_offset_mismatch", "message": "no", "details": hostile})
    location = f"/api/v1/uploads/{files.project_id}/{'0' * 32}"
    for method in ("HEAD", "PATCH", "DELETE"):
        answer = await tus(files, method, location, b"x", Upload_Offset="0")
        assert answer.status_code == 409
        assert not {"allow", "retry-after", "set-cookie", "upload-offset"} & set(answer.headers)
