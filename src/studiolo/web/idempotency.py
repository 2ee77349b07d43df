"""The header `Idempotency-Key`: who sends a request that makes something may send it again.

The fingerprint of a request is its call and its parameters without `id`, which may be new each time. A call that can be
repeated says in `Call.replay` how its answer is built again from what was made; other calls pass the header over.
"""

import json
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

from starlette.requests import Request

from studiolo.core.models import Principal
from studiolo.domain.idempotency import Idempotency, MadeBefore

HEADER = "Idempotency-Key"
REPLAYED = "Idempotency-Replayed"  # a header of the answer

Answer = TypeVar("Answer")


async def once(
    idempotency: Idempotency,
    request: Request,
    principal: Principal,
    fingerprint: tuple[str, dict[str, Any]],
    run: Callable[[], Awaitable[Answer]],
    replay: Callable[[str], Awaitable[Answer]] | None,
) -> tuple[Answer, dict[str, str]]:
    """Carry a request out unless it was before; return the answer and its headers."""
    key = request.headers.get(HEADER)
    if key is None or replay is None:
        return await run(), {}
    name, parameters = fingerprint
    text = json.dumps([name, parameters], sort_keys=True, separators=(",", ":"), default=str)
    attempt = await idempotency.look(principal, key, text)
    made = attempt.made_before
    if made is None:
        try:
            with idempotency.carry_out(attempt):
                return await run(), {}
        except MadeBefore as before:
            made = before.made
    return await replay(made), {REPLAYED: "true"}
