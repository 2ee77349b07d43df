"""Code run in kernels, without a document."""

from typing import Any, cast

from pydantic import Field

from studiolo.core.errors import FileNotFound
from studiolo.core.ids import ProjectId
from studiolo.domain.jupyter import ExecuteRequest
from studiolo.web.api_v1.parameters import Content, Flag, Integer, Number, Structure, Text
from studiolo.web.api_v1.parameters import Texts as Inputs
from studiolo.web.functions.registry import Context, Function, Given
from studiolo.web.functions.system import InProject


class KernelsGiven(Given):
    """Of which project."""

    project_id: Text | None = None


class ExecuteGiven(Given):
    """What is run."""

    input: Content | None = None
    kernel: Text | None = None
    history: Inputs = Field(default=[])
    hash: Text | None = None
    project_id: Text | None = None
    path: Text | None = None
    limits: Structure | None = None
    pool: Structure | None = None
    timeout: Number = Field(default=None, description="Seconds.")
    noCache: Flag = False


class StopGiven(Given):
    """Which kernel."""

    project_id: Text
    pid: Integer


class HistoryGiven(Given):
    """Of which document."""

    project_id: Text
    path: Text


async def kernels(context: Context, given: KernelsGiven) -> dict[str, Any]:
    """Return the kernels that are installed."""
    return {
        "success": True,
        "kernels": await context.services.jupyter.kernels(context.principal, given.project_id),
    }


async def execute(context: Context, given: ExecuteGiven) -> dict[str, Any]:
    """Run code in a fresh kernel; the same code may be answered from an earlier run."""
    return await _execute(context, given, is_cached=not given.noCache, pool=given.pool)


async def execute_in_project(context: Context, given: ExecuteGiven) -> dict[str, Any]:
    """Run code in a fresh kernel, always anew, and keep another one ready for the next time."""
    return await _execute(context, given, is_cached=False, pool={"size": 1})


async def running(context: Context, given: InProject) -> list[dict[str, Any]]:
    """Return the kernels that run."""
    found = await context.services.jupyter.running(context.principal, given.project_id)
    return [{"pid": one.pid, "connectionFile": one.connection_file, "kernel_name": one.name} for one in found]


async def stop(context: Context, given: StopGiven) -> dict[str, Any]:
    """End a kernel."""
    pid = given.pid or 0
    return {"success": await context.services.jupyter.stop_kernel(context.principal, given.project_id, pid)}


async def history(context: Context, given: HistoryGiven) -> dict[str, Any]:
    """Return how a document became what it is; one that was never edited together has no history."""
    try:
        found = await context.services.histories.of(
            context.principal, ProjectId(given.project_id), given.path, with_patches=True
        )
    except FileNotFound:
        found = []
    return {
        "patches": [
            {"time": int(one.at.timestamp() * 1000), "patch": one.patch, "patch_length": one.patch_length}
            for one in found
        ],
        "info": {"path": given.path, "format": "yjs-update-base64"},
    }


async def _execute(context: Context, given: ExecuteGiven, *, is_cached: bool, pool: Any) -> dict[str, Any]:
    limits = _object(given.limits)
    seconds = given.timeout or context.timeout_seconds
    if seconds:
        limits = {"timeout_ms": seconds * 1000, "timeout_ms_per_cell": seconds * 1000, **limits}
    request = ExecuteRequest(
        result_hash=given.hash,
        kernel=given.kernel,
        code=given.input,
        history=tuple(given.history),
        project_id=given.project_id,
        path=given.path,
        limits=limits,
        pool=_object(pool),
        is_cached=is_cached,
    )
    result, is_kept = await context.services.jupyter.execute(context.principal, request)
    return {
        "success": True,
        "output": result.output,
        "total_time_s": result.total_seconds,
        "created": int(result.created_at.timestamp() * 1000),
        "is_cached": is_kept,
        "hash": result.result_hash,
    }


def _object(given: Any) -> dict[str, Any]:
    return cast("dict[str, Any]", given) if isinstance(given, dict) else {}


_READERS = "Who may read the project."
_WRITERS = "Who may write to the project."

FUNCTIONS = (
    Function(
        "Return the kernels that are installed.",
        _READERS,
        KernelsGiven,
        kernels,
        hub="jupyter.kernels",
        v2="jupyter/kernels",
        bare="kernels",
    ),
    Function(
        "Run code in a fresh kernel.", _WRITERS, ExecuteGiven, execute, hub="jupyter.execute", v2="jupyter/execute"
    ),
    Function(
        "Run code in a fresh kernel, always anew.",
        _WRITERS,
        ExecuteGiven,
        execute_in_project,
        project="system.jupyterExecute",
        bare="output",
    ),
    Function("Return the kernels that run.", _WRITERS, InProject, running, project="system.listJupyterKernels"),
    Function("End a kernel.", _WRITERS, StopGiven, stop, project="system.stopJupyterKernel"),
    Function("Return how a document became what it is.", _WRITERS, HistoryGiven, history, hub="sync.history"),
)
