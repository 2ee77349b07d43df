"""Real servers for the documentation's examples, and terminals in which its pages run."""

import importlib.util
import shlex
import shutil
import socket
import ssl
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest
import requests as r

from studiolo.testing.databases import dies_with_parent
from studiolo.testing.live import until
from studiolo.testing.loopback import loopback_server
from studiolo.testing.servers import Server as WholeServer

ROOT = Path(__file__).parents[2]


@dataclass
class Server:
    """A server that runs, and the key of an administrator."""

    url: str
    key: str
    run_copies: Callable[[], int]

    def post(self, name: str, data: dict[str, Any]) -> dict[str, Any]:
        req = r.post(f"{self.url}/api/v1/{name}", auth=(self.key, ""), data=data, timeout=30)
        return req.json()


@pytest.fixture
def server(sqlite_template: Path) -> Iterator[Server]:
    with loopback_server(sqlite_template) as running:
        yield Server(running.url, running.key, running.run_copies)


@dataclass
class Background:
    """What commands of a page have started and left running."""

    directory: Path
    trusted: ssl.SSLContext | None = None
    servers: list[WholeServer] = field(default_factory=list)
    processes: list[subprocess.Popen[bytes]] = field(default_factory=list)

    def serve(self, command: str) -> WholeServer | None:
        """Start what a command serves and wait until it answers; ports are free ones."""
        program, *options = shlex.split(command)
        if program.endswith("studiolo"):
            server = WholeServer(*options[1:], home=self.directory)
            if "--data" in options:
                server.data = Path(options[options.index("--data") + 1])
            if self.trusted is not None:
                server.http.close()
                server.http = httpx.Client(timeout=60, verify=self.trusted)
            self.servers.append(server)
            server.launch()
            server.wait_until_ready()
            return server
        port = int(options[2])
        words = [*dies_with_parent("TERM"), sys.executable, *options]
        silent = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        self.processes.append(subprocess.Popen(words, cwd=self.directory, **silent))
        until(lambda: _answers(port))
        return None

    def close(self) -> None:
        for process in self.processes:
            process.terminate()
            process.wait(20)
        for server in self.servers:
            server.close()


def _answers(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


@pytest.fixture
def directory() -> Iterator[Path]:
    """Give an empty directory with a short path: below a long one a server keeps its sockets elsewhere."""
    made = Path(tempfile.mkdtemp(prefix="page-", dir="/tmp"))
    yield made
    shutil.rmtree(made)


@pytest.fixture
def background(directory: Path) -> Iterator[Background]:
    running = Background(directory)
    yield running
    running.close()


@pytest.fixture
def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture(scope="session")
def left_out() -> dict[str, Any]:
    """Give what is not run, with the reasons."""
    return tomllib.loads((ROOT / "tests" / "docs" / "left_out.toml").read_text())


@pytest.fixture
def example() -> Callable[[str], Any]:
    """Return a function that loads a program of `examples/` as it stands."""

    def load(name: str) -> Any:
        spec = importlib.util.spec_from_file_location(name, ROOT / "examples" / f"{name}.py")
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        return module

    return load
