"""How a project comes up: the socket first, then the walls, then the record, and only then the agent."""

import contextlib
import json
import os
import resource
import signal

from studiolo.core.errors import RunnerUnavailable
from studiolo.core.limits import Limits
from studiolo.runtime.keeper import cgroups, linux
from studiolo.runtime.keeper.cgroups import Cgroups
from studiolo.runtime.keeper.directories import DataDirectory
from studiolo.runtime.keeper.execute import kill_child
from studiolo.runtime.keeper.interior import OUTSIDE, Interior
from studiolo.runtime.keeper.linux import ProcessName
from studiolo.runtime.keeper.loop import Task, Wait, wait_for_child
from studiolo.runtime.keeper.messages import StartProject
from studiolo.runtime.keeper.network import start_network
from studiolo.runtime.keeper.records import Record, Records
from studiolo.runtime.keeper.remedies import explain
from studiolo.runtime.keeper.spawn import Launch, spawn
from studiolo.runtime.keeper.walls import AGENT, ENVIRONMENT, Descriptors, project_variables

_START_SECONDS = 15.0
_MAX_FILES = 4096
_OUR_OWN_PROCESSES = 16


class Starts:
    """Starts projects; whoever gives up a start leaves nothing behind that runs."""

    def __init__(
        self,
        directory: DataDirectory,
        groups: Cgroups,
        interior: Interior,
        records: Records,
        agent_argv: tuple[str, ...] | None,
    ) -> None:
        self._directory = directory
        self._cgroups = groups
        self._interior = interior
        self._records = records
        self._agent_argv = agent_argv

    def begin(self, request: StartProject) -> Task[Record]:
        """Start the agent of a project that does not run and return its record."""
        self._directory.make_home(request.project_id, request.uid)
        limits = Limits(request.memory_bytes, request.cpu_cores, request.processes, request.disk_bytes)
        groups = self._cgroups.create(self._directory.group_name(request.project_id), limits)
        listener = self._directory.listen(request.project_id)
        log = self._directory.open_log(request.project_id, request.uid)
        try:
            if self._interior.has_walls:
                return (yield from self._begin_walls(request, listener.fileno(), log, groups))
            return self._begin_plain(request, listener.fileno(), log, groups)
        except BaseException:
            cgroups.kill_members(groups)
            raise
        finally:
            listener.close()
            os.close(log)

    def _begin_walls(self, request: StartProject, listener: int, log: int, groups: tuple[str, ...]) -> Task[Record]:
        inside = self._interior.of_project(
            request.project_id, request.uid, has_network=request.has_network, tmp_bytes=request.memory_bytes
        )
        files = Descriptors()
        info, info_end = os.pipe()
        block_end, block = os.pipe()
        owner = self._directory.owner(request.uid)
        pid = None
        try:
            command = self._interior.walls(inside, files)
            command += ["--info-fd", str(info_end), "--block-fd", str(block_end), "--"]
            command += self._agent(inside.home_inside, listener, f"{ENVIRONMENT}/bin/python", AGENT)
            fds = (*files.fds, info_end, block_end, listener)
            limits = self._limits(request)
            pid = spawn(Launch(tuple(command), OUTSIDE, fds, log, log, owner, cgroups=_procs(groups), limits=limits))
            os.close(info_end)
            info_end = -1
            inner = yield from self._read_info(info, pid, request)
            others = ((yield from start_network(inner, owner, groups)),) if request.has_network else ()
            record = self._admit(request, pid, inner, groups, others)
            os.write(block, b"1")
            return record
        except BaseException:
            if pid is not None:
                _abandon(pid)
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
                said = log.read_text(errors="replace")[-2000:]
                raise RunnerUnavailable(explain(said, self._interior.environment))

    def _begin_plain(self, request: StartProject, listener: int, log: int, groups: tuple[str, ...]) -> Record:
        """Start the agent without walls."""
        home = str(self._directory.home(request.project_id))
        environment = self._interior.environment
        path = "" if environment is None else environment.path
        variables = {**project_variables(home, path, request.project_id), "XDG_RUNTIME_DIR": f"{home}/.cache"}
        launch = Launch(
            tuple(self._agent(home, listener, f"{path}/bin/python", self._interior.code())),
            variables,
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
        try:
            return self._admit(request, pid, pid, groups, ())
        except BaseException:
            kill_child(pid)
            raise

    def _admit(
        self,
        request: StartProject,
        pid: int,
        inner: int,
        groups: tuple[str, ...],
        others: tuple[ProcessName, ...],
    ) -> Record:
        """Write the record: from now on the project counts as running."""
        has_walls = self._interior.has_walls
        if request.processes is not None and has_walls and not self._directory.is_root:
            # inside the walls it is counted for this user namespace alone, so other programs of ours do not count
            resource.prlimit(inner, resource.RLIMIT_NPROC, (request.processes, request.processes))
        names = (linux.name_process(pid), linux.name_process(inner))
        if names[0] is None or names[1] is None:
            raise RunnerUnavailable("The project's agent ended at once.")
        socket_path = str(self._directory.run / f"{request.project_id}.sock")
        record = Record(request.project_id, request.uid, socket_path, names[0], names[1], groups, has_walls, others)
        self._records.write(record)
        return record

    def _limits(self, request: StartProject) -> dict[int, int]:
        limits = {resource.RLIMIT_CORE: 0, resource.RLIMIT_NOFILE: _MAX_FILES}
        enforced = self._cgroups.enforced
        if request.processes is not None and self._directory.is_root and "processes" not in enforced:
            # counted per uid; a few more for the walls themselves
            limits[resource.RLIMIT_NPROC] = request.processes + _OUR_OWN_PROCESSES
        if request.memory_bytes is not None and "memory" not in enforced:
            limits[resource.RLIMIT_DATA] = request.memory_bytes  # of each process; the sum is not limited
        return limits

    def _agent(self, home: str, listener: int, python: str, code: str) -> list[str]:
        argv = self._agent_argv or (python, "-I", f"{code}/start.py")
        return [*argv, "--listen-fd", str(listener), "--home", home]


def _abandon(pid: int) -> None:
    """Kill a sandbox that nobody will know of: what waits inside would go on once our end of its pipe closes."""
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGSTOP)  # our own child, not yet waited for; now it makes no more children
        for child in linux.children_of(pid):
            name = linux.name_process(child)
            if name is not None:
                name.kill(signal.SIGKILL)
    kill_child(pid)


def _procs(groups: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(f"{group}/cgroup.procs" for group in groups)
