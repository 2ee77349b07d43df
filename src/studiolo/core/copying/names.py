"""Temporary names: how a file is called while it is being written, and what a dead copier left behind.

`.~studiolo-copy-ERA.PID.N`: the era is one life of the keeper, so another era's names are nobody's any more; in our own
era the process tells. rsync's temporary directories (`.~studiolo-copy-MARK`) are not ours to remove.
"""

import os
import re
from itertools import count
from typing import Protocol

from studiolo.core.copying.rules import TEMPORARY_PREFIX

_OURS = re.compile(re.escape(TEMPORARY_PREFIX) + r"([0-9a-f]{8})\.(\d{1,10})\.\d{1,10}")


class Names(Protocol):
    """Gives temporary names."""

    def next(self) -> str:
        """Return a name that nobody has used."""
        ...


class TemporaryNames:
    """The names one copy uses."""

    def __init__(self, era: str, pid: int) -> None:
        self._era = era
        self._pid = pid
        self._numbers = count(1)

    def next(self) -> str:
        """Return a name that nobody has used."""
        return f"{TEMPORARY_PREFIX}{self._era}.{self._pid}.{next(self._numbers)}"

    def is_stale(self, name: str) -> bool:
        """Tell whether this is the temporary name of a copier that lives no more."""
        found = _OURS.fullmatch(name)
        if found is None:
            return False
        return found[1] != self._era or not _is_alive(int(found[2]))


def is_temporary(name: str) -> bool:
    """Tell whether an entry is some copy's temporary one, which is never copied, counted or deleted as missing."""
    return name.startswith(TEMPORARY_PREFIX)


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:
        pass  # it lives, as somebody else
    return True
