"""Organizations, and signing in as their members."""

from typing import Any
from urllib.parse import urlencode

from studiolo.core.models import Organization
from studiolo.domain.idempotency import Made
from studiolo.web.api_v1.parameters import Content, Text
from studiolo.web.api_v1.registry import Call, CallContext, Example, Form, Handler
from studiolo.web.csrf import own_origin
from studiolo.web.doors.shapes import Given, Nothing, Reply


class OrganizationGiven(Given):
    """Which organization."""

    name: Text


class OrganizationChange(Given):
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


class NewMemberGiven(Given):
    """The new account."""

    name: Text
    email: Text
    firstName: Text = ""
    lastName: Text = ""
    password: Content | None = None


class MemberTokenGiven(Given):
    """For whom."""

    user: Text


class TokenGiven(Given):
    """Which token."""

    token: Text


class AnnouncementGiven(Given):
    """What all members are told."""

    name: Text
    subject: Content
    body: Content


class OrganizationRow(Reply):
    """An organization."""

    organization_id: str
    name: str
    title: str
    description: str
    email_address: str
    link: str
    admin_account_ids: list[str]


class MemberToken(Reply):
    """A token, and the address that signs a browser in with it."""

    token: str
    url: str


class Member(Reply):
    """An account of an organization."""

    account_id: str
    first_name: str
    last_name: str
    email_address: str | None


async def list_organizations(context: CallContext, _given: Nothing) -> list[OrganizationRow]:
    """Return every organization."""
    return [_row(one) for one in await context.services.organizations.list_all(context.principal)]


async def create_organization(context: CallContext, given: OrganizationGiven) -> str:
    """Make an organization; return its id."""
    return (await context.services.organizations.create(context.principal, given.name)).organization_id


async def get_organization(context: CallContext, given: OrganizationGiven) -> OrganizationRow:
    """Return an organization."""
    return _row(await context.services.organizations.get(context.principal, given.name))


async def change_organization(context: CallContext, given: OrganizationChange) -> None:
    """Change an organization's texts."""
    fields = {
        "title": given.title,
        "description": given.description,
        "email_address": given.email_address,
        "link": given.link,
    }
    values = {name: value for name, value in fields.items() if value is not None}
    await context.services.organizations.change(context.principal, given.name, values)


async def add_organization_admin(context: CallContext, given: MemberGiven) -> None:
    """Make a member an admin."""
    await context.services.organizations.add_admin(context.principal, given.name, given.user)


async def remove_organization_admin(context: CallContext, given: MemberGiven) -> None:
    """Make an admin an ordinary member."""
    await context.services.organizations.remove_admin(context.principal, given.name, given.user)


async def add_organization_user(context: CallContext, given: MemberGiven) -> None:
    """Move an account into an organization."""
    await context.services.organizations.add_user(context.principal, given.name, given.user)


async def remove_organization_user(context: CallContext, given: MemberGiven) -> None:
    """Take an account out of an organization."""
    await context.services.organizations.remove_user(context.principal, given.name, given.user)


async def create_organization_user(context: CallContext, given: NewMemberGiven) -> str:
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


async def create_organization_token(context: CallContext, given: MemberTokenGiven) -> MemberToken:
    """Make an auth token for a member, and the address that signs a browser in with it."""
    token = await context.services.organizations.create_token(context.principal, given.user)
    site = (context.settings.public_url or own_origin(context.settings, context.request)).rstrip("/")
    return MemberToken(token=token, url=f"{site}/auth/impersonate?{urlencode({'auth_token': token})}")


async def expire_organization_token(context: CallContext, given: TokenGiven) -> None:
    """End an auth token."""
    await context.services.auth_tokens.revoke(context.principal, given.token)


async def list_organization_users(context: CallContext, given: OrganizationGiven) -> list[Member]:
    """Return the members."""
    return [
        Member(
            account_id=one.account.account_id,
            first_name=one.account.first_name,
            last_name=one.account.last_name,
            email_address=one.account.email_address,
        )
        for one in await context.services.organizations.members(context.principal, given.name)
    ]


async def message_organization(context: CallContext, given: AnnouncementGiven) -> None:
    """Send a message to all members."""
    await context.services.organizations.message(context.principal, given.name, subject=given.subject, body=given.body)


def _row(organization: Organization) -> OrganizationRow:
    return OrganizationRow(
        organization_id=organization.organization_id,
        name=organization.name,
        title=organization.title,
        description=organization.description,
        email_address=organization.email_address,
        link=organization.link,
        admin_account_ids=list(organization.admin_ids),
    )


def _call(
    hub: str,
    handler: Handler,
    parameters: type[Given],
    permission: str,
    example: Example,
    *,
    is_for_tokens: bool = False,
    creates: Made | None = None,
) -> Call:
    """Return the entry of a call that only the official client makes; its summary is the handler's own."""
    return Call(
        name=handler.__name__,
        noun="organizations",
        summary=(handler.__doc__ or "").strip(),
        permission=permission,
        parameters=parameters,
        handler=handler,
        creates=creates,
        is_over_v1=False,
        forms=(Form(hub=hub, is_for_tokens=is_for_tokens),),
        examples=(example,),
    )


_SITE = "Administrators of the server."
_ADMINS = "Admins of the organization, administrators of the server."
_STUDENT = "99ebde5c-58f8-4e29-b6e4-b55b8fd71a1b"
_MEMBER = "0c8e4f2a-7b1d-4a3c-9e5f-6d7a8b9c0d1e"
_TOKEN = "BQokikJOvBiI2HlWgH4olfQ2"  # noqa: S105 - of the examples
_SCHOOL: dict[str, Any] = {"name": "school"}
_ROW = {
    "organization_id": "7a9c1e3b-5d7f-4b2a-8c4e-6f8a0b2c4d6e",
    "name": "school",
    "title": "A school",
    "description": "",
    "email_address": "",
    "link": "",
    "admin_account_ids": [_MEMBER],
}

FORMS = dict[str, tuple[Form, ...]]()

CALLS = (
    _call("org.getAll", list_organizations, Nothing, _SITE, Example("List them", {}, [_ROW])),
    _call(
        "org.create",
        create_organization,
        OrganizationGiven,
        _SITE,
        Example("Make one", {"name": "college"}, "7a9c1e3b-5d7f-4b2a-8c4e-6f8a0b2c4d6e"),
        creates=Made.ORGANIZATION,
    ),
    _call(
        "org.get",
        get_organization,
        OrganizationGiven,
        "Its members, administrators of the server.",
        Example("Look at one", _SCHOOL, _ROW),
    ),
    _call(
        "org.set",
        change_organization,
        OrganizationChange,
        _ADMINS,
        Example("Change the title", {**_SCHOOL, "title": "A good school"}, None),
    ),
    _call(
        "org.addAdmin",
        add_organization_admin,
        MemberGiven,
        _ADMINS,
        Example("Let a member look after the others", {**_SCHOOL, "user": _MEMBER}, None),
    ),
    _call(
        "org.removeAdmin",
        remove_organization_admin,
        MemberGiven,
        _ADMINS,
        Example("Take that back", {**_SCHOOL, "user": _MEMBER}, None),
    ),
    _call(
        "org.addUser",
        add_organization_user,
        MemberGiven,
        _SITE,
        Example("Add an account", {**_SCHOOL, "user": _STUDENT}, None),
    ),
    _call(
        "org.removeUser",
        remove_organization_user,
        MemberGiven,
        _ADMINS,
        Example("Let a member go", {**_SCHOOL, "user": _MEMBER}, None),
    ),
    _call(
        "org.createUser",
        create_organization_user,
        NewMemberGiven,
        _ADMINS,
        Example("Make an account", {**_SCHOOL, "email": "new@example.edu", "firstName": "New"}, _MEMBER),
        creates=Made.ACCOUNT,
    ),
    _call(
        "org.createToken",
        create_organization_token,
        MemberTokenGiven,
        _ADMINS,
        Example(
            "Sign a member in",
            {"user": _MEMBER},
            {"token": _TOKEN, "url": f"https://example.edu/portal/auth/impersonate?auth_token={_TOKEN}"},
        ),
        creates=Made.AUTH_TOKEN,
    ),
    _call(
        "org.expireToken",
        expire_organization_token,
        TokenGiven,
        "Its account, who made it, administrators of the server.",
        Example("End a token", {"token": _TOKEN}, None),
        is_for_tokens=True,
    ),
    _call(
        "org.getUsers",
        list_organization_users,
        OrganizationGiven,
        _ADMINS,
        Example(
            "Who is in it?",
            _SCHOOL,
            [
                {
                    "account_id": _MEMBER,
                    "first_name": "Emmy",
                    "last_name": "Noether",
                    "email_address": "member@example.edu",
                }
            ],
        ),
    ),
    _call(
        "org.message",
        message_organization,
        AnnouncementGiven,
        _ADMINS,
        Example("Write to everybody", {**_SCHOOL, "subject": "Holidays", "body": "See you in May."}, None),
        creates=Made.MESSAGE,
    ),
)
