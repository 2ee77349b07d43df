"""Commands of API clients, run as the project's user.

The words of a failure are a promise of the API: clients of many years look for them.
"""

import asyncio
import contextlib
import math
import os
import shlex
import tempfile
from collections.abc import Generator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from studiolo.agent import params
from studiolo.agent.files import encode_text, explain, resolve
from studiolo.agent.processes import Ended, Output, Process, Sink
from studiolo.core.errors import CommandFailed, InvalidRequest

if TYPE_CHECKING:
    from studiolo.agent.agent import Agent

DEFAULT_TIMEOUT_SECONDS = 10.0
MAX_TIMEOUT_SECONDS = 24 * 3600.0
STDERR_IN_MESSAGE = 1024
COMMAND_IN_MESSAGE = 1024  # a message is cut at 4,000 characters on its way, and its end is what counts


@dataclass(frozen=True, slots=True)
class Order:
    """One command as it was asked for; equal orders with an `aggregate` share one run."""

    command: str
    args: tuple[str, ...]
    directory: str
    timeout_seconds: float
    max_output: int | None
    is_shell: bool
    is_error_on_exit: bool
    aggregate: str | None
    environment: tuple[tuple[str, str], ...] = ()


async def run(agent: "Agent", given: dict[str, Any]) -> dict[str, Any]:
    """Run a command to its end and return what it said; raise CommandFailed with the historical reason."""
    commands = agent.part(Commands, lambda: Commands(agent))
    ended = await commands.run(read_order(agent, given))
    return {"stdout": ended.stdout, "stderr": ended.stderr, "exit_code": ended.exit_code}


class Commands:
    """The commands that run now."""

    def __init__(self, agent: "Agent") -> None:
        self._agent = agent
        self._running: set[Process] = set()
        self._shared: dict[Order, asyncio.Task[Ended]] = {}
        agent.add_stop_hook(self._stop, order=30)

    async def run(self, order: Order) -> Ended:
        """Run the command, or wait for the equal one that runs already if `aggregate` is given."""
        if order.aggregate is None:
            return await self._run(order)
        task = self._shared.get(order)
        if task is None:
            task = self._shared[order] = asyncio.create_task(self._run(order))
            task.add_done_callback(lambda _: self._shared.pop(order))
        return await asyncio.shield(task)  # one caller that leaves must not end it for the others

    async def _run(self, order: Order) -> Ended:
        with arguments_of(order) as argv:
            return await self._run_program(order, argv)

    async def _run_program(self, order: Order, argv: list[str]) -> Ended:
        stdout, stderr = Output(order.max_output), Output(order.max_output)
        process = start_process(self._agent, order, argv, stdout, stderr)
        self._running.add(process)
        try:
            end = await process.run_to_end(order.timeout_seconds)
        finally:
            self._running.discard(process)
        ended = Ended(stdout.text(), stderr.text(), 1 if end.exit_code is None else end.exit_code, end.was_killed)
        if ended.was_killed:
            raise CommandFailed(f"killed command '{' '.join(argv)[:COMMAND_IN_MESSAGE]}'")
        if ended.exit_code != 0 and order.is_error_on_exit:
            stderr = ended.stderr[:STDERR_IN_MESSAGE]
            raise CommandFailed(f"{_shown(argv)} exited with nonzero code {ended.exit_code} -- stderr='{stderr}'")
        return ended

    async def _stop(self) -> None:
        for process in self._running:
            process.kill()


@contextlib.contextmanager
def arguments_of(order: Order) -> Generator[list[str]]:
    """Give what is to be executed, for as long as the command runs: a shell's script is a file until then."""
    if not order.is_shell:
        yield [order.command, *order.args]
        return
    try:
        script = _write_script(order)
    except OSError as error:
        reason = explain(error, "open", tempfile.gettempdir()).message
        raise CommandFailed(f"{_shown(['bash'])} was not able to run -- stderr='{reason}'") from error
    try:
        yield ["bash", str(script)]
    finally:
        _remove(script)


def start_process(agent: "Agent", order: Order, argv: list[str], stdout: Sink, stderr: Sink) -> Process:
    """Start a command's process; raise CommandFailed."""
    try:
        return Process(
            argv,
            directory=order.directory,
            environment=agent.child_environment() | dict(order.environment),
            stdout=stdout,
            stderr=stderr,
        )
    except OSError as error:
        raise CommandFailed(
            f"{_shown(argv)} was not able to run -- stderr='{_why_not_started(error, argv, order)}'"
        ) from error


def read_order(agent: "Agent", given: dict[str, Any]) -> Order:
    """Return the command that a call asks for; raise InvalidRequest."""
    command = params.text(given, "command")
    args = params.texts(given, "args")
    if not command.strip():
        raise InvalidRequest("command is empty", fields={"command": "is empty"})
    aggregate = given.get("aggregate")
    is_many_words = not args and len(command.split()) > 1
    order = Order(
        command=command,
        args=tuple(args),
        directory=resolve(agent.home, params.text(given, "path", "")),
        timeout_seconds=min(params.number(given, "timeout_seconds", DEFAULT_TIMEOUT_SECONDS), MAX_TIMEOUT_SECONDS),
        max_output=params.count(given, "max_output"),
        is_shell=params.flag(given, "bash") or is_many_words,
        is_error_on_exit=params.flag(given, "err_on_exit", default=True),
        aggregate=None if aggregate is None else repr(aggregate),
        environment=_read_environment(given.get("environment")),
    )
    if not order.is_shell:
        _require_system_text(command, *args)
    return order


def _read_environment(given: object) -> tuple[tuple[str, str], ...]:
    variables = cast("dict[object, object]", given) if isinstance(given, dict) else {}
    pairs = tuple((str(name), str(value)) for name, value in variables.items())
    if any(not name or "=" in name or "\0" in name + value for name, value in pairs):
        raise InvalidRequest("env must be names and values of environment variables", fields={"env": "not variables"})
    _require_system_text(*(text for pair in pairs for text in pair))
    return pairs


def _require_system_text(*texts: str) -> None:
    try:
        for text in texts:
            os.fsencode(text)
    except UnicodeEncodeError as error:
        raise InvalidRequest("command and args must be valid text") from error


def _write_script(order: Order) -> Path:
    """Write the shell's script: a limit of CPU time, so that nothing it leaves behind spins forever, and the command.

    Arguments join the command, each quoted, so that they arrive as they are.
    """
    words = " ".join([order.command, *map(shlex.quote, order.args)])
    limit = f"ulimit -t {math.ceil(order.timeout_seconds)} 2>/dev/null"  # fails where a lower limit is set already
    descriptor, path = tempfile.mkstemp(prefix="studiolo-", suffix=".sh")
    with open(descriptor, "wb") as script:  # noqa: PTH123 - mkstemp made and opened it
        script.write(encode_text(f"{limit}\n{words}\n"))
    return Path(path)


def _remove(script: Path) -> None:
    with contextlib.suppress(OSError):  # the command may have removed it
        script.unlink()


def _shown(argv: list[str]) -> str:
    return f"command '{argv[0][:COMMAND_IN_MESSAGE]}' (args={' '.join(argv[1:])[:COMMAND_IN_MESSAGE]})"


def _why_not_started(error: OSError, argv: list[str], order: Order) -> str:
    if error.filename == order.directory and error.filename != argv[0]:
        return explain(error, "chdir", order.directory).message
    return explain(error, "spawn", argv[0]).message
