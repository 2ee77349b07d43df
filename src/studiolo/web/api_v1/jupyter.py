"""Code run in kernels, without a document."""

from typing import Any, Literal

from pydantic import Field, JsonValue

from studiolo.domain.jupyter import ExecuteRequest
from studiolo.web.api_v1.answers import Success
from studiolo.web.api_v1.parameters import (
    Answer,
    Content,
    Flag,
    Integer,
    Moment,
    Number,
    Parameters,
    Shape,
    Structure,
    Text,
)
from studiolo.web.api_v1.parameters import Texts as Inputs
from studiolo.web.api_v1.registry import Call, CallContext, Example


class JupyterExecuteParameters(Parameters):
    """What `jupyter_execute` takes: either a `hash`, or `kernel`, `input` and `project_id`."""

    hash: Text | None = Field(default=None, description="Of an earlier result, which is given again.")
    kernel: Text | None = Field(default=None, description="Such as `python3`; see `jupyter_kernels`.")
    input: Content | None = Field(default=None, description="The code to run.")
    history: Inputs = Field(default=[], description="Inputs to run before, in silence.")
    project_id: Text | None = None
    path: Text | None = Field(default=None, description="A file beside which the code is to run.")
    tag: Text | None = Field(default=None, description="Taken and ignored.")
    pool: Structure | None = Field(default=None, description='`{"size": n}`: keep n kernels ready for what follows.')
    limits: Structure | None = Field(
        default=None,
        description="Lower limits: `timeout_ms` (45000), `timeout_ms_per_cell` (30000), `max_output` (5 MiB), "
        "`max_output_per_cell` (1 MiB).",
    )
    noCache: Flag = Field(default=False, description="Run the code even if there is a result of the same already.")


class JupyterExecuteResponse(Answer):
    """What the code gave: the contents of its messages (streams, data, errors)."""

    event: Literal["jupyter_execute_response"] = "jupyter_execute_response"
    output: list[dict[str, Any]]
    total_time_s: float
    time: Moment | None = Field(default=None, description="When it was run, for a result of an earlier run.")
    hash: str = Field(description="By which the result can be had again, for a day.")


class JupyterKernelsParameters(Parameters):
    """What `jupyter_kernels` takes."""

    project_id: Text | None = None


class KernelSpec(Shape):
    """An installed kernel."""

    name: str
    display_name: str
    language: str


class JupyterKernels(Answer):
    """The kernels, the default one first."""

    event: Literal["jupyter_kernels"] = "jupyter_kernels"
    kernels: list[KernelSpec]


class JupyterStartPoolParameters(Parameters):
    """What `jupyter_start_pool` takes."""

    project_id: Text | None = None
    kernel: Text = Field(default="python3", description="Which kernel.")
    size: Integer = Field(default=1, description="How many, 0 to 4; 0 ends those that are ready.")
    timeout_s: Number = Field(default=None, description="For how long, in seconds; default 900, at most 3600.")


async def jupyter_execute(context: CallContext, parameters: JupyterExecuteParameters) -> JupyterExecuteResponse:
    """Run code in a fresh kernel of a project."""
    request = ExecuteRequest(
        result_hash=parameters.hash,
        kernel=parameters.kernel,
        code=parameters.input,
        history=tuple(parameters.history),
        project_id=parameters.project_id,
        path=parameters.path,
        limits=_object(parameters.limits),
        pool=_object(parameters.pool),
        is_cached=not parameters.noCache,
    )
    result, is_kept = await context.services.jupyter.execute(context.principal, request)
    return JupyterExecuteResponse(
        output=result.output,
        total_time_s=result.total_seconds,
        time=result.created_at if is_kept else None,
        hash=result.result_hash,
    )


async def jupyter_kernels(context: CallContext, parameters: JupyterKernelsParameters) -> JupyterKernels:
    """List the kernels of a project."""
    found = await context.services.jupyter.kernels(context.principal, parameters.project_id)
    return JupyterKernels(kernels=[KernelSpec(**one) for one in found])


async def jupyter_start_pool(context: CallContext, parameters: JupyterStartPoolParameters) -> Success:
    """Have kernels ready."""
    await context.services.jupyter.start_pool(
        context.principal,
        parameters.project_id,
        kernel=parameters.kernel,
        size=1 if parameters.size is None else parameters.size,
        timeout_seconds=parameters.timeout_s,
    )
    return Success()


def _object(given: dict[str, Any] | list[Any] | None) -> dict[str, JsonValue]:
    return given if isinstance(given, dict) else {}


_PROJECT = "2f5b3c4e-6d1a-4a4e-9c0d-7b8f6a5e4d3c"
_WRITERS = "Owners and collaborators of the project, administrators, the project's own key."

CALLS = (
    Call(
        name="jupyter_execute",
        noun="jupyter",
        summary="Run code in a fresh kernel of a project and wait for its output. What was run before with the same "
        "history, kernel and path is not run again for a day.",
        permission=_WRITERS + " An earlier result by its hash: whoever may read the project.",
        parameters=JupyterExecuteParameters,
        answers=(JupyterExecuteResponse,),
        handler=jupyter_execute,
        examples=(
            Example(
                "Use what an earlier input defined",
                {"project_id": _PROJECT, "kernel": "python3", "history": ["n = 6"], "input": "n * 7"},
                {
                    "event": "jupyter_execute_response",
                    "id": "4b3d2c1e-0f9a-4b8c-9d7e-6f5a4b3c2d1e",
                    "output": [{"data": {"text/plain": "42"}}],
                    "total_time_s": 0.021,
                    "hash": "5feceb66ffc86f38d952786c6d696c79c2dbc239dd4e91b46729d73a27fb57e9",
                },
            ),
        ),
    ),
    Call(
        name="jupyter_kernels",
        noun="jupyter",
        summary="List the kernels that are installed in a project.",
        permission="Whoever may read the project.",
        parameters=JupyterKernelsParameters,
        answers=(JupyterKernels,),
        handler=jupyter_kernels,
        examples=(
            Example(
                "List the kernels",
                {"project_id": _PROJECT},
                {
                    "event": "jupyter_kernels",
                    "id": "5c4e3d2f-1a0b-4c9d-8e8f-7a6b5c4d3e2f",
                    "kernels": [{"name": "python3", "display_name": "Python 3 (ipykernel)", "language": "python"}],
                },
            ),
        ),
    ),
    Call(
        name="jupyter_start_pool",
        noun="jupyter",
        summary="Keep kernels of a project ready, so that `jupyter_execute` need not wait for one.",
        permission=_WRITERS,
        parameters=JupyterStartPoolParameters,
        answers=(Success,),
        handler=jupyter_start_pool,
        examples=(
            Example(
                "Have two kernels ready before a class begins",
                {"project_id": _PROJECT, "size": 2},
                {"event": "success", "id": "6d5f4e3a-2b1c-4d0e-9f9a-8b7c6d5e4f3a"},
            ),
        ),
    ),
)
