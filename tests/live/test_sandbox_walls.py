"""What a project can see and do inside its walls, and what limits hold. As root and as an ordinary user."""

import os
import platform
import shutil
import tempfile
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from studiolo.core.ids import ProjectId
from studiolo.core.limits import Limits
from studiolo.core.models import ProjectSpec
from studiolo.runtime.keeper.messages import MeasureHome, RemoveHome
from studiolo.runtime.keeper.plan import UID_BASE
from studiolo.runtime.runners.sandbox import SandboxRunner
from studiolo.testing.keepers import ORDINARY_UID, LiveKeeper, ask_agent, live_keeper

pytestmark = [pytest.mark.anyio, pytest.mark.live]

IS_ROOT = os.geteuid() == 0
USERS = [pytest.param("root", marks=pytest.mark.root), "ordinary"]
# elsewhere the filter is missing, and the server says so when it starts
needs_filter = pytest.mark.skipif(platform.machine() not in ("x86_64", "aarch64"), reason="no filter for this machine")
A = ProjectId("11111111-1111-4111-8111-111111111111")
B = ProjectId("22222222-2222-4222-8222-222222222222")
LIMITS = Limits(memory_bytes=256 * 1024 * 1024, cpu_cores=0.5, processes=64, disk_bytes=None)


@pytest.fixture(params=USERS)
async def keeper(request: pytest.FixtureRequest) -> AsyncIterator[LiveKeeper]:
    data = Path(tempfile.mkdtemp(prefix="data-"))
    uid = ORDINARY_UID if IS_ROOT and request.param == "ordinary" else None
    if uid is not None:
        os.chown(data, uid, uid)
    try:
        async with live_keeper(data, uid=uid, stop_projects_on_exit=True) as keeper:
            yield keeper
    finally:
        shutil.rmtree(data, ignore_errors=True)


def owner_and_mode(path: Path) -> tuple[int, str]:
    found = path.stat()
    return found.st_uid, oct(found.st_mode)[-3:]


def python(script: str) -> str:
    """Return a shell command of one line that runs a script of many."""
    return f"/usr/bin/python3 -c \"exec(bytes.fromhex('{script.encode().hex()}'))\""


@pytest.fixture
async def agent(keeper: LiveKeeper) -> str:
    runner = SandboxRunner(keeper.client)
    await runner.start(ProjectSpec(B, 2, LIMITS))
    return runner.socket_path(A, await runner.start(ProjectSpec(A, 1, LIMITS)))


async def enforced(keeper: LiveKeeper) -> tuple[str, ...]:
    return (await SandboxRunner(keeper.client).probe()).limits_enforced


async def test_only_the_systems_programs_and_the_own_home_are_there(keeper: LiveKeeper, agent: str):
    _, output = ask_agent(agent, "ls / /projects; ls -d /root /home /work /var/lib /etc/shadow /sys 2>/dev/null")
    names = set(output.split())
    assert A in names
    assert not names & {B, "root", "home", "work", "/root", "/home", "/work", "/var/lib", "/etc/shadow", "/sys"}
    assert ask_agent(agent, f"ls {keeper.plan.data}")[0] != 0


async def test_nothing_but_home_and_temporary_places_can_be_written(agent: str):
    script = (
        "for d in / /usr /etc /opt /projects /var /proc/sys/kernel; do touch $d/x 2>/dev/null && echo $d; done; true"
    )
    assert ask_agent(agent, script) == (0, "")
    assert ask_agent(agent, "touch ~/x /tmp/x /var/tmp/y /dev/shm/x")[0] == 0


async def test_processes_of_others_cannot_be_seen_or_signalled(agent: str):
    _, output = ask_agent(
        agent, "ls /proc | grep -c '^[0-9]'; kill -0 4000000 2>&1; cat /proc/1/environ | tr '\\0' '\\n'"
    )
    assert int(output.split()[0]) < 10
    assert "STUDIOLO_DATA" not in output


async def test_there_is_no_network_but_the_own_loopback(agent: str):
    look = "print([i[1] for i in socket.if_nameindex()])"
    script = f"import socket; {look}; s = socket.socket(); s.settimeout(2); s.connect(('1.1.1.1', 53))"
    code, output = ask_agent(agent, f'/usr/bin/python3 -c "{script}"')
    assert code != 0
    assert output.startswith("['lo']")


async def test_abstract_sockets_of_the_machine_are_out_of_reach(agent: str):
    assert ask_agent(agent, "cat /proc/net/unix | grep -c @ || true")[1].strip() == "0"


async def test_no_privilege_is_held_and_none_can_be_gained(agent: str):
    _, output = ask_agent(agent, "cat /proc/self/status; id -u")
    status = dict(line.split(":\t", 1) for line in output.splitlines() if ":\t" in line)
    assert {int(status[name], 16) for name in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb")} == {0}
    assert status["NoNewPrivs"] == "1"
    assert status["Seccomp"] == "2"


@needs_filter
async def test_namespaces_mounts_and_kernel_interfaces_are_denied(agent: str):
    for command in ("unshare -Ur true", "unshare -r true", "mount -t tmpfs none /tmp", "nsenter -t 1 -U true"):
        assert ask_agent(agent, command)[0] != 0, command
    number = {"x86_64": 321, "aarch64": 280}[platform.machine()]  # bpf
    script = (
        f"import ctypes; c = ctypes.CDLL(None, use_errno=True); print(c.syscall({number}, 0, 0, 0), ctypes.get_errno())"
    )
    assert ask_agent(agent, f'/usr/bin/python3 -c "{script}"')[1] == "-1 1\n"
    assert (
        ask_agent(agent, "/usr/bin/python3 -c 'import threading as t; x = t.Thread(target=print); x.start()'")[0] == 0
    )


@needs_filter
async def test_sockets_that_no_network_namespace_holds_cannot_be_made(agent: str):
    script = """
import errno, socket
for family in (38, 40):  # the kernel's ciphers; the machine that carries this virtual one
    try:
        socket.socket(family, socket.SOCK_STREAM)
    except OSError as error:
        print(errno.errorcode[error.errno])
socket.socketpair(), socket.socket(), socket.socket(socket.AF_INET6)
"""
    assert ask_agent(agent, python(script)) == (0, "EPERM\nEPERM\n")


@pytest.mark.root
async def test_each_project_is_a_user_of_its_own(keeper: LiveKeeper, agent: str):
    expected = keeper.uid or UID_BASE + 1
    assert ask_agent(agent, "id -u; id -g; whoami; touch ~/mine")[1].split() == [str(expected), str(expected), "user"]
    assert owner_and_mode(Path(keeper.plan.data) / "projects" / A / "home" / "mine")[0] == expected


async def test_hub_alone_may_connect_to_the_agent(keeper: LiveKeeper, agent: str):
    assert owner_and_mode(Path(agent)) == (keeper.uid or (UID_BASE if IS_ROOT else os.geteuid()), "600")


async def test_fork_bomb_is_held(keeper: LiveKeeper, agent: str):
    bomb = (
        "import os, time; n = 0\n"
        "try:\n"
        "    while n < 500:\n"
        "        if os.fork() == 0: os.closerange(0, 3); time.sleep(9); os._exit(0)\n"
        "        n += 1\n"
        "except OSError:\n"
        "    print('held', n, flush=True)\n"
        "os._exit(0)\n"
    )
    _, output = ask_agent(agent, python(bomb))
    assert output.startswith("held")
    assert int(output.split()[1]) < 64
    assert "processes" in await enforced(keeper)


async def test_memory_hog_dies_and_the_project_lives(keeper: LiveKeeper, agent: str):
    if "memory" not in await enforced(keeper):
        # without control groups the limit is one of each process
        assert ask_agent(agent, "/usr/bin/python3 -c \"x = b'a' * (1 << 30)\"")[0] != 0
        return
    code, _ = ask_agent(agent, "/usr/bin/python3 -c \"x = b'a' * (1 << 30)\"")
    assert code != 0
    assert ask_agent(agent, "echo alive") == (0, "alive\n")


async def test_spinner_gets_its_share_only(keeper: LiveKeeper, agent: str):
    if "cpu" not in await enforced(keeper):
        pytest.skip("this machine lets us not limit the processor here")
    script = "import time; e = time.monotonic() + 2\nwhile time.monotonic() < e: pass\nprint(time.process_time())"
    used = float(ask_agent(agent, python(script))[1])
    assert used < 1.5


async def test_home_is_measured_and_removed_even_with_closed_directories(keeper: LiveKeeper, agent: str):
    ask_agent(agent, "cd; head -c 3000000 /dev/zero > f; mkdir -p a/b; touch a/b/c; chmod 0 a/b; ln -s /usr usr")
    found = await keeper.client.ask(MeasureHome(A, 1))
    assert 3_000_000 <= found["size_bytes"] < 4_000_000
    await keeper.client.ask(RemoveHome(A, 1))
    assert not (Path(keeper.plan.data) / "projects" / A).exists()
    assert (Path(keeper.plan.data) / "projects" / B / "home").exists()


async def test_sandbox_starts_quickly(keeper: LiveKeeper):
    runner = SandboxRunner(keeper.client)
    began = time.monotonic()
    state = await runner.start(ProjectSpec(A, 1, LIMITS))
    ask_agent(runner.socket_path(A, state), "true")
    assert time.monotonic() - began < 5  # 40 ms on an idle machine
