"""Uploads, downloads, archives and followed commands on the whole server, in whatever order and however broken off.

Hypothesis makes the pieces, offsets, ranges, names and interruptions; a few lines say what must come of them.
"""

import hashlib
import io
import json
import shlex
import socket
import tarfile
import zipfile
from base64 import b64encode
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any
from urllib.parse import quote, urlsplit

import httpx
import hypothesis
import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test

from studiolo.testing.generated import generated
from studiolo.testing.live import until
from studiolo.testing.servers import Server

TUS = {"Tus-Resumable": "1.0.0"}
PIECE = {**TUS, "Content-Type": "application/offset+octet-stream"}
SIZES = (0, 1, 10, 70_000)
LARGEST = 300_000


@dataclass
class Project:
    """A project on a server, and how its owner reaches its files."""

    server: Server
    project_id: str
    count: int = 0

    def __post_init__(self) -> None:
        self.http = httpx.Client(base_url=self.server.address, auth=(self.server.key, ""), timeout=60)

    def new_path(self) -> str:
        self.count += 1
        return f"made/{self.count}"

    def file(self, path: str) -> str:
        return f"/api/v1/files/{self.project_id}/{quote(path)}"

    def has(self, path: str) -> bool:
        return self.http.head(self.file(path)).status_code == 200

    def send_raw(self, method: str, address: str, headers: dict[str, str], body: bytes) -> bytes:
        """Send a request byte by byte as it is given and return what was answered; go away if more was announced."""
        place = urlsplit(self.server.address)
        basic = b64encode(f"{self.server.key}:".encode()).decode()
        lines = [f"{method} {address} HTTP/1.1", f"Host: {place.netloc}", f"Authorization: Basic {basic}"]
        lines += ["Connection: close"]
        lines += [f"{name}: {value}" for name, value in headers.items()]
        with socket.create_connection((str(place.hostname), int(place.port or 0)), timeout=30) as connection:
            connection.sendall("\r\n".join(lines).encode() + b"\r\n\r\n" + body)
            if len(body) < int(headers.get("Content-Length", 0)):
                connection.shutdown(socket.SHUT_WR)
            answer = b""
            while piece := connection.recv(65536):
                answer += piece
        return answer


@pytest.fixture(scope="module")
def project() -> Iterator[Project]:
    server = Server().start()
    try:
        project = Project(server, server.project())
        yield project
        project.http.close()
        assert server.shell(project.project_id, "ls -A .studiolo/uploads/*.part 2>/dev/null | wc -l").strip() == "0"
        assert "Traceback" not in server.log()
    finally:
        server.close()


def pieces_of(content: bytes, cuts: list[int]) -> Iterator[bytes]:
    """Give content in pieces, as a body whose length nobody knows before."""
    at = sorted({0, *(cut % (len(content) + 1) for cut in cuts), len(content)})
    for start, end in pairwise(at):
        yield content[start:end]


class Upload(RuleBasedStateMachine):
    """One resumable upload; the model is its content and how far it is."""

    def __init__(self, project: Project) -> None:
        super().__init__()
        self.project = project
        self.path = project.new_path()
        self.content = b""
        self.location = ""
        self.offset = 0

    @property
    def is_under_way(self) -> bool:
        return bool(self.location) and self.offset < len(self.content)

    @precondition(lambda self: not self.location)
    @rule(
        size=st.one_of(st.sampled_from([0, 1]), st.integers(2, LARGEST)),
        first=st.one_of(st.none(), st.integers(0, 50_000)),
        has_digest=st.booleans(),
    )
    def begin(self, size: int, first: int | None, has_digest: bool) -> None:
        self.content = hashlib.shake_256(self.path.encode()).digest(size)
        told = f"path {b64encode(self.path.encode()).decode()}"
        if has_digest:
            told += f",sha256 {b64encode(hashlib.sha256(self.content).hexdigest().encode()).decode()}"
        headers = {**TUS, "Upload-Length": str(size), "Upload-Metadata": told}
        sent = b"" if first is None else self.content[:first]
        if first is not None:
            headers = {**headers, **PIECE}
        made = self.project.http.post(f"/api/v1/uploads/{self.project.project_id}", headers=headers, content=sent)
        assert made.status_code == 201, made.text
        self.location, self.offset = made.headers["location"], len(sent)
        if first is not None and size:
            assert made.headers["upload-offset"] == str(self.offset)

    def patch(self, body: Any, offset: int, **headers: str) -> httpx.Response:
        given = {**PIECE, "Upload-Offset": str(offset), **headers}
        return self.project.http.patch(self.location, headers=given, content=body)

    @precondition(lambda self: self.is_under_way)
    @rule(length=st.integers(0, 100_000), cuts=st.lists(st.integers(0, LARGEST), max_size=4), is_checked=st.booleans())
    def append(self, length: int, cuts: list[int], is_checked: bool) -> None:
        sent = self.content[self.offset : self.offset + length]
        digest = b64encode(hashlib.sha1(sent).digest()).decode()
        checksum = {"Upload-Checksum": f"sha1 {digest}"} if is_checked else {}
        answer = self.patch(pieces_of(sent, cuts) if cuts else sent, self.offset, **checksum)
        self.offset += len(sent)
        assert (answer.status_code, answer.headers.get("upload-offset")) == (204, str(self.offset)), answer.text

    @precondition(lambda self: self.is_under_way)
    @rule()
    def append_the_rest(self) -> None:
        self.append(len(self.content), [], False)

    @precondition(lambda self: self.is_under_way)
    @rule(elsewhere=st.integers(0, 2 * LARGEST), length=st.integers(0, 1000))
    def append_elsewhere(self, elsewhere: int, length: int) -> None:
        if elsewhere != self.offset:
            answer = self.patch(b"?" * length, elsewhere)
            assert (answer.status_code, answer.json()["code"]) == (409, "upload_offset_mismatch")
            assert answer.headers["upload-offset"] == str(self.offset)

    @precondition(lambda self: self.is_under_way)
    @rule(length=st.integers(1, 1000))
    def append_what_is_damaged(self, length: int) -> None:
        sent = self.content[self.offset : self.offset + length]
        damaged = bytes([sent[0] ^ 1]) + sent[1:]
        digest = b64encode(hashlib.sha256(sent).digest()).decode()
        answer = self.patch(damaged, self.offset, **{"Upload-Checksum": f"sha256 {digest}"})
        assert (answer.status_code, answer.json()["code"]) == (460, "checksum_mismatch")

    @precondition(lambda self: self.is_under_way)
    @rule(surplus=st.integers(1, 70_000), is_told=st.booleans())
    def append_too_much(self, surplus: int, is_told: bool) -> None:
        sent = self.content[self.offset :] + b"?" * surplus
        answer = self.patch(sent if is_told else pieces_of(sent, [1, 1000]), self.offset)
        assert answer.status_code == 413, answer.text
        self.settle(len(self.content) - self.offset)

    @precondition(lambda self: self.is_under_way)
    @rule(length=st.integers(1, 100_000), share=st.floats(0, 1, exclude_max=True))
    def break_off(self, length: int, share: float) -> None:
        sent = self.content[self.offset : self.offset + length]
        came = sent[: int(len(sent) * share)]
        headers = {**PIECE, "Upload-Offset": str(self.offset), "Content-Length": str(len(sent))}
        self.project.send_raw("PATCH", self.location, headers, came)
        self.settle(len(came))

    @precondition(lambda self: self.is_under_way)
    @rule(length=st.integers(1, 100_000))
    def append_twice_at_once(self, length: int) -> None:
        before, sent = self.offset, self.content[self.offset : self.offset + length]
        with ThreadPoolExecutor(2) as threads:
            answers = list(threads.map(lambda _: self.patch(sent, self.offset), range(2)))
        statuses = sorted(one.status_code for one in answers)
        assert statuses in ([204, 409], [409, 409]), [
            one.text for one in answers
        ]  # who comes second ends who came first
        self.settle(len(sent))
        assert statuses == [409, 409] or len(sent) == self.offset - before

    @precondition(lambda self: self.is_under_way)
    @rule()
    def give_up(self) -> None:
        assert self.project.http.delete(self.location, headers=TUS).status_code == 204
        assert self.project.http.head(self.location, headers=TUS).status_code == 404
        assert not self.project.has(self.path)
        self.start_over()

    @precondition(lambda self: self.location and not self.is_under_way)
    @rule()
    def start_over(self) -> None:
        self.path, self.location, self.offset = self.project.new_path(), "", 0

    @precondition(lambda self: self.location)
    @invariant()
    def is_as_far_as_it_says(self) -> None:
        shown = self.project.http.head(self.location, headers=TUS)
        assert shown.status_code == 200
        assert (shown.headers["upload-offset"], shown.headers["upload-length"]) == (
            str(self.offset),
            str(len(self.content)),
        )

    @precondition(lambda self: self.location)
    @invariant()
    def is_a_file_when_all_has_come_and_not_before(self) -> None:
        answer = self.project.http.get(self.project.file(self.path))
        assert answer.status_code == (404 if self.is_under_way else 200)
        if not self.is_under_way:
            assert answer.content == self.content

    def settle(self, most: int) -> None:
        """Wait until a piece that was broken off has let go of the upload; go on from as far as it came."""
        before, reached = self.offset, [self.offset]

        def has_let_go() -> bool:
            reached[0] = int(self.project.http.head(self.location, headers=TUS).headers["upload-offset"])
            return reached[0] == len(self.content) or self.patch(b"", reached[0]).status_code == 204

        until(has_let_go)
        self.offset = reached[0]
        assert before <= self.offset <= before + most

    def teardown(self) -> None:
        if self.is_under_way:
            self.give_up()


def test_upload_comes_to_the_file_that_was_sent_or_to_none(project: Project):
    run_state_machine_as_test(lambda: Upload(project), settings=generated(15))


numbers = st.one_of(st.sampled_from([0, 1, 9, 10, 69_999, 70_000, 10**18]), st.integers(0, 80_000))
RANGES = st.one_of(
    st.tuples(st.just("part"), numbers, numbers),
    st.tuples(st.just("from"), numbers, st.just(0)),
    st.tuples(st.just("last"), numbers, st.just(0)),
    st.tuples(st.just("parts"), numbers, numbers),
    st.tuples(st.just("nonsense"), st.text("bytes=-,019x", max_size=12), st.just(0)),
)
FORMS = {"part": "bytes={}-{}", "from": "bytes={}-", "last": "bytes=-{}", "parts": "bytes={}-{},0-0", "nonsense": "x{}"}


def expected_of(kind: str, first: Any, last: int, content: bytes) -> bytes | None:
    """Return what RFC 9110 has sent; None for what no byte of the file satisfies. Several ranges count as none."""
    if kind in ("parts", "nonsense") or (kind == "part" and last < first):
        return content
    part = {"part": content[first : last + 1], "from": content[first:], "last": content[max(0, len(content) - first) :]}
    return part[kind] or None


def test_part_is_what_the_range_says(project: Project):
    contents = {size: hashlib.shake_256(b"range").digest(size) for size in SIZES}
    paths = {size: project.new_path() for size in SIZES}
    for size, content in contents.items():
        assert project.http.put(project.file(paths[size]), content=content).status_code == 201

    @generated(100)
    @hypothesis.given(size=st.sampled_from(SIZES), asked=RANGES)
    def check(size: int, asked: tuple[str, Any, int]) -> None:
        kind, first, last = asked
        content, text = contents[size], FORMS[kind].format(first, last)
        answer = project.http.get(project.file(paths[size]), headers={"Range": text})
        told = (text, size, answer.status_code, answer.headers.get("content-range"))
        part = expected_of(kind, first, last, content)
        is_whole = kind in ("parts", "nonsense") or (kind == "part" and last < first)
        assert answer.status_code == (416 if part is None else 200 if is_whole else 206), told
        if part is None:
            assert answer.headers["content-range"] == f"bytes */{size}", told
            return
        assert answer.content == part, told
        if not is_whole:
            start = size - len(part) if kind == "last" else first
            assert answer.headers["content-range"] == f"bytes {start}-{start + len(part) - 1}/{size}", told

    check()


def test_file_is_what_was_announced_or_does_not_change(project: Project):
    path = project.new_path()

    @generated(20)
    @hypothesis.given(
        content=st.binary(max_size=3000), told=st.integers(0, 4000), has_bad_chunk=st.booleans(), is_new=st.booleans()
    )
    def check(content: bytes, told: int, has_bad_chunk: bool, is_new: bool) -> None:
        if is_new:
            project.http.delete(project.file(path))
            project.server.call("delete_path", project_id=project.project_id, path=path)
        else:
            project.http.put(project.file(path), content=b"before")
        headers, body = {"Content-Length": str(told)}, content
        if has_bad_chunk:
            headers, body = (
                {"Transfer-Encoding": "chunked"},
                b"%x\r\n%s\r\nzz\r\n" % (len(content) or 1, content or b"?"),
            )
        project.send_raw("PUT", project.file(path), headers, body)
        answer = project.http.get(project.file(path))
        if not has_bad_chunk and told <= len(content):
            assert answer.content == content[:told]
        else:
            assert answer.status_code == 404 if is_new else answer.content == b"before"

    check()


names = st.text(
    st.characters(codec="utf-8", exclude_characters="/\0", exclude_categories=("Cs", "Co")), min_size=1, max_size=20
)
trees = st.dictionaries(
    st.lists(names.filter(lambda name: name not in (".", "..")), min_size=1, max_size=3).map("/".join),
    st.binary(max_size=5000),
    min_size=1,
    max_size=4,
)


def test_archive_holds_what_was_uploaded(project: Project):
    @generated(12)
    @hypothesis.given(tree=trees, form=st.sampled_from(["zip", "tar.gz"]))
    def check(tree: dict[str, bytes], form: str) -> None:
        directory = project.new_path()
        kept: dict[str, bytes] = {}
        for path, content in tree.items():
            if project.http.put(project.file(f"{directory}/{path}"), content=content).status_code < 300:
                kept[path] = content  # otherwise one path is the directory of another
        asked = {"path": directory, "format": form}
        answer = project.http.get(f"/api/v1/archives/{project.project_id}", params=asked)
        assert answer.status_code == 200, answer.text
        top = directory.rpartition("/")[2]
        found = {name.removeprefix(f"{top}/"): content for name, content in entries(answer.content, form)}
        assert found == kept

    check()


def entries(archive: bytes, form: str) -> Iterator[tuple[str, bytes]]:
    if form == "zip":
        with zipfile.ZipFile(io.BytesIO(archive)) as opened:
            yield from ((one.filename, opened.read(one)) for one in opened.infolist() if not one.is_dir())
        return
    with tarfile.open(fileobj=io.BytesIO(archive)) as opened:
        for one in opened:
            if one.isfile():
                content = opened.extractfile(one)
                assert content is not None
                yield one.name, content.read()


@dataclass
class Heard:
    """What a follower of a job has heard."""

    ids: list[int] = field(default_factory=list)
    texts: dict[str, str] = field(default_factory=lambda: {"stdout": "", "stderr": ""})
    exit: dict[str, Any] | None = None

    def take(self, lines: Iterator[str], most: int | None) -> None:
        """Take so many events, or all."""
        event: dict[str, str] = {}
        for line in lines:
            if line:
                name, _, value = line.partition(": ")
                event[name] = value
                continue
            if "data" in event:
                self._note(event)
                most = None if most is None else most - 1
                if most == 0:
                    return
            event = {}

    def _note(self, event: dict[str, str]) -> None:
        self.ids.append(int(event["id"]))
        data = json.loads(event["data"])
        if event["event"] == "exit":
            self.exit = data
        else:
            self.texts[event["event"]] += data["text"]


said = st.tuples(
    st.sampled_from(["stdout", "stderr"]), st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=40)
)


def test_follower_hears_everything_once_however_often_it_is_cut_off(project: Project):
    @generated(12)
    @hypothesis.given(
        says=st.lists(said, max_size=6), cuts=st.lists(st.integers(1, 2), max_size=5), code=st.integers(0, 99)
    )
    def check(says: list[tuple[str, str]], cuts: list[int], code: int) -> None:
        prints = [f"printf %s {shlex.quote(text)} >&{1 if stream == 'stdout' else 2}" for stream, text in says]
        script = "; sleep 0.01; ".join([*prints, f"exit {code}"])
        ids = {"project_id": project.project_id}
        job = project.server.done("start_exec", command=script, bash=True, **ids)
        asked = {**ids, "job_id": job["job_id"]}
        heard = Heard()
        for most in [*cuts, None]:
            if heard.exit is None:
                follow(project, asked, heard, most)
        assert heard.exit is not None
        assert (heard.exit["status"], heard.exit["exit_code"]) == ("completed", code)
        for stream, text in heard.texts.items():
            assert text == "".join(one for where, one in says if where == stream)
        assert heard.ids == list(range(1, len(heard.ids) + 1))
        for last in (heard.ids[-1], heard.ids[-1] + 7):
            over = project.http.get("/api/v1/exec_output", params=asked, headers={"Last-Event-ID": str(last)})
            assert over.status_code == 204
        again = Heard()
        follow(project, asked, again, None)
        assert (again.texts, again.exit) == (heard.texts, heard.exit)

    check()


def follow(project: Project, asked: dict[str, str], heard: Heard, most: int | None) -> None:
    headers = {"Last-Event-ID": str(heard.ids[-1])} if heard.ids else {}
    with project.http.stream("GET", "/api/v1/exec_output", params=asked, headers=headers) as answer:
        assert answer.headers["content-type"] == "text/event-stream"
        heard.take(answer.iter_lines(), most)
