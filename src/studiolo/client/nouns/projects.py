"""Calls about projects. Written by `make client` from the registry of calls; not to be edited."""

import builtins
from dataclasses import dataclass, field
from datetime import datetime
from typing import ClassVar

from studiolo.client.calling import AsyncCaller, Caller


@dataclass(frozen=True, slots=True, kw_only=True)
class ProjectCreated:
    """The project exists now, and the caller owns it."""

    EVENT: ClassVar[str] = "project_created"

    project_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AvailableUpgrades:
    """What the account bought: nothing, since nothing is sold."""

    EVENT: ClassVar[str] = "available_upgrades"

    total: dict[str, float] = field(default_factory=dict[str, float])
    excess: dict[str, float] = field(default_factory=dict[str, float])
    available: dict[str, float] = field(default_factory=dict[str, float])


@dataclass(frozen=True, slots=True, kw_only=True)
class ProjectLimits:
    """What holds for the project; null would be no limit, and is left out."""

    EVENT: ClassVar[str] = "project_limits"

    project_id: str
    memory_mb: float | None = None
    cpu_cores: float | None = None
    processes: float | None = None
    disk_mb: float | None = None
    idle_timeout_seconds: float | None = None
    network: bool
    always_running: bool
    own: list[str]
    """The limits that were set for this project and are not the server's."""
    is_at_once: bool | None = None
    """After a change: whether the running project lives with its new memory, processor share and processes already;
    false: it does from its next start.
    """


@dataclass(frozen=True, slots=True, kw_only=True)
class ProjectState:
    """Whether the project runs."""

    EVENT: ClassVar[str] = "project_state"

    project_id: str
    state: str
    """`opened` (it is there and does not run), `starting`, `running`, `stopping`."""
    time: datetime | None = None
    """Since when."""
    reason: str | None = None
    """Why it does not run, if it should."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ListedProject:
    """A project."""

    project_id: str
    title: str
    description: str
    state: str
    is_deleted: bool
    created: datetime
    last_edited: datetime | None = None
    last_active: datetime | None = None
    people: dict[str, str]
    """The role of each account in it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ProjectList:
    """Projects, the newest first."""

    EVENT: ClassVar[str] = "project_list"

    projects: list[ListedProject]
    next_cursor: str | None = None
    """Missing on the last page."""


class ProjectsCalls:
    """Calls about projects."""

    def __init__(self, caller: Caller) -> None:
        """Make calls through a client's connection."""
        self._caller = caller

    def create(
        self,
        *,
        title: str | None = None,
        description: str | None = None,
        image: str | None = None,
        license: str | None = None,
        start: bool | None = None,
        noPool: bool | None = None,
    ) -> ProjectCreated:
        """Make a project; the caller becomes its owner.

        Who may call it: Any account.

        Args:
            title: Shown to people.
            description: Shown to people.
            image: Taken and ignored: the operator chooses the environment.
            license: Taken and ignored.
            start: Start the project in the background, so that it is soon ready for use. Default: `False`.
            noPool: Taken and ignored. Default: `False`.
        """
        return self._caller.call(
            "create_project",
            {
                "title": title,
                "description": description,
                "image": image,
                "license": license,
                "start": start,
                "noPool": noPool,
            },
            (ProjectCreated,),
            is_once=True,
        )

    def disconnect_from(self, *, project_id: str) -> None:
        """Kept for old clients: connections to projects are made and closed as needed, so nothing happens.

        Who may call it: Owners and collaborators of the project, administrators, the project's own key.
        """
        self._caller.do("disconnect_from_project", {"project_id": project_id})

    def get_available_upgrades(self) -> AvailableUpgrades:
        """Kept for old clients: nothing is sold here, so all is empty.

        Who may call it: Any key.
        """
        return self._caller.call("get_available_upgrades", {}, (AvailableUpgrades,), is_reading=True)

    def get_project_limits(self, *, project_id: str) -> ProjectLimits:
        """Tell what a project may use.

        Who may call it: Who may read the project.
        """
        return self._caller.call("get_project_limits", {"project_id": project_id}, (ProjectLimits,), is_reading=True)

    def get_project_state(self, *, project_id: str) -> ProjectState:
        """Tell whether a project runs, since when, and why not.

        Who may call it: Who may read the project.
        """
        return self._caller.call("get_project_state", {"project_id": project_id}, (ProjectState,), is_reading=True)

    def list(
        self,
        *,
        account_id: str | None = None,
        all: bool | None = None,
        deleted: bool | None = None,
        cursor: str | None = None,
        limit: int | None = None,
    ) -> ProjectList:
        """List projects page by page, the newest first.

        Who may call it: Any key lists its own; administrators those of others.

        Args:
            account_id: For administrators: whose projects; else one's own.
            all: For administrators: everybody's projects. Default: `False`.
            deleted: Also those that are deleted. Default: `False`.
            cursor: The `next_cursor` of the page before.
            limit: At most so many, 1 to 1000. Default: `100`.
        """
        return self._caller.call(
            "list_projects",
            {"account_id": account_id, "all": all, "deleted": deleted, "cursor": cursor, "limit": limit},
            (ProjectList,),
            is_reading=True,
        )

    def restart(self, *, project_id: str) -> None:
        """Stop a project and start it again, which also gives it new limits.

        Who may call it: Who may write to the project.
        """
        self._caller.do("restart_project", {"project_id": project_id})

    def set_project_limits(
        self,
        *,
        project_id: str,
        memory_mb: float | None = None,
        cpu_cores: float | None = None,
        processes: float | None = None,
        disk_mb: float | None = None,
        idle_timeout_seconds: float | None = None,
        network: bool | None = None,
        always_running: bool | None = None,
        reset: builtins.list[str] | None = None,
    ) -> ProjectLimits:
        """Set what a project may use: at once where the system can, else from its next start.

        Who may call it: Administrators.

        Args:
            memory_mb: Memory, in MiB.
            cpu_cores: Processor share, in cores.
            processes: Processes and threads.
            disk_mb: Space of the home directory, in MiB; from the next start.
            idle_timeout_seconds: After how long without use it is stopped; 0: never.
            network: Whether it reaches the network; from the next start.
            always_running: Whether it is kept running: not stopped for being idle, started again if it ended.
            reset: Limits by name that are to be as the server's settings say, also when these change.
        """
        return self._caller.call(
            "set_project_limits",
            {
                "project_id": project_id,
                "memory_mb": memory_mb,
                "cpu_cores": cpu_cores,
                "processes": processes,
                "disk_mb": disk_mb,
                "idle_timeout_seconds": idle_timeout_seconds,
                "network": network,
                "always_running": always_running,
                "reset": reset,
            },
            (ProjectLimits,),
        )

    def start(self, *, project_id: str, wait: bool | None = None) -> None:
        """Start a project; one that runs stays as it is. What needs a project starts it by itself, too.

        Who may call it: Who may write to the project.

        Args:
            wait: Answer when it runs; false: at once, while it starts. Default: `True`.
        """
        self._caller.do("start_project", {"project_id": project_id, "wait": wait})

    def stop(self, *, project_id: str) -> None:
        """Stop a project with everything that runs in it; its files stay.

        Who may call it: Who may write to the project.
        """
        self._caller.do("stop_project", {"project_id": project_id})

    def touch(self, *, project_id: str) -> None:
        """Say that a project is in use, so that it is not stopped; a stopped one starts in the background.

        Who may call it: Owners and collaborators of the project, administrators, the project's own key.
        """
        self._caller.do("touch_project", {"project_id": project_id})


class AsyncProjectsCalls:
    """Calls about projects, to be awaited."""

    def __init__(self, caller: AsyncCaller) -> None:
        """Make calls through a client's connection."""
        self._caller = caller

    async def create(
        self,
        *,
        title: str | None = None,
        description: str | None = None,
        image: str | None = None,
        license: str | None = None,
        start: bool | None = None,
        noPool: bool | None = None,
    ) -> ProjectCreated:
        """Make a project; the caller becomes its owner.

        Who may call it: Any account.

        Args:
            title: Shown to people.
            description: Shown to people.
            image: Taken and ignored: the operator chooses the environment.
            license: Taken and ignored.
            start: Start the project in the background, so that it is soon ready for use. Default: `False`.
            noPool: Taken and ignored. Default: `False`.
        """
        return await self._caller.call(
            "create_project",
            {
                "title": title,
                "description": description,
                "image": image,
                "license": license,
                "start": start,
                "noPool": noPool,
            },
            (ProjectCreated,),
            is_once=True,
        )

    async def disconnect_from(self, *, project_id: str) -> None:
        """Kept for old clients: connections to projects are made and closed as needed, so nothing happens.

        Who may call it: Owners and collaborators of the project, administrators, the project's own key.
        """
        await self._caller.do("disconnect_from_project", {"project_id": project_id})

    async def get_available_upgrades(self) -> AvailableUpgrades:
        """Kept for old clients: nothing is sold here, so all is empty.

        Who may call it: Any key.
        """
        return await self._caller.call("get_available_upgrades", {}, (AvailableUpgrades,), is_reading=True)

    async def get_project_limits(self, *, project_id: str) -> ProjectLimits:
        """Tell what a project may use.

        Who may call it: Who may read the project.
        """
        return await self._caller.call(
            "get_project_limits", {"project_id": project_id}, (ProjectLimits,), is_reading=True
        )

    async def get_project_state(self, *, project_id: str) -> ProjectState:
        """Tell whether a project runs, since when, and why not.

        Who may call it: Who may read the project.
        """
        return await self._caller.call(
            "get_project_state", {"project_id": project_id}, (ProjectState,), is_reading=True
        )

    async def list(
        self,
        *,
        account_id: str | None = None,
        all: bool | None = None,
        deleted: bool | None = None,
        cursor: str | None = None,
        limit: int | None = None,
    ) -> ProjectList:
        """List projects page by page, the newest first.

        Who may call it: Any key lists its own; administrators those of others.

        Args:
            account_id: For administrators: whose projects; else one's own.
            all: For administrators: everybody's projects. Default: `False`.
            deleted: Also those that are deleted. Default: `False`.
            cursor: The `next_cursor` of the page before.
            limit: At most so many, 1 to 1000. Default: `100`.
        """
        return await self._caller.call(
            "list_projects",
            {"account_id": account_id, "all": all, "deleted": deleted, "cursor": cursor, "limit": limit},
            (ProjectList,),
            is_reading=True,
        )

    async def restart(self, *, project_id: str) -> None:
        """Stop a project and start it again, which also gives it new limits.

        Who may call it: Who may write to the project.
        """
        await self._caller.do("restart_project", {"project_id": project_id})

    async def set_project_limits(
        self,
        *,
        project_id: str,
        memory_mb: float | None = None,
        cpu_cores: float | None = None,
        processes: float | None = None,
        disk_mb: float | None = None,
        idle_timeout_seconds: float | None = None,
        network: bool | None = None,
        always_running: bool | None = None,
        reset: builtins.list[str] | None = None,
    ) -> ProjectLimits:
        """Set what a project may use: at once where the system can, else from its next start.

        Who may call it: Administrators.

        Args:
            memory_mb: Memory, in MiB.
            cpu_cores: Processor share, in cores.
            processes: Processes and threads.
            disk_mb: Space of the home directory, in MiB; from the next start.
            idle_timeout_seconds: After how long without use it is stopped; 0: never.
            network: Whether it reaches the network; from the next start.
            always_running: Whether it is kept running: not stopped for being idle, started again if it ended.
            reset: Limits by name that are to be as the server's settings say, also when these change.
        """
        return await self._caller.call(
            "set_project_limits",
            {
                "project_id": project_id,
                "memory_mb": memory_mb,
                "cpu_cores": cpu_cores,
                "processes": processes,
                "disk_mb": disk_mb,
                "idle_timeout_seconds": idle_timeout_seconds,
                "network": network,
                "always_running": always_running,
                "reset": reset,
            },
            (ProjectLimits,),
        )

    async def start(self, *, project_id: str, wait: bool | None = None) -> None:
        """Start a project; one that runs stays as it is. What needs a project starts it by itself, too.

        Who may call it: Who may write to the project.

        Args:
            wait: Answer when it runs; false: at once, while it starts. Default: `True`.
        """
        await self._caller.do("start_project", {"project_id": project_id, "wait": wait})

    async def stop(self, *, project_id: str) -> None:
        """Stop a project with everything that runs in it; its files stay.

        Who may call it: Who may write to the project.
        """
        await self._caller.do("stop_project", {"project_id": project_id})

    async def touch(self, *, project_id: str) -> None:
        """Say that a project is in use, so that it is not stopped; a stopped one starts in the background.

        Who may call it: Owners and collaborators of the project, administrators, the project's own key.
        """
        await self._caller.do("touch_project", {"project_id": project_id})
