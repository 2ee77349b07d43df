"""Calls about projects. Written by `make client` from the registry of calls; not to be edited."""

from dataclasses import dataclass, field
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

    async def touch(self, *, project_id: str) -> None:
        """Say that a project is in use, so that it is not stopped; a stopped one starts in the background.

        Who may call it: Owners and collaborators of the project, administrators, the project's own key.
        """
        await self._caller.do("touch_project", {"project_id": project_id})
