"""Patterns of what a copy leaves out. They are rsync's, unlike any others, so rsync itself is who reads them."""

from collections.abc import Sequence

FORGET = "!"  # rsync's word for "forget the ones before"


def exclude_options(patterns: Sequence[str]) -> list[str]:
    """Return the options that tell rsync the patterns."""
    valid: list[str] = []
    for pattern in patterns:
        valid = [] if pattern == FORGET else [*valid, pattern]
    return [f"--exclude={pattern}" for pattern in valid]
