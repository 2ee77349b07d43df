"""The server itself, and people's names."""

from datetime import datetime
from typing import Any

from pydantic import Field

from studiolo.core.ids import ProjectId
from studiolo.domain.account_search import FoundAccount
from studiolo.web.api_v1.parameters import Flag, Integer, Text, Texts
from studiolo.web.functions.registry import Context, Function, Given, Nothing


class InProject(Given):
    """What is asked of one project."""

    project_id: Text


class NamesGiven(Given):
    """Whose names are wanted."""

    account_ids: Texts


class SearchGiven(Given):
    """Who is looked for."""

    query: Text
    limit: Integer = 20
    admin: Flag = False
    active: Text = ""


class ErrorGiven(Given):
    """What went wrong in a client."""

    error: Text
    event: Text = "error"


class CustomizeGiven(Given):
    """Which of the site's settings are wanted; all of them if nothing is named."""

    fields: Texts = Field(default=[])


async def ping(context: Context, _given: Nothing) -> dict[str, Any]:
    """Tell the time."""
    return {"now": _milliseconds(context.clock.now())}


async def whose_key(context: Context, _given: Nothing) -> dict[str, Any]:
    """Tell whose key it is."""
    return {"account_id": context.principal.account_id, "server_time": _milliseconds(context.clock.now())}


async def ping_project(context: Context, given: InProject) -> dict[str, Any]:
    """Tell the time once the project answers."""
    await context.services.project_statuses.ping(context.principal, ProjectId(given.project_id))
    return {"now": _milliseconds(context.clock.now())}


async def which_project(context: Context, given: InProject) -> dict[str, Any]:
    """Tell which project the key opens."""
    await context.services.access.project(context.principal, ProjectId(given.project_id), write=False)
    return {"project_id": given.project_id, "server_time": _milliseconds(context.clock.now())}


async def names(context: Context, given: NamesGiven) -> dict[str, Any]:
    """Return the names of accounts, those that are nobody's left out."""
    found = await context.services.account_search.names(context.principal, given.account_ids)
    return {
        "names": {
            account_id: {
                "first_name": one.first_name,
                "last_name": one.last_name,
                "profile": one.settings.get("profile"),
            }
            for account_id, one in found.items()
            if one is not None
        }
    }


async def search(context: Context, given: SearchGiven) -> list[dict[str, Any]]:
    """Find accounts."""
    limit = 20 if given.limit is None else given.limit
    found = await context.services.account_search.search(
        context.principal, given.query, is_admin_search=given.admin, active=given.active, limit=limit
    )
    return [_found(one) for one in found]


async def log_client_error(context: Context, given: ErrorGiven) -> None:
    """Write down what a client reports."""
    await context.services.client_errors.record(context.principal, given.error, given.event)


async def customize(context: Context, given: CustomizeGiven) -> dict[str, Any]:
    """Return what may be known of the site by everybody."""
    settings = context.settings
    site = {
        "siteName": "Studiolo",
        "siteDescription": "",
        "organizationName": "",
        "helpEmail": settings.help_email,
        "anonymousSignup": False,
        "emailSignup": False,
        "shareServer": False,
        "isCommercial": False,
        "sshGateway": False,
        "jupyterApiEnabled": True,
        "computeServersEnabled": False,
        "serverTime": _milliseconds(context.clock.now()),
        "isAuthenticated": not context.principal.is_anonymous,
    }
    return {name: value for name, value in site.items() if not given.fields or name in given.fields}


def _found(found: FoundAccount) -> dict[str, Any]:
    account = found.account
    seen_at = account.last_active_at
    answer: dict[str, Any] = {
        "account_id": account.account_id,
        "first_name": account.first_name,
        "last_name": account.last_name,
        "name": account.settings.get("name"),
        "last_active": None if seen_at is None else _milliseconds(seen_at),
        "created": _milliseconds(account.created_at),
        "email_address_verified": None,
    }
    return {**answer, "email_address": account.email_address} if found.shows_email_address else answer


def _milliseconds(moment: datetime) -> int:
    return int(moment.timestamp() * 1000)


_ANY = "Any account."

FUNCTIONS = (
    Function("Tell the time.", _ANY, Nothing, ping, hub="system.ping"),
    Function("Tell whose key it is.", _ANY, Nothing, whose_key, hub="system.test"),
    Function(
        "Tell the time once the project answers; a stopped one is started.",
        "Who may write to the project.",
        InProject,
        ping_project,
        project="system.ping",
    ),
    Function(
        "Tell which project the key opens.",
        "Who may read the project.",
        InProject,
        which_project,
        project="system.test",
    ),
    Function(
        "Return the names of accounts by their ids.",
        _ANY,
        NamesGiven,
        names,
        hub="system.getNames",
        v2="accounts/get-names",
        bare="names",
        positional=("account_ids",),
    ),
    Function(
        "Find accounts by names, or one by its whole e-mail address.",
        _ANY,
        SearchGiven,
        search,
        hub="system.userSearch",
        v2="accounts/search",
    ),
    Function(
        "Write down what went wrong in a client.", _ANY, ErrorGiven, log_client_error, hub="system.logClientError"
    ),
    Function(
        "Return what everybody may know of the site.",
        "Everybody.",
        CustomizeGiven,
        customize,
        hub="system.getCustomize",
        v2="customize",
        positional=("fields",),
        needs_key=False,
    ),
)
