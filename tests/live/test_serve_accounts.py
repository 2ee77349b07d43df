"""`studiolo account create`: before the first start, beside a running server, as the server's user and as root."""

import json
import os
import shutil
from pathlib import Path

import pytest

import studiolo
from studiolo.runtime.keeper.plan import UID_BASE
from studiolo.testing.servers import Server

USERS = [pytest.param(True, id="root", marks=pytest.mark.root), pytest.param(False, id="ordinary")]


@pytest.fixture(params=USERS)
def is_root(request: pytest.FixtureRequest) -> bool:
    return request.param


def made_by(done) -> dict[str, str]:
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("\n") == 1
    return json.loads(done.stdout)


def test_account_made_before_the_first_start_works_once_the_server_runs(live_server, is_root: bool):
    server: Server = live_server(is_started=False, is_root=is_root)
    made = made_by(server.create_account("first@example.edu", "--admin", "--api-key"))
    assert set(made) == {"account_id", "api_key"}
    assert made["api_key"].startswith("sk-")
    server.secrets.add(made["api_key"])
    server.start()
    assert server.done("create_project", made["api_key"])["event"] == "project_created"


def test_account_made_while_the_server_runs_works_at_once(live_server, is_root: bool):
    server: Server = live_server(is_root=is_root)
    made = made_by(server.create_account("second@example.edu", "--api-key", "--first-name", "Ada"))
    server.secrets.add(made["api_key"])
    assert server.done("ping", made["api_key"])["event"] == "pong"
    refused = server.call("create_account", made["api_key"], email_address="x@example.edu", password="a-password")
    assert "error" in refused or refused["event"] == "account_creation_failed"
    assert set(made_by(server.create_account("third@example.edu"))) == {"account_id"}


def test_address_that_is_taken_is_refused_with_a_message(live_server, is_root: bool):
    server: Server = live_server(is_started=False, is_root=is_root)
    made_by(server.create_account("twice@example.edu"))
    again = server.create_account("TWICE@example.edu")
    assert (again.returncode, again.stdout) == (1, "")
    assert "This e-mail address is already taken." in again.stderr
    assert "Traceback" not in again.stderr


def test_wrong_values_are_refused_with_a_message(live_server):
    server: Server = live_server(is_started=False, is_root=False)
    for arguments, word in (
        (["--email", "not-an-address", "--password", "good-password"], "does not appear to be valid"),
        (["--email", "a@example.edu", "--password", "short"], "between 6 and 64 characters"),
    ):
        done = server.run("account", "create", *arguments)
        assert (done.returncode, done.stdout) == (1, "")
        assert word in done.stderr
        assert "Traceback" not in done.stderr


@pytest.mark.root
def test_first_account_can_be_made_when_only_root_reaches_the_installation(live_server, tmp_path: Path):
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)
    package = Path(studiolo.__file__).parent
    shutil.copytree(package, closed / "studiolo", ignore=shutil.ignore_patterns("static", "__pycache__"))
    server: Server = live_server(is_started=False, is_root=True)
    server.variables["PYTHONPATH"] = str(closed)
    made_by(server.create_account("first@example.edu"))


@pytest.mark.root
def test_root_may_make_accounts_in_the_data_of_an_ordinary_user(live_server):
    server: Server = live_server(is_root=False)
    made_by(server.create_account("by-root@example.edu", as_uid=0))
    assert server.shell(server.project(), "echo works") == "works\n"
    for name in ("studiolo.sqlite3", "run", "projects", "agent"):
        assert (server.data / name).stat().st_uid == server.uid, name


@pytest.mark.root
def test_files_of_the_database_belong_to_the_hub_whoever_made_them(live_server):
    server: Server = live_server(is_started=False, is_root=True)
    made_by(server.create_account("first@example.edu"))
    files = [entry for entry in os.scandir(server.data) if entry.name.startswith("studiolo.sqlite3")]
    assert files
    assert {entry.stat().st_uid for entry in files} == {UID_BASE}


def test_no_secret_is_ever_logged(live_server):
    server: Server = live_server("--log-level", "debug")
    password = "a-very-secret-password"
    made = server.done("create_account", email_address="eve@example.edu", password=password, get_api_key=True)
    token = server.done("user_auth", account_id=made["account_id"], password="")["auth_token"]
    server.secrets |= {password, made["api_key"], token, "sk-wrongwrongwrong00000A", "wrong-password-guess"}
    server.call("ping", "sk-wrongwrongwrong00000A")
    server.call("create_project", "sk-wrongwrongwrong00000A")
    server.call("user_auth", made["api_key"], account_id=made["account_id"], password="wrong-password-guess")
    server.call("create_account", email_address="eve@example.edu", password=password)
    server.get(f"/app?auth_token={token}&fullscreen=kiosk&session=")
    server.get(f"/auth/impersonate?auth_token={token}&target=/projects")
    server.get(f"/nowhere?auth_token={token}&api_key={made['api_key']}&password={password}")
    opened = server.http.post(f"{server.address}/frame/open", json={"auth_token": token})
    bearer = json.loads(opened.text.splitlines()[0])["bearer"]
    server.secrets.add(bearer)
    server.http.post(f"{server.address}/frame/open", json={}, headers={"Authorization": f"Bearer {bearer}"})
    server.http.post(f"{server.address}/api/v1/ping", content=b"{broken", headers={"Content-Type": "application/json"})
    assert server.log().count("\n") > 12
    assert server.leaked_secrets() == set()


@pytest.mark.root
def test_a_link_that_the_hub_planted_leads_the_command_of_root_nowhere(live_server, tmp_path):
    server: Server = live_server(is_started=False, is_root=True)
    made_by(server.create_account("first@example.edu"))
    victim = tmp_path / "victim.sqlite3"
    for file in server.data.glob("studiolo.sqlite3*"):
        file.unlink()
    (server.data / "studiolo.sqlite3").symlink_to(victim)
    os.lchown(server.data / "studiolo.sqlite3", UID_BASE, UID_BASE)

    assert server.create_account("second@example.edu").returncode == 1

    assert not victim.exists()


@pytest.mark.root
def test_files_of_the_database_are_for_the_hub_alone_whatever_the_shell_allows(live_server):
    server: Server = live_server(is_started=False, is_root=True)
    old = os.umask(0o022)
    try:
        made_by(server.create_account("first@example.edu"))
    finally:
        os.umask(old)
    modes = {entry.stat().st_mode & 0o777 for entry in os.scandir(server.data) if "sqlite3" in entry.name}
    assert modes == {0o600}
