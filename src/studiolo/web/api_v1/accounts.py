"""Making, changing and ending accounts."""

from dataclasses import replace
from typing import Literal

from pydantic import Field, JsonValue

from studiolo.core.errors import InvalidRequest, StudioloError
from studiolo.core.ids import AccountId
from studiolo.domain.idempotency import Made, made_before
from studiolo.web.api_v1.answers import Success
from studiolo.web.api_v1.parameters import Answer, Content, Flag, Parameters, Text
from studiolo.web.api_v1.registry import Call, CallContext, Example


class CreateAccountParameters(Parameters):
    """What `create_account` takes."""

    first_name: Text = Field(default="", description="May be blank.")
    last_name: Text = Field(default="", description="May be blank.")
    email_address: Text | None = Field(default=None, description="Compared in lower case; unique.")
    password: JsonValue = Field(default=None, description="A string of 6 to 64 characters.")
    agreed_to_terms: Flag = Field(default=False, description="Recorded; not demanded.")
    token: Text | None = Field(default=None, description="A registration token, where the server asks for one.")
    usage_intent: Text | None = Field(default=None, description="Taken and ignored.")
    get_api_key: Flag = Field(default=False, description="Answer with an API key of the new account, too.")


class AccountCreated(Answer):
    """The account exists now."""

    event: Literal["account_created"] = "account_created"
    account_id: str
    api_key: str | None = Field(
        default=None, description="Shown this once, not when the request is repeated; only with `get_api_key`."
    )


class AccountCreationFailed(Answer):
    """No account was made; `reason` says of each parameter what is wrong, or `other`."""

    event: Literal["account_creation_failed"] = "account_creation_failed"
    reason: dict[str, str]
    code: str = Field(description="The error's stable code.")


async def create_account(context: CallContext, parameters: CreateAccountParameters) -> AccountCreated:
    """Make an account, and an API key for it if wanted."""
    account = await context.services.accounts.create(
        context.principal,
        email_address=parameters.email_address,
        password=_password(parameters),
        first_name=parameters.first_name,
        last_name=parameters.last_name,
        agreed_to_terms=parameters.agreed_to_terms,
        registration_token=parameters.token,
    )
    if not parameters.get_api_key or made_before(Made.ACCOUNT):  # then the key was told, too
        return AccountCreated(account_id=account.account_id)
    # the key is the new account's own, so it is made in its name; but it is no stronger than the one that asks
    owner = replace(context.principal, account_id=account.account_id, key_project_id=None, is_admin=False)
    _, secret = await context.services.api_keys.create(owner, name="create_account")
    return AccountCreated(account_id=account.account_id, api_key=secret)


def _password(parameters: CreateAccountParameters) -> str | None:
    """Refuse what is no string inside the call, in the words of old, not at the door."""
    if parameters.password is None or isinstance(parameters.password, str):
        return parameters.password
    text = "Password must be specified."
    raise InvalidRequest(text, fields={"password": text})


def account_creation_failed(error: StudioloError) -> AccountCreationFailed:
    """Give the failure in the shape that this call always had."""
    reason = error.details.get("fields") or {"other": error.message}
    return AccountCreationFailed(reason=reason, code=error.code)


class DeleteAccountParameters(Parameters):
    """What `delete_account` takes."""

    account_id: Text


class AccountDeleted(Answer):
    """The account is deleted, or was already."""

    event: Literal["account_deleted"] = "account_deleted"


async def delete_account(context: CallContext, parameters: DeleteAccountParameters) -> AccountDeleted:
    """Delete an account; its e-mail address becomes free, its keys and sign-ins end, its projects stay."""
    await context.services.accounts.delete(context.principal, AccountId(parameters.account_id))
    return AccountDeleted()


class BanAccountParameters(Parameters):
    """Whom to ban, or to let in again."""

    account_id: Text


async def ban_account(context: CallContext, parameters: BanAccountParameters) -> Success:
    """Ban an account: its keys are refused, its sign-ins and auth tokens end at once."""
    await context.services.accounts.set_banned(context.principal, AccountId(parameters.account_id), True)
    return Success()


async def unban_account(context: CallContext, parameters: BanAccountParameters) -> Success:
    """Let a banned account in again."""
    await context.services.accounts.set_banned(context.principal, AccountId(parameters.account_id), False)
    return Success()


class ChangePasswordParameters(Parameters):
    """What `change_password` takes."""

    account_id: Text = Field(description="Taken and ignored: the key's own account is meant.")
    old_password: Content = Field(default="", description="The present password.")
    new_password: Content = Field(description="6 to 64 characters.")


class ChangedPassword(Answer):
    """The password is changed, unless there is an `error`."""

    event: Literal["changed_password"] = "changed_password"
    error: str | dict[str, str] | None = Field(default=None, description="Why not; an object names the parameter.")
    code: str | None = Field(default=None, description="The error's stable code.")


async def change_password(context: CallContext, parameters: ChangePasswordParameters) -> ChangedPassword:
    """Change the password of the caller's account; its sign-ins and auth tokens end."""
    await context.services.accounts.set_password(
        context.principal,
        AccountId(context.principal.wire_id),
        password=parameters.new_password,
        old_password=parameters.old_password,
    )
    return ChangedPassword()


def password_not_changed(error: StudioloError) -> ChangedPassword:
    """Give the failure in the shape that this call always had."""
    fields: dict[str, str] = error.details.get("fields") or {}
    reason = {"new_password": fields["password"]} if "password" in fields else error.message
    return ChangedPassword(error=reason, code=error.code)


class ChangeEmailAddressParameters(Parameters):
    """What `change_email_address` takes."""

    account_id: Text = Field(description="Must be the key's own account.")
    old_email_address: Text = Field(default="", description="Taken and ignored.")
    new_email_address: Text
    password: Content = Field(default="", description="The account's password.")


class ChangedEmailAddress(Answer):
    """The address is changed if `error` is false."""

    event: Literal["changed_email_address"] = "changed_email_address"
    error: str | Literal[False] = Field(default=False, description="False, or why not.")
    code: str | None = Field(default=None, description="The error's stable code.")


async def change_email_address(context: CallContext, parameters: ChangeEmailAddressParameters) -> ChangedEmailAddress:
    """Change the e-mail address of the caller's account."""
    await context.services.accounts.set_email_address(
        context.principal,
        AccountId(parameters.account_id),
        email_address=parameters.new_email_address,
        password=parameters.password,
    )
    return ChangedEmailAddress()


def email_address_not_changed(error: StudioloError) -> ChangedEmailAddress:
    """Give the failure in the shape that this call always had."""
    return ChangedEmailAddress(error=error.message, code=error.code)


CALLS = (
    *(
        Call(
            name=name,
            noun="accounts",
            summary=summary,
            permission="Administrators.",
            parameters=BanAccountParameters,
            answers=(Success,),
            handler=handler,
            examples=(
                Example(
                    summary.split(":")[0],
                    {"account_id": "99ebde5c-58f8-4e29-b6e4-b55b8fd71a1b"},
                    {"event": "success", "id": "a529edf7-b163-4f80-82ae-c3ef6b80a2c4"},
                ),
            ),
        )
        for name, handler, summary in (
            ("ban_account", ban_account, "Ban an account: its keys are refused, its sign-ins and tokens end at once."),
            ("unban_account", unban_account, "Let a banned account in again."),
        )
    ),
    Call(
        name="create_account",
        noun="accounts",
        summary="Make an account for a person or a program.",
        permission="Administrators; others as the setting `account_creation` says.",
        parameters=CreateAccountParameters,
        answers=(AccountCreated, AccountCreationFailed),
        handler=create_account,
        creates=Made.ACCOUNT,
        on_error=account_creation_failed,
        examples=(
            Example(
                "Make an account for a student",
                {
                    "first_name": "Sofia",
                    "last_name": "Kovalevskaya",
                    "email_address": "sofia@example.edu",
                    "password": "a-good-password",
                    "agreed_to_terms": True,
                },
                {
                    "event": "account_created",
                    "id": "ed8d203d-9162-4b1d-9b2e-9ee7a8ac3f5c",
                    "account_id": "99ebde5c-58f8-4e29-b6e4-b55b8fd71a1b",
                },
            ),
            Example(
                "The address is taken",
                {"email_address": "taken@example.edu", "password": "a-good-password"},
                {
                    "event": "account_creation_failed",
                    "id": "8e23bd9f-2c47-4f1a-a7b0-4a8f4b6a1f60",
                    "reason": {"email_address": "This e-mail address is already taken."},
                    "code": "already_exists",
                },
            ),
        ),
    ),
    Call(
        name="delete_account",
        noun="accounts",
        summary="Delete an account: its address becomes free, its keys and sign-ins end. Doing it again is no error.",
        permission="Administrators; the account itself.",
        parameters=DeleteAccountParameters,
        answers=(AccountDeleted,),
        handler=delete_account,
        examples=(
            Example(
                "Delete a student's account",
                {"account_id": "99ebde5c-58f8-4e29-b6e4-b55b8fd71a1b"},
                {"event": "account_deleted", "id": "9e8b68ac-08e8-432a-a853-398042fae8c9"},
            ),
        ),
    ),
    Call(
        name="change_password",
        noun="accounts",
        summary="Change the password of one's own account. Everywhere else the account is signed out.",
        permission="Any account, for itself.",
        parameters=ChangePasswordParameters,
        answers=(ChangedPassword,),
        handler=change_password,
        on_error=password_not_changed,
        examples=(
            Example(
                "Change the password",
                {
                    "account_id": "2f4cd30d-a5b5-4cb1-8a7c-1de9b0a4a4e6",
                    "old_password": "admin-password",
                    "new_password": "a-better-password",
                },
                {"event": "changed_password", "id": "16b4d2ab-3a2c-4f34-8f39-1f4b2f9b2d5f"},
            ),
            Example(
                "The new password is too short",
                {
                    "account_id": "2f4cd30d-a5b5-4cb1-8a7c-1de9b0a4a4e6",
                    "old_password": "admin-password",
                    "new_password": "short",
                },
                {
                    "event": "changed_password",
                    "id": "4d0a3f5e-1c3c-4e5b-9d7f-5c1e2a6b7c8d",
                    "error": {"new_password": "Password must be between 6 and 64 characters in length."},
                    "code": "invalid_request",
                },
            ),
        ),
    ),
    Call(
        name="change_email_address",
        noun="accounts",
        summary="Change the e-mail address of one's own account.",
        permission="Any account, for itself, with its password.",
        parameters=ChangeEmailAddressParameters,
        answers=(ChangedEmailAddress,),
        handler=change_email_address,
        on_error=email_address_not_changed,
        examples=(
            Example(
                "Change the address",
                {
                    "account_id": "2f4cd30d-a5b5-4cb1-8a7c-1de9b0a4a4e6",
                    "new_email_address": "hypatia@example.edu",
                    "password": "admin-password",
                },
                {"event": "changed_email_address", "id": "0a6e1f6b-7b3e-4d0e-8b0c-2a5e3c8f9d10", "error": False},
            ),
            Example(
                "The address is taken",
                {
                    "account_id": "2f4cd30d-a5b5-4cb1-8a7c-1de9b0a4a4e6",
                    "new_email_address": "taken@example.edu",
                    "password": "admin-password",
                },
                {
                    "event": "changed_email_address",
                    "id": "7a1f0c2d-5b3e-4c6f-8d9a-0e1f2a3b4c5d",
                    "error": "email_already_taken",
                    "code": "already_exists",
                },
            ),
        ),
    ),
)
