"""What a project may use: in a file of its own, since the keeper needs no other of the models (0.4 MB)."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Limits:
    """What a running project may use; None means not limited."""

    memory_bytes: int | None
    cpu_cores: float | None
    processes: int | None
    disk_bytes: int | None
