"""The default runner: projects inside bubblewrap, started by the keeper."""

from studiolo.core.ids import ProjectId
from studiolo.core.models import ProjectSpec
from studiolo.runtime.keeper.client import KeeperClient
from studiolo.runtime.keeper.messages import PollProject, Probe, SetLimits, StartProject, StopProject
from studiolo.runtime.protocols import RunnerReport, RunnerState

_LIMITS = ("memory", "cpu", "processes", "disk")


class SandboxRunner:
    """Runs each project behind walls of its own; see docs/explanation/isolation.md."""

    name = "sandbox"
    shares_disk = True

    def __init__(self, keeper: KeeperClient) -> None:
        self._keeper = keeper

    async def probe(self) -> RunnerReport:
        """Run a sandbox once; raise RunnerUnavailable whose message is the remedy in words."""
        found = await self._keeper.ask(Probe())
        enforced = tuple(found["limits"])
        missing = ", ".join(limit for limit in _LIMITS if limit not in enforced)
        warnings = (f"Not enforced here: {missing}.", *found["warnings"]) if missing else tuple(found["warnings"])
        return RunnerReport(found["runner"], found["runner"] == self.name, enforced, warnings)

    async def start(self, spec: ProjectSpec) -> RunnerState:
        """Start the project's agent, or find it running; raise RunnerUnavailable."""
        limits = spec.limits
        return await self._keeper.ask(
            StartProject(
                spec.project_id,
                spec.uid,
                memory_bytes=limits.memory_bytes,
                cpu_cores=limits.cpu_cores,
                processes=limits.processes,
                disk_bytes=limits.disk_bytes,
                has_network=spec.has_network,
            )
        )

    async def poll(self, project_id: ProjectId, state: RunnerState) -> bool:
        """Tell whether the project's agent is alive; the keeper's own record counts, not `state`."""
        return bool((await self._keeper.ask(PollProject(project_id)))["is_alive"])

    async def stop(self, project_id: ProjectId, state: RunnerState) -> None:
        """End every process of the project; returns when they are gone."""
        await self._keeper.ask(StopProject(project_id))

    async def set_limits(self, spec: ProjectSpec) -> bool:
        """Have a running project live with other limits from now on, where control groups hold them."""
        limits = spec.limits
        answer = await self._keeper.ask(
            SetLimits(
                spec.project_id,
                memory_bytes=limits.memory_bytes,
                cpu_cores=limits.cpu_cores,
                processes=limits.processes,
            )
        )
        return bool(answer["is_done"])

    def socket_path(self, project_id: ProjectId, state: RunnerState) -> str:
        """Return the path of the Unix socket on which the agent answers."""
        return str(state["socket_path"])
