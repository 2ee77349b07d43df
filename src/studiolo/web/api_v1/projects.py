"""Projects."""

from typing import Literal

from pydantic import Field

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


CALLS = (
    Call(
        name="create_project",
        noun="projects",
        summary="Make a project; the caller becomes its owner.",
        permission="Any account.",
        parameters=CreateProjectParameters,
        answers=(ProjectCreated,),
        handler=create_project,
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
)
