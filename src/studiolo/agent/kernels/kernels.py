"""The project's kernels: started on demand, one of them ahead of demand."""

import asyncio
import os
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

from studiolo.agent.agent import Agent
from studiolo.agent.kernels.kernel import Kernel
from studiolo.agent.kernels.kernelspecs import DEFAULT_NAME, KernelSpec, KernelSpecs
from studiolo.agent.kernels.launcher import Launcher
from studiolo.core.errors import NotFound, StudioloError

# pydevd warns in every kernel's output about modules that were frozen into the interpreter; they are not debugged.
_KERNEL_VARIABLES = {"PYDEVD_DISABLE_FILE_VALIDATION": "1", "TERM": "xterm-color", "CLICOLOR": "1"}
SPARE_SECONDS = 900.0


class Kernels:
    """Starts and ends kernels.

    When a notebook is opened, `prepare` has one kernel started ahead of demand, so that the first run finds it ready;
    there is never more than one such kernel, and it runs nothing before it is taken.
    """

    def __init__(self, agent: Agent) -> None:
        self._home = agent.home
        self._environment = agent.child_environment() | _KERNEL_VARIABLES
        self._launcher = Launcher(agent.take_template(), self._environment)
        self._specs = KernelSpecs(agent.home)
        self._context: Any = None
        self._running: set[Kernel] = set()
        self._spare: asyncio.Task[Kernel] | None = None
        self._spare_directory = ""
        self._dropping: asyncio.Task[None] | None = None
        self._imports: asyncio.Future[Any] | None = None
        agent.count_for_usage("kernels", lambda: sum(kernel.is_alive for kernel in self._running))
        agent.add_stop_hook(self.close, order=20)

    async def list(self) -> list[dict[str, Any]]:
        """Return the installed kernels."""
        specs = await asyncio.to_thread(self._specs.all)
        return [
            {"name": spec.name, "display_name": spec.display_name, "language": spec.language}
            for spec in sorted(specs.values(), key=lambda spec: (spec.name != DEFAULT_NAME, spec.display_name))
        ]

    def prepare(self, name: str, directory: str) -> None:
        """Begin to start a kernel for a notebook in `directory`, ahead of its first run, unless one is ready."""
        spec = self._specs.find(name)
        if self._spare is None and spec is not None and spec.is_own:
            self._spare = asyncio.create_task(self._start(spec, directory))
            self._spare_directory = self._existing(directory)
            self._spare.add_done_callback(self._forget_failed)
            asyncio.get_running_loop().call_later(SPARE_SECONDS, self._drop_spare, self._spare)

    async def require(self, name: str) -> None:
        """Raise NotFound if there is no kernel of this name."""
        await self._find(name)

    async def start(self, name: str, directory: str) -> Kernel:
        """Return a kernel that is ready; raise NotFound for an unknown name, or what kept it from starting."""
        spec = await self._find(name)
        kernel = await self._take_spare(spec, directory) or await self._start(spec, directory)
        self._running.add(kernel)
        return kernel

    async def end(self, kernel: Kernel) -> None:
        """End a kernel."""
        self._running.discard(kernel)
        await kernel.shutdown()

    def running(self) -> Sequence[Kernel]:
        """Return the kernels that run, the one started ahead of demand left out."""
        return sorted((kernel for kernel in self._running if kernel.is_alive), key=lambda kernel: kernel.pid)

    async def close(self) -> None:
        """End every kernel and the template."""
        spare, self._spare = self._spare, None
        if spare is not None:
            spare.cancel()
            for kernel in await asyncio.gather(spare, return_exceptions=True):
                if isinstance(kernel, Kernel):
                    self._running.add(kernel)
        await asyncio.gather(*(self.end(kernel) for kernel in list(self._running)), return_exceptions=True)
        await self._launcher.close()
        if self._context is not None:
            self._context.destroy(0)

    async def _find(self, name: str) -> KernelSpec:
        spec = await asyncio.to_thread(self._specs.find, name)
        if spec is None:
            raise NotFound(f"The kernel {name!r} is not installed in this project.", kernel=name)
        return spec

    async def _take_spare(self, spec: KernelSpec, directory: str) -> Kernel | None:
        spare = self._spare
        if spare is None or not spec.is_own or self._spare_directory != self._existing(directory):
            return None
        self._spare = None
        try:
            kernel = await asyncio.shield(spare)
        except StudioloError:
            return None
        if kernel.is_alive:
            return kernel
        await kernel.shutdown()
        return None

    async def _start(self, spec: KernelSpec, directory: str) -> Kernel:
        await self._warm_up(spec)
        kernel = Kernel(spec, self._existing(directory), self._launcher, self._environment)
        await kernel.start(self._context)
        return kernel

    async def _warm_up(self, spec: KernelSpec) -> None:
        # ipykernel is imported there while the protocol is imported here
        if spec.is_own:
            await asyncio.gather(self._import(), self._launcher.warm(), return_exceptions=True)
        await self._import()

    async def _import(self) -> None:
        """Import pyzmq (30 ms) in a thread, once."""
        if self._imports is None:
            self._imports = asyncio.get_running_loop().run_in_executor(None, import_module, "zmq.asyncio")
        await asyncio.shield(self._imports)
        if self._context is None:
            self._context = import_module("zmq.asyncio").Context(io_threads=1)

    def _existing(self, directory: str) -> str:
        return directory if Path(directory).is_dir() and os.access(directory, os.X_OK) else self._home

    def _drop_spare(self, spare: asyncio.Task[Kernel]) -> None:
        """End a kernel that nobody has taken."""
        if self._spare is spare and spare.done() and not spare.cancelled() and spare.exception() is None:
            self._spare = None
            self._dropping = asyncio.create_task(spare.result().shutdown())

    def _forget_failed(self, spare: asyncio.Task[Kernel]) -> None:
        if not spare.cancelled() and spare.exception() is not None and self._spare is spare:
            self._spare = None
