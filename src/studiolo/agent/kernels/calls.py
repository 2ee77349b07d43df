"""The calls about kernels."""

from typing import Any

from studiolo.agent import params as read
from studiolo.agent.agent import Agent
from studiolo.agent.kernels.kernels import Kernels
from studiolo.agent.kernels.kernelspecs import DEFAULT_NAME
from studiolo.agent.kernels.pool import DEFAULT_SECONDS, Pool
from studiolo.agent.kernels.runs import Limits, Order, Runs, directory_of

MAX_BYTES = 5 * 1024 * 1024
SETTLE_SECONDS = 10.0


async def list_kernels(agent: Agent, params: dict[str, Any]) -> dict[str, Any]:
    """Answer which kernels are installed."""
    return {"kernelspecs": await _kernels(agent).list()}


async def execute(agent: Agent, params: dict[str, Any]) -> dict[str, Any]:
    """Run `history` in silence and then `input` in a kernel of their own, and answer with the output."""
    limits = Limits(
        total_seconds=read.number(params, "total_seconds", 45),
        cell_seconds=read.number(params, "cell_seconds", 30),
        total_bytes=min(int(read.number(params, "total_bytes", MAX_BYTES)), MAX_BYTES),
        cell_bytes=min(int(read.number(params, "cell_bytes", MAX_BYTES)), MAX_BYTES),
    )
    order = Order(
        kernel=read.text(params, "kernel", DEFAULT_NAME),
        directory=directory_of(agent.home, read.text(params, "path", "")),
        code=read.text(params, "input"),
        history=tuple(read.texts(params, "history")),
        limits=limits,
    )
    pool = _pool(agent)
    return await agent.part(Runs, lambda: Runs(agent, _kernels(agent), pool)).run(order)


async def list_running(agent: Agent, params: dict[str, Any]) -> dict[str, Any]:
    """Answer which kernels run."""
    await _pool(agent).settle(SETTLE_SECONDS)
    return {
        "kernels": [
            {"pid": kernel.pid, "connection_file": kernel.connection_file, "name": kernel.spec.name}
            for kernel in _kernels(agent).running()
        ]
    }


async def stop(agent: Agent, params: dict[str, Any]) -> dict[str, Any]:
    """End the kernel with a process number; answer whether there was one."""
    pid = read.count(params, "pid")
    for kernel in _kernels(agent).running():
        if kernel.pid == pid:
            await kernel.kill()
            return {"is_stopped": True}
    return {"is_stopped": False}


async def fill_pool(agent: Agent, params: dict[str, Any]) -> dict[str, Any]:
    """Keep `size` kernels ready for a while; an unknown kernel is an error."""
    name = read.text(params, "kernel", DEFAULT_NAME)
    await _kernels(agent).require(name)
    _pool(agent).fill(name, read.count(params, "size") or 0, read.number(params, "seconds", DEFAULT_SECONDS))
    return {}


def _kernels(agent: Agent) -> Kernels:
    return agent.part(Kernels, lambda: Kernels(agent))


def _pool(agent: Agent) -> Pool:
    return agent.part(Pool, lambda: Pool(agent, _kernels(agent)))
