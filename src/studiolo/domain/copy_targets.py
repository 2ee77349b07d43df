"""Where each copy of a group goes: paths by template.

`{project_id}`, `{account_id}`, `{title}` and `{index}` are the whole language; anything else in braces is refused. What
is filled in is always one name: a title cannot lead anywhere, and two projects with one title do not meet.
"""

import re
import unicodedata
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from studiolo.core.errors import InvalidRequest
from studiolo.core.ids import AccountId, ProjectId
from studiolo.core.models import Project

NAMES = ("project_id", "account_id", "title", "index")
_FIELD = re.compile(r"\{([^{}]*)\}")
MAX_PATH_CHARACTERS = 4_096
_MAX_NAME_BYTES = 120
_ROUNDS = 3


@dataclass(frozen=True, slots=True)
class Member:
    """One of the many projects of a group, as a caller names it."""

    project_id: str
    target_path: str | None = None  # a template of its own
    account_id: str | None = None  # whom the project is for


def check_template(template: str) -> None:
    """Raise InvalidRequest for a template that holds something unknown, or that is longer than any path."""
    if len(template) > MAX_PATH_CHARACTERS:
        raise _too_long()
    for name in _FIELD.findall(template):
        if name not in NAMES:
            known = ", ".join(f"{{{one}}}" for one in NAMES)
            raise InvalidRequest(
                f"target_path: {{{name[:50]}}} is not known; there are {known}", fields={"target_path": "unknown name"}
            )


def fill_in(
    templates: Sequence[str], members: Sequence[Member], projects: Sequence[Project], caller: AccountId | None
) -> list[str]:
    """Return each member's path; where the same title makes the same path, the project's id is added to it.

    Raises InvalidRequest at the first path that is too long: twenty thousand of them would fill the memory.
    """
    titles = [safe_name(project.title) for project in projects]
    paths: list[str] = []
    for _ in range(_ROUNDS):
        paths = [
            _fill_in(template, member, project, title, index, caller)
            for index, (template, member, project, title) in enumerate(
                zip(templates, members, projects, titles, strict=True), start=1
            )
        ]
        often = Counter(path.rstrip("/") for path in paths)
        twice = [often[path.rstrip("/")] > 1 and "{title}" in templates[at] for at, path in enumerate(paths)]
        if not any(twice):
            break
        titles = [
            f"{title}-{project.project_id}" if is_twice else title
            for title, project, is_twice in zip(titles, projects, twice, strict=True)
        ]
    return paths


def safe_name(text: str) -> str:
    """Return a text as one name of a file: nothing that leads elsewhere, hides, or disguises what it is."""
    kept = "".join("_" if char == "/" or unicodedata.category(char)[0] == "C" else char for char in text)
    name = " ".join(kept.split()).lstrip(".~- ").encode()[:_MAX_NAME_BYTES].decode(errors="ignore").strip()
    return name or "untitled"


def account_of(member: Member, project: Project, caller: AccountId | None) -> str:
    """Return whom a project is for: whom the member names, else its only person beside the caller."""
    people = [one.account_id for one in project.collaborators]
    if member.account_id is not None:
        if member.account_id not in people:
            raise InvalidRequest(
                f"account_id: {member.account_id[:50]} has no place in project {project.project_id}",
                fields={"account_id": "not in the project"},
            )
        return member.account_id
    others = [one for one in people if one != caller]
    if len(others) != 1:
        raise InvalidRequest(
            f"target_path: whom {{account_id}} means for project {project.project_id} is not clear,"
            f" it has {len(others)} people beside you; name the account_id with the project",
            fields={"target_path": "account_id is not clear"},
        )
    return others[0]


def _fill_in(template: str, member: Member, project: Project, title: str, index: int, caller: AccountId | None) -> str:
    def value(found: re.Match[str]) -> str:
        name = found[1]
        if name == "account_id":
            return account_of(member, project, caller)
        return {"project_id": str(ProjectId(project.project_id)), "title": title, "index": str(index)}[name]

    path = _FIELD.sub(value, template)
    if len(path) > MAX_PATH_CHARACTERS:
        raise _too_long()
    return path


def _too_long() -> InvalidRequest:
    text = f"target_path cannot be the name of a file: it has more than {MAX_PATH_CHARACTERS} characters"
    return InvalidRequest(text, fields={"target_path": "not a file name"})
