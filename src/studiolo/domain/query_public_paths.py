"""The table `public_paths` of `query`: what projects show to everybody."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from studiolo.core.clock import Clock
from studiolo.core.errors import InvalidRequest, NotFound
from studiolo.core.ids import ProjectId
from studiolo.core.models import Principal, PublicPath
from studiolo.domain.home_paths import file_id
from studiolo.domain.public_paths import list_visible
from studiolo.domain.queries import Selection
from studiolo.domain.query_language import Options, Row, deep_merge
from studiolo.domain.query_reach import check_id, names_project, path_of, writable
from studiolo.domain.query_values import check_size, check_types, moment_of
from studiolo.storage import public_paths as storage
from studiolo.storage.database import Database, Transaction

_SETTINGS: Mapping[str, tuple[type, ...]] = {
    "name": (str,),
    "description": (str,),
    "image": (str,),
    "url": (str,),
    "unlisted": (bool,),
    "authenticated": (bool,),
    "license": (str,),
    "compute_image": (str,),
    "redirect": (str,),
}
_MOMENTS = ("last_edited", "last_saved", "created")
_TYPES: Mapping[str, tuple[type, ...]] = {
    "id": (str,),
    "project_id": (str,),
    "path": (str,),
    "disabled": (bool,),
    **dict.fromkeys(_MOMENTS, (str,)),
    **_SETTINGS,
}


class PublicPathsTable:
    """The public paths of a project, which a query must name; who may not write there sees those not disabled."""

    name = "public_paths"
    settable = frozenset(_TYPES)
    readable: Mapping[str, Any] = {**dict.fromkeys(_TYPES), "counter": None, "compute_image": "default"}
    list_options = Options()

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    async def rows(self, principal: Principal, selection: Selection) -> Sequence[Row]:
        """Return the public paths of a project."""
        named = {str(one.value) for one in selection.filters if names_project(one)}
        if not named:
            raise InvalidRequest("FATAL: must specify project_id")
        only = ProjectId(next(iter(named)))
        return [_row(one) for one in await self._database.read(lambda tx: list_visible(tx, principal, only))]

    async def set(self, principal: Principal, values: Row) -> None:
        """Make a path public, or change how it is."""
        check_types(self.name, values, _TYPES)
        moments = {field: moment_of(self.name, values, field) for field in _MOMENTS}
        await self._database.write(lambda tx: self._write(tx, principal, values, moments))

    def _write(
        self, tx: Transaction, principal: Principal, values: Row, moments: Mapping[str, datetime | None]
    ) -> None:
        project = writable(tx, principal, values.get("project_id"))
        old = self._old(tx, values, project.project_id)
        settings = deep_merge(old.settings, {field: values[field] for field in _SETTINGS if field in values})
        check_size(self.name, settings)
        new = replace(
            old,
            is_disabled=values.get("disabled", old.is_disabled),
            created_at=moments["created"] or old.created_at,
            last_edited_at=moments["last_edited"] or self._clock.now(),
            last_saved_at=moments["last_saved"] or old.last_saved_at,
            settings=settings,
        )
        storage.put(tx, new)

    def _old(self, tx: Transaction, values: Row, project_id: ProjectId) -> PublicPath:
        """Return the record that is meant: by its id, or by the path, for which there may be none yet."""
        if "path" not in values and "id" in values:
            known = storage.get(tx, values["id"])
            if known is None or known.project_id != project_id:
                raise NotFound(f"FATAL: there is no public path '{values['id']}' in this project")
            return known
        path = path_of(self.name, values)
        expected = file_id(project_id, path)
        check_id(self.name, values, expected)
        now = self._clock.now()
        return storage.get(tx, expected) or PublicPath(expected, project_id, path, False, now, None, None, 0)


def _row(one: PublicPath) -> Row:
    return {
        **{field: one.settings.get(field) for field in _SETTINGS},
        "id": one.public_path_id,
        "project_id": one.project_id,
        "path": one.path,
        "disabled": one.is_disabled,
        "created": one.created_at,
        "last_edited": one.last_edited_at,
        "last_saved": one.last_saved_at,
        "counter": one.counter,
    }
