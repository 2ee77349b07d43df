"""All functions, gathered from the nouns."""

from studiolo.web.functions import (
    accounts,
    collaborators,
    commands,
    copies,
    files,
    jupyter,
    keys,
    messages,
    organizations,
    projects,
    queries,
    signing_in,
    system,
)
from studiolo.web.functions.registry import Function

_NOUNS = (
    accounts,
    collaborators,
    commands,
    copies,
    files,
    jupyter,
    keys,
    messages,
    organizations,
    projects,
    queries,
    signing_in,
    system,
)


def all_functions() -> list[Function]:
    """Return every function."""
    return [function for noun in _NOUNS for function in noun.FUNCTIONS]
