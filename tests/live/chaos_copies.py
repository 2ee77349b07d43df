"""Copies with random options while hub and workers are killed -9 at random; afterwards every copy is accounted for.

    python tests/live/chaos_copies.py --seconds 200 --copies 1000 --seed 7

What must hold in the end:

1. Every record is finished, with or without an error.
2. A target without an error equals what rsync makes of the same source, options and earlier content. One with an error
   holds only whole files, of the source or of before.
3. What was taken back before it began left nothing.
4. No temporary name is left in any home.
"""

import argparse
import contextlib
import hashlib
import json
import os
import random
import shutil
import signal
import sqlite3
import stat
import subprocess
import sys
import tempfile
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx

from studiolo.testing.live import until
from studiolo.testing.servers import Server

Tree = dict[str, tuple[object, ...]]
PATTERNS = ([], [], [], ["*.log"], ["/part-1*", "deep"])
STATES = ("none", "none", "older", "newer", "other")
TREES = {
    "one": "mkdir one && head -c 20000 /dev/urandom > one/a && echo x > one/b.log && ln -s a one/link",
    "many": "mkdir -p many/deep/er && for i in $(seq 60); do head -c 3000 /dev/urandom > many/part-$i; done;"
    " cp many/part-1 many/deep/er/copy.log; ln many/part-2 many/deep/same",
    "large": "mkdir large && head -c 30000000 /dev/urandom > large/big && head -c 100 /dev/urandom > large/small",
}
A_YEAR_AGO = "find {0} -exec touch --no-dereference --date='1 year ago' {{}} +"  # older than "other" by whole seconds
BEFORE = {
    "older": "mkdir -p {0}; echo old > {0}/a; echo old > {0}/part-3; touch -d 2001-01-01 {0}/a {0}/part-3",
    "newer": "mkdir -p {0}; echo new > {0}/a; echo new > {0}/part-3; touch -d 2037-01-01 {0}/a {0}/part-3",
    "other": "mkdir -p {0}/a/inside {0}/extra; echo more > {0}/extra/file; echo x > {0}/small",
}


@dataclass
class Copy:
    """One copy that is asked for, and what is known of it."""

    number: int
    source: int
    tree: str
    target: int
    state: str
    options: dict[str, Any]
    is_taken_back: bool = False
    is_awaited: bool = False  # then the hub itself carries it out, if it can
    ids: list[str] = field(default_factory=list[str])

    @property
    def path(self) -> str:
        return f"op-{self.number}"


class Chaos:
    """One run on one server."""

    def __init__(self, server: Server, seed: int, sources: int, targets: int) -> None:
        self.server = server
        self.random = random.Random(seed)
        self.copies: list[Copy] = []
        self.kills = {"hub": 0, "worker": 0, "both": 0}
        self._over = threading.Event()
        self._lock = threading.Lock()
        self._sources = [server.project() for _ in range(sources)]
        self._targets = [server.project() for _ in range(targets)]
        for project_id in self._sources:
            for tree, script in TREES.items():
                server.shell(project_id, f"{script} && {A_YEAR_AGO.format(tree)}")
        for project_id in self._targets:
            server.shell(project_id, "true")

    def run(self, count: int, seconds: float) -> None:
        """Order copies for so long, and so many at least, while processes die; then wait for the last one."""
        until_moment = time.monotonic() + seconds
        killing = threading.Thread(target=self._kill)
        killing.start()
        try:
            with ThreadPoolExecutor(4) as callers:
                number = 0
                while number < count or time.monotonic() < until_moment:
                    waves = [self._invent(number + n) for n in range(40)]
                    list(callers.map(self._prepare, *zip(*self._scripts(waves), strict=True)))
                    list(callers.map(self._order, waves))
                    number += len(waves)
                    pause = (until_moment - time.monotonic()) * 40 / max(count - number, 40)
                    self._over.wait(min(max(pause, 0.0), 8.0))
            self._over.wait(max(0.0, until_moment - time.monotonic()))
        finally:
            self._over.set()
            killing.join()
        self.server.wait_until_ready()
        until(lambda: self._unfinished() == 0, 300, "copies were not finished")

    def check(self) -> dict[str, int]:
        """Look at everything that is left; raise AssertionError for what must not be."""
        found = {"well": 0, "with an error": 0, "taken back": 0}
        records: dict[str, list[str | None]] = {}  # errors by id and by path: an order may have been repeated
        for copy_id, path, error in self._query("SELECT copy_id, target_path, error FROM copy_paths"):
            records[copy_id] = [error]
            records.setdefault(path, []).append(error)
        with tempfile.TemporaryDirectory(prefix="oracle-") as work:
            oracle = Oracle(Path(work), {n: self._home(p) for n, p in enumerate(self._sources)})
            for copy in self.copies:
                target = self._home(self._targets[copy.target]) / copy.path
                known = records.get(copy.path, [])
                if copy.is_taken_back:
                    found["taken back"] += 1
                    assert not any(one in records for one in copy.ids), f"{copy} is still recorded"
                    same(copy, describe(target), oracle.before(copy))
                elif any(error is None for error in known):
                    found["well"] += 1
                    same(copy, describe(target), oracle.after(copy))
                else:
                    found["with an error"] += 1
                    assert known, f"{copy} has no record"
                    oracle.check_whole(copy, describe(target))
        left = [str(path) for path in (self.server.data / "projects").rglob(".~studiolo-copy-*")]
        assert not left, f"temporary names are left: {left}"
        return found

    def errors(self) -> dict[str, int]:
        """Count the errors of the records, by their words."""
        return dict(self._query("SELECT error, count(*) FROM copy_paths WHERE error IS NOT NULL GROUP BY error"))

    def _invent(self, number: int) -> Copy:
        options: dict[str, Any] = {
            name: self.random.random() < 0.3 for name in ("overwrite_newer", "delete_missing", "backup")
        }
        options["exclude"] = self.random.choice(PATTERNS)
        tree = self.random.choices(list(TREES), (6, 6, 1))[0]
        copy = Copy(
            number,
            self.random.randrange(len(self._sources)),
            tree,
            self.random.randrange(len(self._targets)),
            self.random.choice(STATES),
            options,
            is_taken_back=self.random.random() < 0.05,
        )
        if copy.is_taken_back:
            options["scheduled"] = "2099-01-01T00:00:00Z"
        elif self.random.random() < 0.1:
            soon = datetime.now(UTC) + timedelta(seconds=self.random.uniform(0, 4))
            options["scheduled"] = soon.isoformat()
        else:
            copy.is_awaited = self.random.random() < 0.1
        return copy

    def _scripts(self, wave: list[Copy]) -> list[tuple[int, str]]:
        """Return, for each target, what makes that which it holds before."""
        scripts: dict[int, list[str]] = {copy.target: ["umask 022"] for copy in wave}
        for copy in wave:
            if copy.state != "none":
                scripts[copy.target].append(BEFORE[copy.state].format(copy.path))
        return [(target, "; ".join(lines)) for target, lines in scripts.items()]

    def _prepare(self, target: int, script: str) -> None:
        self._until_done("project_exec", project_id=self._targets[target], command=script, bash=True)

    def _order(self, copy: Copy) -> None:
        ends = {
            "src_project_id": self._sources[copy.source],
            "src_path": copy.tree,
            "target_project_id": self._targets[copy.target],
            "target_path": copy.path,
        }
        waiting = {"wait_until_done": True} if copy.is_awaited else {}
        ordered = self._until_done(
            "copy_path_between_projects", may_fail=copy.is_awaited, **ends, **copy.options, **waiting
        )
        if copy.is_taken_back:
            copy.ids.append(ordered["copy_path_id"])
            self._until_done("copy_path_delete", may_be_gone=True, copy_path_id=copy.ids[-1])
        with self._lock:
            self.copies.append(copy)

    def _until_done(
        self, call: str, *, may_be_gone: bool = False, may_fail: bool = False, **parameters: Any
    ) -> dict[str, Any]:
        """Make a call again until it is answered: the hub may die under it."""
        pause = threading.Event()
        deadline = time.monotonic() + 120
        while True:
            assert time.monotonic() < deadline, f"{call} was never answered"
            with contextlib.suppress(httpx.HTTPError, ValueError):
                response = self.server.post(call, **parameters)
                answer = response.json()
                if "error" not in answer or (may_be_gone and "either does not exist" in answer["error"]):
                    return answer
                if may_fail and response.status_code == 200 and answer.get("code") == "copy_failed":
                    return answer
                assert response.status_code >= 429 or "code" in answer, answer
            pause.wait(0.05)

    def _kill(self) -> None:
        chances = random.Random(self.random.random())
        while not self._over.wait(chances.uniform(0.2, 1.5)):
            victim = chances.choices(list(self.kills), (1, 12, 1))[0]  # a hub is started again ever more slowly
            words = {"hub": ("_hub",), "worker": ("_copy_worker",), "both": ("_hub", "_copy_worker")}[victim]
            for pid in [pid for word in words for pid in self.server.children(word)]:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
                    self.kills[victim] += 1
            if "_hub" in words:  # it must live long enough to take an order now and then
                with contextlib.suppress(AssertionError):
                    until(self.server.is_healthy, 20)

    def _unfinished(self) -> int:
        later = "2098"
        rows = self._query(
            "SELECT count(*) FROM copy_paths WHERE finished_at IS NULL AND coalesce(scheduled_at, '') < ?", later
        )
        return rows[0][0]

    def _query(self, text: str, *given: object) -> list[Any]:
        with contextlib.closing(sqlite3.connect(self.server.data / "studiolo.sqlite3", timeout=30)) as database:
            return database.execute(text, given).fetchall()

    def _home(self, project_id: str) -> Path:
        return self.server.data / "projects" / project_id / "home"


class Oracle:
    """What rsync makes of the same; each combination is worked out once."""

    def __init__(self, work: Path, sources: dict[int, Path]) -> None:
        self._work = work
        self._sources = sources
        self._known: dict[object, Tree] = {}

    def before(self, copy: Copy) -> Tree:
        return self._of(("before", copy.state), lambda place: self._build(copy.state, place))

    def after(self, copy: Copy) -> Tree:
        flags = {
            "--update": not copy.options["overwrite_newer"],
            "--delete": copy.options["delete_missing"],
            "--backup": copy.options["backup"],
        }
        options = [flag for flag, is_on in flags.items() if is_on]
        options += [f"--exclude={pattern}" for pattern in copy.options["exclude"]]

        def build(place: Path) -> None:
            self._build(copy.state, place)
            base = ["rsync", "-rlptH", "--omit-link-times", *options]
            source = self._sources[copy.source] / copy.tree
            subprocess.run([*base, f"{source}/", f"{place}/"], check=False, capture_output=True)

        return self._of((copy.source, copy.tree, copy.state, *options), build)

    def check_whole(self, copy: Copy, found: Tree) -> None:
        """Hold that each file is one of before or of the source, under its name or as a backup."""
        source = describe(self._sources[copy.source] / copy.tree)
        whole = {entry[-1] for tree in (source, self.before(copy)) for entry in tree.values() if entry[0] == "file"}
        torn = {name for name, entry in found.items() if entry[0] == "file" and entry[-1] not in whole}
        assert not torn, f"{copy}: {torn} are torn"

    def _build(self, state: str, place: Path) -> None:
        if state != "none":
            subprocess.run(["/bin/sh", "-c", BEFORE[state].format(place.name)], cwd=place.parent, check=True)

    def _of(self, key: object, build: Any) -> Tree:
        if key not in self._known:
            place = self._work / f"tree-{len(self._known)}"
            build(place)
            self._known[key] = describe(place)
            shutil.rmtree(place, ignore_errors=True)
        return self._known[key]


def same(copy: Copy, found: Tree, expected: Tree) -> None:
    """Hold that a tree is what it should be, and say what is not."""
    differing = {
        name: (found.get(name), expected.get(name))
        for name in found.keys() | expected.keys()
        if found.get(name) != expected.get(name)
    }
    assert not differing, f"{copy}: found and expected differ: {differing}"


def describe(root: Path) -> Tree:
    """Say what a copy promises of a tree: kinds, modes, times of files, contents, links."""
    found: Tree = {}
    for path in sorted(root.rglob("*")) if root.is_dir() else []:
        name, facts = str(path.relative_to(root)), path.lstat()
        if stat.S_ISLNK(facts.st_mode):
            found[name] = ("link", str(path.readlink()))
        elif stat.S_ISDIR(facts.st_mode):
            found[name] = ("directory",)
        else:
            moment = int(facts.st_mtime) if facts.st_mtime < 2_000_000_000 else 0
            digest = hashlib.blake2b(path.read_bytes()).hexdigest()
            is_old = facts.st_size < 10  # written by the script a moment before: its time is its own
            found[name] = ("file", oct(facts.st_mode), 0 if is_old else moment, digest)
    return found


def main() -> int:
    """Run it for long."""
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("--seconds", type=float, default=200)
    arguments.add_argument("--copies", type=int, default=1000)
    arguments.add_argument("--seed", type=int, default=int(time.time()))
    arguments.add_argument("--sources", type=int, default=3)
    arguments.add_argument("--targets", type=int, default=6)
    given = arguments.parse_args()
    server = Server("--copy-lease-seconds", "2")
    try:
        begun = time.monotonic()
        chaos = Chaos(server.start(), given.seed, given.sources, given.targets)
        chaos.run(given.copies, given.seconds)
        seconds = round(time.monotonic() - begun)
        told = {"seed": given.seed, "copies": len(chaos.copies), "seconds": seconds, "kills": chaos.kills}
        print(json.dumps({**told, "found": chaos.check(), "errors": chaos.errors()}))
        return 0
    finally:
        server.close()


if __name__ == "__main__":
    sys.exit(main())
