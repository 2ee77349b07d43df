"""Code run in a project's kernels without a document.

1. Who runs code must be allowed to write to the project, cached result or not.
2. A result is kept for a day under the hash of what was run (history, input, kernel, project, path); only what came to
   its end without an error is kept. A kept result may be read by those who may read the project.
3. Limits may be lowered by the caller, never raised.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, cast

from studiolo.core.clock import Clock
from studiolo.core.errors import AgentUnavailable, Forbidden, InvalidRequest, NotFound
from studiolo.core.ids import ProjectId
from studiolo.core.models import JupyterResult, Principal
from studiolo.domain.access import Access, require
from studiolo.domain.agents import Agents
from studiolo.domain.projects import is_storable
from studiolo.storage import jupyter_results as rows
from studiolo.storage.database import Database

KEPT = timedelta(days=1)
KERNEL_SECONDS = 60.0  # a kernel may take so long to start, beside the limits of the code
MAX_HISTORY = 1_000
MAX_POOL = 4
MAX_OUTPUT_CHARACTERS = 12 * 1024 * 1024
_MIB = 1024 * 1024
# the caller's name of a limit, the agent's, and its value, in the caller's units
_LIMITS: Mapping[str, tuple[str, int, float]] = {
    "timeout_ms": ("total_seconds", 45_000, 0.001),
    "timeout_ms_per_cell": ("cell_seconds", 30_000, 0.001),
    "max_output": ("total_bytes", 5 * _MIB, 1),
    "max_output_per_cell": ("cell_bytes", _MIB, 1),
}


@dataclass(frozen=True, slots=True)
class ExecuteRequest:
    """What a caller wants to have run, or the hash of what was run already."""

    result_hash: str | None = None
    kernel: str | None = None
    code: str | None = None
    history: tuple[str, ...] = ()
    project_id: str | None = None
    path: str | None = None
    limits: Mapping[str, Any] = field(default_factory=dict[str, Any])
    pool: Mapping[str, Any] = field(default_factory=dict[str, Any])
    is_cached: bool = True


@dataclass(frozen=True, slots=True)
class RunningKernel:
    """A kernel's process, as the project sees it."""

    pid: int
    connection_file: str
    name: str


class Jupyter:
    """Runs code and lists kernels."""

    def __init__(self, database: Database, clock: Clock, access: Access, agents: Agents) -> None:
        self._database = database
        self._clock = clock
        self._access = access
        self._agents = agents

    async def execute(self, principal: Principal, request: ExecuteRequest) -> tuple[JupyterResult, bool]:
        """Return what the code gives, and whether that was kept from an earlier run."""
        if request.result_hash is None or request.code is not None:
            return await self._execute(principal, request)
        found = await self._kept(principal, request.result_hash)
        if found is None:
            raise NotFound(f"There is no result with the hash {request.result_hash}.")
        return found, True

    async def kernels(self, principal: Principal, project_id: str | None) -> list[dict[str, Any]]:
        """Return the kernels installed in a project, as the agent describes them."""
        project = await self._access.project(principal, _project_id(project_id), write=False)
        answer = await self._agents.call(
            project, "kernels.list", {}, timeout_seconds=KERNEL_SECONDS, may_start=principal.scope.may_start
        )
        specs = answer.get("kernelspecs")
        if not isinstance(specs, list):
            raise AgentUnavailable("The project's agent gave no list of kernels.")
        return [_kernel(one) for one in cast("list[object]", specs)]

    async def running(self, principal: Principal, project_id: str | None) -> list[RunningKernel]:
        """Return the kernels that run in a project, those of documents and those that are kept ready."""
        project = await self._access.project(principal, _project_id(project_id), write=True)
        answer = await self._agents.call(
            project, "kernels.running", {}, timeout_seconds=KERNEL_SECONDS, may_start=principal.scope.may_start
        )
        found = answer.get("kernels")
        if not isinstance(found, list):
            raise AgentUnavailable("The project's agent gave no list of kernels.")
        return [_running_kernel(one) for one in cast("list[object]", found)]

    async def stop_kernel(self, principal: Principal, project_id: str | None, pid: int) -> bool:
        """End the kernel with a process number; return whether there was one."""
        project = await self._access.project(principal, _project_id(project_id), write=True)
        answer = await self._agents.call(
            project, "kernels.stop", {"pid": pid}, timeout_seconds=KERNEL_SECONDS, may_start=principal.scope.may_start
        )
        return answer.get("is_stopped") is True

    async def start_pool(
        self, principal: Principal, project_id: str | None, *, kernel: str, size: int, timeout_seconds: float | None
    ) -> None:
        """Keep kernels ready for `execute` in a project, for a quarter of an hour unless said otherwise."""
        if not 0 <= size <= MAX_POOL:
            raise InvalidRequest(f"a pool has 0 to {MAX_POOL} kernels", fields={"size": "out of range"})
        project = await self._access.project(principal, _project_id(project_id), write=True)
        params: dict[str, Any] = {"kernel": kernel, "size": size}
        if timeout_seconds is not None:
            if timeout_seconds <= 0:
                raise InvalidRequest("timeout_s must be above zero", fields={"timeout_s": "must be above zero"})
            params["seconds"] = timeout_seconds
        await self._agents.call(
            project, "kernels.pool", params, timeout_seconds=KERNEL_SECONDS, may_start=principal.scope.may_start
        )

    async def reap(self) -> int:
        """Delete results whose time is over; return how many."""
        now = self._clock.now()
        return await self._database.write(lambda tx: rows.reap(tx, now))

    async def _execute(self, principal: Principal, request: ExecuteRequest) -> tuple[JupyterResult, bool]:
        params = _params(request)
        project = await self._access.project(principal, _project_id(request.project_id), write=True)
        if principal.scope.path_prefix is not None:
            raise Forbidden("This sign-in is good for documents only.")
        result_hash = _hash(request)
        if request.is_cached and (kept := await self._kept(principal, result_hash)) is not None:
            return kept, True
        answer = await self._agents.call(
            project,
            "kernels.execute",
            params,
            timeout_seconds=params["total_seconds"] + 2 * KERNEL_SECONDS,
            may_start=principal.scope.may_start,
            is_repeatable=False,
        )
        size = request.pool.get("size")
        if isinstance(size, int) and not isinstance(size, bool):
            await self.start_pool(
                principal, request.project_id, kernel=params["kernel"], size=size, timeout_seconds=None
            )
        return await self._keep(answer, result_hash, project.project_id), False

    async def _kept(self, principal: Principal, result_hash: str) -> JupyterResult | None:
        now = self._clock.now()
        found = await self._database.read(lambda tx: rows.get(tx, result_hash, now))
        if found is not None:
            await self._database.read(lambda tx: require(tx, principal, found.project_id, write=False))
        return found

    async def _keep(self, answer: dict[str, Any], result_hash: str, project_id: ProjectId) -> JupyterResult:
        output, seconds = _output(answer)
        now = self._clock.now()
        result = JupyterResult(result_hash, project_id, output, seconds, now, now + KEPT)
        text = json.dumps(output, ensure_ascii=False)
        is_good = answer.get("is_complete") is True and not any("ename" in one for one in output)
        if is_good and is_storable(text) and "\\u0000" not in text:
            await self._database.write(lambda tx: rows.put(tx, result))
        return result


def _project_id(given: str | None) -> ProjectId:
    if given is None:
        raise InvalidRequest("Jupyter API is not enabled on this server.")  # without a project, that is
    return ProjectId(given)


def _params(request: ExecuteRequest) -> dict[str, Any]:
    if request.code is None:
        raise InvalidRequest("input or hash must not be null")
    if request.kernel is None:
        raise InvalidRequest("kernel must be specified in hash is not specified")
    if len(request.history) > MAX_HISTORY:
        raise InvalidRequest(f"history may have at most {MAX_HISTORY} inputs")
    limits: dict[str, float] = {}
    for name, (agents_name, most, unit) in _LIMITS.items():
        given = request.limits.get(name)
        is_number = isinstance(given, int | float) and not isinstance(given, bool) and given > 0
        limits[agents_name] = min(given if is_number and given is not None else most, most) * unit
    asked = {"kernel": request.kernel, "input": request.code, "history": list(request.history)}
    return {**asked, "path": request.path or "", **limits}


def _hash(request: ExecuteRequest) -> str:
    what = [list(request.history), request.code, request.kernel, request.project_id, request.path]
    return hashlib.sha256(json.dumps(what).encode()).hexdigest()


def _output(answer: dict[str, Any]) -> tuple[list[dict[str, Any]], float]:
    """Return what the agent says the code gave; it belongs to the project's user, so it is looked at."""
    output, seconds = answer.get("output"), answer.get("total_seconds")
    is_list = isinstance(output, list) and all(isinstance(one, dict) for one in cast("list[object]", output))
    if not is_list or not isinstance(seconds, int | float) or len(json.dumps(output)) > MAX_OUTPUT_CHARACTERS:
        raise AgentUnavailable("The project's agent gave no output of the code.")
    return cast("list[dict[str, Any]]", output), round(float(seconds), 3)


def _running_kernel(given: object) -> RunningKernel:
    match given:
        case {"pid": int(pid), "connection_file": str(connection_file), "name": str(name)}:
            return RunningKernel(pid, connection_file, name)
        case _:
            raise AgentUnavailable("The project's agent gave no list of kernels.")


def _kernel(given: object) -> dict[str, Any]:
    match given:
        case {"name": str(name), "display_name": str(display_name), "language": str(language)}:
            return {"name": name, "display_name": display_name, "language": language}
        case _:
            raise AgentUnavailable("The project's agent gave no list of kernels.")
