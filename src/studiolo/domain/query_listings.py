"""The table `listings` of `query`: directory listings that clients of a project keep for each other."""

from collections.abc import Mapping, Sequence
from typing import Any

from studiolo.core.models import Listing, Principal
from studiolo.domain.home_paths import file_id
from studiolo.domain.queries import Selection
from studiolo.domain.query_language import Options, Row, deep_merge
from studiolo.domain.query_reach import path_of, reach_of, writable
from studiolo.domain.query_values import check_size, check_types, moment_of
from studiolo.storage import listings as storage
from studiolo.storage.database import Database, Transaction

_CONTENTS: Mapping[str, tuple[type, ...]] = {
    "listing": (list,),
    "missing": (int, float),
    "error": (str,),
    "deleted": (list,),
}
_TYPES: Mapping[str, tuple[type, ...]] = {
    "project_id": (str,),
    "path": (str,),
    "time": (str,),
    "interest": (str,),
    **_CONTENTS,
}


class ListingsTable:
    """What directories of the caller's projects contained when somebody looked."""

    name = "listings"
    settable = frozenset(_TYPES)
    readable: Mapping[str, Any] = dict.fromkeys(_TYPES)
    list_options = Options()

    def __init__(self, database: Database) -> None:
        self._database = database

    async def rows(self, principal: Principal, selection: Selection) -> Sequence[Row]:
        """Return the listings of the caller's projects."""

        def read(tx: Transaction) -> list[Listing]:
            reach = reach_of(tx, principal, selection)
            return storage.list_for(tx, reach) if reach is not None else []

        return [_row(listing) for listing in await self._database.read(read)]

    async def set(self, principal: Principal, values: Row) -> None:
        """Write the listing of a directory."""
        check_types(self.name, values, _TYPES)
        path = path_of(self.name, values)
        listed_at = moment_of(self.name, values, "time")
        interest_at = moment_of(self.name, values, "interest")

        def write(tx: Transaction) -> None:
            project = writable(tx, principal, values.get("project_id"))
            listing_id = file_id(project.project_id, path)
            old = storage.get(tx, listing_id) or Listing(listing_id, project.project_id, path, None, None, {})
            given = {field: values[field] for field in _CONTENTS if field in values}
            contents = deep_merge(old.contents, given)
            check_size(self.name, contents)
            moments = (listed_at or old.listed_at, interest_at or old.interest_at)
            storage.put(tx, Listing(listing_id, project.project_id, path, *moments, contents))

        await self._database.write(write)

    async def delete(self, principal: Principal, values: Row) -> None:
        """Delete the listing of a directory."""
        path = path_of(self.name, values)

        def remove(tx: Transaction) -> None:
            project = writable(tx, principal, values.get("project_id"))
            storage.remove(tx, file_id(project.project_id, path))

        await self._database.write(remove)


def _row(listing: Listing) -> Row:
    return {
        "project_id": listing.project_id,
        "path": listing.path,
        "time": listing.listed_at,
        "interest": listing.interest_at,
        **{field: listing.contents.get(field) for field in _CONTENTS},
    }
