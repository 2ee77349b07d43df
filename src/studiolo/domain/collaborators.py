"""Who is in a project, and the rules for changing it.

1. Only an owner, or an administrator, gives or takes a place or changes somebody else's.
2. Everybody may leave and may change the details of the own place, but not the own role, unless to a lower one.
3. A project always keeps an owner.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, cast

from studiolo.core.errors import Conflict, InvalidRequest, NotFound, RoleTooLow
from studiolo.core.ids import AccountId, is_uuid
from studiolo.core.models import Collaborator, Principal, Project, Role
from studiolo.domain.query_language import deep_merge
from studiolo.storage import accounts
from studiolo.storage import collaborators as rows
from studiolo.storage.database import Transaction

MAX_COLLABORATORS = 1_000
_DETAILS: Mapping[str, type] = {"hide": bool, "upgrades": dict, "ssh_keys": dict}
_RANK = {Role.OWNER: 2, Role.COLLABORATOR: 1, Role.VIEWER: 0}


def change(tx: Transaction, principal: Principal, project: Project, given: Mapping[str, Any], now: datetime) -> None:
    """Change places as the `users` of a query say: `{account_id: {"group", "hide", "upgrades", "ssh_keys"}}`.

    An account whose value is null leaves the project.
    """
    people = {person.account_id: person for person in project.collaborators}
    for account_id, fields in given.items():
        if not is_uuid(account_id):
            raise InvalidRequest(f"FATAL: invalid account_id '{account_id}'")
        _change_one(tx, principal, project, people, AccountId(account_id), fields, now)
    if len(people) > MAX_COLLABORATORS:
        raise InvalidRequest(f"FATAL: at most {MAX_COLLABORATORS} accounts can share a project")
    if not any(person.role is Role.OWNER for person in people.values()):
        raise Conflict("FATAL: a project must keep an owner")


def _change_one(
    tx: Transaction,
    principal: Principal,
    project: Project,
    people: dict[AccountId, Collaborator],
    account_id: AccountId,
    fields: Any,
    now: datetime,
) -> None:
    old = people.get(account_id)
    if fields is None:
        _require_may_change(principal, project, account_id, None, old)
        people.pop(account_id, None)
        rows.remove(tx, project.project_id, account_id)
        return
    role, details = _read(fields, old)
    if "upgrades" in details and account_id != principal.account_id and not principal.is_admin:
        user = principal.wire_id
        raise RoleTooLow(f"FATAL: user '{user}' tried to change user '{account_id}' allocation toward a project")
    _require_may_change(principal, project, account_id, role, old)
    if old is None and accounts.get(tx, account_id) is None:
        raise NotFound(f"FATAL: unknown account_id '{account_id}'")
    new = Collaborator(account_id, role, deep_merge(old.details if old is not None else {}, details))
    people[account_id] = new
    rows.put(tx, project.project_id, account_id, new.role, new.details, now)


def _read(fields: Any, old: Collaborator | None) -> tuple[Role, dict[str, Any]]:
    if not isinstance(fields, dict):
        raise InvalidRequest("FATAL: invalid value for field 'users'")
    values = cast("dict[str, Any]", fields)
    for name, value in values.items():
        if name == "group":
            is_valid = isinstance(value, str) and value in tuple(Role)
        elif name in _DETAILS:
            is_valid = isinstance(value, _DETAILS[name])
        else:
            raise InvalidRequest(f"FATAL: unknown field '{name}'")
        if not is_valid:
            raise InvalidRequest(f"FATAL: invalid value for field '{name}'")
    if "group" not in values and old is None:
        raise InvalidRequest("FATAL: invalid value for field 'group'")
    role = Role(values["group"]) if "group" in values or old is None else old.role
    return role, {name: value for name, value in values.items() if name != "group"}


def _require_may_change(
    principal: Principal, project: Project, account_id: AccountId, role: Role | None, old: Collaborator | None
) -> None:
    if principal.is_admin or project.role_of(principal.account_id) is Role.OWNER:
        return
    if old is None or principal.account_id != account_id:
        raise RoleTooLow("FATAL: only an owner of the project may change the place of others")
    if role is not None and _RANK[role] > _RANK[old.role]:
        raise RoleTooLow("FATAL: only an owner of the project may give a higher role")
