"""Accounts: one's own, and all of them for administrators."""

from typing import Any

from studiolo.core.errors import Forbidden, InvalidRequest
from studiolo.core.ids import AccountId, ProjectId
from studiolo.web.api_v1.parameters import Content, Flag, Number, Text
from studiolo.web.functions.registry import Context, Function, Given


class OneAccount(Given):
    """Which account."""

    account_id: Text


class MaybeAccount(Given):
    """Which account; without it, one's own."""

    account_id: Text | None = None


class NameGiven(MaybeAccount):
    """The new name."""

    first_name: Text | None = None
    last_name: Text | None = None
    username: Text | None = None


class AddressGiven(Given):
    """The new address, and the password as a proof."""

    email_address: Text
    password: Content


class PasswordGiven(MaybeAccount):
    """The old and the new password."""

    currentPassword: Content | None = None
    newPassword: Content


class QuotasGiven(Given):
    """What a project may use; what is not given stays."""

    project_id: Text
    memory: Number = None
    memory_limit: Number = None
    cores: Number = None
    disk_quota: Number = None
    network: Flag | None = None


async def ban(context: Context, given: OneAccount) -> None:
    """Ban an account."""
    await context.services.accounts.set_banned(context.principal, AccountId(given.account_id), True)


async def remove_ban(context: Context, given: OneAccount) -> None:
    """Let a banned account in again."""
    await context.services.accounts.set_banned(context.principal, AccountId(given.account_id), False)


async def delete(context: Context, given: MaybeAccount) -> None:
    """Delete an account."""
    await context.services.accounts.delete(context.principal, _whose(context, given))


async def set_name(context: Context, given: NameGiven) -> None:
    """Change one's name."""
    if given.account_id not in (None, context.principal.account_id):
        raise Forbidden("This is another person's account.")
    names = {"first_name": given.first_name, "last_name": given.last_name, "name": given.username}
    values: dict[str, Any] = {name: value for name, value in names.items() if value is not None}
    if not values:
        raise InvalidRequest("first_name, last_name or username must be given")
    change = {"accounts": {"account_id": context.principal.account_id, **values}}
    await context.services.queries.run(context.principal, change)


async def set_email_address(context: Context, given: AddressGiven) -> None:
    """Change one's address."""
    account_id = context.principal.account_id or AccountId("")
    await context.services.accounts.set_email_address(
        context.principal, account_id, email_address=given.email_address, password=given.password
    )


async def set_password(context: Context, given: PasswordGiven) -> None:
    """Change a password."""
    await context.services.accounts.set_password(
        context.principal,
        _whose(context, given),
        password=given.newPassword,
        old_password=given.currentPassword,
    )


async def set_quotas(context: Context, given: QuotasGiven) -> None:
    """Set what a project may use."""
    memory = given.memory_limit if given.memory_limit is not None else given.memory
    await context.services.projects.set_limits(
        context.principal,
        ProjectId(given.project_id),
        {"memory_mb": memory, "cpu_cores": given.cores, "disk_mb": given.disk_quota},
        has_network=given.network,
    )


def _whose(context: Context, given: MaybeAccount) -> AccountId:
    return AccountId(given.account_id or context.principal.account_id or "")


_ADMINS = "Administrators."
_SELF = "The account itself; administrators."

FUNCTIONS = (
    Function("Ban an account.", _ADMINS, OneAccount, ban, v2="accounts/ban", done="success"),
    Function(
        "Let a banned account in again.", _ADMINS, OneAccount, remove_ban, v2="accounts/remove-ban", done="success"
    ),
    Function("Delete an account.", _SELF, MaybeAccount, delete, v2="accounts/delete", done="success"),
    Function("Change one's name.", "Any account.", NameGiven, set_name, v2="accounts/set-name", done="success"),
    Function(
        "Change one's e-mail address, with the password.",
        "Any account.",
        AddressGiven,
        set_email_address,
        v2="accounts/set-email-address",
        done="success",
    ),
    Function("Change a password.", _SELF, PasswordGiven, set_password, v2="accounts/set-password", done="success"),
    Function(
        "Set what a project may use, in cores and MB; from its next start.",
        _ADMINS,
        QuotasGiven,
        set_quotas,
        hub="projects.setQuotas",
        v2="projects/set-admin-quotas",
        done="success",
    ),
)
