"""Finding accounts."""

from datetime import datetime
from typing import Literal

from pydantic import Field

from studiolo.domain.account_search import FoundAccount
from studiolo.web.api_v1.parameters import Answer, Flag, Integer, Parameters, Shape, Text, Texts
from studiolo.web.api_v1.registry import Call, CallContext, Example


class GetUsernamesParameters(Parameters):
    """What `get_usernames` takes."""

    account_ids: Texts


class Username(Shape):
    """How a person is called."""

    first_name: str
    last_name: str


class Usernames(Answer):
    """The names by id; false for an id that is nobody's."""

    event: Literal["usernames"] = "usernames"
    usernames: dict[str, Username | Literal[False]]


async def get_usernames(context: CallContext, parameters: GetUsernamesParameters) -> Usernames:
    """Return the names of accounts."""
    found = await context.services.account_search.names(context.principal, parameters.account_ids)
    names: dict[str, Username | Literal[False]] = {
        account_id: Username(first_name=one.first_name, last_name=one.last_name) if one is not None else False
        for account_id, one in found.items()
    }
    return Usernames(usernames=names)


class UserSearchParameters(Parameters):
    """What `user_search` takes."""

    query: Text = Field(
        description="An account's id, e-mail addresses, or words of names (`@name` for a whole user name); "
        "several between commas."
    )
    admin: Flag = Field(default=False, description="Search as an administrator: addresses and unlisted accounts show.")
    active: Text = Field(default="", description="Only who was in use within an interval, such as `6 months`.")
    limit: Integer = Field(default=20, description="Most results; at most 50 but for administrators.")


class UserSearchResult(Shape):
    """An account; moments are milliseconds since 1970."""

    account_id: str
    first_name: str
    last_name: str
    name: str | None = None
    last_active: int | None = None
    created: int
    email_address: str | None = Field(default=None, description="Only for who was found by it, and administrators.")


class UserSearchResults(Answer):
    """Who was found, the ones last active first; who was found twice is there twice."""

    event: Literal["user_search_results"] = "user_search_results"
    results: list[UserSearchResult]


async def user_search(context: CallContext, parameters: UserSearchParameters) -> UserSearchResults:
    """Find accounts."""
    found = await context.services.account_search.search(
        context.principal,
        parameters.query,
        is_admin_search=parameters.admin,
        active=parameters.active,
        limit=20 if parameters.limit is None else parameters.limit,
    )
    return UserSearchResults(results=[_result(one) for one in found])


def _result(found: FoundAccount) -> UserSearchResult:
    account = found.account
    return UserSearchResult(
        account_id=account.account_id,
        first_name=account.first_name,
        last_name=account.last_name,
        name=account.settings.get("name"),
        last_active=_milliseconds(account.last_active_at) if account.last_active_at is not None else None,
        created=_milliseconds(account.created_at),
        email_address=account.email_address if found.shows_email_address else None,
    )


def _milliseconds(moment: datetime) -> int:
    return int(moment.timestamp() * 1000)


CALLS = (
    Call(
        name="get_usernames",
        noun="accounts",
        summary="Learn how people are called, by the ids of their accounts.",
        permission="Any key.",
        parameters=GetUsernamesParameters,
        answers=(Usernames,),
        handler=get_usernames,
        examples=(
            Example(
                "Name one person; the other id is nobody's",
                {
                    "account_ids": ["99ebde5c-58f8-4e29-b6e4-b55b8fd71a1b", "00000000-0000-4000-8000-000000000000"],
                },
                {
                    "event": "usernames",
                    "id": "2b1d0c9e-8f7a-4b6c-8d5e-4f3a2b1c0d9e",
                    "usernames": {
                        "99ebde5c-58f8-4e29-b6e4-b55b8fd71a1b": {"first_name": "Student", "last_name": "Example"},
                        "00000000-0000-4000-8000-000000000000": False,
                    },
                },
            ),
        ),
    ),
    Call(
        name="user_search",
        noun="accounts",
        summary="Find accounts by id, by e-mail address or by name. Unlisted accounts are never found by name.",
        permission="Any account; `admin` is for administrators.",
        parameters=UserSearchParameters,
        answers=(UserSearchResults,),
        handler=user_search,
        examples=(
            Example(
                "Find a person by address",
                {"query": "student@example.edu"},
                {
                    "event": "user_search_results",
                    "id": "3c2e1d0f-9a8b-4c7d-9e6f-5a4b3c2d1e0f",
                    "results": [
                        {
                            "account_id": "99ebde5c-58f8-4e29-b6e4-b55b8fd71a1b",
                            "first_name": "Student",
                            "last_name": "Example",
                            "created": 1767268800000,
                            "email_address": "student@example.edu",
                        }
                    ],
                },
            ),
        ),
    ),
)
