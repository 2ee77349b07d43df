"""The header `Idempotency-Key`: who sends a request that makes something may send it again, at every door.

The fingerprint of a request is its call and its parameters, without the `id` of API v1's messages, which may be new
each time. A call, or a form of it, that makes something says so in `creates`; every other passes the header over.
"""

import json
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

from starlette.requests import Request

from studiolo.core.models import Principal
from studiolo.domain.idempotency import Idempotency, Made, MadeBefore

HEADER = "Idempotency-Key"
REPLAYED = "Idempotency-Replayed"  # a header of the answer

Answer = TypeVar("Answer")


def fingerprint(call: str, parameters: dict[str, Any]) -> str:
    """Return the text by which a request is known again."""
    return json.dumps([call, parameters], sort_keys=True, separators=(",", ":"), default=str)


async def once(
    idempotency: Idempotency,
    request: Request,
    principal: Principal,
    creates: Made | None,
    about: Callable[[], str],
    run: Callable[[], Awaitable[Answer]],
) -> tuple[Answer, dict[str, str]]:
    """Carry a request out unless it was before; return the answer and its headers.

    A request that was carried out before runs again: what makes things then gives the thing that was made.
    """
    key = request.headers.get(HEADER)
    if key is None or creates is None:
        return await run(), {}
    attempt = await idempotency.look(principal, key, creates, about())
    with idempotency.carry_out(attempt):
        try:
            answer = await run()
            await idempotency.settle(attempt)
        except MadeBefore as before:
            attempt.made_before, attempt.made_elsewhere = before.made, None
            answer = await run()
    return answer, {} if attempt.made_before is None else {REPLAYED: "true"}
