"""Find what runs without a record: we were killed between starting and writing it, or there were no walls."""

import os
from pathlib import Path

from studiolo.runtime.keeper.linux import ProcessName, name_process


def find_strays(home: str) -> list[ProcessName]:
    """Return the bubblewrap processes that hold this home, the outermost first."""
    wanted = os.fsencode(home)
    found: list[ProcessName] = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and _holds(entry, wanted):
            name = name_process(int(entry.name))
            if name is not None and _holds(entry, wanted):  # read again after naming: it is this very process
                found.append(name)
    return sorted(found, key=lambda name: (name.started, name.pid))


def find_marked(project_id: str, home: str) -> list[ProcessName]:
    """Return the processes whose environment says that they were started in this project."""
    marks = {os.fsencode(f"STUDIOLO_PROJECT_ID={project_id}"), os.fsencode(f"HOME={home}")}
    names = [name_process(int(entry.name)) for entry in Path("/proc").iterdir() if _is_marked(entry, marks)]
    return [name for name in names if name is not None and _is_marked(Path("/proc", str(name.pid)), marks)]


def _is_marked(process: Path, marks: set[bytes]) -> bool:
    try:
        return process.name.isdigit() and marks <= set((process / "environ").read_bytes().split(b"\0"))
    except OSError:
        return False


def _holds(process: Path, home: bytes) -> bool:
    try:
        arguments = (process / "cmdline").read_bytes().split(b"\0")
        return arguments[0] == b"bwrap" and home in arguments and (process / "exe").readlink().name == "bwrap"
    except OSError:
        return False
