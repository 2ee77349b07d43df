"""Calls about jupyter. Written by `make client` from the registry of calls; not to be edited."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, ClassVar

from studiolo.client.calling import AsyncCaller, Caller


@dataclass(frozen=True, slots=True, kw_only=True)
class JupyterExecuteResponse:
    """What the code gave: the contents of its messages (streams, data, errors)."""

    EVENT: ClassVar[str] = "jupyter_execute_response"

    output: list[dict[str, Any]]
    total_time_s: float
    time: datetime | None = None
    """When it was run, for a result of an earlier run."""
    hash: str
    """By which the result can be had again, for a day."""


@dataclass(frozen=True, slots=True, kw_only=True)
class KernelSpec:
    """An installed kernel."""

    name: str
    display_name: str
    language: str


@dataclass(frozen=True, slots=True, kw_only=True)
class JupyterKernels:
    """The kernels, the default one first."""

    EVENT: ClassVar[str] = "jupyter_kernels"

    kernels: list[KernelSpec]


class JupyterCalls:
    """Calls about jupyter."""

    def __init__(self, caller: Caller) -> None:
        """Make calls through a client's connection."""
        self._caller = caller

    def execute(
        self,
        *,
        hash: str | None = None,
        kernel: str | None = None,
        input: str | None = None,
        history: list[str] | None = None,
        project_id: str | None = None,
        path: str | None = None,
        tag: str | None = None,
        pool: Mapping[str, Any] | Sequence[Any] | None = None,
        limits: Mapping[str, Any] | Sequence[Any] | None = None,
        noCache: bool | None = None,
    ) -> JupyterExecuteResponse:
        """Run code in a fresh kernel of a project and wait for its output. What was run before with the same
        history, kernel and path is not run again for a day.

        Who may call it: Owners and collaborators of the project, administrators, the project's own key. An earlier
        result by its hash: whoever may read the project.

        Args:
            hash: Of an earlier result, which is given again.
            kernel: Such as `python3`; see `jupyter_kernels`.
            input: The code to run.
            history: Inputs to run before, in silence.
            path: A file beside which the code is to run.
            tag: Taken and ignored.
            pool: `{"size": n}`: keep n kernels ready for what follows.
            limits: Lower limits: `timeout_ms` (45000), `timeout_ms_per_cell` (30000), `max_output` (5 MiB),
                `max_output_per_cell` (1 MiB).
            noCache: Run the code even if there is a result of the same already. Default: `False`.
        """
        return self._caller.call(
            "jupyter_execute",
            {
                "hash": hash,
                "kernel": kernel,
                "input": input,
                "history": history,
                "project_id": project_id,
                "path": path,
                "tag": tag,
                "pool": pool,
                "limits": limits,
                "noCache": noCache,
            },
            (JupyterExecuteResponse,),
        )

    def kernels(self, *, project_id: str | None = None) -> JupyterKernels:
        """List the kernels that are installed in a project.

        Who may call it: Whoever may read the project.
        """
        return self._caller.call("jupyter_kernels", {"project_id": project_id}, (JupyterKernels,), is_reading=True)

    def start_pool(
        self,
        *,
        project_id: str | None = None,
        kernel: str | None = None,
        size: int | None = None,
        timeout_s: float | None = None,
    ) -> None:
        """Keep kernels of a project ready, so that `jupyter_execute` need not wait for one.

        Who may call it: Owners and collaborators of the project, administrators, the project's own key.

        Args:
            kernel: Which kernel. Default: `'python3'`.
            size: How many, 0 to 4; 0 ends those that are ready. Default: `1`.
            timeout_s: For how long, in seconds; default 900, at most 3600.
        """
        self._caller.do(
            "jupyter_start_pool", {"project_id": project_id, "kernel": kernel, "size": size, "timeout_s": timeout_s}
        )


class AsyncJupyterCalls:
    """Calls about jupyter, to be awaited."""

    def __init__(self, caller: AsyncCaller) -> None:
        """Make calls through a client's connection."""
        self._caller = caller

    async def execute(
        self,
        *,
        hash: str | None = None,
        kernel: str | None = None,
        input: str | None = None,
        history: list[str] | None = None,
        project_id: str | None = None,
        path: str | None = None,
        tag: str | None = None,
        pool: Mapping[str, Any] | Sequence[Any] | None = None,
        limits: Mapping[str, Any] | Sequence[Any] | None = None,
        noCache: bool | None = None,
    ) -> JupyterExecuteResponse:
        """Run code in a fresh kernel of a project and wait for its output. What was run before with the same
        history, kernel and path is not run again for a day.

        Who may call it: Owners and collaborators of the project, administrators, the project's own key. An earlier
        result by its hash: whoever may read the project.

        Args:
            hash: Of an earlier result, which is given again.
            kernel: Such as `python3`; see `jupyter_kernels`.
            input: The code to run.
            history: Inputs to run before, in silence.
            path: A file beside which the code is to run.
            tag: Taken and ignored.
            pool: `{"size": n}`: keep n kernels ready for what follows.
            limits: Lower limits: `timeout_ms` (45000), `timeout_ms_per_cell` (30000), `max_output` (5 MiB),
                `max_output_per_cell` (1 MiB).
            noCache: Run the code even if there is a result of the same already. Default: `False`.
        """
        return await self._caller.call(
            "jupyter_execute",
            {
                "hash": hash,
                "kernel": kernel,
                "input": input,
                "history": history,
                "project_id": project_id,
                "path": path,
                "tag": tag,
                "pool": pool,
                "limits": limits,
                "noCache": noCache,
            },
            (JupyterExecuteResponse,),
        )

    async def kernels(self, *, project_id: str | None = None) -> JupyterKernels:
        """List the kernels that are installed in a project.

        Who may call it: Whoever may read the project.
        """
        return await self._caller.call(
            "jupyter_kernels", {"project_id": project_id}, (JupyterKernels,), is_reading=True
        )

    async def start_pool(
        self,
        *,
        project_id: str | None = None,
        kernel: str | None = None,
        size: int | None = None,
        timeout_s: float | None = None,
    ) -> None:
        """Keep kernels of a project ready, so that `jupyter_execute` need not wait for one.

        Who may call it: Owners and collaborators of the project, administrators, the project's own key.

        Args:
            kernel: Which kernel. Default: `'python3'`.
            size: How many, 0 to 4; 0 ends those that are ready. Default: `1`.
            timeout_s: For how long, in seconds; default 900, at most 3600.
        """
        await self._caller.do(
            "jupyter_start_pool", {"project_id": project_id, "kernel": kernel, "size": size, "timeout_s": timeout_s}
        )
