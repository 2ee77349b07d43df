"""People in projects."""

from studiolo.core.errors import InvalidRequest
from studiolo.core.ids import ProjectId
from studiolo.core.models import Role
from studiolo.web.api_v1.parameters import Text
from studiolo.web.api_v1.registry import Call, CallContext, Example, Form
from studiolo.web.doors.shapes import Given, InProject, Reply


class ChangeRoleGiven(Given):
    """Who becomes what."""

    project_id: Text
    target_account_id: Text
    new_group: Text


class Person(Reply):
    """Somebody in a project."""

    account_id: str
    first_name: str
    last_name: str
    group: str


async def set_collaborator_role(context: CallContext, given: ChangeRoleGiven) -> None:
    """Change what an account is in a project."""
    if given.new_group not in tuple(Role):
        raise InvalidRequest(f"new_group must be one of {', '.join(Role)}")
    await context.services.collaborators.set_role(
        context.principal, ProjectId(given.project_id), given.target_account_id, Role(given.new_group)
    )


async def list_collaborators(context: CallContext, given: InProject) -> list[Person]:
    """Return the people of a project."""
    project = await context.services.projects.get(context.principal, ProjectId(given.project_id))
    ids = [person.account_id for person in project.collaborators]
    known = await context.services.account_search.names(context.principal, ids)
    return [
        Person(
            account_id=person.account_id,
            first_name=account.first_name if account is not None else "",
            last_name=account.last_name if account is not None else "",
            group=person.role.value,
        )
        for person in project.collaborators
        for account in [known.get(person.account_id)]
    ]


_PROJECT = "2f5b3c4e-6d1a-4a4e-9c0d-7b8f6a5e4d3c"
_STUDENT = "99ebde5c-58f8-4e29-b6e4-b55b8fd71a1b"
_ADMIN = "2f4cd30d-a5b5-4cb1-8a7c-1de9b0a4a4e6"

FORMS = {
    "add_collaborator": (Form(hub="projects.addCollaborator", v2="projects/collaborators/add", only=()),),
    "remove_collaborator": (Form(hub="projects.removeCollaborator", v2="projects/collaborators/remove"),),
    "invite_collaborator": (Form(hub="projects.inviteCollaborator"),),
}

CALLS = (
    Call(
        name="set_collaborator_role",
        noun="collaborators",
        summary="Change what an account is in a project.",
        permission="Owners of the project and administrators.",
        parameters=ChangeRoleGiven,
        handler=set_collaborator_role,
        is_over_v1=False,
        forms=(Form(hub="projects.changeUserType", v2="projects/collaborators/change-user-type"),),
        examples=(
            Example(
                "Make a collaborator an owner",
                {"project_id": _PROJECT, "target_account_id": _ADMIN, "new_group": "owner"},
                {"status": "ok"},
            ),
        ),
    ),
    Call(
        name="list_collaborators",
        noun="collaborators",
        summary="Return the people of a project.",
        permission="Who may read the project.",
        parameters=InProject,
        handler=list_collaborators,
        is_over_v1=False,
        forms=(Form(v2="projects/collaborators/list"),),
        examples=(
            Example(
                "Who is in the project?",
                {"project_id": _PROJECT},
                [{"account_id": _ADMIN, "first_name": "Admin", "last_name": "Example", "group": "owner"}],
            ),
        ),
    ),
)
