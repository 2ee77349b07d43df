"""Finding accounts."""

from datetime import datetime

from pydantic import JsonValue

from studiolo.domain.account_search import FoundAccount
from studiolo.web.api_v1.account_search import GetUsernamesParameters, UserSearchParameters
from studiolo.web.api_v1.registry import Call, CallContext, Example, Form
from studiolo.web.doors.shapes import Reply


class PersonName(Reply):
    """How a person is called and looks."""

    first_name: str
    last_name: str
    profile: JsonValue


class PersonNames(Reply):
    """The names by id; who is nobody is left out."""

    names: dict[str, PersonName]


class FoundPerson(Reply):
    """An account; moments are milliseconds since 1970."""

    account_id: str
    first_name: str
    last_name: str
    name: str | None
    last_active: int | None
    created: int
    email_address_verified: None


class FoundByAddress(FoundPerson):
    """An account that was found by its address, or by an administrator."""

    email_address: str | None


async def get_usernames(context: CallContext, given: GetUsernamesParameters) -> PersonNames:
    """Return the names of accounts, those that are nobody's left out."""
    found = await context.services.account_search.names(context.principal, given.account_ids)
    return PersonNames(
        names={
            account_id: PersonName(
                first_name=one.first_name, last_name=one.last_name, profile=one.settings.get("profile")
            )
            for account_id, one in found.items()
            if one is not None
        }
    )


async def user_search(context: CallContext, given: UserSearchParameters) -> list[FoundByAddress | FoundPerson]:
    """Find accounts."""
    limit = 20 if given.limit is None else given.limit
    found = await context.services.account_search.search(
        context.principal, given.query, is_admin_search=given.admin, active=given.active, limit=limit
    )
    return [_found(one) for one in found]


def _found(found: FoundAccount) -> FoundByAddress | FoundPerson:
    account = found.account
    seen_at, name = account.last_active_at, account.settings.get("name")
    person = FoundPerson(
        account_id=account.account_id,
        first_name=account.first_name,
        last_name=account.last_name,
        name=name if isinstance(name, str) else None,
        last_active=None if seen_at is None else _milliseconds(seen_at),
        created=_milliseconds(account.created_at),
        email_address_verified=None,
    )
    if not found.shows_email_address:
        return person
    return FoundByAddress(**person.model_dump(), email_address=account.email_address)


def _milliseconds(moment: datetime) -> int:
    return int(moment.timestamp() * 1000)


_STUDENT = "99ebde5c-58f8-4e29-b6e4-b55b8fd71a1b"

FORMS = {
    "get_usernames": (
        Form(
            hub="system.getNames",
            v2="accounts/get-names",
            handler=get_usernames,
            bare="names",
            positional=("account_ids",),
            examples=(
                Example(
                    "Name a person",
                    {"account_ids": [_STUDENT]},
                    {"names": {_STUDENT: {"first_name": "Student", "last_name": "Example", "profile": None}}},
                ),
            ),
        ),
    ),
    "user_search": (
        Form(
            hub="system.userSearch",
            v2="accounts/search",
            handler=user_search,
            examples=(
                Example(
                    "Find a person by address",
                    {"query": "student@example.edu"},
                    [
                        {
                            "account_id": _STUDENT,
                            "first_name": "Student",
                            "last_name": "Example",
                            "name": None,
                            "last_active": None,
                            "created": 1767268800000,
                            "email_address_verified": None,
                            "email_address": "student@example.edu",
                        }
                    ],
                ),
            ),
        ),
    ),
}
CALLS: tuple[Call, ...] = ()
