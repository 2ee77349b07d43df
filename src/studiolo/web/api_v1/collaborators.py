"""People in projects."""

from typing import Literal

from pydantic import Field

from studiolo.core.ids import ProjectId
from studiolo.domain.invitations import InvitationText
from studiolo.web.api_v1.answers import Success
from studiolo.web.api_v1.parameters import Answer, Parameters, Text, TextOrTexts
from studiolo.web.api_v1.registry import Call, CallContext, Example


class InviteCollaboratorParameters(Parameters):
    """What `invite_collaborator` takes."""

    project_id: Text
    account_id: Text = Field(description="Becomes a collaborator at once.")
    title: Text | None = Field(default=None, description="The project's title, for the mail.")
    link2proj: Text | None = Field(default=None, description="The project's address, for the mail.")
    replyto: Text | None = Field(default=None, description="Address for answers to the mail.")
    replyto_name: Text | None = Field(default=None, description="Name beside that address.")
    email: Text | None = Field(default=None, description="The mail's text; without it no mail is sent.")
    subject: Text | None = Field(default=None, description="The mail's subject.")


class AddCollaboratorParameters(Parameters):
    """What `add_collaborator` takes."""

    account_id: TextOrTexts = Field(description="One, or a list as long as the other.")
    project_id: TextOrTexts | None = Field(default=None, description="One, or a list; not needed with `token_id`.")
    token_id: TextOrTexts | None = Field(
        default=None, description="Instead of `project_id`: a token of the project, which adds one's own account."
    )


class CollaboratorAdded(Answer):
    """The accounts are in the projects."""

    event: Literal["success"] = "success"
    project_id: str | list[str] | None = Field(default=None, description="Where a token led to.")


class RemoveCollaboratorParameters(Parameters):
    """What `remove_collaborator` takes."""

    project_id: Text
    account_id: Text = Field(description="Owners, and who is not there, are passed over in silence.")


class InviteNoncloudCollaboratorsParameters(Parameters):
    """What `invite_noncloud_collaborators` takes."""

    project_id: Text
    to: Text = Field(description="E-mail addresses between commas, semicolons or spaces.")
    email: Text = Field(description="The mail's text.")
    title: Text = Field(description="The project's title, for the mail.")
    link2proj: Text = Field(description="The project's address, for the mail.")
    replyto: Text | None = Field(default=None, description="Address for answers to the mail.")
    replyto_name: Text | None = Field(default=None, description="Name beside that address.")
    subject: Text | None = Field(default=None, description="The mail's subject.")


class NoncloudInvited(Answer):
    """The people are invited."""

    event: Literal["invite_noncloud_collaborators_resp"] = "invite_noncloud_collaborators_resp"
    mesg: str


async def invite_collaborator(context: CallContext, parameters: InviteCollaboratorParameters) -> Success:
    """Add an account to a project, and mail it."""
    await context.services.invitations.invite(
        context.principal, ProjectId(parameters.project_id), parameters.account_id, _text(parameters)
    )
    return Success()


async def add_collaborator(context: CallContext, parameters: AddCollaboratorParameters) -> CollaboratorAdded:
    """Add accounts to projects."""
    found = await context.services.collaborators.add(
        context.principal,
        _several(parameters.account_id),
        _several(parameters.project_id),
        _several(parameters.token_id),
    )
    if parameters.token_id is None:
        return CollaboratorAdded()
    return CollaboratorAdded(project_id=found[0] if isinstance(parameters.token_id, str) else list(found))


async def remove_collaborator(context: CallContext, parameters: RemoveCollaboratorParameters) -> Success:
    """Take an account out of a project."""
    await context.services.collaborators.remove(
        context.principal, ProjectId(parameters.project_id), parameters.account_id
    )
    return Success()


async def invite_noncloud_collaborators(
    context: CallContext, parameters: InviteNoncloudCollaboratorsParameters
) -> NoncloudInvited:
    """Invite people by their e-mail addresses."""
    await context.services.invitations.invite_by_mail(
        context.principal, ProjectId(parameters.project_id), parameters.to, _text(parameters)
    )
    return NoncloudInvited(mesg=f"Invited {parameters.to} to collaborate on a project.")


def _text(parameters: InviteCollaboratorParameters | InviteNoncloudCollaboratorsParameters) -> InvitationText:
    return InvitationText(
        body=parameters.email,
        subject=parameters.subject,
        title=parameters.title,
        link=parameters.link2proj,
        reply_to=parameters.replyto,
        reply_to_name=parameters.replyto_name,
    )


def _several(given: str | list[str] | None) -> list[str]:
    return [given] if isinstance(given, str) else given or []


_PROJECT = "2f5b3c4e-6d1a-4a4e-9c0d-7b8f6a5e4d3c"
_STUDENT = "99ebde5c-58f8-4e29-b6e4-b55b8fd71a1b"
_WRITERS = "Owners and collaborators of the project, administrators, the project's own key."

CALLS = (
    Call(
        name="invite_collaborator",
        noun="collaborators",
        summary="Add an account to a project as a collaborator, and mail it, at most once a week.",
        permission=_WRITERS,
        parameters=InviteCollaboratorParameters,
        answers=(Success,),
        handler=invite_collaborator,
        examples=(
            Example(
                "Add a student and say so by mail",
                {
                    "project_id": _PROJECT,
                    "account_id": _STUDENT,
                    "subject": "Our project",
                    "email": "Please have a look at the second sheet.",
                },
                {"event": "success", "id": "7a6c5b4d-3e2f-4a1b-9c0d-9e8f7a6b5c4d"},
            ),
        ),
    ),
    Call(
        name="add_collaborator",
        noun="collaborators",
        summary="Add one account or many to projects; or one's own account with a project's token.",
        permission=_WRITERS + " With a token: any account, for itself.",
        parameters=AddCollaboratorParameters,
        answers=(CollaboratorAdded,),
        handler=add_collaborator,
        examples=(
            Example(
                "Add a student to two projects",
                {
                    "account_id": [_STUDENT, _STUDENT],
                    "project_id": [_PROJECT, "83d6c5a1-0b64-4a5e-a1c9-9a1d3a7f6b20"],
                },
                {"event": "success", "id": "8b7d6c5e-4f3a-4b2c-8d1e-0f9a8b7c6d5e"},
            ),
        ),
    ),
    Call(
        name="remove_collaborator",
        noun="collaborators",
        summary="Take an account out of a project. An owner stays.",
        permission=_WRITERS + " Everybody, for the own account.",
        parameters=RemoveCollaboratorParameters,
        answers=(Success,),
        handler=remove_collaborator,
        examples=(
            Example(
                "Remove a student",
                {"project_id": _PROJECT, "account_id": _STUDENT},
                {"event": "success", "id": "9c8e7d6f-5a4b-4c3d-9e2f-1a0b9c8d7e6f"},
            ),
        ),
    ),
    Call(
        name="invite_noncloud_collaborators",
        noun="collaborators",
        summary="Invite people by e-mail address. Who has an account is added at once; for the others a place waits "
        "for 14 days until an account with their address is made.",
        permission=_WRITERS,
        parameters=InviteNoncloudCollaboratorsParameters,
        answers=(NoncloudInvited,),
        handler=invite_noncloud_collaborators,
        examples=(
            Example(
                "Invite somebody new",
                {
                    "project_id": _PROJECT,
                    "to": "emmy@example.edu",
                    "email": "Please work with us on the homework.",
                    "title": "Homework 3",
                    "link2proj": "https://studiolo.example.edu/projects/" + _PROJECT,
                },
                {
                    "event": "invite_noncloud_collaborators_resp",
                    "id": "0d9f8e7a-6b5c-4d4e-8f3a-2b1c0d9e8f7a",
                    "mesg": "Invited emmy@example.edu to collaborate on a project.",
                },
            ),
        ),
    ),
)
