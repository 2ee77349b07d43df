"""What the hub asks on its own account: is the agent there, what does it use, and please stop."""

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import studiolo

if TYPE_CHECKING:
    from studiolo.agent.agent import Agent

_CGROUP_FILES = (
    "/sys/fs/cgroup/memory.current",  # version 2, inside a cgroup namespace
    "/sys/fs/cgroup/memory/memory.usage_in_bytes",  # version 1
)


async def ping(agent: "Agent", params: dict[str, Any]) -> dict[str, Any]:
    """Answer that the agent is there."""
    return {"version": studiolo.__version__, "pid": os.getpid()}


async def usage(agent: "Agent", params: dict[str, Any]) -> dict[str, Any]:
    """Tell what the project uses and for how long nobody has used it."""
    counters = {"open_documents": 0, "kernels": 0} | agent.counters()
    return counters | {"memory_bytes": memory_bytes(), "idle_seconds": round(agent.idle_seconds(), 3)}


async def shutdown(agent: "Agent", params: dict[str, Any]) -> dict[str, Any]:
    """Save everything, end kernels and commands, answer, and end the agent."""
    await agent.run_stop_hooks()
    agent.request_stop()
    return {}


def memory_bytes(proc: Path = Path("/proc"), cgroup_files: tuple[str, ...] = _CGROUP_FILES) -> int:
    """Return the memory of all the project's processes.

    Inside a sandbox with a process namespace everything that can be seen is the project's, so what can be seen is
    summed; a cgroup's own figure is better where it is mounted.
    """
    for name in cgroup_files:
        try:
            return int(Path(name).read_text())
        except (OSError, ValueError):
            continue
    own = os.getuid()
    return sum(_resident_bytes(entry, own) for entry in proc.iterdir() if entry.name.isdecimal())


def _resident_bytes(process: Path, uid: int) -> int:
    try:
        if process.stat().st_uid != uid:
            return 0
        # resident minus shared: what would become free if the process ended
        _, resident, shared, *_ = (process / "statm").read_text().split()
    except (OSError, ValueError):  # it ended while we looked
        return 0
    return (int(resident) - int(shared)) * os.sysconf("SC_PAGE_SIZE")
