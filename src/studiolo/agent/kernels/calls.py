"""The calls about kernels."""

from typing import Any

from studiolo.agent.agent import Agent
from studiolo.agent.kernels.kernels import Kernels


async def list_kernels(agent: Agent, params: dict[str, Any]) -> dict[str, Any]:
    """Answer which kernels are installed."""
    return {"kernelspecs": await agent.part(Kernels, lambda: Kernels(agent)).list()}
