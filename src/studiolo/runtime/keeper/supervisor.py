"""The keeper itself: binds the address, keeps hub and workers alive, serves their requests, stops in order."""

import contextlib
import errno
import os
import signal
import socket
import sys
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

import studiolo
from studiolo.core.errors import RunnerUnavailable, StudioloError
from studiolo.runtime.keeper.cgroups import Cgroups
from studiolo.runtime.keeper.children import Child
from studiolo.runtime.keeper.copiers import Copiers
from studiolo.runtime.keeper.copies import Copies
from studiolo.runtime.keeper.directories import DataDirectory
from studiolo.runtime.keeper.environment import Environment, unreadable
from studiolo.runtime.keeper.exposure import expose
from studiolo.runtime.keeper.homes import Homes
from studiolo.runtime.keeper.interior import Interior
from studiolo.runtime.keeper.log import Log
from studiolo.runtime.keeper.logs import Logs
from studiolo.runtime.keeper.loop import Loop, Task
from studiolo.runtime.keeper.messages import (
    CopyPath,
    CopyTree,
    CopyTrees,
    MeasureHome,
    PollProject,
    Probe,
    RemoveHome,
    Request,
    SetLimits,
    StartCopyWorker,
    StartProject,
    StopProject,
    TellFinished,
)
from studiolo.runtime.keeper.peers import Report
from studiolo.runtime.keeper.plan import KeeperPlan
from studiolo.runtime.keeper.projects import Projects
from studiolo.runtime.keeper.records import Records
from studiolo.runtime.keeper.spawn import Launch
from studiolo.runtime.keeper.starts import Starts
from studiolo.runtime.keeper.walls import find_bubblewrap

_FOR_HUB = (
    Probe,
    StartProject,
    SetLimits,
    PollProject,
    StopProject,
    MeasureHome,
    RemoveHome,
    CopyPath,
    CopyTree,
    CopyTrees,
    StartCopyWorker,
)
_FOR_WORKERS = (CopyPath, CopyTree, CopyTrees, TellFinished)
_COUNTS_PER_NAMESPACE = (5, 14)  # since this kernel RLIMIT_NPROC is counted for each user namespace


class Keeper:
    """One data directory, one address."""

    def __init__(self, plan: KeeperPlan, log: Log) -> None:
        self._plan = plan
        self._log = log
        self._is_root = os.geteuid() == 0
        self._loop = Loop(self._log_failure)
        self._directory = DataDirectory(plan.data, is_root=self._is_root)
        self._exit_code = 0
        self._is_stopping = False
        self._children: list[Child] = []
        self._workers: list[Child] = []

    def run(self) -> int:
        """Serve until SIGTERM or SIGINT; return the exit code."""
        os.umask(0o077)
        if self._is_root:
            os.setgroups([])
        self._directory.prepare()
        self._directory.lock()  # held by the descriptor, which lives as long as we do
        self._cgroups = Cgroups(Path("/sys/fs/cgroup"), Path("/proc/self/cgroup").read_text())
        environment = None if self._plan.environment is None else Environment(self._plan.environment)
        if self._is_root:
            self._open_the_way(environment)
        bubblewrap = find_bubblewrap() if self._plan.runner == "sandbox" else None
        records = Records(self._directory.run)
        self._interior = Interior(self._directory, environment, bubblewrap)
        starts = Starts(self._directory, self._cgroups, self._interior, records, self._plan.agent_argv)
        grace = self._plan.stop_grace_seconds
        self._projects = Projects(self._directory, self._cgroups, starts, records, self._loop, grace)
        self._homes = Homes(self._directory, self._interior, self._projects)
        self._copies = Copies(self._directory, bubblewrap)
        self._copiers = Copiers(self._plan, self._directory, self._loop)
        with _bind(self._plan.host, self._plan.port) as listener:
            self._announce(listener)
            self._watch_signals()
            self._make_children(listener)
            self._children[0].start()
            probing = self._loop.start(self._interior.probe(), self._probed)
            Logs(self._directory, self._loop).look_after()
            self._loop.run()
            probing.cancel()  # who ends us at once would find the sandbox left behind
        return self._exit_code

    def _log_failure(self, error: Exception) -> None:
        place = traceback.extract_tb(error.__traceback__)[-1]
        where = f"{Path(place.filename).name}:{place.lineno}"
        self._log.write("error", "keeper_failed", error=f"{type(error).__name__}: {error}", where=where)

    def _open_the_way(self, environment: Environment | None) -> None:
        """Make our own code, the data and the environment reachable for the uids without rights."""
        package = Path(studiolo.__file__).parent
        own = (self._plan.data, str(package), sys.prefix, sys.base_prefix)
        software = () if environment is None else (environment.path, *environment.interpreter_roots)
        closed = expose((*own, *software, *self._plan.exposed))
        if closed:
            self._log.write("info", "opened_for_projects", directories=", ".join(closed))
        for path in (package, Path(sys.prefix)):
            barrier = unreadable(path)
            if barrier is not None:
                raise RunnerUnavailable(
                    f"The hub runs without rights and cannot read {barrier}, where Studiolo is installed. "
                    f"`chmod o+rx {barrier}` helps, or another place for the installation."
                )

    def _announce(self, listener: socket.socket) -> None:
        scheme = "http" if self._plan.tls_cert is None else "https"
        host, port = listener.getsockname()[:2]
        host = f"[{host}]" if ":" in host else host
        self._log.write("info", "listening", address=f"{scheme}://{host}:{port}", data=self._plan.data)

    def _make_children(self, listener: socket.socket) -> None:
        variables, fds = self._tls()
        listen = listener.fileno()
        argv = (*self._plan.hub_argv, "--listen-fd", str(listen))
        hub = Launch(argv, {**self._environment(), **variables}, (listen, *fds), uid=self._directory.hub_uid)
        self._children = [self._child("hub", hub, _FOR_HUB, on_refusal=self._refused, is_needed_always=True)]
        for number in range(1, self._plan.workers + 1):
            name = f"worker-{number}"
            launch = Launch(self._plan.worker_argv, self._environment(), uid=self._directory.hub_uid)
            self._workers.append(self._child(name, launch, _FOR_WORKERS, is_needed_always=False))
        self._children += self._workers

    def _child(
        self,
        name: str,
        launch: Launch,
        allowed: tuple[type, ...],
        *,
        is_needed_always: bool,
        on_refusal: Callable[[], None] | None = None,
    ) -> Child:
        unprivileged = Launch(
            launch.argv,
            launch.environment,
            launch.fds,
            uid=launch.uid,
            has_no_new_privileges=True,
            directory=self._plan.data,
        )
        return Child(
            name,
            self._loop,
            self._log,
            unprivileged,
            self._dispatch,
            allowed,
            is_needed_always=is_needed_always,
            on_refusal=on_refusal,
        )

    def _environment(self) -> dict[str, str]:
        return {**os.environ, "HOME": self._plan.data, **self._plan.child_environment}

    def _tls(self) -> tuple[dict[str, str], tuple[int, ...]]:
        """Return the hub's settings for certificate and key, held in memory: the files may be for root alone."""
        if self._plan.tls_cert is None or self._plan.tls_key is None:
            return {}, ()
        fds = tuple(_memory(text) for text in (self._plan.tls_cert, self._plan.tls_key))
        names = ("STUDIOLO_TLS_CERT", "STUDIOLO_TLS_KEY")
        return {name: f"/proc/self/fd/{fd}" for name, fd in zip(names, fds, strict=True)}, fds

    def _dispatch(self, request: Request, report: Report) -> Task[dict[str, Any]] | dict[str, Any]:
        match request:
            case Probe():
                return self._probe()
            case StartProject():
                return self._projects.start(request)
            case SetLimits() | PollProject():
                return self._look_after(request)
            case StopProject():
                return self._projects.stop(request.project_id)
            case MeasureHome():
                return self._homes.measure(request)
            case RemoveHome():
                return self._homes.remove(request)
            case CopyPath() | CopyTree() | CopyTrees():
                return self._copy(request, report)
            case TellFinished():
                self._children[0].send_event({"finished": list(request.copy_ids)})
                return {}
            case StartCopyWorker():
                return self._wake_workers(is_behind=request.is_behind)
            case _:
                raise RunnerUnavailable("The supervisor does not know this request.")

    def _look_after(self, request: SetLimits | PollProject) -> dict[str, Any]:
        is_poll = isinstance(request, PollProject)
        return self._projects.poll(request.project_id) if is_poll else self._projects.set_limits(request)

    def _copy(self, request: CopyPath | CopyTree | CopyTrees, report: Report) -> Task[dict[str, Any]]:
        if isinstance(request, CopyPath):
            return self._copies.copy(request)
        return (
            self._copiers.copy_all(request) if isinstance(request, CopyTrees) else self._copiers.copy(request, report)
        )

    def _wake_workers(self, *, is_behind: bool) -> dict[str, Any]:
        running = [worker for worker in self._workers if worker.pid is not None]
        for worker in running if is_behind else running[:1]:  # one can do it, and the others look now and then
            worker.nudge()
        idle = [worker for worker in self._workers if worker.pid is None]
        if idle and (is_behind or not running):
            idle[0].nudge()
        return {"workers": sum(worker.pid is not None for worker in self._workers)}

    def _probed(self, _value: None, error: BaseException | None) -> None:
        """End the server when no sandbox can run: with the remedy as its last word it is sooner repaired."""
        if error is not None:
            reason = error.message if isinstance(error, StudioloError) else str(error)
            self._log.write("error", "cannot_run_projects", reason=reason)
            self._refused()

    def _refused(self) -> None:
        """End the server with an exit code that says so; the reason was told already."""
        self._exit_code = 1
        self._stop()

    def _probe(self) -> Task[dict[str, Any]]:
        yield from self._interior.probe()
        return {"runner": self._plan.runner, "limits": self._limits(), "is_root": self._is_root, "warnings": []}

    def _limits(self) -> list[str]:
        """Return which limits hold for a whole project."""
        enforced = set(self._cgroups.enforced)
        kernel = tuple(int(part) for part in os.uname().release.split(".")[:2])
        if self._is_root or (self._plan.runner == "sandbox" and kernel >= _COUNTS_PER_NAMESPACE):
            enforced.add("processes")  # by RLIMIT_NPROC, which then counts this project alone
        return [name for name in ("memory", "cpu", "processes") if name in enforced]

    def _watch_signals(self) -> None:
        reading, writing = socket.socketpair()
        reading.setblocking(False)
        writing.setblocking(False)
        self._signals = (reading, writing)
        signal.set_wakeup_fd(writing.fileno())
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda _number, _frame: None)
        self._loop.watch(reading.fileno(), self._on_signal)

    def _on_signal(self) -> None:
        with contextlib.suppress(BlockingIOError):
            self._signals[0].recv(64)
        self._stop()

    def _stop(self) -> None:
        if self._is_stopping:
            return
        self._is_stopping = True
        self._log.write("info", "stopping")
        self._loop.call_later(self, self._plan.exit_grace_seconds, self._kill_children)
        left = {child.name for child in self._children}

        def ended(name: str) -> None:
            left.discard(name)
            if not left:
                self._loop.drop_timer(self)
                self._finish()

        for child in self._children:
            child.stop(lambda name=child.name: ended(name))

    def _kill_children(self) -> None:
        for child in self._children:
            child.kill()

    def _finish(self) -> None:
        running = self._projects.running() if self._plan.stop_projects_on_exit else []
        if not running:
            self._loop.stop()
            return
        left = set(running)

        def ended(project_id: str) -> None:
            left.discard(project_id)
            if not left:
                self._loop.stop()

        for project_id in running:
            self._loop.start(self._projects.stop(project_id), lambda _value, _error, name=project_id: ended(name))


def serve(plan: KeeperPlan) -> int:
    """Run a keeper in this process and return its exit code; a failure is told on stderr."""
    log = Log(plan.log_format)
    try:
        return Keeper(plan, log).run()
    except StudioloError as error:
        log.write("error", "cannot_serve", reason=error.message)
        return 1
    except OSError as error:
        log.write("error", "cannot_serve", reason=str(error))
        return 1


def _bind(host: str, port: int) -> socket.socket:
    try:
        return _listen(host, port)
    except OSError as error:
        hint = "; stop what listens there, or choose another port" if error.errno == errno.EADDRINUSE else ""
        raise RunnerUnavailable(f"Cannot listen on {host}:{port}: {error.strerror}{hint}.") from error


def _listen(host: str, port: int) -> socket.socket:
    family, kind, protocol, _, address = socket.getaddrinfo(
        host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
    )[0]
    listener = socket.socket(family, kind, protocol)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
        listener.listen(1024)
    except OSError:
        listener.close()
        raise
    return listener


def _memory(text: str) -> int:
    fd = os.memfd_create("studiolo-tls", os.MFD_CLOEXEC)
    os.write(fd, text.encode())
    return fd
