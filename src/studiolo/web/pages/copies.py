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
from studiolo.core.models import CopyMode, CopyOperation, CopyState
from studiolo.core.settings import Settings
from studiolo.domain.copies import Copies
from studiolo.domain.copy_overviews import MOST_UNFINISHED, CopyOverviews, CopySeen
from studiolo.web.frame.shell import ShellPage, Shells
from studiolo.web.pages.amounts import count_words, size_words
from studiolo.web.pages.forms import read_form
from studiolo.web.pages.projects import belongs_in_shell
from studiolo.web.pages.rendering import Pages, redirect
from studiolo.web.pages.visitors import Visitors

REFRESH_SECONDS = 3
_STATE_WORDS: dict[CopyState, str] = {
    "waiting": "Waiting",
    "running": "Copying",
    "done": "Done",
    "missing": "There is no such file or directory",
    "failed": "Failed",
    "cancelled": "Cancelled",
}
_KIND_WORDS: dict[CopyMode, str] = {"revise": "Revision", "rehearse": "Dry run of a revision"}
_REPORT_WORDS = (
    ("files", "copied"),
    ("added", "added"),
    ("updated", "updated"),
    ("merged", "merged"),
    ("kept", "kept as they were changed here"),
    ("conflicts", "put beside"),
    ("unchanged", "unchanged"),
    ("deleted", "deleted"),
    ("failed", "failed"),
)
_NAMES_SHOWN = 20


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
        overview = await self._overviews.of(visitor.principal, _project_id(request))
        is_paused = "paused" in request.query_params
        now = self._clock.now()
        return self._pages.render(
            "copies.html",
            visitor,
            project=overview.project,
            unfinished=[_row(seen, now) for seen in overview.unfinished],
            finished=[_row(seen, now) for seen in overview.finished],
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


def _project_id(request: Request) -> ProjectId:
    project_id = request.path_params["project_id"]
    if not is_uuid(project_id):
        raise ProjectNotFound("There is no such project.")
    return ProjectId(project_id)


def _address(request: Request) -> str:
    return f"/projects/{_project_id(request)}/copies"


def _row(seen: CopySeen, now: datetime) -> dict[str, Any]:
    copy = seen.copy
    report = copy.report or {}
    return {
        "copy_id": copy.copy_id,
        "state": seen.state,
        "state_words": "Stopping" if copy.is_cancelled and copy.finished_at is None else _STATE_WORDS[seen.state],
        "kind_words": _KIND_WORDS.get(copy.mode, ""),
        "is_incoming": seen.is_incoming,
        "is_inside": copy.source_project_id == copy.target_project_id,
        "other": seen.other,
        "source_path": copy.source_path,
        "target_path": copy.target_path,
        "done": copy.bytes_done,
        "total": copy.bytes_total,
        "progress_words": _progress_words(copy, now),
        "when": _when(copy),
        "error": copy.error,
        "report_words": _report_words(report),
        "conflicts": _texts(report.get("conflict_paths")),
        "failures": _texts(report.get("failures")),
        "may_cancel": seen.may_change and copy.finished_at is None and not copy.is_cancelled,
        "may_retry": seen.may_change and copy.error is not None and copy.mode != "snapshot",
    }


def _progress_words(copy: CopyOperation, now: datetime) -> str:
    if copy.finished_at is not None or copy.bytes_done is None or copy.started_at is None:
        return ""
    words = f"{size_words(copy.bytes_done)} of {size_words(copy.bytes_total)}" if copy.bytes_total else ""
    seconds = (now - copy.started_at).total_seconds()
    rate = f"{size_words(copy.bytes_done / seconds)} a second" if seconds >= 1 else ""
    files = count_words(copy.files_done or 0, "file", "files")
    return " · ".join(part for part in (words or size_words(copy.bytes_done), files, rate) if part)


def _report_words(report: dict[str, Any]) -> str:
    numbers = [(report.get(name), words) for name, words in _REPORT_WORDS]
    return ", ".join(f"{number:,} {words}" for number, words in numbers if isinstance(number, int) and number)


def _texts(found: object) -> list[Any]:
    return found[:_NAMES_SHOWN] if isinstance(found, list) else []  # pyright: ignore[reportUnknownVariableType] - shown as text


def _when(copy: CopyOperation) -> str:
    if copy.finished_at is not None:
        return f"ended {copy.finished_at:%Y-%m-%d %H:%M}"
    if copy.started_at is not None:
        return f"began {copy.started_at:%Y-%m-%d %H:%M}"
    if copy.scheduled_at is not None:
        return f"not before {copy.scheduled_at:%Y-%m-%d %H:%M}"
    return f"ordered {copy.created_at:%Y-%m-%d %H:%M}"
