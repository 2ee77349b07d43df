"""Copies between projects, through the public HTTP API, beside `cp -a`, `rsync -a` and loops of them.

Everything lies on one disk and takes turns, and a loop begins when what was written before is on the disk: else it
would wait for its predecessor's data. Nothing is deleted before the end, and nothing begins before files are made fast:
ext4 takes up to 20 times as long where others were deleted in the last five minutes (it looks at each of their inodes),
which is the same for everybody, and all that would be measured.

    one waited copy    10 KB file, 100 MB file, tree of 10,000 files of 4 KB, the same tree again unchanged
    fan-out            1 MB in 20 files to 1,000 projects, from the first request to the last `finished`: as one
                       request, and as a request for each project by four callers at once
    ping               while the fan-outs run, beside the same server at rest, asked by the same caller as often
    status             of a project's pending copies, beside a million finished ones
    copy_fsync         what writing through to the disk costs (1 MB in 20 files)
"""

import argparse
import contextlib
import json
import os
import shutil
import signal
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from _results import Row, beside, report, within
from api import Client, free_port, p99, wait_for

CALLERS = 4
IDLE_SECONDS = 3.0
REST_SECONDS = 5.0
SETTLE_SECONDS = 360.0
MAKING_MS = 0.15  # of one empty file
MAKE = {
    "small": "head -c 10240 /dev/urandom > small",
    "large": "head -c 104857600 /dev/urandom > large",
    "assignment": "mkdir -p assignment && head -c 1048576 /dev/urandom | split -b 52429 - assignment/part-",
}
TREE = (
    "for d in $(seq {directories}); do mkdir -p tree/$d; head -c 409600 /dev/urandom | split -b 4096 - tree/$d/; done"
)


class Server:
    """A server of ours with its own data directory, and the homes of its projects."""

    def __init__(self, work: Path, port: int, key: str) -> None:
        self.work = work
        self._port = port
        self._key = key
        self._client = self.connect()
        self._used_at = time.monotonic()

    @property
    def client(self) -> Client:
        """A connection that the server has not yet closed for being idle."""
        if time.monotonic() - self._used_at > IDLE_SECONDS:
            self._client = self.connect()
        self._used_at = time.monotonic()
        return self._client

    def connect(self) -> Client:
        return Client(self._port, self._key)

    def project(self, title: str) -> str:
        return self.client.post("/api/v1/create_project", {"title": title})["project_id"]

    def run(self, project_id: str, command: str) -> None:
        asked = {"project_id": project_id, "command": command, "bash": True, "timeout": 300, "err_on_exit": True}
        self.client.post("/api/v1/project_exec", asked)

    def home(self, project_id: str) -> Path:
        return self.work / "data" / "projects" / project_id / "home"

    def copy(self, source: str, path: str, target: str, target_path: str, *, is_waited: bool = True) -> None:
        asked = {"src_project_id": source, "src_path": path, "target_project_id": target, "target_path": target_path}
        self.client.post("/api/v1/copy_path_between_projects", {**asked, "wait_until_done": is_waited})


@contextlib.contextmanager
def server(work: Path, **settings: str) -> Iterator[Server]:
    """Run a server of ours; it ends with the block."""
    program = str(Path(sys.executable).with_name("studiolo"))
    work.mkdir()
    create = [program, "account", "create", "--data", str(work / "data"), "--admin", "--api-key"]
    create += ["--email", "bench@example.org", "--password", "benchmark"]
    create += ["--database", settings["database"]] if "database" in settings else []
    made = subprocess.run(create, check=True, capture_output=True)
    port = free_port()
    options = [word for name, value in settings.items() for word in (f"--{name.replace('_', '-')}", value)]
    command = [program, "serve", "--data", str(work / "data"), "--port", str(port), "--stop-projects-on-exit"]
    with (work / "server.log").open("wb") as log:
        process = subprocess.Popen([*command, *options, "--log-level", "warning"], stdout=log, stderr=log)
    try:
        wait_for(port, process)
        yield Server(work, port, json.loads(made.stdout)["api_key"])
    finally:
        process.send_signal(signal.SIGTERM)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(30)
        process.kill()


def timed(action: Callable[[], object]) -> float:
    """Return how long it took, in milliseconds."""
    start = time.perf_counter()
    action()
    return (time.perf_counter() - start) * 1000


def settle(place: Path) -> None:
    """Wait until what was written is on the disk, and until files are made fast."""
    os.sync()
    deadline = time.monotonic() + SETTLE_SECONDS
    while (taken := _making_ms(place)) > MAKING_MS:
        if time.monotonic() > deadline:
            print(f"making an empty file still takes {taken:.2f} ms here; see --place", flush=True)
            return
        print(f"making an empty file takes {taken:.2f} ms: waiting", flush=True)
        time.sleep(15)


def _making_ms(place: Path) -> float:
    directory = Path(tempfile.mkdtemp(dir=place))
    return statistics.median(timed((directory / str(number)).touch) for number in range(100))


class Contest:
    """One source copied in turns by us, `cp -a` and `rsync -a`, each time to a fresh place unless told otherwise."""

    def __init__(self, ours: Server, source: str, path: str, peers: Path) -> None:
        self._server = ours
        self._source = source
        self._path = path
        self._peers = peers
        self._target = ours.project(f"copies of {path}")
        self.times: dict[str, list[float]] = {"ours": [], "cp -a": [], "rsync -a": []}

    def run(self, rounds: int, *, warm: int = 0, again: bool = False) -> "Contest":
        for number in range(rounds + warm):
            place = f"{self._path}-{0 if again else number}"
            found = {
                "ours": timed(lambda place=place: self._ours(place)),
                "cp -a": timed(lambda place=place: self._cp(place, again=again)),
                "rsync -a": timed(lambda place=place: self._rsync(place)),
            }
            if number >= warm:
                for name, took in found.items():
                    self.times[name].append(took)
        return self

    def _ours(self, place: str) -> None:
        self._server.copy(self._source, self._path, self._target, place)

    def _cp(self, place: str, *, again: bool) -> None:
        flags = ["-a", "-u"] if again else ["-a"]
        subprocess.run(["cp", *flags, "-T", str(self._from()), str(self._peers / f"cp-{place}")], check=True)

    def _rsync(self, place: str) -> None:
        source = self._from()
        slash = "/" if source.is_dir() else ""
        target = self._peers / f"rsync-{place}"
        subprocess.run(["rsync", "-a", f"{source}{slash}", f"{target}{slash}"], check=True)

    def _from(self) -> Path:
        return self._server.home(self._source) / self._path

    def rows(self, name: str, *, cp: float | None = None, rsync: float | None = None) -> list[Row]:
        return [
            beside(name, "ms", self.times["ours"], self.times["cp -a"], "cp -a", cp),
            beside(name, "ms", self.times["ours"], self.times["rsync -a"], "rsync -a", rsync),
        ]


def fan_out(ours: Server, source: str, count: int, peers: Path) -> list[Row]:
    """Hand one directory out to many projects in both ways, and look how `ping` fares meanwhile."""
    targets = [ours.project(f"student {number}") for number in range(count)]
    ours.copy(source, "assignment", targets[0], "warm")
    _, idle = _watched(ours, lambda: time.sleep(REST_SECONDS))
    settle(peers)
    together, busy = _watched(ours, lambda: _hand_out(ours, source, targets))
    loops: dict[str, float] = {}
    for name, command in (("cp -a", ["cp", "-a", "-T"]), ("rsync -a", ["rsync", "-a"])):
        settle(peers)
        loops[name] = timed(
            lambda name=name, command=command: _loop(ours, source, count, peers / f"fan {name}", command)
        )
    settle(peers)
    singly, busy_too = _watched(ours, lambda: _order_each(ours, source, targets))
    for place in ("together", "singly"):
        arrived = sum(len(list((ours.home(target) / place).iterdir())) == 20 for target in targets)
        if arrived != count:
            raise SystemExit(f"only {arrived} of {count} copies arrived {place}")
    what = f"1 MB in 20 files to {count} projects, {{}}".format
    ratio, ratio_too = p99(busy) / p99(idle), p99(busy_too) / p99(idle)
    limit = "<= 5 times"
    return [
        beside(what("one request"), "ms", [together], [loops["rsync -a"]], "loop of rsync -a", 10),
        beside(what("one request"), "ms", [together], [loops["cp -a"]], "loop of cp -a", 0.5),
        Row("ping p99 meanwhile", "ms", p99(busy), p99(idle), "at rest", 1 / ratio, limit, ratio <= 5),
        beside(what("one request each"), "ms", [singly], [loops["rsync -a"]], "loop of rsync -a", None),
        beside(what("one request each"), "ms", [singly], [loops["cp -a"]], "loop of cp -a", None),
        Row("ping p99 meanwhile", "ms", p99(busy_too), p99(idle), "at rest", 1 / ratio_too, "-", None),
    ]


def _watched(ours: Server, work: Callable[[], object]) -> tuple[float, list[float]]:
    """Return how long it took, and how long each `ping` took meanwhile."""
    busy: list[float] = []
    is_over = threading.Event()

    def ping() -> None:
        client = ours.connect()
        while not is_over.is_set():
            busy.append(timed(lambda: client.post("/api/v1/ping", {})))
            is_over.wait(0.005)

    watching = threading.Thread(target=ping)
    watching.start()
    try:
        return timed(work), busy
    finally:
        is_over.set()
        watching.join()


def _hand_out(ours: Server, source: str, targets: list[str]) -> None:
    asked = {"src_project_id": source, "src_path": "assignment", "targets": targets, "target_path": "together"}
    group = ours.client.post("/api/v1/copy_path_to_projects", asked)["group_id"]
    while True:
        found = ours.client.post("/api/v1/copy_group_status", {"group_id": group, "limit": 0})
        if found["counts"]["done"] + found["counts"]["failed"] == len(targets):
            return
        time.sleep(0.02)


def _order_each(ours: Server, source: str, targets: list[str]) -> None:
    def order(mine: list[str]) -> None:
        client = ours.connect()
        for target in mine:
            asked = {"src_project_id": source, "src_path": "assignment", "target_project_id": target}
            client.post("/api/v1/copy_path_between_projects", {**asked, "target_path": "singly"})

    callers = [threading.Thread(target=order, args=(targets[n::CALLERS],)) for n in range(CALLERS)]
    for caller in callers:
        caller.start()
    for caller in callers:
        caller.join()
    pending: dict[str, Any] = {"src_project_id": source, "pending": True, "limit": 1}
    while ours.client.post("/api/v1/copy_path_status", pending)["data"]:
        time.sleep(0.02)


def status_among(ours: Server, source: str, count: int) -> Row:
    """Ask for pending copies beside many finished ones of the same project."""

    def ask() -> list[float]:
        asked = {"src_project_id": source, "pending": True, "limit": 100}
        return [timed(lambda: ours.client.post("/api/v1/copy_path_status", asked)) for _ in range(100)]

    few = ask()
    with contextlib.closing(sqlite3.connect(ours.work / "data" / "studiolo.sqlite3", timeout=60)) as database:
        columns = [row[1] for row in database.execute("PRAGMA table_info(copy_paths)")]
        [known] = database.execute("SELECT copy_id FROM copy_paths WHERE finished_at IS NOT NULL LIMIT 1").fetchone()
        chosen = ", ".join("lower(hex(randomblob(18)))" if name == "copy_id" else name for name in columns)
        numbers = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?)"
        copied = f"INSERT INTO copy_paths ({', '.join(columns)}) {numbers} SELECT {chosen} FROM n, copy_paths"
        database.execute(f"{copied} WHERE copy_id = ?", (count, known))
        database.commit()
    return beside(f"pending copies among {count:,} finished", "ms", ask(), few, "among a few", None)


def _loop(ours: Server, source: str, count: int, place: Path, command: list[str]) -> None:
    place.mkdir()
    slash = "/" if command[0] == "rsync" else ""
    for number in range(count):
        subprocess.run([*command, f"{ours.home(source)}/assignment{slash}", f"{place}/{number}"], check=True)


def price_of_fsync(work: Path, rounds: int) -> list[Row]:
    """Copy 1 MB in 20 files under each policy."""
    found: dict[str, list[float]] = {}
    for policy in ("none", "files", "full"):
        with server(work / f"fsync-{policy}", copy_fsync=policy) as ours:
            source, target = ours.project("source"), ours.project("target")
            ours.run(source, MAKE["assignment"])
            ours.copy(source, "assignment", target, "warm")
            found[policy] = [_copy_to(ours, source, target, f"place {number}") for number in range(rounds)]
    name = "1 MB in 20 files, copy_fsync={}".format
    return [
        beside(name(policy), "ms", found[policy], found["none"], "copy_fsync=none", None)
        for policy in ("files", "full")
    ]


def _copy_to(ours: Server, source: str, target: str, place: str) -> float:
    return timed(lambda: ours.copy(source, "assignment", target, place))


def main() -> int:
    """Run the benchmark."""
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("--quick", action="store_true", help="smaller trees, fewer projects and rounds")
    arguments.add_argument("--place", type=Path, default=Path("/var/tmp"), help="directory on the disk to measure")
    given = arguments.parse_args()
    is_quick: bool = given.quick
    work = Path(tempfile.mkdtemp(prefix="studiolo-bench-", dir=given.place))
    peers = work / "peers"
    peers.mkdir()
    directories = 10 if is_quick else 100
    try:
        settle(peers)
        with server(work / "ours") as ours:
            source = ours.project("source")
            for command in (*MAKE.values(), TREE.format(directories=directories)):
                ours.run(source, command)
            small = Contest(ours, source, "small", peers).run(20 if is_quick else 100, warm=10)
            rows = [within("10 KB file, waited for through HTTP, p50", "ms", small.times["ours"], 15)]
            rows += small.rows("10 KB file")
            rows += (
                Contest(ours, source, "large", peers).run(3 if is_quick else 7, warm=1).rows("100 MB file", cp=1 / 1.3)
            )
            tree = Contest(ours, source, "tree", peers)
            rows += tree.run(1 if is_quick else 3).rows(f"tree of {directories * 100} x 4 KB")
            tree.times = {name: [] for name in tree.times}
            rows += tree.run(3 if is_quick else 7, warm=1, again=True).rows("the same tree unchanged", rsync=1)
            rows += fan_out(ours, source, 50 if is_quick else 1000, peers)
            rows.append(status_among(ours, source, 20_000 if is_quick else 1_000_000))
        rows += price_of_fsync(work, 10 if is_quick else 40)
        return report("copies", rows)
    finally:
        shutil.rmtree(work, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(main())
