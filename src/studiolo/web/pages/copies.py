"""The page of a project's copies: how far they are, what went wrong, and the buttons to stop or repeat them.

The page has no script, like all ordinary pages: while something moves the browser loads it again every few seconds,
until the visitor pauses that.
"""

from datetime import datetime
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from studiolo.core.clock import Clock
from studiolo.core.errors import ProjectNotFound
from studiolo.core.ids import CopyId, ProjectId, is_uuid
from studiolo.core.models import CopyGroup
from studiolo.core.settings import Settings
from studiolo.domain.copies import Copies
from studiolo.domain.copy_overviews import MOST_UNFINISHED, CopyOverviews, CopySeen
from studiolo.web.frame.shell import ShellPage, Shells
from studiolo.web.pages.copy_words import (
    KIND_WORDS,
    group_address,
    group_words,
    minute_words,
    progress_words,
    report_values,
    state_words,
    when_words,
)
from studiolo.web.pages.forms import read_form
from studiolo.web.pages.projects import belongs_in_shell
from studiolo.web.pages.rendering import Pages, redirect
from studiolo.web.pages.visitors import Visitors

REFRESH_SECONDS = 3


class CopyPages:
    """Shows a project's copies; cancels them and tries them again."""

    def __init__(
        self,
        pages: Pages,
        visitors: Visitors,
        overviews: CopyOverviews,
        copies: Copies,
        shells: Shells,
        settings: Settings,
        clock: Clock,
    ) -> None:
        self._shells = shells
        self._pages = pages
        self._visitors = visitors
        self._overviews = overviews
        self._copies = copies
        self._settings = settings
        self._clock = clock

    def routes(self) -> list[BaseRoute]:
        """Return the routes of /projects/ID/copies."""
        guarded = self._pages.guarded
        home = "/projects/{project_id}/copies"
        return [
            Route(home, guarded(self.show), methods=["GET"]),
            Route(home + "/{copy_id}/cancel", guarded(self.cancel), methods=["POST"]),
            Route(home + "/{copy_id}/retry", guarded(self.retry), methods=["POST"]),
        ]

    async def show(self, request: Request) -> Response:
        """Show what runs or waits and what ended lately; in a kiosk the banner."""
        if belongs_in_shell(request):
            return self._shells.respond(request, ShellPage("banner", request.path_params["project_id"]))
        visitor = await self._visitors.require(request)
        overview = await self._overviews.of(visitor.principal, project_id_of(request))
        is_paused = "paused" in request.query_params
        now = self._clock.now()
        return self._pages.render(
            "copies.html",
            visitor,
            project=overview.project,
            unfinished=[_row(seen, now) for seen in overview.unfinished],
            finished=[_row(seen, now) for seen in overview.finished],
            groups=[_group(group) for group in overview.groups],
            is_paused=is_paused,
            most_unfinished=MOST_UNFINISHED,
            refresh_seconds=REFRESH_SECONDS if overview.unfinished and not is_paused else None,
        )

    async def cancel(self, request: Request) -> Response:
        """Cancel a copy."""
        visitor = await self._visitors.require(request)
        await read_form(request, self._settings, visitor.secret)
        await self._copies.cancel(visitor.principal, CopyId(request.path_params["copy_id"]))
        return redirect(_address(request))

    async def retry(self, request: Request) -> Response:
        """Try a copy again."""
        visitor = await self._visitors.require(request)
        await read_form(request, self._settings, visitor.secret)
        await self._copies.retry(visitor.principal, CopyId(request.path_params["copy_id"]))
        return redirect(_address(request))


def project_id_of(request: Request) -> ProjectId:
    """Return the project in the address."""
    project_id = request.path_params["project_id"]
    if not is_uuid(project_id):
        raise ProjectNotFound("There is no such project.")
    return ProjectId(project_id)


def _address(request: Request) -> str:
    return f"/projects/{project_id_of(request)}/copies"


def _row(seen: CopySeen, now: datetime) -> dict[str, Any]:
    copy = seen.copy
    return {
        "copy_id": copy.copy_id,
        "state": seen.state,
        "state_words": state_words(copy, seen.state),
        "kind_words": KIND_WORDS.get(copy.mode, ""),
        "is_incoming": seen.is_incoming,
        "is_inside": copy.source_project_id == copy.target_project_id,
        "other": seen.other,
        "group": None if seen.group is None else _group(seen.group),
        "source_path": copy.source_path,
        "target_path": copy.target_path,
        "done": copy.bytes_done,
        "total": copy.bytes_total,
        "progress_words": progress_words(copy, now),
        "when": when_words(copy),
        "error": copy.error,
        **report_values(copy),
        "may_cancel": seen.may_change and copy.finished_at is None and not copy.is_cancelled,
        "may_retry": seen.may_change and copy.error is not None and copy.mode != "snapshot",
    }


def _group(group: CopyGroup) -> dict[str, Any]:
    return {
        "address": group_address(group),
        "words": group_words(group),
        "when": f"ordered {minute_words(group.created_at)}",
    }
