"""What an API key is good for: a short closed list of scopes, and the one check that all doors share.

1. A key without scopes of its own may do everything that its account may. A key with scopes may do what they name and
   nothing else; a call that no scope names is refused.
2. A scope never gives more than the account has. To act as an administrator the key needs `admin` as well.
3. Who is signed in by a narrowed auth token may do what concerns its project, whatever the key; and if it is narrowed
   to a path, what concerns files.
4. A key makes no key and no token that may do more, or lives longer, than the key itself.
"""

from collections.abc import Iterable, Mapping
from enum import Enum

from studiolo.core.errors import Forbidden, InvalidRequest, ScopeMissing
from studiolo.core.models import FULL_SCOPE, KeyScope, KeyScopes, Principal

EVERYTHING = "everything"
WORDS: Mapping[KeyScope, str] = {
    KeyScope.PROJECTS_READ: "See projects, their people and what they use",
    KeyScope.PROJECTS_WRITE: "Make, describe, start, stop and delete projects",
    KeyScope.FILES_READ: "Read files, listings and the history of documents",
    KeyScope.FILES_WRITE: "Write, move and delete files",
    KeyScope.EXEC: "Run commands and code in projects",
    KeyScope.COPIES: "Copy files between projects, and see what became of copies",
    KeyScope.SHARING: "Add, invite and remove people, and make paths public",
    KeyScope.ACCOUNTS_READ: "Find accounts and see their names; see the own account",
    KeyScope.ACCOUNTS_WRITE: "Make, change and delete accounts",
    KeyScope.TOKENS_MINT: "Sign browsers in: make, list and end auth tokens",
    KeyScope.KEYS: "Make, change and end API keys that are not stronger than this one",
    KeyScope.MESSAGES: "Read and send messages",
    KeyScope.ORGANIZATIONS: "Look after organizations",
    KeyScope.ADMIN: "Use the account's rights as an administrator within the other scopes",
}


class Needs(Enum):
    """What a call needs that names no scope of the list."""

    NOTHING = "nothing"  # any key may make it
    INSIDE = "inside"  # it serves many purposes, and asks for the scope of each itself
    EVERYTHING = "everything"  # only a key without scopes of its own may make it


Need = KeyScope | Needs

_OF_A_PROJECT = frozenset(
    {
        KeyScope.PROJECTS_READ,
        KeyScope.PROJECTS_WRITE,
        KeyScope.FILES_READ,
        KeyScope.FILES_WRITE,
        KeyScope.EXEC,
        KeyScope.COPIES,
    }
)
_OF_A_PATH = frozenset({KeyScope.FILES_READ, KeyScope.FILES_WRITE})


def require_scope(principal: Principal, need: Need) -> None:
    """Raise ScopeMissing if the caller's key is not good for this, Forbidden if its narrowed sign-in is not."""
    if need in (Needs.NOTHING, Needs.INSIDE):
        return
    if principal.scope != FULL_SCOPE and not _is_within_narrowing(principal, need):
        raise Forbidden("This sign-in is good for documents only.")
    if principal.key_scopes is not None and need not in principal.key_scopes:
        wanted = "a key that is good for everything" if need is Needs.EVERYTHING else f"the scope {need.value}"
        raise ScopeMissing(f"This API key is not good for this: the call needs {wanted}.")


def acts_as_admin(is_admin: bool, scopes: KeyScopes) -> bool:
    """Tell whether somebody with a key of these scopes has the rights of an administrator."""
    return is_admin and (scopes is None or KeyScope.ADMIN in scopes)


def is_no_more(scopes: KeyScopes, than: KeyScopes) -> bool:
    """Tell whether a key with `scopes` is good for nothing that one with `than` is not."""
    return than is None or (scopes is not None and scopes <= than)


def read_scopes(names: Iterable[str]) -> KeyScopes:
    """Return the scopes that somebody names; raise InvalidRequest for what is no scope, or for none at all."""
    given = set(names)
    unknown = sorted(given - {EVERYTHING, *KeyScope})
    if unknown or not given:
        text = f"There is no scope {unknown[0]!r}." if unknown else "A key needs at least one scope."
        raise InvalidRequest(f"{text} Scopes are: {', '.join((EVERYTHING, *KeyScope))}.", fields={"scopes": text})
    return None if EVERYTHING in given else frozenset(KeyScope(name) for name in given)


def scope_names(scopes: KeyScopes) -> list[str]:
    """Return the names of scopes in the order of the list."""
    return [EVERYTHING] if scopes is None else [scope.value for scope in KeyScope if scope in scopes]


def _is_within_narrowing(principal: Principal, need: Need) -> bool:
    return need in (_OF_A_PROJECT if principal.scope.path_prefix is None else _OF_A_PATH)
