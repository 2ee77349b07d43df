"""`studiolo serve`: this process becomes the keeper, which starts the hub and the copy workers without rights."""

import ssl
import sys
from pathlib import Path
from typing import NoReturn

from studiolo.core.errors import InvalidRequest, RunnerUnavailable
from studiolo.core.settings import Settings
from studiolo.runtime.keeper import launch
from studiolo.runtime.keeper.plan import KeeperPlan


def serve(settings: Settings) -> NoReturn:
    """Become the keeper of a server with these settings; does not return."""
    if settings.runner not in ("sandbox", "process"):
        raise RunnerUnavailable(f"The runner {settings.runner} is not part of this release; use sandbox or process.")
    _check_certificate(settings)
    environment = settings.environment or default_environment()
    program = (sys.executable, "-m", "studiolo")
    plan = KeeperPlan(
        data=str(settings.data),
        hub_argv=(*program, "_hub"),
        worker_argv=(*program, "_copy_worker"),
        host=settings.host,
        port=settings.port,
        tls_cert=settings.tls_cert.read_text() if settings.tls_cert else None,
        tls_key=settings.tls_key.read_text() if settings.tls_key else None,
        environment=str(environment) if environment else None,
        runner=settings.runner,
        workers=settings.copy_workers,
        stop_projects_on_exit=settings.stop_projects_on_exit,
        child_environment=settings.as_environment(),
        copy_fsync=settings.copy_fsync,
        log_format=settings.log_format,
    )
    launch.run(plan)


def _check_certificate(settings: Settings) -> None:
    """Raise InvalidRequest when certificate or key cannot be used: only now the files can surely be read."""
    if settings.tls_cert is None or settings.tls_key is None:
        return
    names = f"tls_cert {settings.tls_cert} and tls_key {settings.tls_key}"
    try:
        ssl.create_default_context(ssl.Purpose.CLIENT_AUTH).load_cert_chain(settings.tls_cert, settings.tls_key)
    except ssl.SSLError as error:
        reason = "they do not belong together" if error.reason == "KEY_VALUES_MISMATCH" else "they are not PEM files"
        raise InvalidRequest(f"{names} cannot be used: {reason} ({error.reason or error}).") from error
    except OSError as error:
        raise InvalidRequest(f"{names} cannot be read: {error.strerror}.") from error


def default_environment() -> Path | None:
    """Return the projects' environment that `make setup` made, or None."""
    note = Path(sys.prefix) / "studiolo-environment"
    return Path(note.read_text(encoding="utf-8").strip()) if note.is_file() else None
