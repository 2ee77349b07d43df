"""Starting and stopping projects."""

from typing import Literal

from pydantic import Field

from studiolo.core.ids import ProjectId
from studiolo.web.api_v1.answers import Success
from studiolo.web.api_v1.parameters import Answer, Flag, Moment, Parameters, Text
from studiolo.web.api_v1.registry import Call, CallContext, Example


class ProjectRunParameters(Parameters):
    """Which project."""

    project_id: Text


class StartProjectParameters(ProjectRunParameters):
    """What `start_project` takes."""

    wait: Flag = Field(default=True, description="Answer when it runs; false: at once, while it starts.")


class ProjectState(Answer):
    """Whether the project runs."""

    event: Literal["project_state"] = "project_state"
    project_id: str
    state: str = Field(description="`opened` (it is there and does not run), `starting`, `running`, `stopping`.")
    time: Moment | None = Field(default=None, description="Since when.")
    reason: str | None = Field(default=None, description="Why it does not run, if it should.")


async def start_project(context: CallContext, parameters: StartProjectParameters) -> Success:
    """Start a project, and wait for it unless that is not wanted."""
    project_id = ProjectId(parameters.project_id)
    if parameters.wait:
        await context.services.projects.start(context.principal, project_id)
    else:
        await context.services.projects.start_soon(context.principal, project_id)
    return Success()


async def stop_project(context: CallContext, parameters: ProjectRunParameters) -> Success:
    """Stop a project and wait until nothing of it runs."""
    await context.services.projects.stop(context.principal, ProjectId(parameters.project_id))
    return Success()


async def restart_project(context: CallContext, parameters: ProjectRunParameters) -> Success:
    """Stop a project and start it again."""
    await context.services.projects.restart(context.principal, ProjectId(parameters.project_id))
    return Success()


async def get_project_state(context: CallContext, parameters: ProjectRunParameters) -> ProjectState:
    """Tell whether a project runs."""
    project = await context.services.projects.get(context.principal, ProjectId(parameters.project_id))
    return ProjectState(
        project_id=project.project_id,
        state=project.state.value,
        time=project.state_changed_at,
        reason=project.state_error,
    )


_PROJECT = "2f5b3c4e-6d1a-4a4e-9c0d-7b8f6a5e4d3c"
_READERS = "Who may read the project."
_WRITERS = "Who may write to the project."
_DONE = {"event": "success", "id": "b0d4f8a2-6c1e-4a3b-9d5f-7e9a1c3b5d7f"}

CALLS = (
    Call(
        name="start_project",
        noun="projects",
        summary="Start a project; one that runs stays as it is. What needs a project starts it by itself, too.",
        permission=_WRITERS,
        parameters=StartProjectParameters,
        answers=(Success,),
        handler=start_project,
        examples=(Example("Start a project before the lesson", {"project_id": _PROJECT}, _DONE),),
    ),
    Call(
        name="stop_project",
        noun="projects",
        summary="Stop a project with everything that runs in it; its files stay.",
        permission=_WRITERS,
        parameters=ProjectRunParameters,
        answers=(Success,),
        handler=stop_project,
        examples=(Example("Stop a project", {"project_id": _PROJECT}, _DONE),),
    ),
    Call(
        name="restart_project",
        noun="projects",
        summary="Stop a project and start it again, which also gives it new limits.",
        permission=_WRITERS,
        parameters=ProjectRunParameters,
        answers=(Success,),
        handler=restart_project,
        examples=(Example("Restart a project", {"project_id": _PROJECT}, _DONE),),
    ),
    Call(
        name="get_project_state",
        noun="projects",
        summary="Tell whether a project runs, since when, and why not.",
        permission=_READERS,
        parameters=ProjectRunParameters,
        answers=(ProjectState,),
        handler=get_project_state,
        examples=(
            Example(
                "Does it run?",
                {"project_id": _PROJECT},
                {
                    "event": "project_state",
                    "id": "c1e5a9b3-7d2f-4b4c-8e6a-8fab2d4c6e80",
                    "project_id": _PROJECT,
                    "state": "running",
                    "time": "2026-05-01T09:30:00.125Z",
                },
            ),
        ),
    ),
)
