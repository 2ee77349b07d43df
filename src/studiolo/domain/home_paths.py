"""Paths in a project's home, as callers write them."""

import hashlib
import posixpath

from studiolo.core.errors import PathOutsideProject
from studiolo.core.ids import ProjectId


def path_in_home(project_id: ProjectId, path: str) -> str | None:
    """Return a path relative to the project's home, a trailing slash kept; None if it leads out by its words.

    `/projects/ID/a`, the home's own name inside, and `/a` mean `a`.
    """
    home = f"/projects/{project_id}"
    if path == home or path.startswith(home + "/"):
        path = path.removeprefix(home)
    inside = posixpath.normpath(path.lstrip("/"))
    if inside == ".." or inside.startswith("../"):
        return None
    return inside + "/" if path.endswith("/") and inside != "." else inside


def path_below_home(project_id: ProjectId, path: str) -> str:
    """Return a path relative to the home without slashes around it, empty for the home; raise PathOutsideProject."""
    inside = path_in_home(project_id, path)
    if inside is None:
        raise PathOutsideProject("the path must be contained in the project's home dir")
    return "" if inside == "." else inside.strip("/")


def file_id(project_id: str, path: str) -> str:
    """Return the id that a project and a path make: the SHA-1 of both, as clients compute it, too."""
    return hashlib.sha1((project_id + path).encode(), usedforsecurity=False).hexdigest()
