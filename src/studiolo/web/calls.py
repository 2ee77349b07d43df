"""The one registry: every call, at every door."""

import functools

from studiolo.web.api_v1.calls import all_calls
from studiolo.web.api_v1.registry import Form, Registry
from studiolo.web.doors import (
    account_search,
    accounts,
    collaborators,
    copies,
    documents,
    exec,  # noqa: A004 - the noun's name in every layer
    files,
    jupyter,
    keys,
    messages,
    organizations,
    paths,
    project_messages,
    projects,
    queries,
    server,
    sign_ins,
    sign_up,
)

_NOUNS = (
    account_search,
    accounts,
    collaborators,
    copies,
    documents,
    exec,
    files,
    jupyter,
    keys,
    messages,
    organizations,
    paths,
    project_messages,
    projects,
    queries,
    server,
    sign_ins,
    sign_up,
)


@functools.cache
def every_call() -> Registry:
    """Return the calls of API v1 with their forms at the other doors, and those that only the other doors have."""
    forms: dict[str, tuple[Form, ...]] = {}
    for noun in _NOUNS:
        for name, given in noun.FORMS.items():
            forms[name] = (*forms.get(name, ()), *given)
    return Registry([*all_calls(), *(call for noun in _NOUNS for call in noun.CALLS)]).with_forms(forms)
