"""Who is in a project, and the rules for changing it.

1. Only an owner, or an administrator, gives or takes a place or changes somebody else's.
2. Everybody may leave and may change the details of the own place, but not the own role, unless to a lower one.
3. A project always keeps an owner.
4. Whoever may write to a project may add accounts as collaborators, and remove accounts that are not owners.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, cast

from studiolo.core.clock import Clock
from studiolo.core.errors import Conflict, Forbidden, InvalidRequest, NotFound, RoleTooLow
from studiolo.core.ids import AccountId, ProjectId, is_uuid
from studiolo.core.models import ANONYMOUS, FULL_SCOPE, Account, Collaborator, Principal, Project, Role
from studiolo.domain.access import require
from studiolo.domain.audit import Action, in_request, note
from studiolo.domain.query_language import deep_merge
from studiolo.storage import accounts, invitations, invite_tokens, projects
from studiolo.storage import collaborators as rows
from studiolo.storage.database import Database, Transaction

MAX_COLLABORATORS = 1_000
_DETAILS: Mapping[str, type] = {"hide": bool, "upgrades": dict, "ssh_keys": dict}
_RANK = {Role.OWNER: 2, Role.COLLABORATOR: 1, Role.VIEWER: 0}


class Collaborators:
    """Adds and removes people."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    async def add(
        self, principal: Principal, account_ids: Sequence[str], project_ids: Sequence[str], token_ids: Sequence[str]
    ) -> list[ProjectId]:
        """Add each account to the project at the same place in the list, all or none; return the projects.

        With `token_ids` the caller needs no access: each token names its project, and adds the caller's own account.
        """
        given = token_ids or project_ids
        if not given:
            raise InvalidRequest("project_id or token_id must be given")
        if len(account_ids) != len(given):
            raise InvalidRequest("account_id and project_id (or token_id) must be arrays of the same length")
        require_full_scope(principal)
        now = self._clock.now()

        def add(tx: Transaction) -> list[ProjectId]:
            found: list[ProjectId] = []
            for account_id, one in zip(account_ids, given, strict=True):
                project = _by_token(tx, principal, account_id, one, now) if token_ids else _writable(tx, principal, one)
                admit(tx, project, account_id, now, principal)
                found.append(project.project_id)
            return found

        return await self._database.write(in_request(add))

    async def set_role(self, principal: Principal, project_id: ProjectId, account_id: str, role: Role) -> None:
        """Change what an account is in a project; raise NotFound if it has no place there."""
        require_full_scope(principal)
        now = self._clock.now()

        def set_role(tx: Transaction) -> None:
            project = require(tx, principal, project_id, write=False)
            if project.role_of(AccountId(account_id)) is None:
                raise NotFound(f"account '{account_id}' is not in the project")
            change(tx, principal, project, {account_id: {"group": role.value}}, now)

        await self._database.write(in_request(set_role))

    async def remove(self, principal: Principal, project_id: ProjectId, account_id: str) -> None:
        """Remove an account, oneself even without the right to write; owners and strangers are passed over."""
        require_full_scope(principal)

        def remove(tx: Transaction) -> None:
            is_own = principal.account_id is not None and principal.account_id == account_id
            project = require(tx, principal, project_id, write=not is_own)
            if project.role_of(AccountId(account_id)) is not Role.OWNER:
                rows.remove(tx, project_id, AccountId(account_id))
                if is_uuid(account_id):
                    _note(tx, now, principal, project, AccountId(account_id), None)

        now = self._clock.now()
        await self._database.write(in_request(remove))


def require_full_scope(principal: Principal) -> None:
    """Raise Forbidden for a sign-in that is narrowed: it is good for documents, not for people."""
    if principal.scope != FULL_SCOPE:
        raise Forbidden("This sign-in is good for documents only.")


def admit(
    tx: Transaction, project: Project, account_id: str, now: datetime, principal: Principal = ANONYMOUS
) -> Account:
    """Make an account a collaborator unless it is one or more already; return it, or raise NotFound."""
    account = accounts.get(tx, AccountId(account_id)) if is_uuid(account_id) else None
    if account is None or account.is_deleted:
        raise NotFound(f"There is no account {account_id!r}.")
    if project.role_of(account.account_id) not in (Role.OWNER, Role.COLLABORATOR):
        if len(project.collaborators) >= MAX_COLLABORATORS:
            raise Conflict(f"at most {MAX_COLLABORATORS} accounts can share a project")
        rows.put(tx, project.project_id, account.account_id, Role.COLLABORATOR, {}, now)
        _note(tx, now, principal, project, account.account_id, Role.COLLABORATOR)
    return account


def admit_invited(tx: Transaction, account: Account, now: datetime) -> None:
    """Give a new account the places that wait for its address, where who invited it may still do so."""
    for invitation in invitations.list_for(tx, account.email_address or "", now):
        project = projects.get(tx, invitation.project_id)
        if project is not None and not project.is_deleted and _may_invite(tx, project, invitation.invited_by):
            admit(tx, project, account.account_id, now, Principal(invitation.invited_by))
    invitations.remove_for(tx, account.email_address or "")


def _may_invite(tx: Transaction, project: Project, account_id: AccountId | None) -> bool:
    if account_id is None or project.role_of(account_id) in (Role.OWNER, Role.COLLABORATOR):
        return True  # None: invited by the project's own key
    inviter = accounts.get(tx, account_id)
    return inviter is not None and inviter.is_admin and not inviter.is_banned and not inviter.is_deleted


def _writable(tx: Transaction, principal: Principal, project_id: str) -> Project:
    return require(tx, principal, ProjectId(project_id), write=True)


def _by_token(tx: Transaction, principal: Principal, account_id: str, token: str, now: datetime) -> Project:
    if not principal.is_admin and (principal.account_id is None or principal.account_id != account_id):
        raise Forbidden("With a token you can add your own account only.")
    found = invite_tokens.use(tx, token, now)
    project = projects.get(tx, found) if found is not None else None
    if project is None or project.is_deleted:
        raise NotFound("The token is not valid: unknown, expired or used up.")
    return project


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
        _note(tx, now, principal, project, account_id, None)
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
    if old is None or old.role is not new.role:
        _note(tx, now, principal, project, account_id, new.role)


def _note(
    tx: Transaction, now: datetime, principal: Principal, project: Project, account_id: AccountId, role: Role | None
) -> None:
    """Write into the audit log what an account is in a project from now on; None: nothing."""
    note(
        tx,
        now,
        principal,
        Action.COLLABORATORS_CHANGED,
        account_id=account_id,
        project_id=project.project_id,
        role=role.value if role is not None else "none",
    )


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
