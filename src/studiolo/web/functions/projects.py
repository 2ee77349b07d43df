"""Projects as a whole."""

from typing import Any

from pydantic import Field

from studiolo.core.clock import iso_milliseconds
from studiolo.core.errors import NotFound
from studiolo.core.ids import ProjectId
from studiolo.core.models import Project
from studiolo.web.api_v1.parameters import Flag, Integer, Text
from studiolo.web.functions.registry import Context, Function, Given
from studiolo.web.functions.system import InProject

MIB = 1024 * 1024


class CreateGiven(Given):
    """What a new project is called."""

    title: Text = ""
    description: Text = ""
    start: Flag = False


class UpdateGiven(Given):
    """What is to change of a project."""

    project_id: Text
    title: Text | None = None
    description: Text | None = None
    name: Text | None = None


class ListGiven(Given):
    """Which projects are wanted."""

    limit: Integer = Field(default=100, description="At most so many, the one edited last first.")


class FindGiven(Given):
    """Which project is wanted."""

    project_id: Text | None = None
    title: Text | None = None


async def create(context: Context, given: CreateGiven) -> dict[str, Any]:
    """Make a project that the caller owns."""
    made = await context.services.projects.create(context.principal, given.title, given.description, start=given.start)
    return {"project_id": made.project_id}


async def start(context: Context, given: InProject) -> None:
    """Start a project and wait for it."""
    await context.services.projects.start(context.principal, ProjectId(given.project_id))


async def stop(context: Context, given: InProject) -> None:
    """Stop a project and wait for it."""
    await context.services.projects.stop(context.principal, ProjectId(given.project_id))


async def touch(context: Context, given: InProject) -> None:
    """Say that a project is in use."""
    await context.services.projects.touch(context.principal, ProjectId(given.project_id))


async def delete(context: Context, given: InProject) -> None:
    """Mark a project as deleted."""
    await context.services.projects.delete(context.principal, ProjectId(given.project_id))


async def restore(context: Context, given: InProject) -> None:
    """Take back that a project was deleted."""
    await context.services.projects.restore(context.principal, ProjectId(given.project_id))


async def update(context: Context, given: UpdateGiven) -> None:
    """Change a project's title, description or name."""
    projects = context.services.projects
    await projects.update(
        context.principal, ProjectId(given.project_id), title=given.title, description=given.description
    )
    if given.name is not None:
        change = {"projects": {"project_id": given.project_id, "name": given.name}}
        await context.services.queries.run(context.principal, change)


async def state(context: Context, given: InProject) -> dict[str, Any]:
    """Return whether a project runs."""
    project = await context.services.projects.get(context.principal, ProjectId(given.project_id))
    return _state(project)


async def status(context: Context, given: InProject) -> dict[str, Any]:
    """Return what a project uses now."""
    found = await context.services.project_statuses.get(context.principal, ProjectId(given.project_id))
    answer: dict[str, Any] = {"state": found.state.value, "project": {"pid": found.agent_pid}}
    if found.state_changed_at is not None:
        answer["start_ts"] = int(found.state_changed_at.timestamp() * 1000)
    used = found.memory_bytes
    answer |= {
        "version": found.agent_version,
        "memory": None if used is None else {"rss": used, "MB": round(used / MIB, 1)},
        "open_documents": found.open_documents,
        "kernels": found.kernels,
        "idle_seconds": found.idle_seconds,
    }
    return {name: value for name, value in answer.items() if value is not None}


async def list_projects(context: Context, given: ListGiven) -> list[dict[str, Any]]:
    """Return the caller's projects."""
    found = await context.services.projects.list_for(context.principal)
    limit = 100 if given.limit is None else max(0, given.limit)
    return [_row(one) for one in found[:limit]]


async def find(context: Context, given: FindGiven) -> dict[str, Any]:
    """Return one project, by its id or title, or the newest."""
    if given.project_id is not None:
        return _row(await context.services.projects.get(context.principal, ProjectId(given.project_id)))
    found = await context.services.projects.list_for(context.principal)
    for one in found:
        if given.title is None or one.title == given.title:
            return _row(one)
    raise NotFound("There is no such project.")


def _state(project: Project) -> dict[str, Any]:
    answer = {"state": project.state.value}
    if project.state_changed_at is not None:
        answer["time"] = iso_milliseconds(project.state_changed_at)
    if project.state_error is not None:
        answer["reason"] = project.state_error
    return answer


def _row(project: Project) -> dict[str, Any]:
    edited_at = project.last_edited_at
    return {
        "project_id": project.project_id,
        "title": project.title,
        "description": project.description,
        "name": project.settings.get("name"),
        "state": _state(project),
        "last_edited": iso_milliseconds(edited_at) if edited_at is not None else None,
        "created": iso_milliseconds(project.created_at),
    }


_READERS = "Who may read the project."
_WRITERS = "Who may write to the project."
_OWNERS = "Owners of the project and administrators."

FUNCTIONS = (
    Function(
        "Make a project; the caller becomes its owner.",
        "Any account.",
        CreateGiven,
        create,
        hub="projects.createProject",
        v2="projects/create",
        bare="project_id",
    ),
    Function("Start a project and wait for it.", _WRITERS, InProject, start, hub="projects.start", v2="projects/start"),
    Function("Stop a project and wait for it.", _WRITERS, InProject, stop, hub="projects.stop", v2="projects/stop"),
    Function(
        "Say that a project is in use; a stopped one starts in the background.",
        _WRITERS,
        InProject,
        touch,
        hub="projects.touch",
        v2="projects/touch",
    ),
    Function("The same, by another name.", _WRITERS, InProject, touch, hub="db.touch"),
    Function(
        "Mark a project as deleted and stop it.",
        _OWNERS,
        InProject,
        delete,
        hub="projects.deleteProject",
        v2="projects/delete",
    ),
    Function("Take back that a project was deleted.", _OWNERS, InProject, restore, v2="projects/restore"),
    Function("Change title, description or name.", _WRITERS, UpdateGiven, update, v2="projects/update"),
    Function("Return whether a project runs.", _READERS, InProject, state, hub="projects.state", v2="projects/state"),
    Function(
        "Return what a project uses now; a stopped one stays so.", _READERS, InProject, status, hub="projects.status"
    ),
    Function("Return the caller's projects.", "Any key.", ListGiven, list_projects, v2="projects/get"),
    Function("Return one project by its id or title.", _READERS, FindGiven, find, v2="projects/get-one"),
)
