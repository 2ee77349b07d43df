"""The HTTP API under a steady client: `ping`, `write_text_file_to_project`, `project_exec true`.

The peer of the calls is the least that any server in Python could do: a Starlette endpoint on uvicorn which reads the
JSON body, checks a key against its stored hash, and answers. The peer of the sandboxed command is a plain fork and
exec of the same command on this machine. One client, one connection that is kept, one request after the other; then
eight connections at once for requests per second.

Then the same calls on a database with ten accounts and projects and on one with ten thousand, in turns: what a person
does must not take longer because there are others. That is done on SQLite, and on PostgreSQL if it is installed.
"""

import argparse
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import _scale
from _results import Row, beside, report
from _servers import Client, Studiolo, end, free_port, wait_for

PEER = """
import hashlib, hmac, json, sys, uvicorn
from starlette.applications import Starlette
from starlette.responses import JSONResponse
from starlette.routing import Route
STORED = hashlib.sha256(b"sk-benchmark").hexdigest()
async def bare(request):
    import base64
    key = base64.b64decode(request.headers["authorization"].split()[1]).split(b":")[0]
    if not hmac.compare_digest(hashlib.sha256(key).hexdigest(), STORED):
        return JSONResponse({"error": "key"}, 400)
    await request.json()
    return JSONResponse({"event": "pong"})
uvicorn.run(Starlette(routes=[Route("/bare", bare, methods=["POST"])]), host="127.0.0.1", port=int(sys.argv[1]),
            log_level="warning", access_log=False)
"""


def times(action: Callable[[], object], count: int) -> list[float]:
    """Return how long each of `count` runs took, in milliseconds, after a few that do not count."""
    for _ in range(max(3, count // 20)):
        action()
    found: list[float] = []
    for _ in range(count):
        start = time.perf_counter()
        action()
        found.append((time.perf_counter() - start) * 1000)
    return found


def p99(values: list[float]) -> float:
    return sorted(values)[max(0, int(len(values) * 0.99) - 1)]


def per_second(make: Callable[[], Callable[[], object]], count: int) -> float:
    """Return requests per second of eight clients at once."""
    clients = [make() for _ in range(8)]
    each = count // len(clients)

    def work(action: Callable[[], object]) -> None:
        for _ in range(each):
            action()

    threads = [threading.Thread(target=work, args=(action,)) for action in clients]
    start = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return each * len(clients) / (time.perf_counter() - start)


def compare(
    name: str, ours: Callable[[], Callable[[], object]], bare: Callable[[], Callable[[], object]], n: int
) -> list[Row]:
    """Measure one call beside the bare endpoint, taking turns."""
    mine, theirs = ours(), bare()
    mine_all: list[float] = []
    theirs_all: list[float] = []
    for _ in range(3):
        mine_all += times(mine, n // 3)
        theirs_all += times(theirs, n // 3)
    rate, bare_rate = per_second(ours, n), per_second(bare, n)
    peer = "bare Starlette"
    return [
        beside(f"{name} p50", "ms", mine_all, theirs_all, peer, None),
        beside(f"{name} p99", "ms", [p99(mine_all)], [p99(theirs_all)], peer, None),
        Row(f"{name} per second", "1/s", rate, bare_rate, peer, bare_rate / rate, "-", None),
    ]


def main() -> int:
    """Run the benchmark."""
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("--quick", action="store_true", help="a tenth of the requests")
    arguments.add_argument("--only", choices=["calls", "scale"], help="one half of it")
    given = arguments.parse_args()
    n = 60 if given.quick else 600
    rows: list[Row] = []
    with tempfile.TemporaryDirectory(prefix="studiolo-bench-") as made:
        work = Path(made)
        work.chmod(0o755)  # the server's parts are other users, if it is started by root
        if given.only != "scale":
            rows += calls(work, n)
        if given.only != "calls":
            rows += _scale.rows(work, n // 3, has_postgres=not given.quick)
    return report("api", rows)


def calls(work: Path, n: int) -> list[Row]:
    """Measure calls beside the bare endpoint, and a sandboxed command beside a plain one."""
    peer_port = free_port()
    peer = subprocess.Popen([sys.executable, "-c", PEER, str(peer_port)], start_new_session=True)
    try:
        wait_for(peer_port, peer)
        with Studiolo(work / "calls") as studiolo:
            return _calls(studiolo, peer_port, n)
    finally:
        end(peer)


def _calls(studiolo: Studiolo, peer_port: int, n: int) -> list[Row]:
    project = studiolo.client().post("/api/v1/create_project", {"title": "bench", "start": True})["project_id"]
    run_true = {"project_id": project, "command": "true"}
    write = {"project_id": project, "path": "a.txt", "content": "x" * 1000}

    def call(name: str, data: dict[str, Any]) -> Callable[[], Callable[[], object]]:
        def make() -> Callable[[], object]:
            client = studiolo.client()
            return lambda: client.post(f"/api/v1/{name}", data)

        return make

    def bare(data: dict[str, Any]) -> Callable[[], Callable[[], object]]:
        def make() -> Callable[[], object]:
            client = Client(peer_port, "sk-benchmark")
            return lambda: client.post("/bare", data)

        return make

    rows = compare("ping", call("ping", {}), bare({}), n)
    rows += compare("write_text_file_to_project", call("write_text_file_to_project", write), bare(write), n)
    rows += compare("project_exec true", call("project_exec", run_true), bare(run_true), n)
    mine = times(call("project_exec", run_true)(), n)
    plain = times(lambda: subprocess.run(["true"], check=True), n)
    rows.append(beside("sandboxed `true`, whole call, p50", "ms", mine, plain, "plain fork and exec", None))
    extra = statistics.median(mine) - statistics.median(times(call("ping", {})(), n))
    rows.append(beside("sandboxed `true` over a ping, p50", "ms", [extra], plain, "plain fork and exec", None))
    return rows


if __name__ == "__main__":
    sys.exit(main())
