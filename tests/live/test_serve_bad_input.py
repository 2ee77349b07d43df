"""Bad input against the real server: each a clear error, nothing lost, nothing leaked."""

import pytest

from studiolo.testing.servers import Server

NAMES = [
    "with space.txt",
    "quo'te\"s.txt",
    "back\\slash.txt",
    "new\nline.txt",
    "tab\t.txt",
    "ünïcödé-日本語-🎓.txt",
    "-rf",
    "$(touch pwned);`id`.txt",
    "a:b.txt",
    "percent%2e%2e.txt",
    "x" * 255,
]
UNKNOWN = "00000000-0000-4000-8000-000000000000"


@pytest.fixture(scope="module")
def project_id(server: Server) -> str:
    return server.project(start=True)


@pytest.fixture(scope="module")
def stranger(server: Server) -> str:
    password = "password-of-stranger"
    made = server.done("create_account", email_address="s@example.edu", password=password, get_api_key=True)
    server.secrets |= {password, made["api_key"]}
    return made["api_key"]


def error_of(answer: dict[str, object], sent: str = "") -> str:
    assert answer.get("event") in ("error", None), answer
    error = answer["error"]
    assert isinstance(error, str)
    assert "Traceback" not in error
    assert "/var/lib" not in error
    assert "the other's secret" not in error
    assert "studiolo-data" not in error.replace(sent, ""), f"the error shows where the server keeps its data: {error}"
    return error


def reading(project_id: str, path: str) -> dict[str, str]:
    return {"project_id": project_id, "path": path}


def test_unknown_and_foreign_projects_answer_alike(server: Server, project_id: str, stranger: str):
    for victim in (UNKNOWN, project_id):
        calls = {
            "read_text_file_from_project": reading(victim, "a"),
            "write_text_file_to_project": {**reading(victim, "a"), "content": "x"},
            "project_exec": {"project_id": victim, "command": "id"},
        }
        for name, given in calls.items():
            error = error_of(server.call(name, stranger, **given))
            assert "does not have" in error
            assert victim in error
        copy = {"src_project_id": victim, "src_path": "a", "target_project_id": victim}
        assert "ACCESS BLOCKED" in error_of(server.call("copy_path_between_projects", stranger, **copy))


@pytest.mark.parametrize("name", NAMES)
def test_weird_names_are_only_names(server: Server, project_id: str, name: str):
    path = f"names/{name}"
    text = f"this is {name}"
    server.done("write_text_file_to_project", project_id=project_id, path=path, content=text)
    assert server.done("read_text_file_from_project", **reading(project_id, path))["content"] == text
    copy = {"src_project_id": project_id, "src_path": path, "target_project_id": project_id}
    server.done("copy_path_between_projects", **copy, target_path=f"copied/{name}", wait_until_done=True)
    assert server.done("read_text_file_from_project", **reading(project_id, f"copied/{name}"))["content"] == text
    assert server.done("project_exec", project_id=project_id, command="cat", args=["--", path])["stdout"] == text
    assert "pwned" not in server.shell(project_id, "ls")


def test_name_that_no_file_can_have_is_refused(server: Server, project_id: str):
    for name in ("nul\0byte", "x" * 256, "/".join("d" * 200 for _ in range(30)), ""):
        error_of(server.call("write_text_file_to_project", project_id=project_id, path=name, content="x"))
        error_of(server.call("read_text_file_from_project", **reading(project_id, name)))


def copying(project_id: str, source: str, target: str) -> dict[str, object]:
    ends = {"src_project_id": project_id, "src_path": source, "target_project_id": project_id, "target_path": target}
    return {**ends, "wait_until_done": True}


@pytest.fixture
def other(server: Server) -> str:
    project_id = server.project(start=True)
    server.done("write_text_file_to_project", project_id=project_id, path="secret.txt", content="the other's secret")
    return project_id


def test_ways_out_of_the_home_lead_nowhere(server: Server, project_id: str, other: str):
    database = str(server.data / "studiolo.sqlite3")
    for path in (f"../{other}/secret.txt", f"../../{other}/home/secret.txt", f"/projects/{other}/secret.txt", database):
        error_of(server.call("read_text_file_from_project", **reading(project_id, path)), path)
        error_of(server.call("copy_path_between_projects", None, **copying(project_id, path, "stolen")), path)
    assert "stolen" not in server.shell(project_id, "ls -R")


def test_symlinks_out_of_the_home_lead_nowhere(server: Server, project_id: str, other: str):
    home = str(server.data / "projects" / other / "home")
    links = {"out": home, "file": f"{home}/secret.txt", "root": "/"}
    for name, target in links.items():
        server.shell(project_id, f"mkdir -p links && ln -s {target} links/{name}")
    for path in ("links/out/secret.txt", "links/file", f"links/root{home}/secret.txt"):
        error_of(server.call("read_text_file_from_project", **reading(project_id, path)), path)
    for path in ("links/out/planted.txt", f"links/root{home}/planted.txt"):
        # it may come to lie in a place of that name inside the project's own walls
        server.call("write_text_file_to_project", project_id=project_id, path=path, content="planted")
    for source, target in (("links/out", "stolen"), ("links/out/secret.txt", "stolen"), ("names", "links/out/planted")):
        error_of(server.call("copy_path_between_projects", None, **copying(project_id, source, target)))
    assert server.shell(other, "ls -A").split() == ["secret.txt"]
    server.done("copy_path_between_projects", None, **copying(project_id, "links", "copied"))
    assert server.shell(project_id, "find copied/out copied/file copied/root -maxdepth 0 -type l | wc -l") == "3\n"


def test_huge_file_is_refused_and_binary_one_is_read_with_replacements(server: Server, project_id: str):
    server.shell(project_id, "truncate -s 5G huge; printf 'a\\377\\376b' > binary; mkfifo pipe; mkdir -p directory")
    assert "large file of size" in error_of(server.call("read_text_file_from_project", **reading(project_id, "huge")))
    assert server.done("read_text_file_from_project", **reading(project_id, "binary"))["content"] == "a\ufffd\ufffdb"
    for path in ("pipe", "directory", "/dev/zero"):
        error_of(server.call("read_text_file_from_project", **reading(project_id, path)))
    assert "ENOENT" in error_of(server.call("read_text_file_from_project", **reading(project_id, "missing")))


def test_large_text_goes_there_and_back(server: Server, project_id: str):
    text = "0123456789abcdef" * (9 << 16)  # 9 MiB
    server.done("write_text_file_to_project", project_id=project_id, path="large.txt", content=text)
    assert server.done("read_text_file_from_project", **reading(project_id, "large.txt"))["content"] == text


def test_body_beyond_the_limit_is_refused(server: Server):
    given = {"Content-Type": "application/json"}
    body = b'{"error": "' + b"x" * (65 << 20) + b'"}'
    answer = server.http.post(
        f"{server.address}/api/v1/log_client_error", auth=(server.key, ""), content=body, headers=given
    )
    assert answer.status_code == 413
    assert server.is_healthy()


@pytest.mark.parametrize(
    "body", [b"{", b"[]", b"null", b'"text"', b"\xff\xfe", b"", b"{" * 100_000, b'{"command": NaN}', b'{"a": 1e999}']
)
def test_broken_json_is_refused(server: Server, body: bytes):
    given = {"Content-Type": "application/json"}
    answer = server.http.post(
        f"{server.address}/api/v1/project_exec", auth=(server.key, ""), content=body, headers=given
    )
    assert answer.status_code == 400
    assert "error" in answer.json()
    assert server.is_healthy()


def test_wrong_kinds_of_values_are_refused(server: Server, project_id: str):
    for given in (
        {"project_id": project_id, "command": ["id"]},
        {"project_id": project_id, "command": "id", "args": {"a": 1}},
        {"project_id": project_id, "command": "id", "timeout": "soon"},
        {"project_id": ["x"], "command": "id"},
        {"project_id": project_id},
        {"project_id": project_id, "command": "id", "surprise": 1},
        {"project_id": "not-a-uuid", "command": "id"},
        {"project_id": project_id + "'; DROP TABLE projects; --", "command": "id"},
    ):
        error_of(server.post("project_exec", None, **given).json())


def test_unknown_calls_and_pages_are_answered_calmly(server: Server):
    assert server.post("no_such_call").json()["error"] == "unknown endpoint 'no_such_call'"
    assert server.get("/no/such/page").status_code == 404
    assert server.get(f"/projects/{UNKNOWN}/files/../../etc/passwd").status_code in (200, 303, 404)
    assert server.get("/assets/../../../etc/passwd").status_code == 404
    assert server.get("/assets/%2e%2e/%2e%2e/etc/passwd").status_code == 404
