"""How scopes of API keys stand in a column: their names between spaces; null for everything."""

from studiolo.core.models import KeyScope, KeyScopes

_KNOWN = frozenset(KeyScope)


def write_scopes(scopes: KeyScopes) -> str | None:
    """Return the text for the column."""
    return None if scopes is None else " ".join(sorted(scopes))


def read_scopes(text: str | None) -> KeyScopes:
    """Return the scopes in the column; one that this release does not know gives nothing."""
    return None if text is None else frozenset(KeyScope(name) for name in text.split() if name in _KNOWN)
