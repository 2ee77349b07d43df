"""The closed list of requests to the keeper; every argument is checked here again, whoever sent it.

Frames are those of `core/wire.py` (a test holds the two together), written here without asyncio:
`{"id": N, "request": NAME, "params": {...}}`, answered by `{"id": N, "result": {...}}` or `{"id": N, "error": {...}}`.
"""

import json
import re
import struct
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar, cast

from studiolo.core.errors import InvalidRequest
from studiolo.core.ids import is_uuid
from studiolo.runtime.keeper.plan import MAX_PROJECT_UID

MAX_REQUEST_BYTES = 1024 * 1024
MOST_COPIES = 64  # in one order
_HEADER = struct.Struct(">IB")
_STAMP = re.compile(r"\d{4}-\d{2}-\d{2}")
_JSON = ord("J")


@dataclass(frozen=True, slots=True)
class Probe:
    """Run a sandbox once and report."""

    NAME: ClassVar = "probe"


@dataclass(frozen=True, slots=True)
class StartProject:
    """Start a project's agent, or find it running."""

    NAME: ClassVar = "start_project"
    project_id: str
    uid: int
    memory_bytes: int | None = None
    cpu_cores: float | None = None
    processes: int | None = None
    disk_bytes: int | None = None
    has_network: bool = False


@dataclass(frozen=True, slots=True)
class SetLimits:
    """Have a running project live with other limits from now on; None leaves one as it is."""

    NAME: ClassVar = "set_limits"
    project_id: str
    memory_bytes: int | None = None
    cpu_cores: float | None = None
    processes: int | None = None


@dataclass(frozen=True, slots=True)
class PollProject:
    """Tell whether a project's agent is alive."""

    NAME: ClassVar = "poll_project"
    project_id: str


@dataclass(frozen=True, slots=True)
class StopProject:
    """End every process of a project."""

    NAME: ClassVar = "stop_project"
    project_id: str


@dataclass(frozen=True, slots=True)
class MeasureHome:
    """Add up the disk space of a project's home."""

    NAME: ClassVar = "measure_home"
    project_id: str
    uid: int


@dataclass(frozen=True, slots=True)
class RemoveHome:
    """Stop a project and delete its files for good."""

    NAME: ClassVar = "remove_home"
    project_id: str
    uid: int


@dataclass(frozen=True, slots=True)
class CopyPath:
    """Copy between two projects' homes with rsync, inside walls."""

    NAME: ClassVar = "copy"
    source_id: str
    source_uid: int
    source_path: str
    target_id: str
    target_uid: int
    target_path: str
    overwrite_newer: bool = False
    delete_missing: bool = False
    backup: bool = False
    exclude: tuple[str, ...] = ()
    timeout_seconds: float | None = None
    source_within: str | None = None  # links in the source's path lead no further


@dataclass(frozen=True, slots=True)
class CopyTree:
    """Copy between two projects' homes with our own copier, which knows no patterns."""

    NAME: ClassVar = "copy_tree"
    source_id: str
    source_uid: int
    source_path: str
    target_id: str
    target_uid: int
    target_path: str
    overwrite_newer: bool = False
    delete_missing: bool = False
    backup: bool = False
    timeout_seconds: float | None = None
    mode: str = "copy"  # or revise, rehearse
    base_id: str | None = None  # a home of the source's uid with what was handed out last
    stamp: str | None = None
    max_bytes: int | None = None
    source_within: str | None = None


@dataclass(frozen=True, slots=True)
class CopyTrees:
    """Carry out several small copies of one account with one copier; what is too large, or too late, is left."""

    NAME: ClassVar = "copy_trees"
    copies: tuple[CopyTree, ...]


@dataclass(frozen=True, slots=True)
class TellFinished:
    """Pass the news on to the hub that these copies are finished."""

    NAME: ClassVar = "tell_finished"
    copy_ids: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Cancel:
    """End the request with this id that the same peer made; its answer is an error."""

    NAME: ClassVar = "cancel"
    request_id: int


@dataclass(frozen=True, slots=True)
class StartCopyWorker:
    """Wake the copy workers; start one when none runs, and one more when they are behind."""

    NAME: ClassVar = "start_copy_worker"
    is_behind: bool = False


Request = (
    Probe
    | StartProject
    | SetLimits
    | PollProject
    | StopProject
    | MeasureHome
    | RemoveHome
    | CopyPath
    | CopyTree
    | CopyTrees
    | TellFinished
    | Cancel
    | StartCopyWorker
)
_KINDS: dict[str, type[Request]] = {
    kind.NAME: kind
    for kind in (
        Probe,
        StartProject,
        SetLimits,
        PollProject,
        StopProject,
        MeasureHome,
        RemoveHome,
        CopyPath,
        CopyTree,
        CopyTrees,
        TellFinished,
        Cancel,
        StartCopyWorker,
    )
}


def parse_request(name: object, params: object) -> Request:
    """Return the checked request, or raise InvalidRequest."""
    kind = _KINDS.get(name) if isinstance(name, str) else None
    if kind is None or not isinstance(params, dict):
        raise InvalidRequest("The keeper does not know this request.")
    given = cast("dict[str, Any]", params)
    known = kind.__dataclass_fields__
    wrong = [key for key, value in given.items() if key not in known or not _CHECKS[key](value)]
    missing = [key for key in known if key not in given and key in _NEEDED]
    if wrong or missing:
        raise InvalidRequest(f"The keeper refuses {kind.NAME}: wrong {wrong}, missing {missing}.")
    return kind(**{key: _VALUES.get(key, _itself)(value) for key, value in given.items()})


def _itself(value: Any) -> Any:
    return value


def _copies(values: list[Any]) -> tuple[Request, ...]:
    return tuple(parse_request(CopyTree.NAME, value) for value in values)


_VALUES: dict[str, Callable[[Any], Any]] = {"exclude": tuple, "copy_ids": tuple, "copies": _copies}


def _is_uid(value: object) -> bool:
    return type(value) is int and 1 <= value <= MAX_PROJECT_UID


def _is_amount(value: object) -> bool:
    return value is None or (type(value) is int and 1 <= value < 1 << 62)


def _is_positive(value: object) -> bool:
    return value is None or (isinstance(value, int | float) and not isinstance(value, bool) and 0 < value <= 1e6)


def _is_path(value: object) -> bool:
    return isinstance(value, str) and "\0" not in value and len(value) <= 4096


def _is_limit(value: object) -> bool:
    return value is None or _is_path(value)


def _is_flag(value: object) -> bool:
    return isinstance(value, bool)


def _is_patterns(value: object) -> bool:
    return isinstance(value, list | tuple) and len(value) <= 1000 and all(_is_path(p) for p in value)  # pyright: ignore[reportUnknownVariableType,reportUnknownArgumentType] - each is checked


def _is_few(value: object) -> bool:
    return isinstance(value, list | tuple) and 1 <= len(value) <= MOST_COPIES  # pyright: ignore[reportUnknownArgumentType] - each is checked when it is made


def _is_ids(value: object) -> bool:
    return isinstance(value, list | tuple) and len(value) <= 1000 and all(is_uuid(one) for one in value)  # pyright: ignore[reportUnknownVariableType,reportUnknownArgumentType] - each is checked


def _is_mode(value: object) -> bool:
    return value in ("copy", "revise", "rehearse")


def _is_base(value: object) -> bool:
    return value is None or is_uuid(value)


def _is_stamp(value: object) -> bool:
    return value is None or (isinstance(value, str) and _STAMP.fullmatch(value) is not None)


def _is_request_id(value: object) -> bool:
    return type(value) is int and value >= 0


_CHECKS = {
    "project_id": is_uuid,
    "source_id": is_uuid,
    "target_id": is_uuid,
    "uid": _is_uid,
    "source_uid": _is_uid,
    "target_uid": _is_uid,
    "memory_bytes": _is_amount,
    "processes": _is_amount,
    "disk_bytes": _is_amount,
    "cpu_cores": _is_positive,
    "timeout_seconds": _is_positive,
    "has_network": _is_flag,
    "overwrite_newer": _is_flag,
    "delete_missing": _is_flag,
    "backup": _is_flag,
    "is_behind": _is_flag,
    "source_path": _is_path,
    "target_path": _is_path,
    "exclude": _is_patterns,
    "mode": _is_mode,
    "base_id": _is_base,
    "stamp": _is_stamp,
    "max_bytes": _is_amount,
    "source_within": _is_limit,
    "request_id": _is_request_id,
    "copies": _is_few,
    "copy_ids": _is_ids,
}
_NEEDED = frozenset(
    ("project_id", "uid", "source_id", "source_uid", "source_path", "target_id", "target_uid", "target_path")
) | {"request_id", "copies", "copy_ids"}


def encode(message: dict[str, Any]) -> bytes:
    """Return the bytes of one frame."""
    payload = json.dumps(message, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "surrogatepass")
    return _HEADER.pack(len(payload) + 1, _JSON) + payload


def take(buffer: bytearray) -> dict[str, Any] | None:
    """Cut one frame off the front of `buffer`; None: not all of it is there. Raises ValueError for a wrong one."""
    if len(buffer) < _HEADER.size:
        return None
    length, kind = _HEADER.unpack_from(buffer)
    if kind != _JSON or not 1 <= length <= MAX_REQUEST_BYTES:
        raise ValueError("not a frame")
    end = _HEADER.size + length - 1
    if len(buffer) < end:
        return None
    try:
        value = json.loads(bytes(buffer[_HEADER.size : end]).decode("utf-8", "surrogatepass"))
    except RecursionError as error:
        raise ValueError("nested too deeply") from error
    del buffer[:end]
    if not isinstance(value, dict):
        raise ValueError("not an object")
    return cast("dict[str, Any]", value)
