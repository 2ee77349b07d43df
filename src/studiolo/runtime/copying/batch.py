"""Several small copies by one copier: handing one directory out to a class, collecting it back.

Forking and confining a copier costs more than copying a few small files. All copies of a batch share their source's or
their target's project and were ordered by one account; each is carried out with the file rights of its own target.

1. A batch ends with an outcome for each of its copies, in order. What is too large, or comes too late, is not begun.
2. Each outcome is told as soon as it is known: when the copier dies, what it finished stays finished.
"""

import json
import os
import socket
import stat
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from studiolo.core.copying.looking import DIRECTORY
from studiolo.runtime.copying.confinement import act_as
from studiolo.runtime.copying.ends import Ends

MOST_SECONDS = 0.5  # then nothing more is begun
MOST_FILES = 300
MOST_BYTES = 8 * 1024 * 1024
_MOST_DEPTH = 30
LATER = {"not_begun": "later"}
TOO_LARGE = {"not_begun": "alone"}

Check = Callable[[Ends], None]
CarryOut = Callable[[dict[str, Any], Check], dict[str, Any]]


class TooLarge(Exception):
    """The copy takes too long to be one of many."""


def carry_out_all(copies: list[dict[str, Any]], answer: socket.socket, carry_out: CarryOut) -> dict[str, Any]:
    """Carry out the copies one after the other; tell each one's outcome and return the end of the answer."""
    begun_at = time.monotonic()
    known: dict[tuple[int, str], bool] = {}
    acting: int | None = None
    for number, copy in enumerate(copies):
        if time.monotonic() - begun_at > MOST_SECONDS:
            outcome: dict[str, Any] = LATER
        else:
            owner = copy["target_owner"]
            if owner is not None and owner != acting:
                act_as(owner)
                acting = owner
            place = (copy["source"], copy["request"]["source_path"])
            try:
                outcome = carry_out(copy, lambda ends, place=place: _check(known, place, ends))
            except TooLarge:
                outcome = TOO_LARGE
        if not outcome:
            return {}  # nobody waits any more
        with suppress(OSError):
            answer.sendall(json.dumps({"outcome": [number, outcome]}).encode())
    return {"result": {}}


def _check(known: dict[tuple[int, str], bool], place: tuple[int, str], ends: Ends) -> None:
    if place not in known:
        known[place] = is_small(ends.source, ends.source_name)
    if not known[place]:
        raise TooLarge


def is_small(source: int, name: str | None) -> bool:
    """Tell whether a directory, or one entry of it, is small enough to be one of many."""
    try:
        if name is not None:
            return os.stat(name, dir_fd=source, follow_symlinks=False).st_size <= MOST_BYTES
        _count(source, [0, 0], 0)
    except TooLarge:
        return False
    except OSError:
        pass  # the copy itself will say what is wrong
    return True


def _count(directory: int, seen: list[int], depth: int) -> None:
    below: list[str] = []
    with os.scandir(directory) as listed:
        for entry in listed:
            found = entry.stat(follow_symlinks=False)
            seen[0] += 1
            seen[1] += found.st_size
            if seen[0] > MOST_FILES or seen[1] > MOST_BYTES or depth > _MOST_DEPTH:
                raise TooLarge
            if stat.S_ISDIR(found.st_mode):
                below.append(entry.name)
    for name in below:
        fd = os.open(name, DIRECTORY, dir_fd=directory)
        try:
            _count(fd, seen, depth + 1)
        finally:
            os.close(fd)
