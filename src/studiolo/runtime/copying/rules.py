"""What a copy was asked to do, and what came of it."""

import errno
from dataclasses import dataclass, field
from typing import Literal

Fsync = Literal["none", "files", "full"]
_LONGEST_NAMED = 150
_MOST_NAMED = 20  # failures told one by one; the rest is counted
FATAL = frozenset((errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS, errno.EIO, errno.ENOMEM, errno.EMFILE))


@dataclass(frozen=True, slots=True)
class Rules:
    """How existing things in the target are treated."""

    overwrite_newer: bool = False
    delete_missing: bool = False
    backup: bool = False
    fsync: Fsync = "none"


@dataclass(slots=True)
class Tally:
    """What was done: files written, found the same, kept because newer; entries deleted; what failed, and why."""

    files: int = 0
    size_bytes: int = 0
    unchanged: int = 0
    kept: int = 0
    deleted: int = 0
    failed: int = 0
    failures: list[str] = field(default_factory=list[str])
    seen_files: int = 0  # of the source, whatever became of them
    seen_bytes: int = 0
    moving_bytes: int = 0  # of the file that is being moved

    def fail(self, path: str, reason: str) -> None:
        """Count an entry that could not be copied or deleted; the copy goes on with the others."""
        self.failed += 1
        if len(self.failures) < _MOST_NAMED:
            shown = path if len(path) <= _LONGEST_NAMED else f"...{path[-_LONGEST_NAMED:]}"  # an answer has its limits
            self.failures.append(f"{shown}: {reason}")

    def progress(self) -> dict[str, int]:
        """Return how much of the source is done with."""
        return {"files_done": self.seen_files, "bytes_done": self.seen_bytes + self.moving_bytes}

    def as_dict(self) -> dict[str, int]:
        """Return the numbers."""
        return {
            "files": self.files,
            "size_bytes": self.size_bytes,
            "unchanged": self.unchanged,
            "kept": self.kept,
            "deleted": self.deleted,
            "failed": self.failed,
        }


class GivenUp(Exception):
    """Whoever ordered the copy does not wait for it any more."""
