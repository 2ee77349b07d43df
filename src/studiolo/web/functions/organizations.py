"""Organizations, and signing in as their members."""

from typing import Any
from urllib.parse import urlencode

from studiolo.core.models import Organization
from studiolo.web.api_v1.parameters import Content, Text
from studiolo.web.csrf import own_origin
from studiolo.web.functions.registry import Context, Function, Given, Nothing


class Named(Given):
    """Which organization."""

    name: Text


class ChangeGiven(Given):
    """What is to change of an organization."""

    name: Text
    title: Text | None = None
    description: Text | None = None
    email_address: Text | None = None
    link: Text | None = None


class MemberGiven(Given):
    """Who, of which organization."""

    name: Text
    user: Text


class CreateUserGiven(Given):
    """The new account."""

    name: Text
    email: Text
    firstName: Text = ""
    lastName: Text = ""
    password: Content | None = None


class TokenGiven(Given):
    """For whom."""

    user: Text


class ExpireGiven(Given):
    """Which token."""

    token: Text


class MessageGiven(Given):
    """What all members are told."""

    name: Text
    subject: Content
    body: Content


async def list_all(context: Context, _given: Nothing) -> list[dict[str, Any]]:
    """Return every organization."""
    return [_row(one) for one in await context.services.organizations.list_all(context.principal)]


async def create(context: Context, given: Named) -> str:
    """Make an organization; return its id."""
    return (await context.services.organizations.create(context.principal, given.name)).organization_id


async def get(context: Context, given: Named) -> dict[str, Any]:
    """Return an organization."""
    return _row(await context.services.organizations.get(context.principal, given.name))


async def change(context: Context, given: ChangeGiven) -> None:
    """Change an organization's texts."""
    fields = {
        "title": given.title,
        "description": given.description,
        "email_address": given.email_address,
        "link": given.link,
    }
    values = {name: value for name, value in fields.items() if value is not None}
    await context.services.organizations.change(context.principal, given.name, values)


async def add_admin(context: Context, given: MemberGiven) -> None:
    """Make a member an admin."""
    await context.services.organizations.add_admin(context.principal, given.name, given.user)


async def remove_admin(context: Context, given: MemberGiven) -> None:
    """Make an admin an ordinary member."""
    await context.services.organizations.remove_admin(context.principal, given.name, given.user)


async def add_user(context: Context, given: MemberGiven) -> None:
    """Move an account into an organization."""
    await context.services.organizations.add_user(context.principal, given.name, given.user)


async def remove_user(context: Context, given: MemberGiven) -> None:
    """Take an account out of an organization."""
    await context.services.organizations.remove_user(context.principal, given.name, given.user)


async def create_user(context: Context, given: CreateUserGiven) -> str:
    """Make an account in an organization; return its id."""
    made = await context.services.organizations.create_user(
        context.principal,
        given.name,
        email_address=given.email,
        first_name=given.firstName,
        last_name=given.lastName,
        password=given.password,
    )
    return made.account_id


async def create_token(context: Context, given: TokenGiven) -> dict[str, Any]:
    """Make an auth token for a member, and the address that signs a browser in with it."""
    token = await context.services.organizations.create_token(context.principal, given.user)
    site = (context.settings.public_url or own_origin(context.settings, context.request)).rstrip("/")
    return {"token": token, "url": f"{site}/auth/impersonate?{urlencode({'auth_token': token})}"}


async def expire_token(context: Context, given: ExpireGiven) -> None:
    """End an auth token."""
    await context.services.auth_tokens.revoke(context.principal, given.token)


async def users(context: Context, given: Named) -> list[dict[str, Any]]:
    """Return the members."""
    return [
        {
            "account_id": one.account.account_id,
            "first_name": one.account.first_name,
            "last_name": one.account.last_name,
            "email_address": one.account.email_address,
        }
        for one in await context.services.organizations.members(context.principal, given.name)
    ]


async def message(context: Context, given: MessageGiven) -> None:
    """Send a message to all members."""
    await context.services.organizations.message(context.principal, given.name, subject=given.subject, body=given.body)


def _row(organization: Organization) -> dict[str, Any]:
    return {
        "organization_id": organization.organization_id,
        "name": organization.name,
        "title": organization.title,
        "description": organization.description,
        "email_address": organization.email_address,
        "link": organization.link,
        "admin_account_ids": list(organization.admin_ids),
    }


_SITE = "Administrators of the server."
_ADMINS = "Admins of the organization, administrators of the server."

FUNCTIONS = (
    Function("Return every organization.", _SITE, Nothing, list_all, hub="org.getAll", is_for_tokens=False),
    Function("Make an organization.", _SITE, Named, create, hub="org.create", is_for_tokens=False),
    Function(
        "Return an organization.",
        "Its members, administrators of the server.",
        Named,
        get,
        hub="org.get",
        is_for_tokens=False,
    ),
    Function("Change an organization's texts.", _ADMINS, ChangeGiven, change, hub="org.set", is_for_tokens=False),
    Function("Make a member an admin.", _ADMINS, MemberGiven, add_admin, hub="org.addAdmin", is_for_tokens=False),
    Function(
        "Make an admin an ordinary member.",
        _ADMINS,
        MemberGiven,
        remove_admin,
        hub="org.removeAdmin",
        is_for_tokens=False,
    ),
    Function(
        "Move an account into an organization.", _SITE, MemberGiven, add_user, hub="org.addUser", is_for_tokens=False
    ),
    Function(
        "Take an account out of an organization.",
        _ADMINS,
        MemberGiven,
        remove_user,
        hub="org.removeUser",
        is_for_tokens=False,
    ),
    Function(
        "Make an account in an organization.",
        _ADMINS,
        CreateUserGiven,
        create_user,
        hub="org.createUser",
        is_for_tokens=False,
    ),
    Function(
        "Make an auth token that signs a browser in as a member.",
        _ADMINS,
        TokenGiven,
        create_token,
        hub="org.createToken",
        is_for_tokens=False,
    ),
    Function(
        "End an auth token.",
        "Its account, who made it, administrators of the server.",
        ExpireGiven,
        expire_token,
        hub="org.expireToken",
    ),
    Function("Return the members.", _ADMINS, Named, users, hub="org.getUsers", is_for_tokens=False),
    Function("Send a message to all members.", _ADMINS, MessageGiven, message, hub="org.message", is_for_tokens=False),
)
