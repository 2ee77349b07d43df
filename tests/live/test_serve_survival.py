"""Whatever is killed, nothing that was promised is lost: hub, copy worker, keeper; and a calm end."""

import os
import signal
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from studiolo.testing.live import until
from studiolo.testing.servers import Server

USERS = [
    pytest.param(True, id="root", marks=pytest.mark.root),
    pytest.param(False, id="ordinary"),
]
LEASE_SECONDS = "3"
# many small files and one large: a copy that takes a second or two
MAKE_TREE = """
mkdir -p tree && cd tree && python3 - <<'END'
import pathlib
for number in range(3000):
    directory = pathlib.Path(str(number % 50))
    directory.mkdir(exist_ok=True)
    (directory / f"{number}.txt").write_text(f"file {number}\\n" * 20)
pathlib.Path("large").write_bytes(bytes(range(256)) * 4096 * 60)
END
"""
SUMS = "cd {} && find . -type f -print0 | sort -z | xargs -0 cat | sha256sum; find . | LC_ALL=C sort | sha256sum"


@pytest.fixture(params=USERS)
def server(request: pytest.FixtureRequest, live_server) -> Server:
    return live_server("--copy-lease-seconds", LEASE_SECONDS, is_root=request.param)


def start_counting(server: Server, project_id: str) -> int:
    """Leave a process behind that notes how far it has counted; return the agent's pid."""
    count = "i=0; while :; do i=$((i+1)); echo $i > count; sleep 0.05; done"
    server.shell(project_id, f"setsid sh -c '{count}' >/dev/null 2>&1 </dev/null & echo $! > counter")
    return server.record(project_id).inner.pid


def counted(server: Server, project_id: str) -> int:
    said: list[str] = []

    def has_counted() -> bool:
        said[:] = [server.shell(project_id, "cat count")]  # empty while it is being written
        return bool(said[0].strip())

    until(has_counted)
    return int(said[0])


def still_counts(server: Server, project_id: str, before: int) -> None:
    until(lambda: counted(server, project_id) > before)
    assert server.shell(project_id, "kill -0 $(cat counter) && echo there") == "there\n"


def order_copies(server: Server, source: str, target: str) -> list[str]:
    """Order a copy at once, one in a moment, and one that was due while the server is away."""
    moments: list[dict[str, Any]] = [
        {},
        {"scheduled": (datetime.now(UTC) + timedelta(seconds=1)).isoformat()},
        {"scheduled": (datetime.now(UTC) + timedelta(seconds=2)).isoformat()},
    ]
    ends = {"src_project_id": source, "src_path": "small.txt", "target_project_id": target}
    return [
        server.done("copy_path_between_projects", **ends, target_path=f"copy-{number}", **moment)["copy_path_id"]
        for number, moment in enumerate(moments)
    ]


def are_done(server: Server, copies: list[str]) -> None:
    for copy in copies:
        until(lambda copy=copy: "finished" in server.done("copy_path_status", copy_path_id=copy)["data"], 40)
        assert "error" not in server.done("copy_path_status", copy_path_id=copy)["data"]


def test_killed_hub_comes_back_and_loses_neither_process_nor_copy(server: Server):
    source, target = server.project(), server.project()
    agent = start_counting(server, source)
    server.shell(source, "echo hello > small.txt")
    before, hub = counted(server, source), server.hub_pid
    copies = order_copies(server, source, target)
    os.kill(hub, signal.SIGKILL)
    until(lambda: any(pid != hub for pid in server.children("_hub")))
    server.wait_until_ready()
    still_counts(server, source, before)
    assert server.record(source).inner.pid == agent
    are_done(server, copies)
    assert server.shell(target, "cat copy-*") == "hello\n" * 3


def test_killed_keeper_leaves_projects_running_and_the_next_server_adopts_them(server: Server):
    source, target = server.project(), server.project()
    agent = start_counting(server, source)
    server.shell(source, "echo hello > small.txt")
    before, started = counted(server, source), server.record(source).inner
    copies = order_copies(server, source, target)
    server.kill()
    assert started.is_alive()
    server.start()
    still_counts(server, source, before)
    assert server.record(source).inner.pid == agent
    assert "project_started" not in server.log().rsplit("listening", 1)[1].split("project_id=" + source)[0]
    are_done(server, copies)
    assert server.shell(target, "cat copy-*") == "hello\n" * 3


@pytest.mark.parametrize("victim", ["worker", "hub", "keeper"])
def test_large_copy_is_whole_whoever_is_killed_in_the_middle(live_server, victim: str):
    server: Server = live_server("--copy-lease-seconds", LEASE_SECONDS)
    source, target = server.project(), server.project()
    server.shell(source, MAKE_TREE)
    ends = {"src_project_id": source, "src_path": "tree", "target_project_id": target}
    with ThreadPoolExecutor(1) as caller:
        # what is waited for is carried out by the hub
        ordering = caller.submit(order_tree, server, ends, is_awaited=victim == "hub")
        home = server.data / "projects" / target / "home"
        until(lambda: (home / "tree").is_dir() and any((home / "tree").iterdir()))
        [copy] = server.done("copy_path_status", target_project_id=target)["data"]
        assert copy["finished"] is None
        kill(server, victim)
        ordering.result(20)
    are_done(server, [copy["copy_path_id"]])
    assert server.shell(target, SUMS.format("tree")) == server.shell(source, SUMS.format("tree"))


def order_tree(server: Server, ends: dict[str, str], *, is_awaited: bool) -> None:
    with suppress(httpx.HTTPError):  # the hub dies
        httpx.post(
            f"{server.address}/api/v1/copy_path_between_projects",
            auth=(server.key, ""),
            json={**ends, "wait_until_done": is_awaited},
            timeout=60,
            trust_env=False,
        )


def kill(server: Server, victim: str) -> None:
    if victim == "keeper":
        server.kill()
        server.start()
        return
    pids = server.children("_hub" if victim == "hub" else "_copy_worker")
    assert pids
    for pid in pids:
        os.kill(pid, signal.SIGKILL)
    if victim == "hub":
        until(lambda: not set(pids) & set(server.children("_hub")) and server.children("_hub") != [])
        server.wait_until_ready()


def test_terminated_server_finishes_what_is_under_way_and_refuses_what_is_new(server: Server):
    project_id = server.project(start=True)
    server.shell(project_id, "true")
    with ThreadPoolExecutor(1) as thread:
        answer = thread.submit(server.shell, project_id, "touch begun; sleep 2; echo finished")
        until((server.data / "projects" / project_id / "home" / "begun").exists)
        server.terminate()
        until(lambda: is_refused(server), 5)
        assert answer.result(20) == "finished\n"
    assert server.wait() == 0
    assert server.record(project_id).is_alive()


def is_refused(server: Server) -> bool:
    try:
        httpx.get(f"{server.address}/healthz", timeout=0.3, trust_env=False)
    except httpx.ConnectError:
        return True
    except (httpx.TimeoutException, httpx.ReadError, httpx.RemoteProtocolError):
        return True  # taken by the system's queue and never answered, or let go by a server that is about to end
    return False


def test_terminated_server_ends_all_its_projects_if_told_to(live_server):
    server: Server = live_server("--stop-projects-on-exit")
    projects = [server.project() for _ in range(2)]
    for project_id in projects:
        start_counting(server, project_id)
    records = [server.record(project_id) for project_id in projects]
    server.terminate()
    assert server.wait() == 0
    assert not any(name.is_alive() for record in records for name in (record.inner, record.outer, *record.others))
    assert not list((server.data / "run").glob("*.sock"))
    assert not list((server.data / "run").glob("*.json"))


def test_interrupted_server_ends_as_calmly(live_server):
    server: Server = live_server()
    os.kill(server.pid, signal.SIGINT)
    assert server.wait() == 0


def test_many_callers_meet_a_killed_hub_and_all_are_served_again(live_server):
    server: Server = live_server()
    project_id = server.project(start=True)
    server.shell(project_id, "true")
    stop = threading.Event()
    with ThreadPoolExecutor(4) as threads:
        callers = [threads.submit(keep_calling, server, project_id, stop) for _ in range(4)]
        hub = server.hub_pid
        os.kill(hub, signal.SIGKILL)
        until(lambda: any(pid != hub for pid in server.children("_hub")))
        server.wait_until_ready()
        stop.set()
        for caller in callers:
            assert caller.result(60) == "served\n"


def keep_calling(server: Server, project_id: str, stop: threading.Event) -> str:
    while not stop.is_set():
        with suppress(httpx.HTTPError):
            server.shell(project_id, "echo served")
    return server.shell(project_id, "echo served")


def test_requests_repeated_across_a_killed_hub_make_one_thing_each(live_server):
    server: Server = live_server()
    made: dict[str, set[str]] = {}
    with ThreadPoolExecutor(4) as threads:
        for _ in range(2):
            callers = {f"key-{n}": threads.submit(make_project, server, f"key-{n}") for n in range(20)}
            hub = server.hub_pid
            os.kill(hub, signal.SIGKILL)
            until(lambda hub=hub: any(pid != hub for pid in server.children("_hub")))
            server.wait_until_ready()
            for key, caller in callers.items():
                made.setdefault(key, set()).add(caller.result(60))
    assert all(len(ids) == 1 for ids in made.values()), made
    found = server.done("query", query={"projects": [{"project_id": None, "title": None}]})["query"]["projects"]
    assert sorted(one["title"] for one in found) == sorted(made)


def make_project(server: Server, key: str) -> str:
    """Ask for a project until there is an answer."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        with suppress(httpx.HTTPError):
            answer = httpx.post(
                f"{server.address}/api/v1/create_project",
                auth=(server.key, ""),
                headers={"Idempotency-Key": key},
                json={"title": key},
                timeout=20,
                trust_env=False,
            )
            if answer.status_code == 200:
                return answer.json()["project_id"]
        threading.Event().wait(0.05)  # leave the processor to the hub that is on its way
    raise AssertionError(f"no answer for {key}")
