"""What every benchmark shares: one table on the screen, one JSON file in `bench/results/`, one exit status."""

import json
import statistics
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

RESULTS = Path(__file__).parent / "results"


@dataclass(frozen=True)
class Row:
    """One measured promise. `ratio` is peer / ours for times and sizes (more is better for us)."""

    name: str
    unit: str
    ours: float
    peer: float | None
    peer_name: str
    ratio: float | None
    target: str
    holds: bool | None  # None: shown for the reader, nothing was promised


def beside(
    name: str, unit: str, ours: Sequence[float], peer: Sequence[float], peer_name: str, at_least: float | None
) -> Row:
    """Compare medians; `at_least` is how many times less than the peer ours must be (None: no promise)."""
    mine, theirs = statistics.median(ours), statistics.median(peer)
    ratio = theirs / mine if mine else float("inf")
    target = "-" if at_least is None else f"peer/ours >= {at_least:g}"
    return Row(name, unit, mine, theirs, peer_name, ratio, target, None if at_least is None else ratio >= at_least)


def within(name: str, unit: str, ours: Sequence[float], at_most: float) -> Row:
    """Hold the median of ours against a fixed limit."""
    mine = statistics.median(ours)
    return Row(name, unit, mine, None, "", None, f"<= {at_most:g} {unit}", mine <= at_most)


def report(program: str, rows: Sequence[Row]) -> int:
    """Print the table, write `results/PROGRAM.json`, return 0 when every target holds, else 1."""
    header = ("what", "unit", "ours", "peer", "peer is", "peer/ours", "target", "holds")
    table = [header, *[_cells(row) for row in rows]]
    widths = [max(len(line[i]) for line in table) for i in range(len(header))]
    for line in table:
        print("  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip())
    RESULTS.mkdir(exist_ok=True)
    text = json.dumps([asdict(row) for row in rows], indent=1)
    (RESULTS / f"{program}.json").write_text(text + "\n", encoding="utf-8")
    return 0 if all(row.holds is not False for row in rows) else 1


def _cells(row: Row) -> tuple[str, ...]:
    peer = "" if row.peer is None else f"{row.peer:.1f}"
    ratio = "" if row.ratio is None else f"{row.ratio:.2f}"
    holds = {True: "yes", False: "NO", None: ""}[row.holds]
    return (row.name, row.unit, f"{row.ours:.1f}", peer, row.peer_name, ratio, row.target, holds)
