"""Servers that benchmarks start, and a client whose own time is small."""

import base64
import http.client
import json
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, Self

IDLE_SECONDS = 2.0  # servers close a connection that is idle for longer


class Client:
    """One kept connection, opened again when the server has closed it for being idle."""

    def __init__(self, port: int, key: str) -> None:
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        authorization = "Basic " + base64.b64encode(f"{key}:".encode()).decode()
        self._headers = {"Authorization": authorization, "Content-Type": "application/json"}
        self._used_at = -IDLE_SECONDS

    def post(self, path: str, data: dict[str, Any]) -> dict[str, Any]:
        if time.monotonic() - self._used_at > IDLE_SECONDS:
            self._connection.close()
            self._connection.connect()
            self._connection.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._connection.request("POST", path, json.dumps(data), self._headers)
        reply: dict[str, Any] = json.loads(self._connection.getresponse().read())
        self._used_at = time.monotonic()
        if "error" in reply:
            raise SystemExit(f"{path}: {reply}")
        return reply


def free_port() -> int:
    """Return a port that is free now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def wait_for(port: int, process: "subprocess.Popen[bytes]") -> None:
    """Wait until something listens and answers."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and process.poll() is None:
        try:
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
            connection.request("GET", "/healthz")
            if connection.getresponse().status in (200, 404):
                return
        except OSError:
            time.sleep(0.05)
    raise SystemExit("a server did not start")


def end(process: "subprocess.Popen[bytes]") -> None:
    """End a process and wait for it."""
    process.send_signal(signal.SIGTERM)
    try:
        process.wait(20)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


class Studiolo:
    """`studiolo serve` on a directory of its own, with an administrator's key; a context manager."""

    def __init__(self, directory: Path, *options: str) -> None:
        self.data = directory / "data"
        self.port = free_port()
        program = str(Path(sys.executable).with_name("studiolo"))
        database = [word for word in options if "://" in word]
        create = [program, "account", "create", "--data", str(self.data), "--admin", "--api-key"]
        create += ["--email", "bench@example.org", "--password", "benchmark"]
        create += ["--database", *database] if database else []
        made = subprocess.run(create, check=False, capture_output=True, text=True)
        if made.returncode:
            raise SystemExit(f"no account could be made: {made.stderr}")
        self.key: str = json.loads(made.stdout)["api_key"]
        serve = [program, "serve", "--data", str(self.data), "--port", str(self.port), "--stop-projects-on-exit"]
        self._log = directory / "studiolo.log"
        with self._log.open("wb") as log:
            command = [*serve, "--log-level", "warning", *options]
            self._process = subprocess.Popen(command, stdout=log, stderr=log, start_new_session=True)

    def client(self, key: str = "") -> Client:
        """Return a client on a connection of its own."""
        return Client(self.port, key or self.key)

    def __enter__(self) -> Self:
        try:
            wait_for(self.port, self._process)
        except SystemExit as error:
            raise SystemExit(f"{error}:\n{self._log.read_text(errors='replace')[-4000:]}") from None
        return self

    def __exit__(self, *_: object) -> None:
        end(self._process)
