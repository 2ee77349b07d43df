"""Find sandboxes that run without a record: we were killed in the moment between starting and writing it."""

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


def _holds(process: Path, home: bytes) -> bool:
    try:
        arguments = (process / "cmdline").read_bytes().split(b"\0")
        return arguments[0] == b"bwrap" and home in arguments and (process / "exe").readlink().name == "bwrap"
    except OSError:
        return False
