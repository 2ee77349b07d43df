"""All calls of API v1, gathered from the nouns."""

from studiolo.web.api_v1 import (
    account_search,
    accounts,
    api_keys,
    audit,
    auth_tokens,
    client_errors,
    collaborators,
    copies,
    copy_groups,
    entries,
    exec,  # noqa: A004 - the noun's name in every layer
    exec_jobs,
    files,
    histories,
    jupyter,
    listings,
    password_resets,
    ping,
    project_limits,
    project_runs,
    projects,
    public_paths,
    queries,
    registration_tokens,
)
from studiolo.web.api_v1.registry import Registry

_NOUNS = (
    accounts,
    account_search,
    listings,
    password_resets,
    api_keys,
    audit,
    auth_tokens,
    client_errors,
    collaborators,
    copies,
    copy_groups,
    entries,
    exec,
    exec_jobs,
    files,
    histories,
    jupyter,
    ping,
    project_limits,
    project_runs,
    projects,
    public_paths,
    queries,
    registration_tokens,
)


def all_calls() -> Registry:
    """Return the registry of all calls."""
    return Registry(call for noun in _NOUNS for call in noun.CALLS)
