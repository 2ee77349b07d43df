"""What the keeper is told at its start: everything, once, by the operator's settings."""

import json
from dataclasses import asdict, dataclass, field, fields
from typing import Any, Literal, cast

UID_BASE = 1_900_000_000
MAX_PROJECT_UID = 200_000_000
CANNOT_START = 78  # exit code of a hub that said why it cannot start and would say the same again


@dataclass(frozen=True, slots=True)
class KeeperPlan:
    """How to serve. Paths are absolute.

    `hub_argv` and `worker_argv` start our own internal commands; the keeper appends the options of the descriptors
    it hands over (`--keeper-fd N`, for the hub also `--listen-fd N`) and, with TLS, sets STUDIOLO_TLS_CERT and
    STUDIOLO_TLS_KEY to paths that the hub can read.
    """

    data: str
    hub_argv: tuple[str, ...]
    worker_argv: tuple[str, ...]
    host: str = "127.0.0.1"
    port: int = 0
    tls_cert: str | None = None  # the file's text: read while we may still read it
    tls_key: str | None = None
    environment: str | None = None  # the virtual environment that projects run from
    runner: Literal["sandbox", "process"] = "sandbox"
    workers: int = 2
    stop_projects_on_exit: bool = False
    child_environment: dict[str, str] = field(default_factory=dict[str, str])
    exposed: tuple[str, ...] = ()  # further paths that children and projects must be able to read
    agent_argv: tuple[str, ...] | None = None  # tests give a stand-in; None: the agent
    stop_grace_seconds: float = 8.0
    exit_grace_seconds: float = 20.0
    copy_fsync: Literal["none", "files", "full"] = "none"
    log_format: Literal["text", "json"] = "text"

    def as_json(self) -> bytes:
        """Return the plan as it travels to the keeper's process."""
        return json.dumps(asdict(self)).encode()


def plan_from_json(text: bytes) -> KeeperPlan:
    """Rebuild a plan that `as_json` wrote."""
    given: dict[str, Any] = json.loads(text)
    known = {spec.name for spec in fields(KeeperPlan)}
    checked: dict[str, Any] = {key: _tuple(value) for key, value in given.items() if key in known}
    return KeeperPlan(**checked)


def _tuple(value: Any) -> Any:
    return tuple(cast("list[str]", value)) if isinstance(value, list) else value
