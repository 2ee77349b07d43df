"""A whole server for tests: `studiolo serve` over https, with real sandboxes, to be killed and started again."""

import asyncio
import json
import signal
import ssl
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx
import trustme

from studiolo.core.clock import SystemClock
from studiolo.core.ids import AccountId
from studiolo.core.models import Principal, Scope
from studiolo.core.secrets import SystemSecretSource
from studiolo.core.settings_sources import load_settings
from studiolo.domain.accounts import Accounts
from studiolo.domain.auth_tokens import AuthTokens
from studiolo.domain.passwords import Passwords
from studiolo.runtime.keeper import cgroups
from studiolo.runtime.keeper.records import Records
from studiolo.storage.database import Database
from studiolo.testing.databases import dies_with_parent

STUDIOLO = Path(sys.executable).with_name("studiolo")
READY_SECONDS = 60.0


def until_equal(ask: Callable[[], object], expected: object, seconds: float = 30.0) -> None:
    """Ask until the answer is what is expected; raise AssertionError with the last one after so many seconds."""
    answers: list[object] = [None]

    def is_equal() -> bool:
        answers[0] = ask()
        return answers[0] == expected

    try:
        until(is_equal, seconds)
    except AssertionError:
        assert answers[0] == expected, f"{answers[0]!r} is not {expected!r}"


def until(condition: Callable[[], bool], seconds: float = 30.0, why: str = "") -> None:
    """Ask until the answer is true; raise AssertionError after so many seconds."""
    pause = threading.Event()
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, why or "it did not become true in time"
        pause.wait(0.05)


def end_projects(data: Path) -> None:
    """End the projects that a server which is gone left running, as it does so that its successor finds them."""
    records = Records(data / "run")
    for record in records.all():
        for name in (record.inner, record.outer, *record.others):
            name.kill(signal.SIGKILL)
        until(lambda record=record: not record.inner.is_alive())
        cgroups.kill_members(record.groups)
        until(lambda record=record: cgroups.remove(record.groups))


@dataclass(frozen=True)
class Person:
    """An account, its name and a key to call the API with."""

    account_id: str
    name: str
    email_address: str
    password: str
    api_key: str


class LiveServer:
    """`studiolo serve` on https://localhost, started in the directory `home`."""

    def __init__(self, home: Path, embed_origins: tuple[str, ...], **settings: str | int) -> None:
        self.data = home / "data"
        self.log = home / "server.log"
        self.certificate, self.authority = make_certificate(home)
        self._port = 0
        self._options = ["--embed-origins", ",".join(embed_origins), "--stop-projects-on-exit"]
        for name, value in settings.items():
            self._options += ["--" + name.replace("_", "-"), str(value)]
        self._process: subprocess.Popen[bytes] | None = None
        self._http: httpx.Client | None = None

    @property
    def address(self) -> str:
        """Return the address, without a slash at the end."""
        return f"https://localhost:{self._port}"

    @property
    def http(self) -> httpx.Client:
        """Return a client that trusts the certificate."""
        assert self._http is not None
        return self._http

    def start(self) -> None:
        """Start the server, on the port it had before if there was one, and wait until it is ready."""
        command: list[str | Path] = [*dies_with_parent("TERM"), STUDIOLO, "serve"]
        command += ["--data", self.data, "--host", "127.0.0.1"]
        command += ["--port", str(self._port), "--tls-cert", self.certificate, "--tls-key", self.certificate]
        already = self.log.stat().st_size if self.log.exists() else 0
        with self.log.open("ab") as log:
            self._process = subprocess.Popen([*command, *self._options], stdout=log, stderr=log, start_new_session=True)
        if not self._port:
            until(
                lambda: bool(self._said_port(already)),
                READY_SECONDS,
                "the server did not say its address",
            )
            self._port = self._said_port(already)
            self._http = httpx.Client(
                base_url=self.address, verify=ssl.create_default_context(cafile=self.authority), timeout=120
            )
        self.wait_until_ready()

    def wait_until_ready(self) -> None:
        """Wait until the server answers."""
        until(self._is_ready, READY_SECONDS, "the server did not become ready")

    @property
    def hub_pid(self) -> int | None:
        """Return the process of the hub, which the keeper started; None while there is none."""
        assert self._process is not None
        pid = self._process.pid
        for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split():
            if b"_hub" in Path(f"/proc/{child}/cmdline").read_bytes():
                return int(child)
        return None

    def kill(self) -> None:
        """Kill the server as a power cut would: the keeper, and with it the hub."""
        assert self._process is not None
        self._process.kill()
        self._process.wait()

    def stop(self) -> None:
        """End the server and its projects."""
        if self._http is not None:
            self._http.close()
        if self._process is not None and self._process.poll() is None:
            self._process.send_signal(signal.SIGTERM)
            try:
                self._process.wait(40)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
        end_projects(self.data)

    def create_operator(self, email_address: str) -> str:
        """Make an administrator by the command line; return an API key."""
        command: list[str | Path] = [STUDIOLO, "account", "create", "--data", self.data, "--admin", "--api-key"]
        command += ["--email", email_address, "--password", "password-of-an-operator"]
        made = subprocess.run(command, check=True, capture_output=True, text=True)
        return json.loads(made.stdout)["api_key"]

    def call(self, name: str, api_key: str, **data: Any) -> dict[str, Any]:
        """Make a call of the API; raise AssertionError when it was refused."""
        reply: dict[str, Any] = self.http.post(f"/api/v1/{name}", auth=(api_key, ""), json=data).json()
        assert "error" not in reply, f"{name}: {reply}"
        return reply

    def mint_token(self, account_id: str, **narrowed: Any) -> str:
        """Make an auth token that the API does not give out: narrowed, short-lived or for one use."""

        async def mint() -> str:
            settings = load_settings(data=self.data)
            database = Database(settings.database_url)
            clock, secrets = SystemClock(), SystemSecretSource()
            try:
                accounts = Accounts(settings, database, clock, secrets, Passwords())
                tokens = AuthTokens(settings, database, clock, secrets, accounts)
                operator = Principal(account_id=AccountId(account_id), is_admin=True)
                return await tokens.mint(operator, account_id=AccountId(account_id), password="", **narrowed)
            finally:
                await database.close()

        with ThreadPoolExecutor(1) as thread:  # the test's own thread may be in the browser's event loop
            return thread.submit(asyncio.run, mint()).result()

    def mint_read_only_token(self, account_id: str) -> str:
        """Make an auth token that may look and not write."""
        return self.mint_token(account_id, scope=Scope(is_read_only=True))

    def _said_port(self, start: int) -> int:
        said = self.log.read_bytes()[start:].decode("utf-8", "replace")
        _, found, rest = said.partition("https://")
        address = rest.split()[0] if found and rest.split() else ""
        digits = address.rpartition(":")[2].strip("/\"'")
        return int(digits) if digits.isdigit() and "\n" in rest else 0

    def _is_ready(self) -> bool:
        try:
            return self.http.get("/healthz", timeout=5).status_code == 200
        except httpx.HTTPError:
            return False


class LiveProject:
    """A project of one person, made and filled through the API."""

    def __init__(self, server: LiveServer, owner: Person, *, title: str = "A project", start: bool = False) -> None:
        self.server = server
        self.owner = owner
        created = server.call("create_project", owner.api_key, title=title, start=start)
        self.project_id: str = created["project_id"]

    def write(self, path: str, content: str) -> None:
        """Write a text file."""
        data = {"project_id": self.project_id, "path": path, "content": content}
        self.server.call("write_text_file_to_project", self.owner.api_key, **data)

    def read(self, path: str) -> str:
        """Read a text file."""
        data = {"project_id": self.project_id, "path": path}
        return self.server.call("read_text_file_from_project", self.owner.api_key, **data)["content"]

    def run(self, script: str) -> str:
        """Run a bash script in the project; return what it printed."""
        data = {"project_id": self.project_id, "command": script, "bash": True, "timeout": 60}
        return self.server.call("project_exec", self.owner.api_key, **data)["stdout"]

    def token(self, person: Person | None = None) -> str:
        """Make an auth token through the API, as a host page's server would."""
        person = person or self.owner
        data = {"account_id": person.account_id, "password": person.password}
        return self.server.call("user_auth", person.api_key, **data)["auth_token"]

    def url(self, path: str, token: str | None = None) -> str:
        """Return the address for a frame, with a fresh auth token of the owner if none is given."""
        place = f"{self.server.address}/projects/{self.project_id}/files/{quote(path)}"
        return f"{place}?auth_token={self.token() if token is None else token}&fullscreen=kiosk&session="


def notebook(*sources: str, **others: str) -> str:
    """Return a notebook's text: code cells with the ids `cell-0`, `cell-1`, and markdown cells named in `others`."""
    code: list[dict[str, Any]] = [
        {
            "cell_type": "code",
            "execution_count": None,
            "id": f"cell-{n}",
            "metadata": {},
            "outputs": [],
            "source": source,
        }
        for n, source in enumerate(sources)
    ]
    text: list[dict[str, Any]] = [
        {"cell_type": "markdown", "id": name, "metadata": {}, "source": source} for name, source in others.items()
    ]
    kernel = {"display_name": "Python 3", "language": "python", "name": "python3"}
    made: dict[str, Any] = {
        "cells": [*text, *code],
        "metadata": {"kernelspec": kernel},
        "nbformat": 4,
        "nbformat_minor": 5,
    }
    return json.dumps(made, indent=1) + "\n"


def make_certificate(home: Path) -> tuple[Path, Path]:
    """Make a certificate for `localhost` and `127.0.0.1`; return its file and that of its authority."""
    authority = trustme.CA()
    certificate, root = home / "certificate.pem", home / "authority.pem"
    authority.issue_cert("localhost", "127.0.0.1").private_key_and_cert_chain_pem.write_to_path(certificate)
    certificate.chmod(0o600)
    authority.cert_pem.write_to_path(root)
    return certificate, root
