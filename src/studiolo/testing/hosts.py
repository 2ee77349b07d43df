"""Two real agents that share nothing but the sockets they are called on, as if each ran on a host of its own."""

import os
import signal
import socket
import subprocess
import sys
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path

import studiolo
from studiolo.core.clock import SystemClock
from studiolo.core.ids import ProjectId
from studiolo.core.limits import Limits
from studiolo.core.models import CopyOrder, ProjectSpec
from studiolo.runtime.agents import UnixAgentConnector
from studiolo.runtime.copying.streamed import StreamedEngine

NO_LIMITS = Limits(None, None, None, None)
SOURCE = ProjectSpec(ProjectId("aaaaaaaa-1111-4111-8111-111111111111"), 11, NO_LIMITS)
TARGET = ProjectSpec(ProjectId("bbbbbbbb-2222-4222-8222-222222222222"), 22, NO_LIMITS)
_SOURCES = Path(studiolo.__file__).parent.parent


class HostAgent:
    """A real agent without walls; it may be killed, and then answers again after `start`."""

    def __init__(self, directory: Path, home: Path, uid: int | None = None) -> None:
        self.home = home
        self.path = "/usr/local/bin:/usr/bin:/bin"  # where it looks for programs, from the next start on
        self.socket_path = str(directory / "s")
        self._stderr_path = directory / "stderr"
        self._uid = uid
        self._listening = socket.socket(socket.AF_UNIX)
        self._listening.bind(self.socket_path)
        self._listening.listen(128)
        self.process = self.start()

    def start(self) -> "subprocess.Popen[bytes]":
        """Start the agent on the same socket; who calls meanwhile is answered when it is up."""
        fd = self._listening.fileno()
        with self._stderr_path.open("ab") as stderr:
            self.process = subprocess.Popen(
                [sys.executable, "-P", "-m", "studiolo.agent", "--listen-fd", str(fd), "--home", str(self.home)],
                pass_fds=[fd],
                cwd="/",
                env={"PATH": self.path, "LANG": "C.UTF-8", "PYTHONPATH": str(_SOURCES)},
                stdin=subprocess.DEVNULL,
                stderr=stderr,
                start_new_session=True,
                user=self._uid,
            )
        return self.process

    def kill(self) -> None:
        """End it without a word, as a host that fails."""
        self.process.kill()
        self.process.wait()

    def close(self) -> None:
        """End it and everything it left."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(timeout=20)
            except subprocess.TimeoutExpired:
                self.kill()
        self._listening.close()

    @property
    def stderr(self) -> str:
        """Return what the agent logged."""
        return self._stderr_path.read_text(errors="replace")


class KnownAgents:
    """Finds agents by what it was told."""

    def __init__(self, socket_paths: dict[ProjectId, str]) -> None:
        self.socket_paths = socket_paths

    async def socket_path(self, project_id: ProjectId) -> str:
        """Return the path of the agent's socket."""
        return self.socket_paths[project_id]


class TwoHosts:
    """A source and a target with an agent each, and the engine between them."""

    def __init__(self, source: HostAgent, target: HostAgent, connector: UnixAgentConnector) -> None:
        self.source = source
        self.target = target
        self.connector = connector
        self.agents = KnownAgents({SOURCE.project_id: source.socket_path, TARGET.project_id: target.socket_path})
        self.engine = StreamedEngine(connector, self.agents, SystemClock())

    def empty(self) -> None:
        """Remove what lies in the homes, and forget what was said of agents."""
        for agent in (self.source, self.target):
            # not shutil: a tree may be deeper than Python's stack
            subprocess.run(["/usr/bin/find", agent.home, "-mindepth", "1", "-delete"], check=True)
        self.agents.socket_paths |= {
            SOURCE.project_id: self.source.socket_path,
            TARGET.project_id: self.target.socket_path,
        }

    def tree(self) -> list[str]:
        """Return the paths of all that lies in the target."""
        return sorted(os.path.relpath(path, self.target.home) for path in self.target.home.rglob("*"))


@asynccontextmanager
async def two_hosts(
    directory: Path, homes: tuple[Path, Path] | None = None, *, uids: tuple[int | None, int | None] = (None, None)
) -> AsyncGenerator[TwoHosts]:
    """Run two agents below a directory; the homes are `source/home` and `target/home`, if none are given."""
    connector = UnixAgentConnector(SystemClock())
    agents: list[HostAgent] = []
    try:
        for number, name in enumerate(("source", "target")):
            home = homes[number] if homes is not None else directory / name / "home"
            home.mkdir(parents=True, exist_ok=True)
            (directory / name).mkdir(exist_ok=True)
            uid = uids[number]
            if uid is not None:
                os.chown(home, uid, uid)
            agents.append(HostAgent(directory / name, home, uid))
        yield TwoHosts(agents[0], agents[1], connector)
    finally:
        await connector.close()
        for agent in agents:
            agent.close()


def order(source_path: str, target_path: str | None = None, **options: object) -> CopyOrder:
    """Return the order to copy from the source to the target."""
    target_path = source_path if target_path is None else target_path
    return CopyOrder(SOURCE, source_path, TARGET, target_path, **options)  # type: ignore[arg-type]
