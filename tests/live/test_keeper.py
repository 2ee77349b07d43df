"""The supervisor: restarts, ends and re-adopts in order, believes nobody. As root and as an ordinary user."""

import errno
import os
import resource
import shutil
import signal
import socket
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import anyio
import pytest

from studiolo.core.errors import InvalidRequest, RunnerUnavailable
from studiolo.core.ids import ProjectId
from studiolo.core.limits import Limits
from studiolo.core.models import ProjectSpec
from studiolo.runtime.keeper.linux import name_process
from studiolo.runtime.keeper.messages import Cancel, PollProject, Probe, StartCopyWorker, StartProject
from studiolo.runtime.keeper.plan import UID_BASE, KeeperPlan
from studiolo.runtime.runners.sandbox import SandboxRunner
from studiolo.testing.keepers import ORDINARY_UID, ask_agent, live_keeper

pytestmark = [pytest.mark.anyio, pytest.mark.live]

IS_ROOT = os.geteuid() == 0
USERS = [pytest.param("root", marks=pytest.mark.root), "ordinary"]
A = ProjectId("11111111-1111-4111-8111-111111111111")
SPEC = ProjectSpec(A, 1, Limits(512 * 1024 * 1024, 1.0, 64, None))


@pytest.fixture
def data() -> Iterator[Path]:
    directory = Path(tempfile.mkdtemp(prefix="data-"))
    yield directory
    shutil.rmtree(directory, ignore_errors=True)


@pytest.fixture(params=USERS)
def uid(request: pytest.FixtureRequest, data: Path) -> int | None:
    if request.param == "root" or not IS_ROOT:
        return None
    os.chown(data, ORDINARY_UID, ORDINARY_UID)
    return ORDINARY_UID


def children(pid: int) -> list[int]:
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def status(pid: int, name: str) -> list[str]:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(line.split()[1:] for line in lines if line.startswith(f"{name}:"))


def is_running(pid: int) -> bool:
    """Tell whether the process exists and is more than a zombie that waits for its parent."""
    return name_process(pid) is not None


def command(pid: int) -> str:
    """Return the command line of a process, nothing when it has just ended."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_text()
    except OSError:
        return ""


def holders(data: Path) -> list[str]:
    """Return the command lines that speak of this directory."""
    commands = [command(int(entry.name)) for entry in Path("/proc").iterdir() if entry.name.isdigit()]
    return [one for one in commands if str(data) in one]


def workers(pid: int) -> set[int]:
    return {child for child in children(pid) if "time.sleep(100)" in command(child)}


def memory_kb(pid: int) -> int:
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("Pss:"))


async def until(condition: Callable[[], bool], seconds: float = 10.0) -> None:
    """Wait until the call answers true."""
    deadline = anyio.current_time() + seconds
    while not condition() and anyio.current_time() < deadline:
        await anyio.lowlevel.checkpoint()
    assert condition()


async def test_terminated_keeper_ends_its_children_and_exits_with_0(data: Path, uid: int | None):
    async with live_keeper(data, uid=uid) as keeper:
        hub = children(keeper.process.pid)[0]
        keeper.process.send_signal(signal.SIGTERM)
        assert await keeper.wait() == 0
        assert not is_running(hub)
        await until(lambda: holders(data) == [])  # not even the sandbox that it tries at first


async def test_interrupted_keeper_does_the_same(data: Path, uid: int | None):
    async with live_keeper(data, uid=uid) as keeper:
        keeper.process.send_signal(signal.SIGINT)
        assert await keeper.wait() == 0
        await until(lambda: holders(data) == [])


async def test_hub_that_does_not_end_is_killed(data: Path, uid: int | None):
    stubborn = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
    async with live_keeper(data, uid=uid, hub_prelude=stubborn, exit_grace_seconds=0.5) as keeper:
        keeper.process.send_signal(signal.SIGTERM)
        assert await keeper.wait() == 0


async def test_killed_keeper_takes_hub_with_it_and_projects_live_on(data: Path, uid: int | None):
    async with live_keeper(data, uid=uid) as keeper:
        runner = SandboxRunner(keeper.client)
        state = await runner.start(SPEC)
        hub = children(keeper.process.pid)[0]
        keeper.process.kill()
        await keeper.wait()
        await until(lambda: not is_running(hub))
        assert ask_agent(state["socket_path"], "echo alive") == (0, "alive\n")
    async with live_keeper(data, uid=uid) as keeper:
        runner = SandboxRunner(keeper.client)
        assert await runner.poll(A, state)
        assert await runner.start(SPEC) == state
        await runner.stop(A, state)
        assert not await runner.poll(A, state)


async def test_terminated_keeper_leaves_projects_running_unless_told_otherwise(data: Path, uid: int | None):
    async with live_keeper(data, uid=uid) as keeper:
        state = await SandboxRunner(keeper.client).start(SPEC)
    assert ask_agent(state["socket_path"], "true")[0] == 0
    async with live_keeper(data, uid=uid, stop_projects_on_exit=True):
        pass
    with pytest.raises((ConnectionRefusedError, FileNotFoundError)):
        ask_agent(state["socket_path"], "true")


async def test_sandbox_without_a_record_is_ended_before_a_new_one_starts(data: Path, uid: int | None):
    async with live_keeper(data, uid=uid) as keeper:
        state = await SandboxRunner(keeper.client).start(SPEC)
        keeper.process.kill()
        await keeper.wait()
    (data / "run" / f"{A}.json").unlink()  # as if it was killed before writing it
    async with live_keeper(data, uid=uid, stop_projects_on_exit=True) as keeper:
        again = await SandboxRunner(keeper.client).start(SPEC)
        assert again["pid"] != state["pid"]
        assert not is_running(state["pid"])
        assert ask_agent(again["socket_path"], "true")[0] == 0


async def test_recycled_pid_in_a_record_is_never_killed(data: Path, uid: int | None):
    async with live_keeper(data, uid=uid) as keeper:
        runner = SandboxRunner(keeper.client)
        state = await runner.start(SPEC)
        await runner.stop(A, state)
        bystander = await anyio.open_process(["sleep", "60"], user=uid, group=uid)
        record = f'{{"pid": {bystander.pid}, "started": 1, "boot": "{state["boot"]}"}}'
        text = f'"project_id": "{A}", "uid": 1, "socket_path": "x", "groups": [], "has_walls": true, "others": []'
        path = data / "run" / f"{A}.json"
        path.write_text(f'{{{text}, "outer": {record}, "inner": {record}}}')
        path.chmod(0o644)
        assert not await runner.poll(A, state)
        await runner.stop(A, state)
        assert bystander.returncode is None
        bystander.kill()
        await bystander.aclose()


async def test_crashed_hub_is_started_again(data: Path, uid: int | None):
    async with live_keeper(data, uid=uid) as keeper:
        first = children(keeper.process.pid)[0]
        os.kill(first, signal.SIGKILL)
        await until(lambda: any(child != first for child in children(keeper.process.pid)))


async def test_keeper_without_a_free_descriptor_lives_on_and_starts_the_hub_once_there_is_one(
    data: Path, capfd: pytest.CaptureFixture[str]
):
    async with live_keeper(data) as keeper:
        await keeper.client.ask(Probe())
        await until(lambda: len(children(keeper.process.pid)) == 1)  # the keeper's own probe is over, too
        await keeper.client.ask(Probe())  # and has been heard of: now nothing but the hub is on its way
        said: list[str] = []

        def has_tried() -> bool:
            said.append(capfd.readouterr().err)
            return "child_not_started" in "".join(said)

        pid = keeper.process.pid
        few, most = resource.prlimit(pid, resource.RLIMIT_NOFILE)
        resource.prlimit(pid, resource.RLIMIT_NOFILE, (3, most))
        os.kill(children(pid)[0], signal.SIGKILL)
        await until(has_tried)
        assert keeper.process.poll() is None
        resource.prlimit(pid, resource.RLIMIT_NOFILE, (few, most))
        await until(lambda: len(children(pid)) == 1, 30)


@pytest.mark.root
async def test_hub_and_workers_run_without_any_right(data: Path):
    worker = ("/bin/sleep", "60", "--")
    async with live_keeper(data, worker_argv=worker, workers=0) as keeper:
        hub = children(keeper.process.pid)[0]
        assert status(hub, "Uid") == [str(UID_BASE)] * 4
        assert status(hub, "Gid") == [str(UID_BASE)] * 4
        assert status(hub, "Groups") == []
        assert status(hub, "NoNewPrivs") == ["1"]
        assert {int(status(hub, name)[0], 16) for name in ("CapEff", "CapPrm", "CapInh", "CapAmb")} == {0}


@pytest.mark.root
async def test_hub_can_make_its_database_but_not_touch_what_is_the_keepers(data: Path):
    async with live_keeper(data, stop_projects_on_exit=True) as keeper:
        state = await SandboxRunner(keeper.client).start(SPEC)
        probe = await anyio.run_process(
            [
                "/bin/sh",
                "-c",
                'cd "$0"; touch studiolo.sqlite3 && echo made; mv projects p; rm -rf run/*; touch run/x; ls projects; '
                "mv agent a; rmdir projects; true",
                str(data),
            ],
            user=UID_BASE,
            group=UID_BASE,
            extra_groups=[],
        )
        assert probe.stdout.decode().split() == ["made"]
        assert (data / "projects" / A / "home").is_dir()
        assert ask_agent(state["socket_path"], "true")[0] == 0


async def test_workers_start_on_request_and_are_restarted_when_they_crash(data: Path, uid: int | None):
    script = "import time; time.sleep(100)"
    worker = ("/usr/bin/python3", "-I", "-S", "-c", script)
    async with live_keeper(data, uid=uid, worker_argv=worker, workers=2) as keeper:
        assert await keeper.client.ask(StartCopyWorker()) == {"workers": 1}
        assert await keeper.client.ask(StartCopyWorker()) == {"workers": 1}
        assert await keeper.client.ask(StartCopyWorker(is_behind=True)) == {"workers": 2}
        await until(lambda: len(workers(keeper.process.pid)) == 2)
        pids = workers(keeper.process.pid)
        await keeper.client.ask(StartCopyWorker())
        assert workers(keeper.process.pid) == pids  # a nudge neither doubles nor kills them
        os.kill(max(pids), signal.SIGKILL)
        await until(lambda: len(workers(keeper.process.pid) - pids) == 1)


@pytest.mark.parametrize(
    "request_",
    [
        PollProject("../../etc"),
        StartProject("not-a-uuid", 1),
        StartProject(A, 0),
        StartProject(A, -1_900_000_000),
        StartProject(A, 200_000_001),
        StartProject(A, 1, memory_bytes=-1),
        StartProject(A, 1, cpu_cores=0.0),
        StartProject(A, True),
        Cancel(-1),
    ],
)
async def test_keeper_checks_every_argument_itself(data: Path, request_: StartProject):
    async with live_keeper(data, uid=_ordinary(data)) as keeper:
        with pytest.raises(InvalidRequest):
            await keeper.client.ask(request_)


@pytest.mark.root
async def test_home_of_another_uid_is_not_taken_over(data: Path):
    async with live_keeper(data, stop_projects_on_exit=True) as keeper:
        await keeper.client.ask(StartProject(A, 1))
        await SandboxRunner(keeper.client).stop(A, {})
        with pytest.raises(RunnerUnavailable, match="does not belong to uid"):
            await keeper.client.ask(StartProject(A, 2))


async def test_project_with_a_network_has_a_route_but_not_the_machines_loopback(data: Path, uid: int | None):
    async with live_keeper(data, uid=uid, stop_projects_on_exit=True) as keeper:
        with socket.create_server(("127.0.0.1", 0)) as server:
            state = await keeper.client.ask(StartProject(A, 1, has_network=True))
            script = f'import socket; print(socket.socket().connect_ex(("127.0.0.1", {server.getsockname()[1]})))'
            _, output = ask_agent(state["socket_path"], f"cat /proc/net/route; /usr/bin/python3 -c '{script}'")
        assert "\t00000000\t" in output
        assert output.endswith(f"{errno.ECONNREFUSED}\n")
        helpers = [child for child in children(keeper.process.pid) if "pasta" in command(child)]
        assert len(helpers) == 1
        await SandboxRunner(keeper.client).stop(A, {})
        assert not is_running(helpers[0])


@pytest.mark.root
async def test_data_and_software_below_closed_directories_are_reachable(tmp_path: Path):
    closed = tmp_path / "closed"
    data = closed / "deep" / "data"
    data.mkdir(parents=True)
    closed.chmod(0o700)
    environment = closed / "environment"
    (environment / "bin").mkdir(parents=True)
    (environment / "bin" / "python").symlink_to("/usr/bin/python3")
    async with live_keeper(data, environment=str(environment), stop_projects_on_exit=True) as keeper:
        runner = SandboxRunner(keeper.client)
        await runner.probe()
        state = await runner.start(SPEC)
        assert ask_agent(state["socket_path"], "/opt/studiolo/environment/bin/python -c 'print(1)'") == (0, "1\n")
    assert oct(closed.stat().st_mode)[-3:] == "700"


@pytest.mark.root
async def test_unreadable_environment_is_explained(data: Path, tmp_path: Path):
    environment = tmp_path / "environment"
    (environment / "bin").mkdir(parents=True)
    (environment / "bin" / "python").symlink_to("/usr/bin/python3")
    environment.chmod(0o700)
    code, said = await serve_in_vain(data, None, environment)
    assert code == 1
    assert f"{environment} is closed to other users" in said
    assert f"chmod o+rx {environment}" in said


async def test_missing_environment_is_explained(data: Path):
    code, said = await serve_in_vain(data, _ordinary(data), Path("/nowhere"))
    assert code == 1
    assert "The environment /nowhere has no bin/python" in said
    assert "make setup" in said


async def serve_in_vain(data: Path, uid: int | None, environment: Path) -> tuple[int, str]:
    """Return the exit code of a keeper that cannot run projects, and its log."""
    hub = ("/bin/sleep", "60", "--")
    plan = KeeperPlan(str(data), ("/bin/sh", "-c", "exec sleep 60"), hub, environment=str(environment))
    program = (
        "import sys; from studiolo.runtime.keeper.plan import plan_from_json; "
        "from studiolo.runtime.keeper.supervisor import serve; sys.exit(serve(plan_from_json(sys.stdin.buffer.read())))"
    )
    with anyio.fail_after(20):
        done = await anyio.run_process(
            [sys.executable, "-c", program], input=plan.as_json(), check=False, cwd="/", user=uid, group=uid
        )
    return done.returncode, done.stderr.decode()


async def test_keeper_stays_small(data: Path, uid: int | None):
    async with live_keeper(data, uid=uid, stop_projects_on_exit=True) as keeper:
        await SandboxRunner(keeper.client).start(SPEC)
        assert memory_kb(keeper.process.pid) < 20_000


def _ordinary(data: Path) -> int | None:
    if not IS_ROOT:
        return None
    os.chown(data, ORDINARY_UID, ORDINARY_UID)
    return ORDINARY_UID
