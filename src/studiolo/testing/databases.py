"""Databases for tests: a PostgreSQL server of our own, and quick copies of a migrated database."""

import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Any

from sqlalchemy import Engine, create_engine, delete, text

from studiolo.storage.database import Database
from studiolo.storage.dialects import read_url
from studiolo.storage.tables import metadata

_START_SECONDS = 60.0
_PLAIN_USER_UID = 65534
_TEMPLATE = "studiolo_template"
_CLUSTER = ("--encoding=UTF8", "--locale=C", "--no-sync", "--auth-local=trust", "--auth-host=scram-sha-256")
_EMPTYING = "; ".join(str(delete(table)) for table in reversed(metadata.sorted_tables))
_FAST = ("fsync=off", "synchronous_commit=off", "full_page_writes=off", "max_connections=200", "shared_buffers=64MB")


class PostgresServer:
    """A PostgreSQL server on a Unix socket and on loopback, in a directory of its own, until `stop`.

    PostgreSQL refuses to run as root: then it runs as `postgres`, or as `nobody`.
    """

    def __init__(self) -> None:
        self._directory = Path(tempfile.mkdtemp(prefix="studiolo-postgres-"))
        self._identity = _unprivileged_identity()
        self._port = _free_port()
        self._databases = 0
        self._process: subprocess.Popen[Any] | None = None
        self._shared: tuple[str, Engine] | None = None

    def start(self) -> None:
        """Make the cluster and wait until it answers; raise RuntimeError with its log if it does not."""
        if self._identity:
            os.chown(self._directory, self._identity["user"], self._identity["group"])
        password = self._directory / "password"
        password.write_text("studiolo\n")
        cluster = self._directory / "cluster"
        subprocess.run(
            [*_program("initdb"), "-D", cluster, "-U", "studiolo", f"--pwfile={password}", *_CLUSTER],
            check=True,
            capture_output=True,
            cwd="/",
            **self._identity,
        )
        settings = ("listen_addresses=127.0.0.1", f"port={self._port}", f"unix_socket_directories={self._directory}")
        options = [word for setting in (*settings, *_FAST) for word in ("-c", setting)]
        with (self._directory / "log").open("wb") as log:
            command = [*dies_with_parent("INT"), *_program("postgres"), "-D", str(cluster), *options]
            self._process = subprocess.Popen(command, stdout=log, stderr=log, cwd="/", **self._identity)
        self._wait_until_ready()

    def stop(self) -> None:
        """End the server, found by the id of the process that `start` made, and remove its directory."""
        if self._shared is not None:
            self._shared[1].dispose()
        if self._process is not None:
            self._process.send_signal(signal.SIGINT)
            self._process.wait(timeout=30)
        shutil.rmtree(self._directory, ignore_errors=True)

    @property
    def socket_directory(self) -> str:
        """Return where the Unix socket is."""
        return str(self._directory)

    def url(self, database: str) -> str:
        """Return a URL over loopback, which works for every user of the machine."""
        return f"postgresql://studiolo:studiolo@127.0.0.1:{self._port}/{database}"

    def socket_url(self, database: str) -> str:
        """Return a URL over the Unix socket; only root and the server's own user can reach it."""
        return f"postgresql://studiolo@/{database}?host={self._directory}&port={self._port}"

    def create_database(self, *, template: str = "template1", name: str = "") -> str:
        """Create a database and return its name."""
        self._databases += 1
        name = name or f"test_{self._databases}"
        self._administer(f'CREATE DATABASE "{name}" TEMPLATE "{template}"')
        return name

    def create_migrated_database(self) -> str:
        """Create a database with our schema and return its name; after the first one it is a quick copy."""
        if _TEMPLATE not in self._database_names():
            migrate(self.socket_url(self.create_database(name=_TEMPLATE)))
        return self.create_database(template=_TEMPLATE)

    def emptied_database(self) -> str:
        """Return the name of the one database that tests share, with our schema and without any row.

        Emptying it, in one request, takes a hundredth of the time of making another one.
        """
        if self._shared is None:
            name = self.create_migrated_database()
            self._shared = (name, create_engine(read_url(self.socket_url(name))))
        name, engine = self._shared
        with engine.begin() as connection:
            connection.exec_driver_sql(_EMPTYING)
        return name

    def drop_database(self, name: str) -> None:
        """Drop a database, ending who still uses it."""
        self._administer(f'DROP DATABASE "{name}" WITH (FORCE)')

    def _database_names(self) -> set[str]:
        engine = create_engine(read_url(self.socket_url("postgres")))
        with engine.connect() as connection:
            names = set(connection.execute(text("SELECT datname FROM pg_database")).scalars())
        engine.dispose()
        return names

    def _administer(self, statement: str) -> None:
        engine = create_engine(read_url(self.socket_url("postgres")), isolation_level="AUTOCOMMIT")
        with engine.connect() as connection:
            connection.execute(text(statement))
        engine.dispose()

    def _wait_until_ready(self) -> None:
        assert self._process is not None
        deadline = time.monotonic() + _START_SECONDS
        asking = [*_program("pg_isready"), "-q", "-h", str(self._directory), "-p", str(self._port)]
        while subprocess.run(asking, check=False).returncode != 0:
            if self._process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError("PostgreSQL did not start: " + (self._directory / "log").read_text())
            time.sleep(0.02)


def migrate(url: str) -> None:
    """Bring a database up to our schema, without an event loop."""
    database = Database(url)
    try:
        database.migrate_now()
    finally:
        database.close_now()


def _program(name: str) -> list[str]:
    """Return the newest PostgreSQL's program; Debian keeps them off PATH."""
    found = sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"), key=lambda path: int(path.parts[4]))
    program = str(found[-1]) if found else shutil.which(name)
    if program is None:
        raise RuntimeError("the tests need PostgreSQL's server programs: install the package `postgresql`")
    return [program]


def dies_with_parent(signal_name: str) -> list[str]:
    """Return what to put before a command so that it gets a signal when the tests are killed."""
    return ["setpriv", "--pdeathsig", signal_name, "--"] if shutil.which("setpriv") else []


def _unprivileged_identity() -> dict[str, Any]:
    if os.geteuid() != 0:
        return {}
    try:
        entry = pwd.getpwnam("postgres")
    except KeyError:
        return {"user": _PLAIN_USER_UID, "group": _PLAIN_USER_UID, "extra_groups": []}
    return {"user": entry.pw_uid, "group": entry.pw_gid, "extra_groups": []}


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
