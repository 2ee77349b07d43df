"""The template: a process that has imported ipykernel and becomes a kernel by forking.

It is forked from the agent before the agent has imported, opened or started anything, so that kernels inherit no
descriptor and no thread, and it stays almost empty until it is asked to get warm. Every kernel is its child, forked or
executed, in a session of its own, and dies with it; it dies with the agent, whose end closes the socket.

Both directions are lines of JSON. Asked `{"id", "do": ...}`:

    warm                                      import ipykernel          -> {"id"}
    fork    connection_file, cwd, env         become a kernel           -> {"id", "pid"}
    execute argv, cwd, env, stderr            start another program     -> {"id", "pid"}
    signal  pid, number, group                                          -> {"id"}

An error is `{"id", "error": words}`. The end of a child is told by `{"exited": pid, "status": number}`.
"""

import contextlib
import ctypes
import gc
import json
import os
import select
import signal
import socket
import sys
from importlib import import_module
from typing import Any

_PR_SET_PDEATHSIG = 1
_IMPORTS = (
    "ipykernel.kernelapp",
    "ipykernel.ipkernel",
    "ipykernel.zmqshell",
    "ipykernel.iostream",
    "IPython.core.completer",
    "IPython.core.magics",
    "comm",
)
_STARTED = "studiolo-template"


def fork_template() -> socket.socket:
    """Fork the template off this process, which must be single-threaded; return the socket to talk to it."""
    ours, theirs = socket.socketpair()
    pid = os.fork()
    if pid:
        theirs.close()
        return ours
    status = 1
    try:
        ours.close()
        serve(theirs.detach())
        status = 0
    finally:
        os._exit(status)


def serve(descriptor: int) -> None:
    """Serve requests until the other side closes; forked kernels never return."""
    _close_all_but(descriptor)
    _Template(socket.socket(fileno=descriptor)).run()


class _Template:
    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        self._children: set[int] = set()
        self._waker, self._woken = socket.socketpair()
        for end in (self._waker, self._woken):
            end.setblocking(False)

    def run(self) -> None:
        signal.set_wakeup_fd(self._waker.fileno(), warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, _do_nothing)
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        _die_with_parent(signal.SIGTERM)
        buffer = b""
        while True:
            readable, _, _ = select.select([self._connection, self._woken], [], [])
            if self._woken in readable:
                with contextlib.suppress(BlockingIOError):
                    self._woken.recv(4096)
                self._reap()
            if self._connection in readable:
                data = self._connection.recv(65536)
                if not data:
                    return
                *lines, buffer = (buffer + data).split(b"\n")
                for line in lines:
                    self._answer(json.loads(line))

    def _answer(self, request: dict[str, Any]) -> None:
        try:
            result = self._do(request)
        except Exception as error:  # noqa: BLE001 - told to the agent, which has another way to start a kernel
            result = {"error": f"{type(error).__name__}: {error}"}
        self._tell({"id": request.get("id"), **result})

    def _do(self, request: dict[str, Any]) -> dict[str, Any]:
        kind = request["do"]
        if kind == "warm":
            _warm()
            return {}
        if kind == "signal":
            self._signal(request["pid"], request["number"], request["group"])
            return {}
        if kind == "fork":
            _warm()
        pid = os.fork()
        if pid == 0:
            self._become(request)
        self._children.add(pid)
        return {"pid": pid}

    def _become(self, request: dict[str, Any]) -> None:
        """Turn this forked process into what was asked for; never returns."""
        try:
            signal.set_wakeup_fd(-1)
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            signal.signal(signal.SIGINT, signal.default_int_handler)
            os.setsid()
            _die_with_parent(signal.SIGKILL)
            _close_all_but()
            os.chdir(request["cwd"])
            _redirect(request.get("stderr"))
            if request["do"] == "execute":
                os.execvpe(request["argv"][0], request["argv"], request["env"])  # noqa: S606 - there is no shell to avoid
            _run_kernel(request["connection_file"], request["env"])
        except BaseException as error:  # noqa: BLE001 - the last frame of a process that must not return into the loop
            with contextlib.suppress(OSError):
                os.write(2, f"{type(error).__name__}: {error}\n".encode())
            os._exit(127)
        os._exit(0)

    def _signal(self, pid: int, number: int, group: bool) -> None:
        if pid in self._children:  # not yet reaped, so the number still means this child
            with contextlib.suppress(ProcessLookupError):
                (os.killpg if group else os.kill)(pid, number)

    def _reap(self) -> None:
        for pid in list(self._children):
            found, status = os.waitpid(pid, os.WNOHANG)
            if found:
                self._children.discard(pid)
                self._tell({"exited": pid, "status": os.waitstatus_to_exitcode(status)})

    def _tell(self, answer: dict[str, Any]) -> None:
        self._connection.sendall(json.dumps(answer).encode() + b"\n")


def _do_nothing(number: int, frame: object) -> None:
    """Let the signal interrupt `select`; the bytes in the waker say the rest."""


def _warm() -> None:
    if _STARTED in sys.modules:
        return
    # One thread per process: a library that starts threads on import would make the fork unsafe.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    for name in _IMPORTS:
        try:
            import_module(name)
        except ImportError:
            if name == _IMPORTS[0]:
                raise
    sys.modules[_STARTED] = sys
    gc.collect()
    gc.freeze()  # the collector would write into every page that kernels share


def _run_kernel(connection_file: str, environment: dict[str, str]) -> None:
    os.environ.clear()
    os.environ.update(environment)
    _forget_agent()
    _reseed()
    sys.argv = ["ipykernel_launcher", "-f", connection_file]
    arguments = ["-f", connection_file, "--HistoryManager.hist_file=:memory:"]  # a file is 60 ms of the start
    import_module("ipykernel.kernelapp").IPKernelApp.launch_instance(argv=arguments)


def _forget_agent() -> None:
    """Leave the kernel nothing of the agent: neither its modules nor its place on the module path."""
    import studiolo

    root = os.path.dirname(os.path.dirname(os.path.abspath(studiolo.__file__)))  # noqa: PTH120, PTH100 - pathlib is 10 ms
    sys.path[:] = [entry for entry in sys.path if os.path.abspath(entry or ".") != root]  # noqa: PTH100 - as above
    for name in [name for name in sys.modules if name.split(".")[0] == "studiolo"]:
        del sys.modules[name]
    sys.modules.pop(_STARTED, None)


def _reseed() -> None:
    """Give each kernel random numbers of its own."""
    if "random" in sys.modules:
        sys.modules["random"].seed()
    if "numpy.random" in sys.modules:
        sys.modules["numpy.random"].seed()


def _die_with_parent(number: int) -> None:
    parent = os.getppid()
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, int(number), 0, 0, 0)
    if os.getppid() != parent:
        os._exit(1)


def _redirect(stderr: str | None) -> None:
    nothing = os.open(os.devnull, os.O_RDWR)
    errors = os.open(stderr, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600) if stderr else nothing
    for number, source in enumerate((nothing, nothing, errors)):
        os.dup2(source, number, inheritable=True)
    os.closerange(3, max(nothing, errors) + 1)


def _close_all_but(*kept: int) -> None:
    position = 3
    for descriptor in sorted(kept):
        os.closerange(position, descriptor)
        position = descriptor + 1
    os.closerange(position, os.sysconf("SC_OPEN_MAX"))


if __name__ == "__main__":
    serve(int(sys.argv[1]))
