"""Commands that run by themselves: started, looked after, followed, ended.

1. A job lives as long as the agent, whatever becomes of the hub and of those who follow it; while one runs the project
   is in use.
2. Its output is kept in a ring on disk (`exec_log.py`). Of jobs that have ended the last `KEPT` are kept.
3. Ending one asks the whole process group first (TERM) and makes it (KILL) after a moment.
"""

import asyncio
import contextlib
import os
import re
import shutil
import signal
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from studiolo.agent import params
from studiolo.agent.beneath import Home
from studiolo.agent.exec import Order, arguments_of, read_order, start_process
from studiolo.agent.exec_log import Log, Speaker
from studiolo.agent.processes import Exit, Process
from studiolo.core.errors import Conflict, ExecJobNotFound, InvalidRequest, StudioloError

if TYPE_CHECKING:
    from studiolo.agent.agent import Agent
    from studiolo.agent.channel import Channel

DIRECTORY = ".studiolo/exec"
KEPT = 20
GRACE_SECONDS = 5.0
MAX_WAIT_SECONDS = 3600.0
MAX_COLLECTED = 4 * 1024 * 1024  # characters of both streams together
SHOWN = 4096
SAME_WITHIN_SECONDS = 24 * 3600.0
_ID = re.compile("[0-9a-f]{16}")


class Job:
    """One command that runs, or ran, by itself."""

    def __init__(self, job_id: str, order: Order, log: Log) -> None:
        self.job_id = job_id
        self.order = order
        self.log = log
        self.stdout, self.stderr = Speaker(log, "stdout"), Speaker(log, "stderr")
        self.started_at = time.time()  # the moment is told to people
        self._began = time.monotonic()
        self._seconds: float | None = None
        self.process: Process | None = None
        self.exit: Exit | None = None
        self.status = "running"
        self.started: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.is_over = asyncio.Event()

    @property
    def age_seconds(self) -> float:
        """Return how long ago it was started."""
        return time.monotonic() - self._began

    async def has_started(self) -> None:
        """Wait until its process runs; raise why it cannot."""
        await asyncio.shield(self.started)

    @property
    def elapsed_seconds(self) -> float:
        """Return for how long it has run."""
        return round(time.monotonic() - self._began if self._seconds is None else self._seconds, 3)

    def end(self, found: Exit) -> None:
        """Note how it ended."""
        for speaker in (self.stdout, self.stderr):
            speaker.feed(b"", is_last=True)
        self._seconds = time.monotonic() - self._began
        self.exit = found
        if self.status == "running":
            self.status = "timed_out" if found.was_killed else "completed"
        self.log.add("exit", {"status": self.status, "exit_code": found.exit_code, "signal": found.signal})
        self.log.end()
        self.is_over.set()

    def describe(self) -> dict[str, Any]:
        """Return what may be told of it."""
        return {
            "job_id": self.job_id,
            "command": self.order.command[:SHOWN],
            "args": [text[:SHOWN] for text in self.order.args[:100]],
            "status": self.status,
            "pid": self.process.pid if self.process else 0,
            "exit_code": self.exit.exit_code if self.exit else None,
            "signal": self.exit.signal if self.exit else None,
            "started_ms": int(self.started_at * 1000),
            "elapsed_seconds": self.elapsed_seconds,
            "stdout_bytes": self.stdout.size_bytes,
            "stderr_bytes": self.stderr.size_bytes,
            "last_event_id": self.log.last_id,
            "is_truncated": self.log.first_id > 1,
        }


class Jobs:
    """The jobs of this project, in the order in which they were started."""

    def __init__(self, agent: "Agent") -> None:
        self._agent = agent
        self._jobs: dict[str, Job] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        agent.add_stop_hook(self._stop, order=30)
        agent.count_busy(lambda: bool(self._tasks))
        agent.count_for_usage("exec_jobs", lambda: len(self._tasks))
        with (  # what an earlier agent left: its jobs are gone
            contextlib.suppress(StudioloError),
            Home(agent.home).place(DIRECTORY, "rmdir", is_followed=False) as place,
        ):
            shutil.rmtree(place.name, ignore_errors=True, dir_fd=place.directory)

    def find(self, job_id: str) -> Job:
        """Return a job; raise ExecJobNotFound."""
        job = self._jobs.get(job_id)
        if job is None:
            raise ExecJobNotFound("There is no such job, or the project was stopped since.")
        return job

    def all(self) -> list[Job]:
        """Return all jobs that are known, the last one first."""
        return list(reversed(self._jobs.values()))

    async def start(
        self, order: Order, most_running: int | None, cpu_seconds: int | None, job_id: str | None = None
    ) -> Job:
        """Start a job; raise CommandFailed, or Conflict if too many run.

        Under an id that was given before, it is the job that was started then, if that was within a day.
        """
        known = self._jobs.get(job_id) if job_id is not None else None
        if known is not None and known.age_seconds < SAME_WITHIN_SECONDS:
            await known.has_started()
            return known
        if most_running is not None and len(self._tasks) >= most_running:
            raise Conflict(f"{most_running} jobs of this project run already; wait for one, or end it.")
        if job_id is None or known is not None:
            job_id = os.urandom(8).hex()
        job = Job(job_id, order, Log(_directory(self._agent.home, job_id)))
        self._jobs[job_id] = job
        task = asyncio.create_task(self._run(job, cpu_seconds))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        try:
            await job.has_started()
        except BaseException:
            self._forget(job)
            raise
        self._forget_old()
        return job

    async def kill(self, job: Job, grace_seconds: float) -> None:
        """End a job with all that it started, and wait until it has ended."""
        if job.process is None or job.is_over.is_set():
            return
        job.status = "killed"
        job.process.kill(signal.SIGTERM)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(grace_seconds):
                await job.is_over.wait()
        job.process.kill(signal.SIGKILL)  # also those of the group that live on without their leader
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(GRACE_SECONDS):
                await job.is_over.wait()

    async def _run(self, job: Job, cpu_seconds: int | None) -> None:
        try:
            with arguments_of(job.order) as argv:
                job.process = start_process(self._agent, job.order, argv, job.stdout, job.stderr)
                if cpu_seconds is not None:
                    job.process.limit_cpu(cpu_seconds)
                job.started.set_result(None)
                job.end(await job.process.run_to_end(job.order.timeout_seconds))
        except StudioloError as error:
            job.started.set_exception(error)

    def _forget(self, job: Job) -> None:
        self._jobs.pop(job.job_id, None)
        job.log.remove()
        with contextlib.suppress(StudioloError), Home(self._agent.home).place(DIRECTORY, "rmdir") as place:
            os.rmdir(job.job_id, dir_fd=place.directory)

    def _forget_old(self) -> None:
        ended = [job for job in self._jobs.values() if job.is_over.is_set()]
        for job in ended[: max(0, len(ended) - KEPT)]:
            self._forget(job)

    async def _stop(self) -> None:
        for job in self._jobs.values():
            if job.process is not None and not job.is_over.is_set():
                job.process.kill()


@dataclass(frozen=True, slots=True)
class _Text:
    """What a stream said, as far as it is kept."""

    pieces: list[str]

    def cut(self, most: int) -> str:
        whole = "".join(self.pieces)
        return whole if len(whole) <= most else f"{whole[:most]} (truncated at {most} characters)"


async def start(agent: "Agent", given: dict[str, Any]) -> dict[str, Any]:
    """Start a job and tell its number."""
    order = read_order(agent, given)
    cpu_seconds = params.count(given, "cpu_seconds") or None
    job_id = params.text(given, "job_id", "") or None
    if job_id is not None and not _ID.fullmatch(job_id):
        raise InvalidRequest("job_id must be 16 digits in hexadecimal", fields={"job_id": "not an id"})
    job = await _jobs(agent).start(order, params.count(given, "most_running"), cpu_seconds, job_id)
    return job.describe()


async def status(agent: "Agent", given: dict[str, Any]) -> dict[str, Any]:
    """Tell how a job does; with `wait_seconds` wait for its end that long."""
    job = _find(agent, given)
    seconds = min(params.number(given, "wait_seconds", 0.001), MAX_WAIT_SECONDS)
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await job.is_over.wait()
    return job.describe()


async def list_jobs(agent: "Agent", given: dict[str, Any]) -> dict[str, Any]:
    """Tell of all jobs that are known."""
    return {"jobs": [job.describe() for job in _jobs(agent).all()]}


async def kill(agent: "Agent", given: dict[str, Any]) -> dict[str, Any]:
    """End a job."""
    job = _find(agent, given)
    grace = params.count(given, "grace_seconds")
    await _jobs(agent).kill(job, GRACE_SECONDS if grace is None else min(grace, 60))
    return job.describe()


async def collect(agent: "Agent", given: dict[str, Any]) -> dict[str, Any]:
    """Return what a job has said so far, as far as it is kept."""
    job = _find(agent, given)
    most = params.count(given, "max_output")
    said: dict[str, list[str]] = {"stdout": [], "stderr": []}
    left = MAX_COLLECTED
    async for event in job.log.events(0, is_followed=False):
        if event["event"] in said and left > 0:
            said[event["event"]].append(event["data"]["text"][:left])
            left -= len(event["data"]["text"])
    texts = {name: _Text(pieces).cut(MAX_COLLECTED if most is None else most) for name, pieces in said.items()}
    return {**job.describe(), **texts, "is_truncated": left <= 0 or job.log.first_id > 1}


async def follow(agent: "Agent", given: dict[str, Any], channel: "Channel") -> None:
    """Send a job's events after a number, as they come, up to its end."""
    job = _find(agent, given)
    after = params.count(given, "after") or 0
    await channel.accept(job.describe())
    leaving = asyncio.create_task(_wait_until_left(channel))
    sending = asyncio.create_task(_send(job, after, channel))
    try:
        await asyncio.wait((leaving, sending), return_when=asyncio.FIRST_COMPLETED)
    finally:
        leaving.cancel()
        sending.cancel()
        await asyncio.gather(leaving, sending, return_exceptions=True)


async def _send(job: Job, after: int, channel: "Channel") -> None:
    async for event in job.log.events(after):
        await channel.send(event)
    await channel.send({"end": True})


async def _wait_until_left(channel: "Channel") -> None:
    async for _ in channel.frames():
        pass


def _find(agent: "Agent", given: dict[str, Any]) -> Job:
    return _jobs(agent).find(params.text(given, "job_id"))


def _jobs(agent: "Agent") -> Jobs:
    return agent.part(Jobs, lambda: Jobs(agent))


def _directory(home: str, job_id: str) -> int:
    """Make and open a directory for a job's log."""
    with Home(home).place(f"{DIRECTORY}/{job_id}", "mkdir", makes_parents=True) as place:
        if place.status is not None:
            raise InvalidRequest("The job's directory is taken.")
        os.mkdir(place.name, 0o700, dir_fd=place.directory)
        flags = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
        return os.open(place.name, flags, dir_fd=place.directory)
