"""Rows of `jupyter_results`: what running code gave, by the hash of what was run."""

from datetime import datetime
from typing import Any

from sqlalchemy import Connection, delete, select

from studiolo.core.models import JupyterResult
from studiolo.storage.dialects import insert_or_update
from studiolo.storage.tables import jupyter_results


def get(tx: Connection, result_hash: str, now: datetime) -> JupyterResult | None:
    """Return a result that is still good."""
    good = (jupyter_results.c.result_hash == result_hash) & (jupyter_results.c.expires_at > now)
    row = tx.execute(select(jupyter_results).where(good)).mappings().one_or_none()
    return JupyterResult(**row) if row is not None else None


def put(tx: Connection, result: JupyterResult) -> None:
    """Write a result, in place of an earlier one."""
    values: dict[str, Any] = {name: getattr(result, name) for name in JupyterResult.__dataclass_fields__}
    insert_or_update(tx, jupyter_results, values, ["result_hash"])


def reap(tx: Connection, now: datetime) -> int:
    """Delete the results whose time is over and return how many."""
    return tx.execute(delete(jupyter_results).where(jupyter_results.c.expires_at <= now)).rowcount
