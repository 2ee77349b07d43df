"""Making accounts."""

from typing import Literal

from pydantic import Field, JsonValue

from studiolo.core.errors import InvalidRequest, StudioloError
from studiolo.core.models import Principal
from studiolo.web.api_v1.parameters import Answer, Flag, Parameters, Text
from studiolo.web.api_v1.registry import Call, CallContext, Example


class CreateAccountParameters(Parameters):
    """What `create_account` takes."""

    first_name: Text = Field(default="", description="May be blank.")
    last_name: Text = Field(default="", description="May be blank.")
    email_address: Text | None = Field(default=None, description="Compared in lower case; unique.")
    password: JsonValue = Field(default=None, description="A string of 6 to 64 characters.")
    agreed_to_terms: Flag = Field(default=False, description="Recorded; not demanded.")
    get_api_key: Flag = Field(default=False, description="Answer with an API key of the new account, too.")


class AccountCreated(Answer):
    """The account exists now."""

    event: Literal["account_created"] = "account_created"
    account_id: str
    api_key: str | None = Field(default=None, description="Shown this once; only with `get_api_key`.")


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
    )
    if not parameters.get_api_key:
        return AccountCreated(account_id=account.account_id)
    # the key is the new account's own, so it is made in its name
    owner = Principal(account_id=account.account_id, address=context.principal.address)
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


CALLS = (
    Call(
        name="create_account",
        noun="accounts",
        summary="Make an account for a person or a program.",
        permission="Administrators; with the setting `account_creation = any_key`, any account.",
        parameters=CreateAccountParameters,
        answers=(AccountCreated, AccountCreationFailed),
        handler=create_account,
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
)
