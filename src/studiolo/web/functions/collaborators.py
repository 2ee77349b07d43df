"""People in projects."""

from typing import Any

from studiolo.core.errors import InvalidRequest
from studiolo.core.ids import ProjectId
from studiolo.core.models import Role
from studiolo.domain.invitations import InvitationText
from studiolo.web.api_v1.parameters import Text, TextOrTexts
from studiolo.web.functions.registry import Context, Function, Given
from studiolo.web.functions.system import InProject


class AddGiven(Given):
    """Whom to add where; lists of the same length, or one of each."""

    account_id: TextOrTexts
    project_id: TextOrTexts | None = None
    token_id: TextOrTexts | None = None


class RemoveGiven(Given):
    """Whom to remove."""

    project_id: Text
    account_id: Text


class ChangeRoleGiven(Given):
    """Who becomes what."""

    project_id: Text
    target_account_id: Text
    new_group: Text


class InviteGiven(Given):
    """Whom to add, and what to write."""

    project_id: Text
    account_id: Text
    title: Text | None = None
    link2proj: Text | None = None
    replyto: Text | None = None
    replyto_name: Text | None = None
    email: Text | None = None
    subject: Text | None = None


async def add(context: Context, given: AddGiven) -> None:
    """Add accounts to projects."""
    await context.services.collaborators.add(
        context.principal, _several(given.account_id), _several(given.project_id), _several(given.token_id)
    )


async def remove(context: Context, given: RemoveGiven) -> None:
    """Take an account out of a project."""
    await context.services.collaborators.remove(context.principal, ProjectId(given.project_id), given.account_id)


async def change_role(context: Context, given: ChangeRoleGiven) -> None:
    """Change what an account is in a project."""
    if given.new_group not in tuple(Role):
        raise InvalidRequest(f"new_group must be one of {', '.join(Role)}")
    await context.services.collaborators.set_role(
        context.principal, ProjectId(given.project_id), given.target_account_id, Role(given.new_group)
    )


async def invite(context: Context, given: InviteGiven) -> None:
    """Add an account and mail it."""
    text = InvitationText(
        body=given.email,
        subject=given.subject,
        title=given.title,
        link=given.link2proj,
        reply_to=given.replyto,
        reply_to_name=given.replyto_name,
    )
    await context.services.invitations.invite(context.principal, ProjectId(given.project_id), given.account_id, text)


async def list_people(context: Context, given: InProject) -> list[dict[str, Any]]:
    """Return the people of a project."""
    project = await context.services.projects.get(context.principal, ProjectId(given.project_id))
    ids = [person.account_id for person in project.collaborators]
    known = await context.services.account_search.names(context.principal, ids)
    return [
        {
            "account_id": person.account_id,
            "first_name": account.first_name if account is not None else "",
            "last_name": account.last_name if account is not None else "",
            "group": person.role.value,
        }
        for person in project.collaborators
        for account in [known.get(person.account_id)]
    ]


def _several(given: str | list[str] | None) -> list[str]:
    return [given] if isinstance(given, str) else given or []


_WRITERS = "Who may write to the project."

FUNCTIONS = (
    Function(
        "Add one account or many to projects.",
        _WRITERS,
        AddGiven,
        add,
        hub="projects.addCollaborator",
        v2="projects/collaborators/add",
    ),
    Function(
        "Take an account out of a project.",
        _WRITERS + " Everybody, for the own account.",
        RemoveGiven,
        remove,
        hub="projects.removeCollaborator",
        v2="projects/collaborators/remove",
    ),
    Function(
        "Change what an account is in a project.",
        "Owners of the project and administrators.",
        ChangeRoleGiven,
        change_role,
        hub="projects.changeUserType",
        v2="projects/collaborators/change-user-type",
    ),
    Function(
        "Return the people of a project.",
        "Who may read the project.",
        InProject,
        list_people,
        v2="projects/collaborators/list",
    ),
    Function(
        "Add an account to a project and mail it.", _WRITERS, InviteGiven, invite, hub="projects.inviteCollaborator"
    ),
)
