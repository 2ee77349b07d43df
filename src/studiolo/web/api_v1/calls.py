"""All calls of API v1, gathered from the nouns."""

from studiolo.web.api_v1 import (
    account_search,
    accounts,
    api_keys,
    auth_tokens,
    client_errors,
    collaborators,
    copies,
    copy_groups,
    entries,
    exec,  # noqa: A004 - the noun's name in every layer
    files,
    histories,
    jupyter,
    password_resets,
    ping,
    projects,
    public_paths,
    queries,
)
from studiolo.web.api_v1.registry import Registry

_NOUNS = (
    accounts,
    account_search,
    password_resets,
    api_keys,
    auth_tokens,
    client_errors,
    collaborators,
    copies,
    copy_groups,
    entries,
    exec,
    files,
    histories,
    jupyter,
    ping,
    projects,
    public_paths,
    queries,
)


def all_calls() -> Registry:
    """Return the registry of all calls."""
    return Registry(call for noun in _NOUNS for call in noun.CALLS)
