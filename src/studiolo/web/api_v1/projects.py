"""Projects."""

from typing import Literal

from pydantic import Field

from studiolo.core.ids import ProjectId
from studiolo.domain.idempotency import Made
from studiolo.web.api_v1.answers import Success
from studiolo.web.api_v1.parameters import Answer, Flag, Parameters, Text
from studiolo.web.api_v1.registry import Call, CallContext, Example


class CreateProjectParameters(Parameters):
    """What `create_project` takes."""

    title: Text = Field(default="", description="Shown to people.")
    description: Text = Field(default="", description="Shown to people.")
    image: Text | None = Field(default=None, description="Taken and ignored: the operator chooses the environment.")
    license: Text | None = Field(default=None, description="Taken and ignored.")
    start: Flag = Field(
        default=False, description="Start the project in the background, so that it is soon ready for use."
    )
    noPool: Flag = Field(default=False, description="Taken and ignored.")


class ProjectCreated(Answer):
    """The project exists now, and the caller owns it."""

    event: Literal["project_created"] = "project_created"
    project_id: str


async def create_project(context: CallContext, parameters: CreateProjectParameters) -> ProjectCreated:
    """Make a project that the caller owns."""
    project = await context.services.projects.create(
        context.principal, parameters.title, parameters.description, start=parameters.start
    )
    return ProjectCreated(project_id=project.project_id)


class TouchProjectParameters(Parameters):
    """What `touch_project` takes."""

    project_id: Text


async def touch_project(context: CallContext, parameters: TouchProjectParameters) -> Success:
    """Note that a project is in use, and start it in the background."""
    await context.services.projects.touch(context.principal, ProjectId(parameters.project_id))
    return Success()


class DisconnectFromProjectParameters(Parameters):
    """What `disconnect_from_project` takes."""

    project_id: Text


async def disconnect_from_project(context: CallContext, parameters: DisconnectFromProjectParameters) -> Success:
    """Do nothing but ask for permission: connections to projects are made and closed as they are needed."""
    await context.services.access.project(context.principal, ProjectId(parameters.project_id), write=True)
    return Success()


class GetAvailableUpgradesParameters(Parameters):
    """`get_available_upgrades` takes nothing."""


class AvailableUpgrades(Answer):
    """What the account bought: nothing, since nothing is sold."""

    event: Literal["available_upgrades"] = "available_upgrades"
    total: dict[str, float] = Field(default={})
    excess: dict[str, float] = Field(default={})
    available: dict[str, float] = Field(default={})


async def get_available_upgrades(
    _context: CallContext, _parameters: GetAvailableUpgradesParameters
) -> AvailableUpgrades:
    """Return three empty objects, as for every account without purchases."""
    return AvailableUpgrades()


_PROJECT = "2f5b3c4e-6d1a-4a4e-9c0d-7b8f6a5e4d3c"
_WRITERS = "Owners and collaborators of the project, administrators, the project's own key."

CALLS = (
    Call(
        name="create_project",
        noun="projects",
        summary="Make a project; the caller becomes its owner.",
        permission="Any account.",
        parameters=CreateProjectParameters,
        answers=(ProjectCreated,),
        handler=create_project,
        creates=Made.PROJECT,
        examples=(
            Example(
                "Make a project",
                {"title": "Homework 3", "description": "Elliptic curves"},
                {
                    "event": "project_created",
                    "id": "b72d7a6a-3d1c-4b5c-8d2e-0d8a14c58bb6",
                    "project_id": "2f5b3c4e-6d1a-4a4e-9c0d-7b8f6a5e4d3c",
                },
            ),
        ),
    ),
    Call(
        name="touch_project",
        noun="projects",
        summary="Say that a project is in use, so that it is not stopped; a stopped one starts in the background.",
        permission=_WRITERS,
        parameters=TouchProjectParameters,
        answers=(Success,),
        handler=touch_project,
        examples=(
            Example(
                "Keep an embedded project awake",
                {"project_id": _PROJECT},
                {"event": "success", "id": "a6b0c8d2-3e4f-4a5b-8c6d-7e8f9a0b1c2d"},
            ),
        ),
    ),
    Call(
        name="disconnect_from_project",
        noun="projects",
        summary="Kept for old clients: connections to projects are made and closed as needed, so nothing happens.",
        permission=_WRITERS,
        parameters=DisconnectFromProjectParameters,
        answers=(Success,),
        handler=disconnect_from_project,
        examples=(
            Example(
                "Disconnect",
                {"project_id": _PROJECT},
                {"event": "success", "id": "b7c1d9e3-4f50-4b6c-9d7e-8f9a0b1c2d3e"},
            ),
        ),
    ),
    Call(
        name="get_available_upgrades",
        noun="projects",
        summary="Kept for old clients: nothing is sold here, so all is empty.",
        permission="Any key.",
        parameters=GetAvailableUpgradesParameters,
        answers=(AvailableUpgrades,),
        handler=get_available_upgrades,
        examples=(
            Example(
                "Ask for upgrades",
                {},
                {
                    "event": "available_upgrades",
                    "id": "c8d2e0f4-5061-4c7d-8e8f-9a0b1c2d3e4f",
                    "total": {},
                    "excess": {},
                    "available": {},
                },
            ),
        ),
    ),
)
