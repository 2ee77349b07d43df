"""Who asks, from the Authorization header of API v1. It decides who, never whether."""

from collections.abc import Awaitable, Callable

from starlette.requests import Request

from studiolo.core.errors import ApiKeyInvalid, Unauthenticated
from studiolo.core.models import Principal
from studiolo.domain.api_keys import ApiKeys
from studiolo.web.basic_auth import basic_user
from studiolo.web.client_address import client_address


def key_from_header(header: str | None) -> str:
    """Return the API key a request came with, possibly empty (`curl -u :`).

    Raises Unauthenticated without the header, or for a scheme that is neither `Bearer` nor `Basic`; the scheme's
    case counts, of Basic the password is ignored, and of Bearer all words but the first.
    """
    if not header:
        raise Unauthenticated("You must provide authentication via an API key.")
    scheme, _, credentials = header.partition(" ")
    if scheme == "Bearer":
        return next(iter(credentials.split()), "")
    if scheme == "Basic":
        return basic_user(credentials.strip())
    raise Unauthenticated(f"Unknown authorization type '{scheme}'")


async def principal_of(key: str, address: str, api_keys: ApiKeys, *, needs_key: bool) -> Principal:
    """Return who is behind the key; an empty one is nobody, which is enough where `needs_key` is false."""
    if key:
        return await api_keys.resolve(key, address)
    if needs_key:
        raise ApiKeyInvalid("No account found. Is your API key wrong?")
    return Principal(address=address)


def administrators(api_keys: ApiKeys) -> Callable[[Request], Awaitable[bool]]:
    """Return a function that tells whether a request came with an administrator's API key."""

    async def is_administrator(request: Request) -> bool:
        try:
            key = key_from_header(request.headers.get("authorization"))
            return (await api_keys.resolve(key, client_address(request.scope))).is_admin
        except Unauthenticated:
            return False

    return is_administrator
