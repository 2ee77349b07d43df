"""The page of a group of copies: how far all of it is, whom it has not reached, and the buttons to stop or repeat it.

Like the page of a project's copies it has no script: while something moves the browser loads it again.
"""

from typing import Any
from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from studiolo.core.models import CopyState
from studiolo.core.settings import Settings
from studiolo.domain.copy_group_overviews import (
    WORST_FIRST,
    CopyGroupOverview,
    CopyGroupOverviews,
    MemberSeen,
    Pace,
)
from studiolo.domain.copy_groups import CopyGroups
from studiolo.web.frame.shell import ShellPage, Shells
from studiolo.web.pages.amounts import count_words, size_words
from studiolo.web.pages.copies import REFRESH_SECONDS, project_id_of
from studiolo.web.pages.copy_words import (
    KIND_WORDS,
    duration_words,
    group_words,
    minute_words,
    report_values,
    state_words,
    when_words,
)
from studiolo.web.pages.forms import read_form
from studiolo.web.pages.projects import belongs_in_shell
from studiolo.web.pages.rendering import Pages, redirect
from studiolo.web.pages.visitors import Visitors

_BAR = 1000  # the width of the bar in its own units
_BAR_ORDER: tuple[CopyState, ...] = ("done", "failed", "missing", "cancelled", "running", "waiting")
_COUNT_WORDS: dict[CopyState, str] = {
    "failed": "Failed",
    "missing": "Without it",
    "running": "Copying",
    "waiting": "Waiting",
    "cancelled": "Cancelled",
    "done": "Done",
}


class CopyGroupPages:
    """Shows groups of copies to whoever may steer them; cancels them and tries again what failed."""

    def __init__(
        self,
        pages: Pages,
        visitors: Visitors,
        overviews: CopyGroupOverviews,
        groups: CopyGroups,
        shells: Shells,
        settings: Settings,
    ) -> None:
        self._pages = pages
        self._visitors = visitors
        self._overviews = overviews
        self._groups = groups
        self._shells = shells
        self._settings = settings

    def routes(self) -> list[BaseRoute]:
        """Return the routes of /projects/ID/copies/groups/ID."""
        guarded = self._pages.guarded
        home = "/projects/{project_id}/copies/groups/{group_id}"
        return [
            Route(home, guarded(self.show), methods=["GET"]),
            Route(home + "/cancel", guarded(self.cancel), methods=["POST"]),
            Route(home + "/retry", guarded(self.retry), methods=["POST"]),
        ]

    async def show(self, request: Request) -> Response:
        """Show how a group stands and a page of its copies; in a kiosk the banner."""
        if belongs_in_shell(request):
            return self._shells.respond(request, ShellPage("banner", request.path_params["project_id"]))
        visitor = await self._visitors.require(request)
        asked = request.query_params
        state, after = asked.get("state"), asked.get("after")
        overview = await self._overviews.of(
            visitor.principal, project_id_of(request), request.path_params["group_id"], state=state, after=after
        )
        is_paused = "paused" in asked
        address = _address(request)
        return self._pages.render(
            "copy_group.html",
            visitor,
            **_values(overview),
            address=address,
            first_address=_link(address, state=state),
            next_address=_link(address, state=state, after=overview.next_after) if overview.next_after else None,
            follow_address=_link(address, state=state, after=after),
            pause_address=_link(address, state=state, after=after, paused=""),
            state=state,
            is_first=after is None,
            is_paused=is_paused,
            refresh_seconds=REFRESH_SECONDS if overview.unfinished and not is_paused else None,
        )

    async def cancel(self, request: Request) -> Response:
        """Cancel what is not finished."""
        visitor = await self._visitors.require(request)
        await read_form(request, self._settings, visitor.secret)
        await self._groups.cancel(visitor.principal, request.path_params["group_id"])
        return redirect(_address(request))

    async def retry(self, request: Request) -> Response:
        """Try again what failed, and what was cancelled if that is wanted."""
        visitor = await self._visitors.require(request)
        fields = await read_form(request, self._settings, visitor.secret)
        await self._groups.retry(
            visitor.principal, request.path_params["group_id"], with_cancelled="with_cancelled" in fields
        )
        return redirect(_address(request))


def _address(request: Request) -> str:
    # the id is whatever somebody wrote: only what names a group got as far as being put into an address
    return f"/projects/{project_id_of(request)}/copies/groups/{request.path_params['group_id']}"


def _link(address: str, **asked: str | None) -> str:
    given = {name: value for name, value in asked.items() if value is not None}
    return f"{address}?{urlencode(given)}" if given else address


def _values(overview: CopyGroupOverview) -> dict[str, Any]:
    group, sums = overview.group, overview.sums
    counts = sums.counts
    total = sum(counts.values())
    return {
        "group": group,
        "project": overview.project,
        "title": group_words(group),
        "kind_words": KIND_WORDS.get(group.mode, ""),
        "when": f"ordered {minute_words(group.created_at)}",
        "not_before": minute_words(group.scheduled_at) if group.scheduled_at and not sums.started_at else None,
        "total": total,
        "ended": total - overview.unfinished,
        "bar": _bar(counts, total),
        "counts": [(one, _COUNT_WORDS[one], counts[one]) for one in WORST_FIRST if counts[one]],
        "progress_words": _progress_words(overview),
        "members": [_member(member) for member in overview.members],
        "may_cancel": overview.unfinished > 0,
        "failed": counts["failed"] + counts["missing"],
        "cancelled": counts["cancelled"],
    }


def _bar(counts: dict[CopyState, int], total: int) -> list[tuple[CopyState, float, float]]:
    """Return each state's part of the bar: where it begins, and how wide it is."""
    parts: list[tuple[CopyState, float, float]] = []
    at = 0.0
    for state in _BAR_ORDER:
        width = _BAR * counts[state] / max(1, total)
        if width:
            parts.append((state, round(at, 2), round(width, 2)))
        at += width
    return parts


def _progress_words(overview: CopyGroupOverview) -> str:
    sums = overview.sums
    parts = [size_words(sums.bytes_done), count_words(sums.files_done, "file", "files")] if sums.files_done else []
    if overview.unfinished:
        parts += _pace_words(overview.pace)
    elif sums.started_at is not None and sums.finished_at is not None:
        seconds = (sums.finished_at - sums.started_at).total_seconds()
        parts.append(f"took {duration_words(seconds)}")
    return " · ".join(parts)


def _pace_words(pace: Pace | None) -> list[str]:
    if pace is None or pace.seconds_left is None:
        return []
    rate = pace.copies_per_second
    words = f"{rate:,.0f} projects a second" if rate >= 2 else f"{rate * 60:,.0f} projects a minute"
    size = [f"{size_words(pace.bytes_per_second)} a second"] if pace.bytes_per_second else []
    return [words, *size, f"about {duration_words(pace.seconds_left)} left"]


def _member(member: MemberSeen) -> dict[str, Any]:
    copy = member.copy
    return {
        "state": member.state,
        "state_words": state_words(copy, member.state),
        "project": member.project,
        "target_path": copy.target_path,
        "when": when_words(copy),
        "error": copy.error,
        **report_values(copy),
    }
