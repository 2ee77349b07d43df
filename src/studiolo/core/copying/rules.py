"""What a copy was asked to do at its target, and what came of it."""

import errno
from dataclasses import dataclass, field
from typing import Literal

Fsync = Literal["none", "files", "full"]
TEMPORARY_PREFIX = ".~studiolo-copy-"  # what is called so is some copy's, and is never copied or counted
CARRIED_MODE = 0o777  # set-uid, set-gid and sticky bits stay behind
FATAL = frozenset((errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS, errno.EIO, errno.ENOMEM, errno.EMFILE))
_MOST_NAMED = 20  # failures told one by one; the rest is counted
_LONGEST_NAMED = 150  # characters of a path in a failure: an answer has its limits


@dataclass(frozen=True, slots=True)
class Rules:
    """How existing things in the target are treated, and whether what is written is written through to the disk."""

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
    files_done: int = 0  # of the source, whatever became of them
    bytes_done: int = 0
    moving_bytes: int = 0  # of the file that is being moved
    resumed_bytes: int = 0  # that were there from an earlier try

    def fail(self, path: str, reason: str) -> None:
        """Count an entry that could not be copied or deleted; the copy goes on with the others."""
        self.failed += 1
        if len(self.failures) < _MOST_NAMED:
            shown = path if len(path) <= _LONGEST_NAMED else f"...{path[-_LONGEST_NAMED:]}"
            self.failures.append(f"{shown}: {reason}")

    def progress(self) -> dict[str, int]:
        """Return how much of the source is done with."""
        return {"files_done": self.files_done, "bytes_done": self.bytes_done + self.moving_bytes}

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
