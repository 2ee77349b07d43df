"""Which copy engine fits the runner."""

from studiolo.core.clock import Clock
from studiolo.core.settings import Settings
from studiolo.domain.copy_agents import CopyAgents
from studiolo.domain.lifecycle import Lifecycle
from studiolo.runtime.agents import UnixAgentConnector
from studiolo.runtime.copying.engine import ChoosingEngine
from studiolo.runtime.copying.streamed import StreamedEngine
from studiolo.runtime.keeper.client import KeeperClient
from studiolo.runtime.protocols import BatchCopyEngine, ProjectRunner
from studiolo.storage.database import Database


def copy_engine(
    settings: Settings, database: Database, clock: Clock, runner: ProjectRunner, keeper: KeeperClient
) -> BatchCopyEngine:
    """Return the engine that reaches the homes: the keeper's copiers where they lie on one disk, else the agents."""
    if runner.shares_disk:
        return ChoosingEngine(keeper)
    agents = CopyAgents(Lifecycle(settings, database, clock, runner))
    base_bytes = settings.copy_base_mb * 1024 * 1024
    return StreamedEngine(UnixAgentConnector(clock), agents, clock, settings.copy_fsync, base_bytes)
