"""Long lists, page by page: projects, and for administrators accounts."""

from typing import Literal

from pydantic import Field

from studiolo.core.ids import AccountId
from studiolo.core.models import Account, Project
from studiolo.domain.account_lists import AccountsWanted
from studiolo.web.api_v1.audit import CURSOR, LIMIT
from studiolo.web.api_v1.parameters import Answer, Flag, Integer, Moment, Parameters, Shape, Text
from studiolo.web.api_v1.registry import Call, CallContext, Example

_NEXT = "Missing on the last page."


class ListProjectsParameters(Parameters):
    """What `list_projects` takes."""

    account_id: Text | None = Field(default=None, description="For administrators: whose projects; else one's own.")
    all: Flag = Field(default=False, description="For administrators: everybody's projects.")
    deleted: Flag = Field(default=False, description="Also those that are deleted.")
    cursor: Text | None = Field(default=None, description=CURSOR)
    limit: Integer = Field(default=100, description=LIMIT)


class ListedProject(Shape):
    """A project."""

    project_id: str
    title: str
    description: str
    state: str
    is_deleted: bool
    created: Moment
    last_edited: Moment | None = None
    last_active: Moment | None = None
    people: dict[str, str] = Field(description="The role of each account in it.")


class ProjectList(Answer):
    """Projects, the newest first."""

    event: Literal["project_list"] = "project_list"
    projects: list[ListedProject]
    next_cursor: str | None = Field(default=None, description=_NEXT)


class ListAccountsParameters(Parameters):
    """What `list_accounts` takes; what is not given does not narrow it down."""

    search: Text | None = Field(default=None, description="A part of the name or of the e-mail address.")
    banned: Flag | None = Field(default=None, description="true: only banned accounts; false: none of them.")
    admin: Flag | None = Field(default=None, description="true: only administrators; false: none of them.")
    deleted: Flag = Field(default=False, description="Also those that are deleted.")
    cursor: Text | None = Field(default=None, description=CURSOR)
    limit: Integer = Field(default=100, description=LIMIT)


class ListedAccount(Shape):
    """An account."""

    account_id: str
    email_address: str | None = None
    first_name: str
    last_name: str
    is_admin: bool
    is_banned: bool
    is_deleted: bool
    created: Moment
    last_active: Moment | None = None


class AccountList(Answer):
    """Accounts, in the order of their ids."""

    event: Literal["account_list"] = "account_list"
    accounts: list[ListedAccount]
    next_cursor: str | None = Field(default=None, description=_NEXT)


async def list_projects(context: CallContext, parameters: ListProjectsParameters) -> ProjectList:
    """List projects."""
    page = await context.services.projects.list_page(
        context.principal,
        account_id=None if parameters.account_id is None else AccountId(parameters.account_id),
        is_every=parameters.all,
        with_deleted=parameters.deleted,
        cursor=parameters.cursor,
        limit=parameters.limit,
    )
    return ProjectList(projects=[_project(one) for one in page.items], next_cursor=page.next_cursor)


async def list_accounts(context: CallContext, parameters: ListAccountsParameters) -> AccountList:
    """List accounts."""
    wanted = AccountsWanted(parameters.search, parameters.banned, parameters.admin, parameters.deleted)
    page = await context.services.account_lists.list(
        context.principal, wanted, cursor=parameters.cursor, limit=parameters.limit
    )
    return AccountList(accounts=[_account(one) for one in page.items], next_cursor=page.next_cursor)


def _project(project: Project) -> ListedProject:
    return ListedProject(
        project_id=project.project_id,
        title=project.title,
        description=project.description,
        state=project.state.value,
        is_deleted=project.is_deleted,
        created=project.created_at,
        last_edited=project.last_edited_at,
        last_active=project.last_active_at,
        people={one.account_id: one.role.value for one in project.collaborators},
    )


def _account(account: Account) -> ListedAccount:
    return ListedAccount(
        account_id=account.account_id,
        email_address=account.email_address,
        first_name=account.first_name,
        last_name=account.last_name,
        is_admin=account.is_admin,
        is_banned=account.is_banned,
        is_deleted=account.is_deleted,
        created=account.created_at,
        last_active=account.last_active_at,
    )


_STUDENT = "99ebde5c-58f8-4e29-b6e4-b55b8fd71a1b"

CALLS = (
    Call(
        name="list_projects",
        noun="projects",
        summary="List projects page by page, the newest first.",
        permission="Any key lists its own; administrators those of others.",
        parameters=ListProjectsParameters,
        answers=(ProjectList,),
        handler=list_projects,
        examples=(
            Example(
                "The newest project",
                {"limit": 1},
                {
                    "event": "project_list",
                    "id": "e307cbd5-9f41-4d6e-a08c-a1cd4f6e80a2",
                    "projects": [
                        {
                            "project_id": "2f5b3c4e-6d1a-4a4e-9c0d-7b8f6a5e4d3c",
                            "title": "Homework 3",
                            "description": "",
                            "state": "running",
                            "is_deleted": False,
                            "created": "2026-05-01T09:30:00.125Z",
                            "last_edited": "2026-05-01T09:30:00.125Z",
                            "people": {"2f4cd30d-a5b5-4cb1-8a7c-1de9b0a4a4e6": "owner"},
                        }
                    ],
                    "next_cursor": "WzE3XQ",
                },
            ),
        ),
    ),
    Call(
        name="list_accounts",
        noun="accounts",
        summary="List accounts page by page.",
        permission="Administrators.",
        parameters=ListAccountsParameters,
        answers=(AccountList,),
        handler=list_accounts,
        examples=(
            Example(
                "Find a student",
                {"search": "student@"},
                {
                    "event": "account_list",
                    "id": "f418dce6-a052-4e7f-b19d-b2de5a7f91b3",
                    "accounts": [
                        {
                            "account_id": _STUDENT,
                            "email_address": "student@example.edu",
                            "first_name": "Student",
                            "last_name": "Example",
                            "is_admin": False,
                            "is_banned": False,
                            "is_deleted": False,
                            "created": "2026-01-01T12:00:00.000Z",
                        }
                    ],
                },
            ),
        ),
    ),
)
