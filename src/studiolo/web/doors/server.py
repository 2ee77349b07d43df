"""The server itself."""

from datetime import datetime
from typing import Any

from pydantic import Field

from studiolo.core.ids import ProjectId
from studiolo.web.api_v1.parameters import Text, Texts
from studiolo.web.api_v1.registry import Call, CallContext, Example, Form
from studiolo.web.doors.shapes import Given, InProject, Nothing, Reply


class ErrorGiven(Given):
    """What went wrong in a client."""

    error: Text
    event: Text = "error"


class CustomizeGiven(Given):
    """Which of the site's settings are wanted; all of them if nothing is named."""

    fields: Texts = Field(default=[])


class Now(Reply):
    """The server's time."""

    now: int = Field(description="Milliseconds since 1970.")


class WhoseKey(Reply):
    """The account of the key."""

    account_id: str | None
    server_time: int = Field(description="Milliseconds since 1970.")


class WhichProject(Reply):
    """The project that the key opens."""

    project_id: str
    server_time: int = Field(description="Milliseconds since 1970.")


async def ping(context: CallContext, _given: Nothing) -> Now:
    """Tell the time."""
    return Now(now=_milliseconds(context.clock.now()))


async def whose_key(context: CallContext, _given: Nothing) -> WhoseKey:
    """Tell whose key it is."""
    return WhoseKey(account_id=context.principal.account_id, server_time=_milliseconds(context.clock.now()))


async def ping_project(context: CallContext, given: InProject) -> Now:
    """Tell the time once the project answers."""
    await context.services.project_statuses.ping(context.principal, ProjectId(given.project_id))
    return Now(now=_milliseconds(context.clock.now()))


async def which_project(context: CallContext, given: InProject) -> WhichProject:
    """Tell which project the key opens."""
    await context.services.access.project(context.principal, ProjectId(given.project_id), write=False)
    return WhichProject(project_id=given.project_id, server_time=_milliseconds(context.clock.now()))


async def log_client_error(context: CallContext, given: ErrorGiven) -> None:
    """Write down what a client reports."""
    await context.services.client_errors.record(context.principal, given.error, given.event)


async def get_site_settings(context: CallContext, given: CustomizeGiven) -> dict[str, str | int | bool | None]:
    """Return what may be known of the site by everybody."""
    settings = context.settings
    site: dict[str, Any] = {
        "siteName": "Studiolo",
        "siteDescription": "",
        "organizationName": "",
        "helpEmail": settings.help_email,
        "anonymousSignup": False,
        "emailSignup": settings.account_creation in ("anybody", "registration_token"),
        "shareServer": False,
        "isCommercial": False,
        "sshGateway": False,
        "jupyterApiEnabled": True,
        "computeServersEnabled": False,
        "serverTime": _milliseconds(context.clock.now()),
        "isAuthenticated": not context.principal.is_anonymous,
    }
    return {name: value for name, value in site.items() if not given.fields or name in given.fields}


def _milliseconds(moment: datetime) -> int:
    return int(moment.timestamp() * 1000)


_ANY = "Any account."
_PROJECT = "2f5b3c4e-6d1a-4a4e-9c0d-7b8f6a5e4d3c"
_NOW = 1777627800125

FORMS = {
    "ping": (
        Form(
            hub="system.ping",
            parameters=Nothing,
            handler=ping,
            examples=(Example("Ask for a sign of life", {}, {"now": _NOW}),),
        ),
    ),
    "log_client_error": (
        Form(
            hub="system.logClientError",
            parameters=ErrorGiven,
            handler=log_client_error,
            examples=(Example("Report an error", {"error": "TypeError: cells is undefined"}, None),),
        ),
    ),
}

CALLS = (
    Call(
        name="whose_key",
        noun="server",
        summary="Tell whose key it is.",
        permission=_ANY,
        parameters=Nothing,
        handler=whose_key,
        is_over_v1=False,
        forms=(Form(hub="system.test"),),
        examples=(
            Example(
                "Whose key is this?",
                {},
                {"account_id": "2f4cd30d-a5b5-4cb1-8a7c-1de9b0a4a4e6", "server_time": _NOW},
            ),
        ),
    ),
    Call(
        name="ping_project",
        noun="projects",
        summary="Tell the time once the project answers; a stopped one is started.",
        permission="Who may write to the project.",
        parameters=InProject,
        handler=ping_project,
        is_over_v1=False,
        forms=(Form(project="system.ping"),),
        examples=(Example("Ask a project for a sign of life", {"project_id": _PROJECT}, {"now": _NOW}),),
    ),
    Call(
        name="which_project",
        noun="projects",
        summary="Tell which project the key opens.",
        permission="Who may read the project.",
        parameters=InProject,
        handler=which_project,
        is_over_v1=False,
        forms=(Form(project="system.test"),),
        examples=(Example("Test a key", {"project_id": _PROJECT}, {"project_id": _PROJECT, "server_time": _NOW}),),
    ),
    Call(
        name="get_site_settings",
        noun="server",
        summary="Return what everybody may know of the site.",
        permission="Everybody.",
        parameters=CustomizeGiven,
        handler=get_site_settings,
        needs_key=False,
        is_over_v1=False,
        forms=(Form(hub="system.getCustomize", v2="customize", positional=("fields",)),),
        examples=(Example("What is the site called?", {"fields": ["siteName"]}, {"siteName": "Studiolo"}),),
    ),
)
