"""Code run in kernels, without a document."""

from typing import Any, Literal, cast

from pydantic import Field

from studiolo.core.errors import FileNotFound
from studiolo.core.ids import ProjectId
from studiolo.domain.jupyter import ExecuteRequest
from studiolo.web.api_v1.jupyter import KernelSpec
from studiolo.web.api_v1.parameters import Content, Flag, Integer, Number, Structure, Text
from studiolo.web.api_v1.parameters import Texts as Inputs
from studiolo.web.api_v1.registry import Call, CallContext, Example, Form
from studiolo.web.doors.shapes import Given, InProject, Reply


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


class StopKernelGiven(Given):
    """Which kernel."""

    project_id: Text
    pid: Integer


class HistoryGiven(Given):
    """Of which document."""

    project_id: Text
    path: Text


class Kernels(Reply):
    """The kernels that are installed, the default one first."""

    success: Literal[True]
    kernels: list[KernelSpec]


class Executed(Reply):
    """What the code gave: the contents of its messages (streams, data, errors)."""

    success: Literal[True]
    output: list[dict[str, Any]]
    total_time_s: float
    created: int = Field(description="When it was run, in milliseconds since 1970.")
    is_cached: bool = Field(description="Whether it is the result of an earlier run.")
    hash: str = Field(description="By which the result can be had again, for a day.")


class RunningKernel(Reply):
    """A kernel process."""

    pid: int
    connectionFile: str
    kernel_name: str


class Stopped(Reply):
    """Whether there was such a kernel."""

    success: bool


class Patch(Reply):
    """One update of a document."""

    time: int = Field(description="Milliseconds since 1970.")
    patch: str | None = Field(description="The Yjs update in base64.")
    patch_length: int


class HistoryInfo(Reply):
    """What the patches are."""

    path: str
    format: Literal["yjs-update-base64"]


class DocumentHistory(Reply):
    """The updates, the oldest first."""

    patches: list[Patch]
    info: HistoryInfo


async def jupyter_kernels(context: CallContext, given: KernelsGiven) -> Kernels:
    """Return the kernels that are installed."""
    found = await context.services.jupyter.kernels(context.principal, given.project_id)
    return Kernels(success=True, kernels=[KernelSpec(**one) for one in found])


async def jupyter_execute(context: CallContext, given: ExecuteGiven) -> Executed:
    """Run code in a fresh kernel; the same code may be answered from an earlier run."""
    return await _execute(context, given, is_cached=not given.noCache, pool=given.pool)


async def jupyter_execute_in_project(context: CallContext, given: ExecuteGiven) -> Executed:
    """Run code in a fresh kernel, always anew, and keep another one ready for the next time."""
    return await _execute(context, given, is_cached=False, pool={"size": 1})


async def list_jupyter_kernels(context: CallContext, given: InProject) -> list[RunningKernel]:
    """Return the kernels that run."""
    found = await context.services.jupyter.running(context.principal, given.project_id)
    return [RunningKernel(pid=one.pid, connectionFile=one.connection_file, kernel_name=one.name) for one in found]


async def stop_jupyter_kernel(context: CallContext, given: StopKernelGiven) -> Stopped:
    """End a kernel."""
    pid = given.pid or 0
    return Stopped(success=await context.services.jupyter.stop_kernel(context.principal, given.project_id, pid))


async def get_syncdoc_history(context: CallContext, given: HistoryGiven) -> DocumentHistory:
    """Return how a document became what it is; one that was never edited together has no history."""
    try:
        found = await context.services.histories.of(
            context.principal, ProjectId(given.project_id), given.path, with_patches=True
        )
    except FileNotFound:
        found = []
    return DocumentHistory(
        patches=[
            Patch(time=int(one.at.timestamp() * 1000), patch=one.patch, patch_length=one.patch_length) for one in found
        ],
        info=HistoryInfo(path=given.path, format="yjs-update-base64"),
    )


async def _execute(context: CallContext, given: ExecuteGiven, *, is_cached: bool, pool: Any) -> Executed:
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
    return Executed(
        success=True,
        output=result.output,
        total_time_s=result.total_seconds,
        created=int(result.created_at.timestamp() * 1000),
        is_cached=is_kept,
        hash=result.result_hash,
    )


def _object(given: Any) -> dict[str, Any]:
    return cast("dict[str, Any]", given) if isinstance(given, dict) else {}


_PROJECT = "2f5b3c4e-6d1a-4a4e-9c0d-7b8f6a5e4d3c"
_WRITERS = "Who may write to the project."
_ONE_AND_ONE = {"project_id": _PROJECT, "kernel": "python3", "input": "1 + 1"}
_TWO = [{"data": {"text/plain": "2"}}]

FORMS = {
    "jupyter_kernels": (
        Form(
            hub="jupyter.kernels",
            v2="jupyter/kernels",
            parameters=KernelsGiven,
            handler=jupyter_kernels,
            bare="kernels",
            examples=(
                Example(
                    "Which kernels are there?",
                    {"project_id": _PROJECT},
                    {
                        "success": True,
                        "kernels": [{"name": "python3", "display_name": "Python 3", "language": "python"}],
                    },
                ),
            ),
        ),
    ),
    "jupyter_execute": (
        Form(
            hub="jupyter.execute",
            v2="jupyter/execute",
            parameters=ExecuteGiven,
            handler=jupyter_execute,
            examples=(
                Example(
                    "Add two numbers",
                    _ONE_AND_ONE,
                    {
                        "success": True,
                        "output": _TWO,
                        "total_time_s": 0.31,
                        "created": 1777627800125,
                        "is_cached": False,
                        "hash": "5c2e1b7f0a9d4e3c8b6a5f4d3c2b1a0f9e8d7c6b",
                    },
                ),
            ),
        ),
        Form(
            project="system.jupyterExecute",
            parameters=ExecuteGiven,
            handler=jupyter_execute_in_project,
            bare="output",
            examples=(Example("Add two numbers", _ONE_AND_ONE, _TWO),),
        ),
    ),
    "get_syncdoc_history": (
        Form(
            hub="sync.history",
            parameters=HistoryGiven,
            handler=get_syncdoc_history,
            examples=(
                Example(
                    "How was the sheet edited?",
                    {"project_id": _PROJECT, "path": "sheet.ipynb"},
                    {
                        "patches": [{"time": 1777627800125, "patch": "AQHq...", "patch_length": 117}],
                        "info": {"path": "sheet.ipynb", "format": "yjs-update-base64"},
                    },
                ),
            ),
        ),
    ),
}

CALLS = (
    Call(
        name="list_jupyter_kernels",
        noun="jupyter",
        summary="Return the kernels that run.",
        permission=_WRITERS,
        parameters=InProject,
        handler=list_jupyter_kernels,
        is_over_v1=False,
        forms=(Form(project="system.listJupyterKernels"),),
        examples=(
            Example(
                "Which kernels run?",
                {"project_id": _PROJECT},
                [{"pid": 42, "connectionFile": "/tmp/kernel-1.json", "kernel_name": "python3"}],  # noqa: S108 - in the sandbox
            ),
        ),
    ),
    Call(
        name="stop_jupyter_kernel",
        noun="jupyter",
        summary="End a kernel.",
        permission=_WRITERS,
        parameters=StopKernelGiven,
        handler=stop_jupyter_kernel,
        is_over_v1=False,
        forms=(Form(project="system.stopJupyterKernel"),),
        examples=(Example("End a kernel", {"project_id": _PROJECT, "pid": 42}, {"success": True}),),
    ),
)
