"""What a copy was asked to do at its target, and what came of it."""

import errno
from dataclasses import dataclass, field
from typing import Any, Literal

MOST_NAMED = 20  # failures told one by one; the rest is counted
MOST_CHARACTERS = 500  # of a path in a failure
FATAL = frozenset((errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS, errno.EIO, errno.ENOMEM, errno.EMFILE))


@dataclass(frozen=True, slots=True)
class Rules:
    """How existing things in the target are treated, and whether what is written is written through to the disk."""

    overwrite_newer: bool = False
    delete_missing: bool = False
    backup: bool = False
    fsync: Literal["none", "files", "full"] = "none"


@dataclass(slots=True)
class Tally:
    """What was done: files written, found the same, kept because newer; entries deleted; what failed, and why."""

    files: int = 0
    size_bytes: int = 0
    unchanged: int = 0
    kept: int = 0
    deleted: int = 0
    failed: int = 0
    resumed_bytes: int = 0  # that were there from an earlier try
    failures: list[str] = field(default_factory=list[str])
    files_done: int = 0  # of the source, whatever became of them
    bytes_done: int = 0

    def fail(self, path: str, reason: str) -> None:
        """Count an entry that could not be copied or deleted; the copy goes on with the others."""
        self.failed += 1
        if len(self.failures) < MOST_NAMED:
            shown = path if len(path) <= MOST_CHARACTERS else f"...{path[-MOST_CHARACTERS:]}"
            self.failures.append(f"{shown}: {reason}")

    def as_dict(self) -> dict[str, Any]:
        """Return the numbers, and the failures by name."""
        names = ("files", "size_bytes", "unchanged", "kept", "deleted", "failed", "resumed_bytes", "failures")
        return {name: getattr(self, name) for name in (*names, "files_done", "bytes_done")}
