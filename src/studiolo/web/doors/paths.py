"""Paths of projects as the official client names them: deleted, moved, resolved."""

from pydantic import Field

from studiolo.core.errors import AgentUnavailable, AlreadyExists, FileNotFound, InvalidRequest
from studiolo.core.ids import ProjectId
from studiolo.web.api_v1.parameters import Integer, Text, Texts
from studiolo.web.api_v1.registry import Call, CallContext, Example, Form
from studiolo.web.doors.shapes import Given

MAX_PATHS = 1000
_SIGNALS = range(1, 65)


class PathsGiven(Given):
    """Which paths, relative to the project's home directory."""

    project_id: Text
    paths: Texts


class OnePathGiven(Given):
    """Which path, relative to the project's home directory."""

    project_id: Text
    path: Text


class MovePathsGiven(PathsGiven):
    """What is moved into which directory."""

    dest: Text = Field(description="A directory; it is made if it is not there.")


class RenameGiven(Given):
    """Which path gets which new one."""

    project_id: Text
    src: Text
    dest: Text


class SignalGiven(Given):
    """What processes are told."""

    project_id: Text
    signal: Integer = Field(default=2, description="Its number; 2 interrupts, 15 asks to end, 9 ends.")
    pids: list[int] = Field(default=[])
    pid: Integer = None


async def delete_paths(context: CallContext, given: PathsGiven) -> None:
    """Delete files, and directories with all that is in them; what is not there is passed over."""
    for path in _few(given.paths):
        try:
            await context.services.entries.delete(context.principal, ProjectId(given.project_id), path, recursive=True)
        except FileNotFound:
            continue


async def move_paths(context: CallContext, given: MovePathsGiven) -> None:
    """Move files and directories into a directory."""
    project_id = ProjectId(given.project_id)
    for path in _few(given.paths):
        name = path.rstrip("/").rpartition("/")[2]
        target = f"{given.dest.rstrip('/')}/{name}" if given.dest else name
        await context.services.entries.move(context.principal, project_id, path, target, overwrite=True)


async def rename_path(context: CallContext, given: RenameGiven) -> None:
    """Give a file or directory another name."""
    await context.services.entries.move(
        context.principal, ProjectId(given.project_id), given.src, given.dest, overwrite=True
    )


async def resolve_paths(context: CallContext, given: PathsGiven) -> list[str]:
    """Return where paths lead to, relative to the home; what is not there is taken by its name."""
    return await _resolve(context, given.project_id, given.paths, "-m")


async def resolve_path(context: CallContext, given: OnePathGiven) -> str:
    """Return where a path leads to, relative to the home if it is in there."""
    (found,) = await _resolve(context, given.project_id, [given.path], "-e")
    return found


async def signal_processes(context: CallContext, given: SignalGiven) -> None:
    """Send a signal to processes of the project."""
    pids = [*given.pids, *([] if given.pid is None else [given.pid])]
    if not 0 < len(pids) <= MAX_PATHS or any(pid < 1 for pid in pids):
        raise InvalidRequest("pids must be numbers of processes", fields={"pids": "must be numbers of processes"})
    if given.signal not in _SIGNALS:
        raise InvalidRequest("signal must be the number of a signal", fields={"signal": "must be between 1 and 64"})
    command = f"kill -{given.signal} {' '.join(map(str, pids))}"
    await context.services.exec.run(context.principal, ProjectId(given.project_id), command=command, bash=True)


async def create_file(context: CallContext, given: OnePathGiven) -> None:
    """Make an empty file where there is none."""
    project_id, entries = ProjectId(given.project_id), context.services.entries
    try:
        await entries.describe(context.principal, project_id, given.path)
    except FileNotFound:
        await context.services.files.write_text(context.principal, project_id, given.path, _new_content(given.path))
    else:
        raise AlreadyExists(f"'{given.path}' is there already")


async def _resolve(context: CallContext, project_id: str, paths: list[str], mode: str) -> list[str]:
    """Ask inside the project, whose walls no link leads out of."""
    result = await context.services.exec.run(
        context.principal,
        ProjectId(project_id),
        command="realpath",
        args=[mode, "-z", "--", ".", *(path or "." for path in _few(paths))],
    )
    home, *found = result.stdout.split("\0")[:-1] or [""]
    if len(found) != len(paths):  # every byte from inside a project is doubted
        raise AgentUnavailable("The project did not say where the paths lead to.")
    return [path.removeprefix(home).lstrip("/") if f"{path}/".startswith(f"{home}/") else path for path in found]


def _few(paths: list[str]) -> list[str]:
    if len(paths) > MAX_PATHS:
        raise InvalidRequest(f"at most {MAX_PATHS} paths in one call", fields={"paths": "too many"})
    return paths


def _new_content(path: str) -> str:
    return '{"cells": [], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}\n' if path.endswith(".ipynb") else ""


_PROJECT = "2f5b3c4e-6d1a-4a4e-9c0d-7b8f6a5e4d3c"
_WRITERS = "Who may write to the project."

FORMS = {
    "delete_path": (
        Form(
            project="system.deleteFiles",
            parameters=PathsGiven,
            handler=delete_paths,
            examples=(Example("Delete a file", {"project_id": _PROJECT, "paths": ["welcome.md"]}, None),),
        ),
    ),
    "move_path": (
        Form(
            project="system.moveFiles",
            parameters=MovePathsGiven,
            handler=move_paths,
            examples=(
                Example(
                    "Move a file into a directory",
                    {"project_id": _PROJECT, "paths": ["welcome.md"], "dest": "texts"},
                    None,
                ),
            ),
        ),
        Form(
            project="system.renameFile",
            parameters=RenameGiven,
            handler=rename_path,
            examples=(
                Example("Rename a file", {"project_id": _PROJECT, "src": "welcome.md", "dest": "hello.md"}, None),
            ),
        ),
    ),
}

CALLS = (
    Call(
        name="resolve_paths",
        noun="files",
        summary="Return where paths lead to, past every symbolic link.",
        permission=_WRITERS,
        parameters=PathsGiven,
        handler=resolve_paths,
        is_over_v1=False,
        forms=(
            Form(
                project="system.canonicalPaths",
                positional=("paths",),
                examples=(
                    Example(
                        "Where do paths lead to?",
                        {"project_id": _PROJECT, "paths": ["welcome.md", "data/../welcome.md"]},
                        ["welcome.md", "welcome.md"],
                    ),
                ),
            ),
            Form(
                project="system.realpath",
                parameters=OnePathGiven,
                handler=resolve_path,
                positional=("path",),
                examples=(
                    Example("Where does a path lead to?", {"project_id": _PROJECT, "path": "welcome.md"}, "welcome.md"),
                ),
            ),
        ),
    ),
    Call(
        name="signal_processes",
        noun="exec",
        summary="Send a signal to processes of a project.",
        permission=_WRITERS,
        parameters=SignalGiven,
        handler=signal_processes,
        is_over_v1=False,
        forms=(Form(project="system.signal"),),
        examples=(Example("Interrupt a process", {"project_id": _PROJECT, "signal": 2, "pid": 42}, None),),
    ),
    Call(
        name="create_file",
        noun="files",
        summary="Make an empty file, or an empty notebook, where there is none.",
        permission=_WRITERS,
        parameters=OnePathGiven,
        handler=create_file,
        is_over_v1=False,
        forms=(Form(project="editor.newFile", positional=("path",)),),
        examples=(Example("Make a notebook", {"project_id": _PROJECT, "path": "new.ipynb"}, None),),
    ),
)
