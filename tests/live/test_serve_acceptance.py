"""The same day of an embedding platform on every kind of server: all calls, on the real thing."""

import os
import stat
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from studiolo.runtime.keeper.plan import UID_BASE
from studiolo.runtime.runners.process import WARNING
from studiolo.testing.databases import PostgresServer
from studiolo.testing.live import until
from studiolo.testing.servers import Server

KINDS = [
    pytest.param(("root", "sqlite", "sandbox"), id="root-sqlite", marks=pytest.mark.root),
    pytest.param(
        ("root", "postgresql", "sandbox"), id="root-postgresql", marks=[pytest.mark.root, pytest.mark.postgres]
    ),
    pytest.param(("root", "sqlite", "process"), id="root-process", marks=pytest.mark.root),
    pytest.param(("ordinary", "sqlite", "sandbox"), id="ordinary-sqlite"),
    pytest.param(("ordinary", "postgresql", "sandbox"), id="ordinary-postgresql", marks=pytest.mark.postgres),
    pytest.param(("ordinary", "sqlite", "process"), id="ordinary-process"),
]


@pytest.fixture(params=KINDS)
def kind(request: pytest.FixtureRequest) -> tuple[str, str, str]:
    return request.param


@pytest.fixture
def server(kind: tuple[str, str, str], live_server, request: pytest.FixtureRequest) -> Server:
    user, database, runner = kind
    options = ["--runner", runner]
    if database == "postgresql":
        postgres: PostgresServer = request.getfixturevalue("postgres")
        options += ["--database", postgres.url(postgres.create_database())]
    return live_server(*options, is_root=user == "root")


def test_whole_sequence_of_calls_works(server: Server, kind: tuple[str, str, str]):
    user, _, runner = kind
    source, target = make_a_student_and_two_projects(server)
    write_read_and_execute(server, source)
    copy_in_every_way(server, source, target)
    ask_by_query(server, source)
    check_who_owns_what(server, source, target, is_root=user == "root")
    if runner == "process":
        assert WARNING in server.log()
        assert server.get("/healthz").json() == {"status": "ok", "warnings": [WARNING]}
        assert server.done("project_exec", project_id=source, command="pwd")["stdout"].endswith(f"{source}/home\n")
    else:
        assert server.shell(source, "echo $HOME $PWD") == f"/projects/{source} /projects/{source}\n"
        assert server.shell(source, "ls /projects") == f"{source}\n"
    stop(server, source)


def make_a_student_and_two_projects(server: Server) -> tuple[str, str]:
    password = "password-of-sofia"
    server.secrets.add(password)
    sofia = server.done(
        "create_account", email_address="sofia@example.edu", password=password, first_name="Sofia", get_api_key=True
    )
    key = sofia["api_key"]
    token = server.done("user_auth", account_id=sofia["account_id"], password="")["auth_token"]
    assert server.done("user_auth", key, account_id=sofia["account_id"], password=password)["auth_token"] != token
    server.secrets |= {key, token}
    page = server.get(f"/app?auth_token={token}&fullscreen=kiosk&session=")
    assert page.status_code == 200
    return server.project(), server.project()


def write_read_and_execute(server: Server, project_id: str) -> None:
    file = {"project_id": project_id, "path": "deep/down/notes.txt"}
    server.done("write_text_file_to_project", **file, content="hello\nworld")
    assert server.done("read_text_file_from_project", **file)["content"] == "hello\nworld"
    ran = server.done("project_exec", project_id=project_id, command="wc", args=["-w", "deep/down/notes.txt"])
    assert (ran["stdout"], ran["exit_code"]) == ("2 deep/down/notes.txt\n", 0)


def copy_in_every_way(server: Server, source: str, target: str) -> None:
    ends = {"src_project_id": source, "src_path": "deep", "target_project_id": target}
    assert server.done("copy_path_between_projects", **ends, wait_until_done=True)["event"] == "success"
    file = {"project_id": target, "path": "deep/down/notes.txt"}
    assert server.done("read_text_file_from_project", **file)["content"] == "hello\nworld"
    unwaited = server.done("copy_path_between_projects", **ends, target_path="unwaited/")
    soon = (datetime.now(UTC) + timedelta(seconds=1)).isoformat()
    scheduled = server.done("copy_path_between_projects", **ends, target_path="scheduled", scheduled=soon)
    for copy in (unwaited, scheduled):
        until(lambda copy=copy: "finished" in status(server, copy["copy_path_id"]))
        assert "error" not in status(server, copy["copy_path_id"])
    assert status(server, scheduled["copy_path_id"])["started"] >= soon[:19]
    assert server.shell(target, "cat unwaited/down/notes.txt scheduled/down/notes.txt") == "hello\nworld" * 2
    server.done("copy_path_between_projects", **ends, target_path="some", exclude=["*.txt"], wait_until_done=True)
    assert server.shell(target, "find some | sort") == "some\nsome/down\n"
    later = server.done("copy_path_between_projects", **ends, scheduled="2099-01-01T00:00:00Z")
    server.done("copy_path_delete", copy_path_id=later["copy_path_id"])
    assert server.done("copy_path_status", src_project_id=source)["data"] == []
    assert len(server.done("copy_path_status", src_project_id=source, pending=False)["data"]) == 4


def status(server: Server, copy_id: str) -> dict[str, object]:
    return server.done("copy_path_status", copy_path_id=copy_id)["data"]


def ask_by_query(server: Server, project_id: str) -> None:
    wanted = {"project_id": project_id, "title": None, "state": None}
    answer = server.done("query", query={"projects": wanted})["query"]["projects"]
    assert answer["title"] == "A project"
    assert answer["state"]["state"] == "running"
    server.done("query", query={"projects": {"project_id": project_id, "title": "Renamed"}})
    assert server.done("query", query={"projects": wanted})["query"]["projects"]["title"] == "Renamed"


def check_who_owns_what(server: Server, source: str, target: str, *, is_root: bool) -> None:
    uids = [int(stat_owner(server, project_id, "deep/down/notes.txt")) for project_id in (source, target)]
    agents = [Path(f"/proc/{server.record(project_id).inner.pid}").stat().st_uid for project_id in (source, target)]
    hub = Path(f"/proc/{server.hub_pid}").stat().st_uid
    if is_root:
        assert uids[0] != uids[1]
        assert min(uids) > hub == UID_BASE
    else:
        assert set(uids) == {hub}
        assert hub == (server.uid or os.geteuid())
    assert agents == uids
    home = server.data / "projects" / source / "home"
    assert stat.S_IMODE(home.stat().st_mode) == 0o700


def stat_owner(server: Server, project_id: str, path: str) -> int:
    return (server.data / "projects" / project_id / "home" / path).stat().st_uid


def stop(server: Server, project_id: str) -> None:
    inner = server.record(project_id).inner
    action = {"action": "stop", "time": "2026-01-01T00:00:00Z"}
    server.done("query", query={"projects": {"project_id": project_id, "action_request": action}})
    until(lambda: not inner.is_alive())
    assert not (server.data / "run" / f"{project_id}.sock").exists()
