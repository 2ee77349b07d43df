"""Rows of `listings`: what clients saw last in directories."""

from typing import Any

from sqlalchemy import Connection, delete, select

from studiolo.core.models import Listing
from studiolo.storage.dialects import insert_or_update
from studiolo.storage.projects import Reach, is_reached
from studiolo.storage.tables import listings

MAX_ROWS = 10_000


def get(tx: Connection, listing_id: str) -> Listing | None:
    """Return a listing."""
    row = tx.execute(select(listings).where(listings.c.listing_id == listing_id)).mappings().one_or_none()
    return Listing(**row) if row is not None else None


def put(tx: Connection, listing: Listing) -> None:
    """Write a listing, in place of the one with the same id."""
    values: dict[str, Any] = {name: getattr(listing, name) for name in Listing.__dataclass_fields__}
    insert_or_update(tx, listings, values, ["listing_id"])


def remove(tx: Connection, listing_id: str) -> None:
    """Delete a listing."""
    tx.execute(delete(listings).where(listings.c.listing_id == listing_id))


def list_for(tx: Connection, reach: Reach) -> list[Listing]:
    """Return the listings of projects by their paths."""
    query = select(listings).where(is_reached(listings.c.project_id, reach))
    rows = tx.execute(query.order_by(listings.c.path, listings.c.listing_id).limit(MAX_ROWS)).mappings()
    return [Listing(**row) for row in rows]
