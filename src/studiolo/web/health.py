"""`/healthz`: 200 as soon as the server can do its work, 503 while it cannot."""

from collections.abc import Awaitable, Callable

import structlog
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

Check = Callable[[], Awaitable[None]]


def routes(check_database: Check, *, warnings: tuple[str, ...] = ()) -> list[Route]:
    """Return the route of `/healthz`; `check_database` raises when the database does not answer.

    `warnings` are told to whoever asks, until the operator does something about them.
    """
    healthy = {"status": "ok", "warnings": list(warnings)} if warnings else {"status": "ok"}
    log = structlog.get_logger("studiolo.health")

    async def show_health(_request: Request) -> Response:
        try:
            await check_database()
        except Exception as error:  # noqa: BLE001 - whatever is wrong with the database, the answer is the same
            log.warning("health_check_failed", check="database", error=repr(error))
            return JSONResponse({"status": "unavailable", "failed": "database"}, status_code=503)
        return JSONResponse(healthy, headers={"Cache-Control": "no-store"})

    return [Route("/healthz", show_health, methods=["GET"])]
