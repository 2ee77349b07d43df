"""Projects as plain processes, without walls: a last resort that must be asked for by name."""

from studiolo.core.ids import ProjectId
from studiolo.core.models import ProjectSpec
from studiolo.runtime.keeper.client import KeeperClient
from studiolo.runtime.keeper.messages import PollProject, Probe, SetLimits, StartProject, StopProject
from studiolo.runtime.protocols import RunnerReport, RunnerState

WARNING = (
    "The runner `process` has no walls: every project can read this machine's files, use its network and reach the "
    "other projects. Use it only for people you trust with your own account."
)


class ProcessRunner:
    """Starts agents beside the hub; the keeper must have been planned with `runner="process"`."""

    name = "process"
    shares_disk = True

    def __init__(self, keeper: KeeperClient) -> None:
        self._keeper = keeper

    async def probe(self) -> RunnerReport:
        """Report honestly; raise RunnerUnavailable when the environment cannot be used."""
        found = await self._keeper.ask(Probe())
        return RunnerReport(self.name, False, tuple(found["limits"]), (WARNING, *found["warnings"]))

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
                has_network=True,  # it has the machine's: there is nothing that could keep it off
            )
        )

    async def poll(self, project_id: ProjectId, state: RunnerState) -> bool:
        """Tell whether the project's agent is alive."""
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
