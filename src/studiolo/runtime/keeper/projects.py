"""Start, poll and stop projects: the keeper's main work.

What must hold however anybody dies, we included:
1. At most one agent runs on a home. The record is written before the sandbox may go on, and whatever is found running
   without a record is ended before a new one starts.
2. The project goes on when we die: its processes are a session of their own and hold nothing of ours.
3. Stopping is done when the first process inside the walls is gone, since the kernel ends all others with it.
"""

import contextlib
import json
import os
import resource
import shutil
import signal
from pathlib import Path
from typing import Any

from studiolo.core.errors import RunnerUnavailable
from studiolo.core.models import Limits
from studiolo.runtime.keeper import cgroups, linux
from studiolo.runtime.keeper.cgroups import Cgroups
from studiolo.runtime.keeper.directories import DataDirectory
from studiolo.runtime.keeper.environment import Environment
from studiolo.runtime.keeper.execute import execute, kill_child
from studiolo.runtime.keeper.linux import ProcessName
from studiolo.runtime.keeper.loop import Loop, Task, Wait, wait_for_child, wait_for_exit
from studiolo.runtime.keeper.messages import MeasureHome, RemoveHome, StartProject
from studiolo.runtime.keeper.network import end_helpers, start_network
from studiolo.runtime.keeper.plan import KeeperPlan
from studiolo.runtime.keeper.records import Record, Records
from studiolo.runtime.keeper.remedies import explain
from studiolo.runtime.keeper.spawn import Launch, spawn
from studiolo.runtime.keeper.strays import find_marked, find_strays
from studiolo.runtime.keeper.walls import (
    AGENT,
    ENVIRONMENT,
    Bubblewrap,
    Descriptors,
    Inside,
    project_variables,
    project_walls,
)

_START_SECONDS = 15.0
_KILL_SECONDS = 20.0
_DEFAULT_FILES = 4096
_OUR_OWN_PROCESSES = 16


class Projects:
    """The projects of this data directory."""

    def __init__(
        self,
        plan: KeeperPlan,
        directory: DataDirectory,
        groups: Cgroups,
        environment: Environment | None,
        bubblewrap: Bubblewrap | None,
        loop: Loop,
    ) -> None:
        self._plan = plan
        self._directory = directory
        self._cgroups = groups
        self._environment = environment
        self._bubblewrap = bubblewrap
        self._loop = loop
        self._records = Records(directory.run)
        self._busy: set[str] = set()
        self._known: set[str] = set()  # whose leftovers were cleared away
        self._agent_code: Path | None = None

    def start(self, request: StartProject) -> Task[dict[str, Any]]:
        """Start the agent, or find it running; return its state."""
        yield from self._enter(request.project_id)
        try:
            record = self._records.read(request.project_id)
            if record is None or not record.is_alive():
                yield from self._end(request.project_id, record)
                record = yield from self._begin(request)
            return _state(record)
        finally:
            self._busy.discard(request.project_id)

    def poll(self, project_id: str) -> dict[str, Any]:
        """Tell whether the agent is alive."""
        record = self._records.read(project_id)
        return {"is_alive": record is not None and record.is_alive()}

    def stop(self, project_id: str) -> Task[dict[str, Any]]:
        """End every process of the project."""
        yield from self._enter(project_id)
        try:
            yield from self._end(project_id, self._records.read(project_id))
        finally:
            self._busy.discard(project_id)
        return {}

    def running(self) -> list[str]:
        """Return the ids of the projects that run."""
        return [record.project_id for record in self._records.all() if record.is_alive()]

    def measure_home(self, request: MeasureHome) -> Task[dict[str, Any]]:
        """Add up the space that a home takes on disk."""
        home = self._directory.make_home(request.project_id, request.uid)
        script = 'exec du -sx -B1 -- "$0" 2>/dev/null'
        code, output = yield from self._run_inside(request.project_id, request.uid, home, script)
        words = output.split()
        if code not in (0, 1) or not words or not words[0].isdigit():
            raise RunnerUnavailable("The size of the project's files could not be measured.", internal=output)
        return {"size_bytes": int(words[0]), "is_enforced": False}

    def remove_home(self, request: RemoveHome) -> Task[dict[str, Any]]:
        """Stop the project and delete its files; the deleting runs as the project, inside its walls."""
        yield from self.stop(request.project_id)
        yield from self._enter(request.project_id)
        try:
            home = self._directory.home(request.project_id)
            if home.exists():
                home = self._directory.make_home(request.project_id, request.uid)
                script = 'cd "$0" && chmod -R u+rwX . ; find . -mindepth 1 -delete'
                _, output = yield from self._run_inside(request.project_id, request.uid, home, script)
                try:
                    home.rmdir()
                except OSError as error:
                    raise RunnerUnavailable(
                        "Not all files of the project could be deleted.", internal=output
                    ) from error
            shutil.rmtree(home.parent, ignore_errors=True)  # holds only what we made ourselves: the log
        finally:
            self._busy.discard(request.project_id)
        return {}

    def probe(self) -> Task[None]:
        """Run a sandbox once; raise RunnerUnavailable whose message is the remedy."""
        code = self._code()
        if self._environment is not None:
            self._environment.check(is_root=self._directory.is_root)
        if not self._has_walls:
            return
        inside = self._inside("00000000-0000-0000-0000-000000000000", 1, str(code), has_network=False)
        owner = self._directory.owner(1)
        program = ["/bin/true"] if self._environment is None else [f"{ENVIRONMENT}/bin/python", "-I", "-S", "-c", ""]
        status, output = yield from self._run_walls(inside, owner, [*program])
        if status != 0:
            raise RunnerUnavailable(explain(output, self._environment))

    @property
    def _has_walls(self) -> bool:
        return self._plan.runner == "sandbox"

    def _enter(self, project_id: str) -> Task[None]:
        """Wait until nobody else starts or stops this project."""
        while project_id in self._busy:
            yield Wait(None, 0.02)
        self._busy.add(project_id)

    def _begin(self, request: StartProject) -> Task[Record]:
        self._directory.make_home(request.project_id, request.uid)
        listener = self._directory.listen(request.project_id)
        log = self._directory.open_log(request.project_id, request.uid)
        limits = Limits(request.memory_bytes, request.cpu_cores, request.processes, request.disk_bytes)
        groups = self._cgroups.create(request.project_id, limits)
        try:
            if self._has_walls:
                return (yield from self._begin_walls(request, listener.fileno(), log, groups))
            return self._begin_plain(request, listener.fileno(), log, groups)
        except BaseException:
            cgroups.kill_members(groups)
            raise
        finally:
            listener.close()
            os.close(log)

    def _begin_walls(self, request: StartProject, listener: int, log: int, groups: tuple[str, ...]) -> Task[Record]:
        assert self._bubblewrap is not None
        inside = self._inside(
            request.project_id,
            request.uid,
            str(self._code()),
            has_network=request.has_network,
            tmp_bytes=request.memory_bytes,
        )
        files = Descriptors()
        info, info_end = os.pipe()
        block_end, block = os.pipe()
        owner = self._directory.owner(request.uid)
        pid = None
        try:
            command = project_walls(self._bubblewrap, inside, files)
            command += ["--info-fd", str(info_end), "--block-fd", str(block_end), "--"]
            command += self._agent(inside.home_inside, listener, f"{ENVIRONMENT}/bin/python", AGENT)
            fds = (*files.fds, info_end, block_end, listener)
            pid = spawn(
                Launch(
                    tuple(command),
                    _outside(),
                    fds,
                    log,
                    log,
                    owner,
                    cgroups=_procs(groups),
                    limits=self._limits(request),
                )
            )
            os.close(info_end)
            info_end = -1
            inner = yield from self._read_info(info, pid, request)
            others: tuple[ProcessName, ...] = ()
            if request.has_network:
                others = ((yield from start_network(inner, owner, groups)),)
            return self._admit(request, pid, inner, groups, others, block)
        except BaseException:
            if pid is not None:
                kill_child(pid)
            raise
        finally:
            files.close()
            for fd in (info, info_end, block_end, block):
                if fd >= 0:
                    os.close(fd)

    def _read_info(self, info: int, pid: int, request: StartProject) -> Task[int]:
        """Return the pid of the first process inside, which bubblewrap writes in pieces."""
        text = b""
        while True:
            if not (yield Wait(info, _START_SECONDS)):
                raise RunnerUnavailable("The sandbox did not come up in time.")
            piece = os.read(info, 4096)
            text += piece
            with contextlib.suppress(ValueError, KeyError):
                return int(json.loads(text)["child-pid"])
            if not piece:
                yield from wait_for_child(pid, 1.0)
                log = self._directory.home(request.project_id).with_name("agent.log")
                raise RunnerUnavailable(explain(log.read_text(errors="replace")[-2000:], self._environment))

    def _admit(
        self,
        request: StartProject,
        pid: int,
        inner: int,
        groups: tuple[str, ...],
        others: tuple[ProcessName, ...],
        block: int,
    ) -> Record:
        """Write the record, then let what waits inside the walls go on."""
        if request.processes is not None and not self._directory.is_root:
            # inside the walls it is counted for this user namespace alone, so other programs of ours do not count
            resource.prlimit(inner, resource.RLIMIT_NPROC, (request.processes, request.processes))
        record = self._name(request, pid, inner, groups, others)
        os.write(block, b"1")
        return record

    def _begin_plain(self, request: StartProject, listener: int, log: int, groups: tuple[str, ...]) -> Record:
        """Start the agent without walls."""
        home = str(self._directory.home(request.project_id))
        code = str(self._code())
        path = "" if self._environment is None else self._environment.path
        launch = Launch(
            tuple(self._agent(home, listener, f"{path}/bin/python", code)),
            {**project_variables(home, path, request.project_id), "XDG_RUNTIME_DIR": f"{home}/.cache"},
            (listener,),
            log,
            log,
            self._directory.owner(request.uid),
            has_no_new_privileges=True,
            cgroups=_procs(groups),
            limits=self._limits(request),
            directory=home,
        )
        pid = spawn(launch)
        return self._name(request, pid, pid, groups, ())

    def _name(
        self,
        request: StartProject,
        pid: int,
        inner: int,
        groups: tuple[str, ...],
        others: tuple[ProcessName, ...],
    ) -> Record:
        names = (linux.name_process(pid), linux.name_process(inner))
        # whenever they end they are waited for, and the helpers end with the project
        self._loop.start(wait_for_child(pid, None), lambda _code, _error: end_helpers(others))
        for other in others:
            self._loop.start(wait_for_child(other.pid, None), _nobody_asks)
        if names[0] is None or names[1] is None:
            raise RunnerUnavailable("The project's agent ended at once.")
        socket_path = str(self._directory.run / f"{request.project_id}.sock")
        record = Record(
            request.project_id, request.uid, socket_path, names[0], names[1], groups, self._has_walls, others
        )
        self._records.write(record)
        return record

    def _end(self, project_id: str, record: Record | None) -> Task[None]:
        """End what runs of a project, politely first, and forget it."""
        if record is not None:
            yield from self._end_recorded(record)
        if project_id not in self._known:  # a former keeper may have left one; looking takes milliseconds
            for stray in find_strays(str(self._directory.home(project_id))):
                stray.kill(signal.SIGKILL)
                yield from wait_for_exit(stray, _KILL_SECONDS)
            self._known.add(project_id)
        groups = () if record is None else record.groups
        yield from _empty(groups)
        (self._directory.run / f"{project_id}.sock").unlink(missing_ok=True)
        self._records.forget(project_id)

    def _end_recorded(self, record: Record) -> Task[None]:
        if self._ask_to_end(record):
            yield from wait_for_exit(record.inner, self._plan.stop_grace_seconds)
        for name in (record.inner, record.outer, *record.others):
            name.kill(signal.SIGKILL)
            if not (yield from wait_for_exit(name, _KILL_SECONDS)):
                raise RunnerUnavailable("The project's processes did not end; the kernel still holds them.")
        if not record.has_walls:
            yield from self._end_marked(record.project_id)

    def _ask_to_end(self, record: Record) -> bool:
        """Send SIGTERM to the agent; tell whether there was one that may want to save something."""
        if not record.has_walls:
            record.inner.kill(signal.SIGTERM)
            return True
        names = [linux.name_process(pid) for pid in linux.children_of(record.inner.pid)]
        if not record.is_alive():  # then the children may be those of a stranger with the same pid
            return False
        for name in names:
            if name is not None:
                name.kill(signal.SIGTERM)
        return bool(names)

    def _end_marked(self, project_id: str) -> Task[None]:
        """Without walls no namespace ends with its first process: end all that carry the project's mark."""
        for _ in range(100):
            marked = find_marked(project_id, str(self._directory.home(project_id)))
            if not marked:
                return
            for name in marked:
                name.kill(signal.SIGKILL)
            yield Wait(None, 0.02)

    def _limits(self, request: StartProject) -> dict[int, int]:
        limits = {resource.RLIMIT_CORE: 0, resource.RLIMIT_NOFILE: _DEFAULT_FILES}
        if request.processes is not None and self._directory.is_root:
            # counted per uid, and this uid is the project's alone; a few more for the walls themselves
            limits[resource.RLIMIT_NPROC] = request.processes + _OUR_OWN_PROCESSES
        if request.memory_bytes is not None and "memory" not in self._cgroups.enforced:
            limits[resource.RLIMIT_DATA] = request.memory_bytes  # of each process; the sum is not limited
        return limits

    def _agent(self, home: str, listener: int, python: str, code: str) -> list[str]:
        argv = self._plan.agent_argv or (python, "-I", f"{code}/start.py")
        return [*argv, "--listen-fd", str(listener), "--home", home]

    def _code(self) -> Path:
        if self._agent_code is None or not self._agent_code.is_dir():
            self._agent_code = self._directory.install_agent()
        return self._agent_code

    def _inside(
        self, project_id: str, uid: int, code: str, *, has_network: bool, tmp_bytes: int | None = None
    ) -> Inside:
        owner = self._directory.owner(uid)
        environment = self._environment
        return Inside(
            project_id=project_id,
            home=str(self._directory.home(project_id)),
            uid=os.geteuid() if owner is None else owner,
            environment=None if environment is None else environment.path,
            interpreter_roots=() if environment is None else environment.interpreter_roots,
            agent_code=code,
            has_network=has_network,
            tmp_bytes=tmp_bytes,
        )

    def _run_inside(self, project_id: str, uid: int, home: Path, script: str) -> Task[tuple[int, str]]:
        """Run a small shell script with the home as its `$0`, as the project; return exit code and output."""
        owner = self._directory.owner(uid)
        if not self._has_walls:
            argv = ("/bin/sh", "-c", script, str(home))
            return (yield from execute(Launch(argv, _outside(), uid=owner, has_no_new_privileges=True)))
        inside = self._inside(project_id, uid, str(self._code()), has_network=False)
        return (yield from self._run_walls(inside, owner, ["/bin/sh", "-c", script, inside.home_inside]))

    def _run_walls(self, inside: Inside, owner: int | None, program: list[str]) -> Task[tuple[int, str]]:
        assert self._bubblewrap is not None
        files = Descriptors()
        try:
            if not Path(inside.home).exists():  # the probe has no project
                inside = _with_home(inside, inside.agent_code or "/usr")
            command = [*project_walls(self._bubblewrap, inside, files), "--die-with-parent", "--", *program]
            return (yield from execute(Launch(tuple(command), _outside(), tuple(files.fds), uid=owner)))
        finally:
            files.close()


def _with_home(inside: Inside, home: str) -> Inside:
    return Inside(inside.project_id, home, inside.uid, inside.environment, inside.interpreter_roots, inside.agent_code)


def _outside() -> dict[str, str]:
    return {"PATH": os.defpath + ":/usr/local/bin", "LANG": "C.UTF-8"}


def _procs(groups: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(f"{group}/cgroup.procs" for group in groups)


def _state(record: Record) -> dict[str, Any]:
    return {
        "socket_path": record.socket_path,
        "pid": record.inner.pid,
        "started": record.inner.started,
        "boot": record.inner.boot,
        "has_walls": record.has_walls,
    }


def _nobody_asks(_value: Any, _error: BaseException | None) -> None:
    """Take the end of a task that nobody waits for."""


def _empty(groups: tuple[str, ...]) -> Task[None]:
    """Kill what is left in the control groups and remove them."""
    for _ in range(200):
        if cgroups.remove(groups):
            return
        cgroups.kill_members(groups)
        yield Wait(None, 0.02)
