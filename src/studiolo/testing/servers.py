"""A whole server for tests: `studiolo serve` as a process of its own, spoken to as any client would.

What a server was told in confidence (keys, passwords, tokens) is remembered, so that its log can be searched for it.
"""

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

import httpx

from studiolo.runtime.keeper.linux import ProcessName, children_of, name_process
from studiolo.runtime.keeper.records import Record, Records
from studiolo.testing.databases import dies_with_parent
from studiolo.testing.keepers import ORDINARY_UID
from studiolo.testing.live import end_projects, until

STUDIOLO = str(Path(sys.executable).with_name("studiolo"))
READY_SECONDS = 30.0
CALL_SECONDS = 120.0
IS_ROOT = os.geteuid() == 0


class Server:
    """One data directory and the server on it, which can be started, killed and started again.

    `is_root` says as whom it runs; a test that itself is not root can only start ordinary servers.
    """

    def __init__(
        self,
        *options: str,
        is_root: bool = IS_ROOT,
        home: Path | None = None,
        variables: Mapping[str, str] | None = None,
    ) -> None:
        self._made = None if home else Path(tempfile.mkdtemp(prefix="serve-"))
        self.home = home or Path(str(self._made))  # the current directory of the process
        self.uid = None if is_root or not IS_ROOT else ORDINARY_UID
        if self.uid is not None:
            os.chown(self.home, self.uid, self.uid)
        self.data = self.home / "studiolo-data"
        self.log_path = self.home / "server.log"
        self.options = [*options]
        own = {"PATH": os.defpath, "HOME": str(self.home), "STUDIOLO_PORT": "0"}
        self.variables = {**own, **(variables or {})}
        self.program = STUDIOLO
        self.secrets: set[str] = set()
        self.key = ""
        self.account_id = ""
        self.address = ""
        self._process: subprocess.Popen[bytes] | None = None
        self.http = httpx.Client(timeout=CALL_SECONDS, trust_env=False)

    def launch(self) -> None:
        """Start the process and do not wait for anything."""
        with self.log_path.open("ab") as log:
            self._started_at = log.tell()
            command = [*dies_with_parent("TERM"), self.program, "serve", *self.options]
            self._process = self._popen(command, stdout=log, stderr=log)

    def start(self) -> "Server":
        """Start the server, wait until it is ready, and make sure of an administrator."""
        self.launch()
        self.wait_until_ready()
        if not self.key:
            done = self.create_account("operator@example.edu", "--admin", "--api-key")
            assert done.returncode == 0, done.stderr
            made = json.loads(done.stdout)
            self.key, self.account_id = made["api_key"], made["account_id"]
            self.secrets.add(self.key)
        return self

    def wait_until_ready(self) -> None:
        """Wait until the server has said its address and answers there."""
        until(lambda: self._find_address() or not self.is_running(), READY_SECONDS, "no address was said")
        assert self.is_running(), f"the server ended:\n{self.log()}"
        until(self.is_healthy, READY_SECONDS, "the server did not get ready")

    def create_account(self, email_address: str, *options: str, as_uid: int | None = None) -> Any:
        """Run `studiolo account create` beside the server and return the finished process."""
        password = f"password-of-{email_address}"
        self.secrets.add(password)
        given = ("--data", str(self.data), "--email", email_address, "--password", password)
        return self.run("account", "create", *given, *options, as_uid=as_uid)

    def run(self, *arguments: str, as_uid: int | None = None) -> "subprocess.CompletedProcess[str]":
        """Run the program with other arguments, as the server's own user or as `as_uid`."""
        database = [word for word in self.options if word.startswith("postgresql://")]
        extra = ["--database", database[0]] if database and arguments[0] == "account" else []
        process = self._popen(
            [self.program, *arguments, *extra], stdout=subprocess.PIPE, stderr=subprocess.PIPE, uid=as_uid
        )
        try:
            out, err = process.communicate(timeout=READY_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            out, err = process.communicate()
            raise AssertionError(f"it did not end: {err.decode(errors='replace')}") from None
        return subprocess.CompletedProcess(process.args, process.returncode, out.decode(), err.decode())

    def post(self, call: str, key: str | None = None, **parameters: Any) -> httpx.Response:
        """Make a call of the API, as the administrator unless another key is given."""
        auth = (self.key if key is None else key, "")
        return self.http.post(f"{self.address}/api/v1/{call}", auth=auth, json=parameters)

    def call(self, call: str, key: str | None = None, **parameters: Any) -> dict[str, Any]:
        """Make a call and return its answer, whatever it says."""
        return self.post(call, key, **parameters).json()

    def done(self, call: str, key: str | None = None, **parameters: Any) -> dict[str, Any]:
        """Make a call that must succeed."""
        answer = self.call(call, key, **parameters)
        assert "error" not in answer, f"{call}: {answer}\n{self.log()}"
        return answer

    def get(self, path: str) -> httpx.Response:
        """Get a page."""
        return self.http.get(self.address + path)

    def project(self, key: str | None = None, *, start: bool = False) -> str:
        """Make a project and return its id."""
        return self.done("create_project", key, title="A project", start=start)["project_id"]

    def shell(self, project_id: str, script: str, **parameters: Any) -> str:
        """Run a script in a project and return what it printed."""
        given: dict[str, Any] = {"command": script, "bash": True, "timeout": 60, **parameters}
        return self.done("project_exec", None, project_id=project_id, **given)["stdout"]

    @property
    def pid(self) -> int:
        """Return the keeper's process."""
        assert self._process is not None
        return self._process.pid

    def children(self, command: str) -> list[int]:
        """Return the keeper's children whose command line has this word, such as `_hub`."""
        return [pid for pid in children_of(self.pid) if command in _words(pid)]

    @property
    def hub_pid(self) -> int:
        """Return the hub's process."""
        return self.children("_hub")[0]

    def record(self, project_id: str) -> Record:
        """Return the keeper's record of a running project."""
        found = self._records().read(project_id)
        assert found is not None
        return found

    def is_running(self) -> bool:
        """Tell whether the process has not ended."""
        return self._process is not None and self._process.poll() is None

    def is_healthy(self) -> bool:
        """Tell whether the server answers that it is well."""
        assert self.is_running(), f"the server ended:\n{self.log()}"
        try:
            return self.get("/healthz").status_code == 200
        except httpx.HTTPError:
            return False

    def terminate(self) -> None:
        """Ask the server to end, without waiting."""
        assert self._process is not None
        self._process.send_signal(signal.SIGTERM)

    def wait(self, seconds: float = 40.0) -> int:
        """Wait for the end of the server and return its exit code."""
        assert self._process is not None
        return self._process.wait(seconds)

    def kill(self) -> None:
        """Kill the keeper as a power cut would; its children die with it."""
        children = [name_process(pid) for word in ("_hub", "_copy_worker") for pid in self.children(word)]
        assert self._process is not None
        self._process.kill()
        self._process.wait()
        until(lambda: not any(_is_child_alive(child) for child in children))

    def log(self) -> str:
        """Return all that the server ever said."""
        return self.log_path.read_text(errors="replace") if self.log_path.exists() else ""

    def close(self) -> None:
        """End the server and every project, whatever state they are in, and remove the data."""
        self.http.close()
        try:
            if self.is_running():
                self.terminate()
                self.wait()
        finally:
            if self.is_running():
                self.kill()
            end_projects(self.data)
            if self._made is not None:
                shutil.rmtree(self._made, ignore_errors=True)

    def leaked_secrets(self) -> set[str]:
        """Return the secrets that stand in the log; it must be empty."""
        said = self.log()
        return {secret for secret in self.secrets if secret in said}

    def _records(self) -> Records:
        return Records(self.data / "run")

    def _popen(self, command: list[str], uid: int | None = None, **streams: Any) -> "subprocess.Popen[bytes]":
        uid = self.uid if uid is None else uid
        identity: dict[str, Any] = {} if uid is None else {"user": uid, "group": uid, "extra_groups": []}
        given: dict[str, Any] = {"cwd": self.home, "env": self.variables, "stdin": subprocess.DEVNULL}
        return cast("subprocess.Popen[bytes]", subprocess.Popen(command, **given, **identity, **streams))

    def _find_address(self) -> bool:
        said = self.log_path.read_bytes()[self._started_at :].decode(errors="replace")
        lines = [line for line in said.splitlines(keepends=True) if "listening" in line and line.endswith("\n")]
        if lines:
            words = lines[0].replace('"', " ").replace("=", " ").replace(",", " ").split()
            self.address = next(word for word in words if word.startswith("http"))
        return bool(lines)


def _words(pid: int) -> list[str]:
    try:
        return Path(f"/proc/{pid}/cmdline").read_text().split("\0")
    except OSError:
        return []


def _is_child_alive(child: ProcessName | None) -> bool:
    return child is not None and child.is_alive()
