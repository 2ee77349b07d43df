"""Start a program: fork, put on exactly the rights asked for, exec.

The order in the child matters: cgroups and limits while still privileged, then the ids, and only after them the
death signal, which the kernel forgets whenever ids change. fork without threads is safe; the keeper has none.
"""

import os
import resource
import signal
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NoReturn

from studiolo.core.errors import RunnerUnavailable
from studiolo.runtime.keeper import linux

_READY = b"\1"  # the child is in its new user namespace and waits


@dataclass(frozen=True, slots=True)
class Launch:
    """What to start and with which rights; `fds` keep their numbers, everything else is closed by exec."""

    argv: tuple[str, ...]
    environment: Mapping[str, str]
    fds: tuple[int, ...] = ()
    stdout: int | None = None  # None: /dev/null
    stderr: int | None = None  # None: shared with the keeper
    uid: int | None = None  # None: unchanged
    is_bound_to_parent: bool = False
    has_no_new_privileges: bool = False
    cgroups: tuple[str, ...] = ()  # `cgroup.procs` files to join
    limits: Mapping[int, int] = field(default_factory=dict[int, int])
    directory: str = "/"
    namespace_users: tuple[int, ...] | None = None  # live in a user namespace of these uids; the last is root there


def spawn(launch: Launch) -> int:
    """Start the program in a session of its own and return its pid; raise RunnerUnavailable."""
    parent = os.getpid()
    reading, writing = os.pipe()
    try:
        pid = os.fork()
    except OSError:
        os.close(reading)
        os.close(writing)
        raise
    if pid == 0:
        _become(launch, writing, parent)
    os.close(writing)
    with os.fdopen(reading, "rb", buffering=0) as pipe:
        if launch.namespace_users is not None:
            _map_users(pid, launch.namespace_users, pipe.read(1))
        reason = (pipe.read() or b"").decode(errors="replace")
    if reason:
        os.waitpid(pid, 0)
        raise RunnerUnavailable(f"{launch.argv[0]} could not be started: {reason}")
    return pid


def _map_users(pid: int, users: tuple[int, ...], word: bytes | None) -> None:
    """Say who is who in the child's new user namespace: root there is nobody here, all others are themselves."""
    if word != _READY:
        return  # it failed, and the rest of the pipe says why
    lines = [f"0 {users[-1]} 1", *(f"{uid} {uid} 1" for uid in users[:-1])]
    for name in ("uid_map", "gid_map"):
        _write(f"/proc/{pid}/{name}", "\n".join(lines).encode())
    os.kill(pid, signal.SIGCONT)


def _enter_namespace(writing: int) -> None:
    linux.unshare(linux.CLONE_NEWUSER)
    signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGCONT])
    os.write(writing, _READY)
    signal.sigwait([signal.SIGCONT])
    signal.pthread_sigmask(signal.SIG_UNBLOCK, [signal.SIGCONT])
    os.setgroups([])
    os.setresgid(0, 0, 0)
    os.setresuid(0, 0, 0)


def _become(launch: Launch, writing: int, parent: int) -> NoReturn:
    try:
        _prepare(launch, writing, parent)
        os.execvpe(launch.argv[0], launch.argv, dict(launch.environment))  # noqa: S606 - a list, no shell
    except BaseException as error:  # noqa: BLE001 - reported to the parent, whatever it is
        os.write(writing, str(error).encode(errors="replace")[:2000])
    finally:
        os._exit(127)


def _prepare(launch: Launch, writing: int, parent: int) -> None:
    os.setsid()
    for number in (signal.SIGPIPE, signal.SIGXFSZ):
        signal.signal(number, signal.SIG_DFL)  # Python ignores them, and exec would pass that on
    signal.set_wakeup_fd(-1)
    if launch.is_bound_to_parent:
        signal.signal(signal.SIGUSR1, signal.SIG_IGN)  # a nudge must not kill who has not yet begun to listen for it
    for path in launch.cgroups:
        _write(path, b"0")
    for kind, value in launch.limits.items():
        hard = resource.getrlimit(kind)[1]
        value = value if hard == resource.RLIM_INFINITY else min(value, hard)
        resource.setrlimit(kind, (value, value))
    _set_standard_streams(launch)
    if launch.uid is not None:
        os.setgroups([])
        os.setresgid(launch.uid, launch.uid, launch.uid)
        os.setresuid(launch.uid, launch.uid, launch.uid)
    if launch.namespace_users is not None:
        _enter_namespace(writing)
    os.umask(0o077)
    os.chdir(launch.directory)
    if launch.has_no_new_privileges:
        linux.gain_no_privileges()
    if launch.is_bound_to_parent:
        linux.die_with(parent)


def _set_standard_streams(launch: Launch) -> None:
    null = os.open(os.devnull, os.O_RDWR)
    os.dup2(null, 0)
    os.dup2(null if launch.stdout is None else launch.stdout, 1)
    if launch.stderr is not None:
        os.dup2(launch.stderr, 2)
    for fd in launch.fds:
        os.set_inheritable(fd, True)


def _write(path: str, content: bytes) -> None:
    fd = os.open(path, os.O_WRONLY)
    try:
        os.write(fd, content)
    finally:
        os.close(fd)
