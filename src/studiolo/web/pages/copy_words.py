"""Copies and groups of them in words."""

from datetime import datetime
from typing import Any

from studiolo.core.models import CopyGroup, CopyMode, CopyOperation, CopyState
from studiolo.web.pages.amounts import count_words, size_words

KIND_WORDS: dict[CopyMode, str] = {"revise": "Revision", "rehearse": "Dry run of a revision"}
STATE_WORDS: dict[CopyState, str] = {
    "waiting": "Waiting",
    "running": "Copying",
    "done": "Done",
    "missing": "There is no such file or directory",
    "failed": "Failed",
    "cancelled": "Cancelled",
}
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


def state_words(copy: CopyOperation, state: CopyState) -> str:
    """Return where a copy is in its life."""
    return "Stopping" if copy.is_cancelled and copy.finished_at is None else STATE_WORDS[state]


def progress_words(copy: CopyOperation, now: datetime) -> str:
    """Return how far a copy is that is carried out, and how fast."""
    if copy.finished_at is not None or copy.bytes_done is None or copy.started_at is None:
        return ""
    words = f"{size_words(copy.bytes_done)} of {size_words(copy.bytes_total)}" if copy.bytes_total else ""
    seconds = (now - copy.started_at).total_seconds()
    rate = f"{size_words(copy.bytes_done / seconds)} a second" if seconds >= 1 else ""
    files = count_words(copy.files_done or 0, "file", "files")
    return " · ".join(part for part in (words or size_words(copy.bytes_done), files, rate) if part)


def report_values(copy: CopyOperation) -> dict[str, Any]:
    """Return what a template shows of what came of a copy."""
    report = copy.report or {}
    numbers = [(report.get(name), words) for name, words in _REPORT_WORDS]
    return {
        "report_words": ", ".join(f"{n:,} {words}" for n, words in numbers if isinstance(n, int) and n),
        "conflicts": _texts(report.get("conflict_paths")),
        "failures": _texts(report.get("failures")),
    }


def when_words(copy: CopyOperation) -> str:
    """Return when the last thing happened to a copy."""
    if copy.finished_at is not None:
        return f"ended {minute_words(copy.finished_at)}"
    if copy.started_at is not None:
        return f"began {minute_words(copy.started_at)}"
    if copy.scheduled_at is not None:
        return f"not before {minute_words(copy.scheduled_at)}"
    return f"ordered {minute_words(copy.created_at)}"


def group_address(group: CopyGroup) -> str:
    """Return the address of a group's page."""
    return f"/projects/{group.project_id}/copies/groups/{group.group_id}"


def group_words(group: CopyGroup) -> str:
    """Return what a group is about."""
    many = count_words(group.total, "project", "projects")
    if group.kind == "collect":
        return f"{group.path} from {many}"
    return f"{group.path} to {many}"


def minute_words(moment: datetime) -> str:
    """Return a moment as people read it."""
    return f"{moment:%Y-%m-%d %H:%M}"


def duration_words(seconds: float) -> str:
    """Return how long something takes, about."""
    if seconds < 90:
        return count_words(max(1, round(seconds)), "second", "seconds")
    if seconds < 90 * 60:
        return count_words(round(seconds / 60), "minute", "minutes")
    return count_words(round(seconds / 3600), "hour", "hours")


def _texts(found: object) -> list[Any]:
    return found[:_NAMES_SHOWN] if isinstance(found, list) else []  # pyright: ignore[reportUnknownVariableType] - shown as text
