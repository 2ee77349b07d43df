"""Projects as a whole."""

from pydantic import Field

from studiolo.core.errors import NotFound
from studiolo.core.ids import AccountId, ProjectId
from studiolo.core.models import Project
from studiolo.web.api_v1.parameters import Integer, Moment, Text
from studiolo.web.api_v1.registry import Call, CallContext, Example, Form
from studiolo.web.doors.shapes import Given, InProject, Reply, SparseReply

MIB = 1024 * 1024


class ProjectChange(Given):
    """What is to change of a project."""

    project_id: Text
    title: Text | None = None
    description: Text | None = None
    name: Text | None = None


class ProjectsGiven(Given):
    """Which projects are wanted."""

    limit: Integer = Field(default=100, description="At most so many, the one edited last first.")
    account_id: Text | None = Field(default=None, description="For administrators: whose projects.")


class FindProjectGiven(Given):
    """Which project is wanted."""

    project_id: Text | None = None
    title: Text | None = None


class ProjectStateReply(SparseReply):
    """Whether a project runs, since when, and why not."""

    state: str
    time: Moment | None = None
    reason: str | None = None


class ProjectRow(Reply):
    """A project."""

    project_id: str
    title: str
    description: str
    name: str | None
    state: ProjectStateReply
    last_edited: Moment | None
    created: Moment


class AgentProcess(Reply):
    """The project's agent."""

    pid: int | None


class MemoryUse(Reply):
    """The memory that all processes of the project use."""

    rss: int = Field(description="Bytes.")
    MB: float


class ProjectStatusReply(SparseReply):
    """What a project uses now; what is not known is left out."""

    state: str
    project: AgentProcess
    start_ts: int | None = Field(default=None, description="Milliseconds since 1970.")
    version: str | None = None
    disk_MB: float | None = Field(default=None, description="What the home takes on disk, if it could be counted.")
    memory: MemoryUse | None = None
    open_documents: int | None = None
    kernels: int | None = None
    idle_seconds: float | None = None


async def start_project(context: CallContext, given: InProject) -> None:
    """Start a project and wait for it."""
    await context.services.projects.start(context.principal, ProjectId(given.project_id))


async def stop_project(context: CallContext, given: InProject) -> None:
    """Stop a project and wait for it."""
    await context.services.projects.stop(context.principal, ProjectId(given.project_id))


async def delete_project(context: CallContext, given: InProject) -> None:
    """Mark a project as deleted."""
    await context.services.projects.delete(context.principal, ProjectId(given.project_id))


async def restore_project(context: CallContext, given: InProject) -> None:
    """Take back that a project was deleted."""
    await context.services.projects.restore(context.principal, ProjectId(given.project_id))


async def update_project(context: CallContext, given: ProjectChange) -> None:
    """Change a project's title, description or name."""
    projects = context.services.projects
    await projects.update(
        context.principal, ProjectId(given.project_id), title=given.title, description=given.description
    )
    if given.name is not None:
        change = {"projects": {"project_id": given.project_id, "name": given.name}}
        await context.services.queries.run(context.principal, change)


async def get_project_state(context: CallContext, given: InProject) -> ProjectStateReply:
    """Return whether a project runs."""
    project = await context.services.projects.get(context.principal, ProjectId(given.project_id))
    return _state(project)


async def get_project_status(context: CallContext, given: InProject) -> ProjectStatusReply:
    """Return what a project uses now."""
    found = await context.services.project_statuses.get(context.principal, ProjectId(given.project_id))
    started_at, used, on_disk = found.state_changed_at, found.memory_bytes, found.disk_bytes
    return ProjectStatusReply(
        state=found.state.value,
        project=AgentProcess(pid=found.agent_pid),
        start_ts=None if started_at is None else int(started_at.timestamp() * 1000),
        version=found.agent_version,
        disk_MB=None if on_disk is None else round(on_disk / MIB, 1),
        memory=None if used is None else MemoryUse(rss=used, MB=round(used / MIB, 1)),
        open_documents=found.open_documents,
        kernels=found.kernels,
        idle_seconds=found.idle_seconds,
    )


async def list_projects(context: CallContext, given: ProjectsGiven) -> list[ProjectRow]:
    """Return the caller's projects, or for administrators an account's."""
    whose = AccountId(given.account_id) if given.account_id else None
    found = await context.services.projects.list_for(context.principal, whose)
    limit = 100 if given.limit is None else max(0, given.limit)
    return [_row(one) for one in found[:limit]]


async def get_project(context: CallContext, given: FindProjectGiven) -> ProjectRow:
    """Return one project, by its id or title, or the newest."""
    if given.project_id is not None:
        return _row(await context.services.projects.get(context.principal, ProjectId(given.project_id)))
    found = await context.services.projects.list_for(context.principal)
    for one in found:
        if given.title is None or one.title == given.title:
            return _row(one)
    raise NotFound("There is no such project.")


def _state(project: Project) -> ProjectStateReply:
    return ProjectStateReply(state=project.state.value, time=project.state_changed_at, reason=project.state_error)


def _row(project: Project) -> ProjectRow:
    name = project.settings.get("name")
    return ProjectRow(
        project_id=project.project_id,
        title=project.title,
        description=project.description,
        name=name if isinstance(name, str) else None,
        state=_state(project),
        last_edited=project.last_edited_at,
        created=project.created_at,
    )


_PROJECT = "2f5b3c4e-6d1a-4a4e-9c0d-7b8f6a5e4d3c"
_THIS = {"project_id": _PROJECT}
_OK = {"status": "ok"}
_READERS = "Who may read the project."
_WRITERS = "Who may write to the project."
_OWNERS = "Owners of the project and administrators."
_ROW = {
    "project_id": _PROJECT,
    "title": "",
    "description": "",
    "name": None,
    "state": {"state": "running", "time": "2026-05-01T09:30:00.125Z"},
    "last_edited": "2026-05-01T09:30:00.125Z",
    "created": "2026-05-01T09:30:00.125Z",
}

FORMS = {
    "start_project": (
        Form(
            hub="projects.start",
            v2="projects/start",
            parameters=InProject,
            handler=start_project,
            examples=(Example("Start a project", _THIS, _OK),),
        ),
    ),
    "stop_project": (
        Form(
            hub="projects.stop",
            v2="projects/stop",
            parameters=InProject,
            handler=stop_project,
            examples=(Example("Stop a project", _THIS, _OK),),
        ),
        Form(
            project="system.terminate",
            parameters=InProject,
            handler=stop_project,
            examples=(Example("Stop the project", _THIS, None),),
        ),
    ),
    "get_project_state": (
        Form(
            hub="projects.state",
            v2="projects/state",
            parameters=InProject,
            handler=get_project_state,
            examples=(Example("Does it run?", _THIS, _ROW["state"]),),
        ),
    ),
    "list_projects": (
        Form(
            v2="projects/get",
            parameters=ProjectsGiven,
            handler=list_projects,
            examples=(Example("Which project was edited last?", {"limit": 1}, [_ROW]),),
        ),
    ),
    "create_project": (Form(hub="projects.createProject", v2="projects/create", bare="project_id"),),
    "touch_project": (Form(hub="projects.touch", v2="projects/touch"), Form(hub="db.touch")),
}

CALLS = (
    Call(
        name="delete_project",
        noun="projects",
        summary="Mark a project as deleted and stop it.",
        permission=_OWNERS,
        parameters=InProject,
        handler=delete_project,
        is_over_v1=False,
        forms=(Form(hub="projects.deleteProject", v2="projects/delete"),),
        examples=(Example("Delete a project", _THIS, _OK),),
    ),
    Call(
        name="restore_project",
        noun="projects",
        summary="Take back that a project was deleted.",
        permission=_OWNERS,
        parameters=InProject,
        handler=restore_project,
        is_over_v1=False,
        forms=(Form(v2="projects/restore"),),
        examples=(Example("Have a project back", _THIS, _OK),),
    ),
    Call(
        name="update_project",
        noun="projects",
        summary="Change title, description or name.",
        permission=_WRITERS,
        parameters=ProjectChange,
        handler=update_project,
        is_over_v1=False,
        forms=(Form(v2="projects/update"),),
        examples=(Example("Change the title", {**_THIS, "title": "Homework 4"}, _OK),),
    ),
    Call(
        name="get_project_status",
        noun="projects",
        summary="Return what a project uses now; a stopped one stays so.",
        permission=_READERS,
        parameters=InProject,
        handler=get_project_status,
        is_over_v1=False,
        forms=(Form(hub="projects.status"),),
        examples=(
            Example(
                "What does it use?",
                _THIS,
                {
                    "state": "running",
                    "project": {"pid": 1},
                    "start_ts": 1777627800125,
                    "version": "1",
                    "disk_MB": 12.5,
                    "memory": {"rss": 73400320, "MB": 70.0},
                    "open_documents": 1,
                    "kernels": 1,
                    "idle_seconds": 12.5,
                },
            ),
        ),
    ),
    Call(
        name="get_project",
        noun="projects",
        summary="Return one project by its id or title.",
        permission=_READERS,
        parameters=FindProjectGiven,
        handler=get_project,
        is_over_v1=False,
        forms=(Form(v2="projects/get-one"),),
        examples=(Example("Look at a project", _THIS, _ROW),),
    ),
)
