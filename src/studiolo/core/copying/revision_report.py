"""What came of each file of a revision, and the report of it, which has to be short."""

import json
from dataclasses import dataclass, field
from typing import Any

from studiolo.core.copying.rules import Tally

_MOST_NAMED = 100
_MAX_REPORT_BYTES = 24 * 1024


@dataclass(slots=True)
class Revision(Tally):
    """What came of each file."""

    added: list[str] = field(default_factory=list[str])
    updated: list[str] = field(default_factory=list[str])
    merged: list[str] = field(default_factory=list[str])
    kept_paths: list[str] = field(default_factory=list[str])
    conflicts: list[tuple[str, str]] = field(default_factory=list[tuple[str, str]])

    def report(self) -> dict[str, Any]:
        """Return the numbers, and the first names of each list."""
        lists: dict[str, list[Any]] = {
            "conflict_paths": [{"path": path, "beside": beside} for path, beside in self.conflicts],
            "failures": self.failures,
            "merged_paths": self.merged,
            "kept_paths": self.kept_paths,
            "updated_paths": self.updated,
            "added_paths": self.added,
        }
        return {
            "added": len(self.added),
            "updated": len(self.updated),
            "merged": len(self.merged),
            "kept": len(self.kept_paths),
            "conflicts": len(self.conflicts),
            "unchanged": self.unchanged,
            "failed": self.failed,
            **self.progress(),
            **_cut(lists),
        }


def _cut(lists: dict[str, list[Any]]) -> dict[str, list[Any]]:
    """Return the lists so short that the answer of a copier can hold them; the first ones go first."""
    cut: dict[str, list[Any]] = {}
    left = _MAX_REPORT_BYTES
    for name, items in lists.items():
        cut[name] = []
        for item in items[:_MOST_NAMED]:
            left -= len(json.dumps(item)) + 2
            if left < 0:
                break
            cut[name].append(item)
    return cut
