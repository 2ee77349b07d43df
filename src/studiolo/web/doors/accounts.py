"""Accounts: one's own, and all of them for administrators."""

from urllib.parse import urlencode

from studiolo.core.errors import Forbidden, InvalidRequest
from studiolo.core.ids import AccountId, ProjectId
from studiolo.domain.idempotency import Made
from studiolo.domain.project_limits import NETWORK, LimitsChange
from studiolo.web.api_v1.parameters import Content, Flag, Number, Text
from studiolo.web.api_v1.registry import Call, CallContext, Example, Form
from studiolo.web.csrf import own_origin
from studiolo.web.doors.shapes import Given


class OneAccount(Given):
    """Which account."""

    account_id: Text


class MaybeAccount(Given):
    """Which account; without it, one's own."""

    account_id: Text | None = None


class ResetLinkGiven(Given):
    """Whose password is forgotten."""

    user_account_id: Text


class NameGiven(MaybeAccount):
    """The new name; what is not given stays."""

    first_name: Text | None = None
    last_name: Text | None = None
    username: Text | None = None


class AddressGiven(MaybeAccount):
    """The new address, and the password as a proof, which administrators need only for their own account."""

    email_address: Text
    password: Content = ""


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


async def ban_account(context: CallContext, given: OneAccount) -> None:
    """Ban an account."""
    await context.services.accounts.set_banned(context.principal, AccountId(given.account_id), True)


async def unban_account(context: CallContext, given: OneAccount) -> None:
    """Let a banned account in again."""
    await context.services.accounts.set_banned(context.principal, AccountId(given.account_id), False)


async def delete_account(context: CallContext, given: MaybeAccount) -> None:
    """Delete an account."""
    await context.services.accounts.delete(context.principal, _whose(context, given))


async def set_account_name(context: CallContext, given: NameGiven) -> None:
    """Change a name."""
    if context.principal.account_id is None:
        raise Forbidden("This call needs the API key of an account, not of a project.")
    names = {"first_name": given.first_name, "last_name": given.last_name, "name": given.username}
    values = {name: value for name, value in names.items() if value is not None}
    if not values:
        raise InvalidRequest("first_name, last_name or username must be given")
    whose = await context.services.accounts.in_name_of(context.principal, _whose(context, given))
    await context.services.queries.run(whose, {"accounts": {"account_id": whose.account_id, **values}})


async def create_password_reset_link(context: CallContext, given: ResetLinkGiven) -> str:
    """Return the address of a page that sets an account's password once."""
    code = await context.services.password_resets.create_for(context.principal, AccountId(given.user_account_id))
    site = (context.settings.public_url or own_origin(context.settings, context.request)).rstrip("/")
    return f"{site}/reset-password?{urlencode({'code': code})}"


async def change_email_address(context: CallContext, given: AddressGiven) -> None:
    """Change an address."""
    account_id = _whose(context, given)
    password = given.password if account_id == context.principal.account_id else None
    await context.services.accounts.set_email_address(
        context.principal, account_id, email_address=given.email_address, password=password
    )


async def change_password(context: CallContext, given: PasswordGiven) -> None:
    """Change a password."""
    await context.services.accounts.set_password(
        context.principal,
        _whose(context, given),
        password=given.newPassword,
        old_password=given.currentPassword,
    )


async def set_project_limits(context: CallContext, given: QuotasGiven) -> None:
    """Set what a project may use."""
    memory = given.memory_limit if given.memory_limit is not None else given.memory
    named = {"memory_mb": memory, "cpu_cores": given.cores, "disk_mb": given.disk_quota, NETWORK: given.network}
    change = LimitsChange({name: value for name, value in named.items() if value is not None})
    await context.services.project_limits.set(context.principal, ProjectId(given.project_id), change)


def _whose(context: CallContext, given: MaybeAccount) -> AccountId:
    return AccountId(given.account_id or context.principal.account_id or "")


_STUDENT = "99ebde5c-58f8-4e29-b6e4-b55b8fd71a1b"
_DONE = {"status": "success"}

FORMS = {
    "set_project_limits": (
        Form(
            hub="projects.setQuotas",
            v2="projects/set-admin-quotas",
            parameters=QuotasGiven,
            handler=set_project_limits,
            done="success",
            examples=(
                Example(
                    "Give a project two cores and 2 GB of memory",
                    {"project_id": "2f5b3c4e-6d1a-4a4e-9c0d-7b8f6a5e4d3c", "cores": 2, "memory": 2000},
                    _DONE,
                ),
            ),
        ),
    ),
    "ban_account": (
        Form(
            v2="accounts/ban",
            parameters=OneAccount,
            handler=ban_account,
            done="success",
            examples=(Example("Ban a student's account", {"account_id": _STUDENT}, _DONE),),
        ),
    ),
    "unban_account": (
        Form(
            v2="accounts/remove-ban",
            parameters=OneAccount,
            handler=unban_account,
            done="success",
            examples=(Example("Let a student in again", {"account_id": _STUDENT}, _DONE),),
        ),
    ),
    "delete_account": (
        Form(
            v2="accounts/delete",
            parameters=MaybeAccount,
            handler=delete_account,
            done="success",
            examples=(Example("Delete a student's account", {"account_id": _STUDENT}, _DONE),),
        ),
    ),
    "change_email_address": (
        Form(
            v2="accounts/set-email-address",
            parameters=AddressGiven,
            handler=change_email_address,
            done="success",
            examples=(
                Example(
                    "Change the address",
                    {"email_address": "hypatia@example.edu", "password": "admin-password"},
                    _DONE,
                ),
            ),
        ),
    ),
    "change_password": (
        Form(
            v2="accounts/set-password",
            parameters=PasswordGiven,
            handler=change_password,
            done="success",
            examples=(
                Example(
                    "Change the password",
                    {"currentPassword": "admin-password", "newPassword": "a-better-password"},
                    _DONE,
                ),
            ),
        ),
    ),
}

CALLS = (
    Call(
        name="create_password_reset_link",
        creates=Made.PASSWORD_RESET_LINK,
        noun="accounts",
        summary="Return the address of a page that sets an account's password, once and within an hour.",
        permission="Administrators.",
        parameters=ResetLinkGiven,
        handler=create_password_reset_link,
        is_over_v1=False,
        forms=(Form(hub="system.adminResetPasswordLink", is_for_tokens=False),),
        examples=(
            Example(
                "Help somebody whose mail is lost, too",
                {"user_account_id": _STUDENT},
                "https://studiolo.example.edu/reset-password?code=vnMTDGn8ZcRbvn7krVh9kYYh",
            ),
        ),
    ),
    Call(
        name="set_account_name",
        noun="accounts",
        summary="Change one's name, or for administrators anybody's.",
        permission="Any account, for itself; administrators.",
        parameters=NameGiven,
        handler=set_account_name,
        is_over_v1=False,
        forms=(Form(v2="accounts/set-name", done="success"),),
        examples=(Example("Change the first name", {"first_name": "Emmy"}, _DONE),),
    ),
)
