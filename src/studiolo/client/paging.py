"""Calls that answer page by page, made until the last one.

    for page in pages(studiolo.audit.list_audit_log, action="sign_in"):
        for entry in page.entries:
            print(entry.time, entry.address)

An answer names the next page in `next_cursor` or `next`; the call takes that as `cursor` or `after`.
"""

import inspect
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from typing import Any, ParamSpec, TypeVar, cast

P = ParamSpec("P")
Page = TypeVar("Page")

_NEXT = ("next_cursor", "next")
_WHERE = ("cursor", "after")


def pages(call: Callable[P, Page], *args: P.args, **parameters: P.kwargs) -> Iterator[Page]:
    """Iterate over the answers of a `Client`'s method, a page each."""
    again, where = _once_more(call)
    page = call(*args, **parameters)
    yield page
    while (cursor := _next(page)) is not None:
        page = cast("Page", again(*args, **{**parameters, where: cursor}))
        yield page


async def async_pages(call: Callable[P, Awaitable[Page]], *args: P.args, **parameters: P.kwargs) -> AsyncIterator[Page]:
    """Iterate over the answers of an `AsyncClient`'s method, a page each."""
    again, where = _once_more(call)
    page = await call(*args, **parameters)
    yield page
    while (cursor := _next(page)) is not None:
        page = cast("Page", await again(*args, **{**parameters, where: cursor}))
        yield page


def _once_more(call: Callable[..., Any]) -> tuple[Callable[..., Any], str]:
    """Return the call, and the parameter that says where a page begins; raise TypeError if it has no pages."""
    known = inspect.signature(call).parameters
    where = next((name for name in _WHERE if name in known), None)
    if where is None:
        raise TypeError(f"{getattr(call, '__name__', call)} does not answer page by page")
    return call, where


def _next(page: object) -> Any:
    return next((found for name in _NEXT if (found := getattr(page, name, None)) is not None), None)
