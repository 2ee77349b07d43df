"""What the hub asks on its own account: is the agent there, what does it use, and please stop."""

import asyncio
import contextlib
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import studiolo

if TYPE_CHECKING:
    from studiolo.agent.agent import Agent


async def ping(agent: "Agent", params: dict[str, Any]) -> dict[str, Any]:
    """Answer that the agent is there."""
    return {"version": studiolo.__version__, "pid": os.getpid()}


async def usage(agent: "Agent", params: dict[str, Any]) -> dict[str, Any]:
    """Tell what the project uses and for how long nobody has used it."""
    counters = {"open_documents": 0, "kernels": 0} | agent.counters()
    memory = await asyncio.to_thread(memory_bytes)
    return counters | {"memory_bytes": memory, "idle_seconds": round(agent.idle_seconds(), 3)}


async def shutdown(agent: "Agent", params: dict[str, Any]) -> dict[str, Any]:
    """Save everything, end kernels and commands, answer, and end the agent."""
    await agent.run_stop_hooks()
    agent.request_stop()
    return {}


def memory_bytes(proc: Path = Path("/proc"), root: int | None = None) -> int:
    """Return the memory of the project's processes, shared pages counted by share.

    Not from a cgroup: from inside it cannot be told whether the cgroup is this project's alone. In a sandbox every
    process in sight is the project's; without walls those below this one are (`root`, for tests).
    """
    parents = _parents(proc)
    top = root or (1 if os.getppid() in (0, 1) else os.getpid())
    return sum(_process_bytes(proc / str(pid)) for pid in parents if _is_below(pid, top, parents))


def _parents(proc: Path) -> dict[int, int]:
    parents: dict[int, int] = {}
    for entry in proc.iterdir():
        if entry.name.isdecimal():
            with contextlib.suppress(OSError, ValueError, IndexError):  # it ended while we looked
                # after the name, which stands in brackets and may hold anything: state, parent
                parents[int(entry.name)] = int(
                    (entry / "stat").read_text(errors="replace").rpartition(")")[2].split()[1]
                )
    return parents


def _is_below(pid: int, top: int, parents: dict[int, int]) -> bool:
    for _ in range(len(parents) + 1):  # a file system that is read while it changes could show a circle
        if pid == top:
            return True
        pid = parents.get(pid, 0)
    return False


def _process_bytes(process: Path) -> int:
    with contextlib.suppress(OSError, ValueError, IndexError):
        for line in (process / "smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                return int(line.split()[1]) * 1024
    return 0
