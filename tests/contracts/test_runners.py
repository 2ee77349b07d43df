"""Every runner keeps the promises of `ProjectRunner`, as root with a uid a project and as an ordinary user."""

import os
import shutil
import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import anyio
import anyio.lowlevel
import pytest

from studiolo.core.ids import ProjectId
from studiolo.core.limits import Limits
from studiolo.core.models import ProjectSpec
from studiolo.runtime.protocols import ProjectRunner
from studiolo.runtime.runners.process import ProcessRunner
from studiolo.runtime.runners.sandbox import SandboxRunner
from studiolo.testing.keepers import ORDINARY_UID, LiveKeeper, ask_agent, live_keeper

pytestmark = [pytest.mark.anyio, pytest.mark.live]

A = ProjectId("11111111-1111-4111-8111-111111111111")
B = ProjectId("22222222-2222-4222-8222-222222222222")
LIMITS = Limits(memory_bytes=512 * 1024 * 1024, cpu_cores=1.0, processes=64, disk_bytes=None)
RUNNERS = {"sandbox": SandboxRunner, "process": ProcessRunner}
IS_ROOT = os.geteuid() == 0
USERS = [pytest.param("root", marks=pytest.mark.root), "ordinary"]


@pytest.fixture
def data() -> Iterator[Path]:
    """Give a directory that an ordinary user can be given; pytest's own are closed to others."""
    directory = Path(tempfile.mkdtemp(prefix="data-"))
    yield directory
    shutil.rmtree(directory, ignore_errors=True)


@pytest.fixture(params=USERS)
def uid(request: pytest.FixtureRequest, data: Path) -> int | None:
    if request.param == "root" or not IS_ROOT:
        return None
    os.chown(data, ORDINARY_UID, ORDINARY_UID)
    return ORDINARY_UID


@pytest.fixture(params=["sandbox", "process"])
async def keeper(request: pytest.FixtureRequest, data: Path, uid: int | None) -> AsyncIterator[LiveKeeper]:
    async with live_keeper(data, uid=uid, runner=request.param, stop_projects_on_exit=True) as keeper:
        yield keeper


@pytest.fixture
def runner(keeper: LiveKeeper) -> ProjectRunner:
    return RUNNERS[keeper.plan.runner](keeper.client)


def spec(project_id: ProjectId, uid: int) -> ProjectSpec:
    return ProjectSpec(project_id, uid, LIMITS)


async def test_probe_says_whether_there_are_walls(runner: ProjectRunner):
    report = await runner.probe()
    assert report.name == runner.name
    assert report.is_isolated == (runner.name == "sandbox")
    assert any("no walls" in warning for warning in report.warnings) == (runner.name == "process")


async def test_started_project_answers_on_its_socket_in_its_home(runner: ProjectRunner):
    state = await runner.start(spec(A, 1))
    code, output = ask_agent(runner.socket_path(A, state), 'cd && pwd && echo "$HOME" && touch works && ls')
    assert code == 0
    lines = output.split()
    assert lines[0] == lines[1]
    assert lines[2] == "works"
    assert await runner.poll(A, state)


async def test_starting_twice_finds_the_same_agent(runner: ProjectRunner):
    first = await runner.start(spec(A, 1))
    assert await runner.start(spec(A, 1)) == first


async def test_stopped_project_is_gone_with_everything_it_started(runner: ProjectRunner):
    state = await runner.start(spec(A, 1))
    seconds = f"4711{os.getpid()}"  # no other process of this machine sleeps that long
    quiet = f"sleep {seconds} >/dev/null 2>&1 &"
    ask_agent(runner.socket_path(A, state), f"{quiet} setsid {quiet} setsid setsid {quiet}")
    with anyio.fail_after(5):
        while _count(seconds) < 3:
            await anyio.lowlevel.checkpoint()
    await runner.stop(A, state)
    assert not await runner.poll(A, state)
    assert _count(seconds) == 0
    with pytest.raises((ConnectionRefusedError, FileNotFoundError)):
        ask_agent(runner.socket_path(A, state), "true")


async def test_limits_of_a_running_project_change_at_once_where_they_are_enforced(runner: ProjectRunner):
    wanted = ProjectSpec(A, 1, Limits(256 * 1024 * 1024, 0.5, None, None))
    assert not await runner.set_limits(wanted)  # it does not run
    state = await runner.start(spec(A, 1))
    enforced = set((await runner.probe()).limits_enforced)
    assert await runner.set_limits(wanted) == (enforced >= {"memory", "cpu"})
    assert ask_agent(runner.socket_path(A, state), "echo lives") == (0, "lives\n")


async def test_stopping_twice_and_polling_the_unknown_is_harmless(runner: ProjectRunner):
    assert not await runner.poll(B, {})
    await runner.stop(B, {})
    await runner.stop(B, {})


async def test_agent_that_died_is_seen_and_started_again(runner: ProjectRunner):
    state = await runner.start(spec(A, 1))
    with pytest.raises((ValueError, OSError)):  # the answer never comes
        ask_agent(runner.socket_path(A, state), "kill -9 $PPID")
    while await runner.poll(A, state):
        pass
    again = await runner.start(spec(A, 1))
    assert again["pid"] != state["pid"]
    assert ask_agent(runner.socket_path(A, again), "true")[0] == 0


async def test_files_survive_a_stop(runner: ProjectRunner):
    state = await runner.start(spec(A, 1))
    ask_agent(runner.socket_path(A, state), "cd && echo kept > file")
    await runner.stop(A, state)
    state = await runner.start(spec(A, 1))
    assert ask_agent(runner.socket_path(A, state), "cd && cat file") == (0, "kept\n")


async def test_environment_of_the_server_does_not_reach_the_project(runner: ProjectRunner):
    state = await runner.start(spec(A, 1))
    _, output = ask_agent(runner.socket_path(A, state), "env")
    names = {line.split("=")[0] for line in output.splitlines()}
    allowed = {"PATH", "HOME", "USER", "LOGNAME", "SHELL", "LANG", "XDG_RUNTIME_DIR", "STUDIOLO_PROJECT_ID", "PWD"}
    assert names <= allowed | {"LC_CTYPE", "OLDPWD", "_", "SHLVL"}


def _count(needle: str) -> int:
    found = 0
    for process in Path("/proc").iterdir():
        if process.name.isdigit():
            try:
                found += needle in (process / "cmdline").read_text(errors="replace")
            except OSError:
                continue
    return found
