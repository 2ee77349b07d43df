"""The reaper: deletes what has expired and stops projects that nobody uses."""

from collections.abc import Awaitable, Callable

import structlog

from studiolo.core.clock import Clock
from studiolo.domain.services import Services

EVERY_SECONDS = 60.0
_log = structlog.get_logger()


async def run(services: Services, clock: Clock) -> None:
    """Reap once a minute until cancelled."""
    while True:
        await reap(services)
        await clock.sleep(EVERY_SECONDS)


async def reap(services: Services) -> None:
    """Reap once; what fails is logged and does not keep the rest."""
    chores: dict[str, Callable[[], Awaitable[object]]] = {
        "sign_ins": services.sign_ins.reap,
        "ephemeral_accounts": services.ephemeral_accounts.reap,
        "copies": services.copies.reap,
        "copy_groups": services.copy_groups.reap,
        "invitations": services.invitations.reap,
        "jupyter_results": services.jupyter.reap,
        "client_errors": services.client_errors.reap,
        "audit": services.audit.reap,
        "idempotency": services.idempotency.reap,
        "idle_projects": services.projects.stop_idle,
        "always_running": services.project_limits.start_those_that_always_run,
    }
    for name, chore in chores.items():
        try:
            await chore()
        except Exception:  # noqa: BLE001 - the edge: one chore must not keep the others from being done
            _log.exception("chore_failed", chore=name)
