"""Forgotten passwords."""

from typing import Literal

from pydantic import Field

from studiolo.core.errors import StudioloError
from studiolo.web.api_v1.parameters import Answer, Content, Parameters, Text
from studiolo.web.api_v1.registry import Call, CallContext, Example


class ForgotPasswordParameters(Parameters):
    """What `forgot_password` takes."""

    email_address: Text


class ForgotPasswordResponse(Answer):
    """The code is on its way if `error` is false."""

    event: Literal["forgot_password_response"] = "forgot_password_response"
    error: str | Literal[False] = Field(default=False, description="False, or why not.")
    code: str | None = Field(default=None, description="The error's stable code.")


class ResetForgotPasswordParameters(Parameters):
    """What `reset_forgot_password` takes."""

    reset_code: Text = Field(description="The code from the mail; good for one hour and one use.")
    new_password: Content = Field(description="6 to 64 characters.")


class ResetForgotPasswordResponse(Answer):
    """The password is set if `error` is false."""

    event: Literal["reset_forgot_password_response"] = "reset_forgot_password_response"
    error: str | Literal[False] = Field(default=False, description="False, or why not.")
    code: str | None = Field(default=None, description="The error's stable code.")


async def forgot_password(context: CallContext, parameters: ForgotPasswordParameters) -> ForgotPasswordResponse:
    """Mail a code to the address."""
    await context.services.password_resets.request(parameters.email_address, context.principal.address)
    return ForgotPasswordResponse()


def not_mailed(error: StudioloError) -> ForgotPasswordResponse:
    """Give the failure in the shape that this call always had."""
    return ForgotPasswordResponse(error=error.message, code=error.code)


async def reset_forgot_password(
    context: CallContext, parameters: ResetForgotPasswordParameters
) -> ResetForgotPasswordResponse:
    """Set a new password with a code."""
    await context.services.password_resets.redeem(parameters.reset_code, parameters.new_password)
    return ResetForgotPasswordResponse()


def not_reset(error: StudioloError) -> ResetForgotPasswordResponse:
    """Give the failure in the shape that this call always had."""
    return ResetForgotPasswordResponse(error=error.message, code=error.code)


CALLS = (
    Call(
        name="forgot_password",
        noun="accounts",
        summary="Mail a code, with which a new password can be set, to the address of an account.",
        permission="Any key.",
        parameters=ForgotPasswordParameters,
        answers=(ForgotPasswordResponse,),
        handler=forgot_password,
        on_error=not_mailed,
        examples=(
            Example(
                "A student forgot the password",
                {"email_address": "student@example.edu"},
                {"event": "forgot_password_response", "id": "4d3f2e1a-0b9c-4d8e-8f7a-6b5c4d3e2f1a", "error": False},
            ),
            Example(
                "Nobody has this address",
                {"email_address": "nobody@example.edu"},
                {
                    "event": "forgot_password_response",
                    "id": "5e4a3f2b-1c0d-4e9f-9a8b-7c6d5e4f3a2b",
                    "error": "No account with e-mail address nobody@example.edu",
                    "code": "not_found",
                },
            ),
        ),
    ),
    Call(
        name="reset_forgot_password",
        noun="accounts",
        summary="Set a new password with the code that was mailed. Everywhere the account is signed out.",
        permission="Any key; whoever has the code.",
        parameters=ResetForgotPasswordParameters,
        answers=(ResetForgotPasswordResponse,),
        handler=reset_forgot_password,
        on_error=not_reset,
        examples=(
            Example(
                "Use the code",
                {"reset_code": "w7XkQ2mB9tYc4RzLs8JvNf3P", "new_password": "a-new-password"},
                {
                    "event": "reset_forgot_password_response",
                    "id": "6f5b4a3c-2d1e-4f0a-8b9c-8d7e6f5a4b3c",
                    "error": False,
                },
            ),
        ),
    ),
)
