"""Errors of the client: one base class, and below it the errors that servers answer with.

    StudioloError
    |- ConnectionFailed
    |- ConnectionLost
    |- AnswerMalformed
    |- Unauthenticated
    |  |- ApiKeyInvalid
    |  |- AccountBanned
    |  |- PasswordIncorrect
    |  |- AuthTokenInvalid
    |  |- AuthTokenExpired
    |  |- AuthTokenUsed
    |  '- SignInExpired
    |- Forbidden
    |  |- RoleTooLow
    |  '- ScopeMissing
    |- NotFound
    |  |- ProjectNotFound
    |  |- FileNotFound
    |  |- UploadNotFound
    |  |- ExecJobNotFound
    |  |- CopyOperationNotFound
    |  '- EndpointUnknown
    |- InvalidRequest
    |  |- InvalidParameters
    |  |- BodyMalformed
    |  |- IdempotencyKeyReused
    |  |- MethodNotAllowed
    |  |- PathOutsideProject
    |  |- FileTypeUnsupported
    |  |- NotebookInvalid
    |  |- RangeNotSatisfiable
    |  |- ContentTypeUnsupported
    |  |- ProtocolVersionUnsupported
    |  |- ChecksumMismatch
    |  '- CommandFailed
    |- Conflict
    |  |- AlreadyExists
    |  |- DirectoryNotEmpty
    |  |- PreconditionFailed
    |  |- UploadOffsetMismatch
    |  |- IdempotencyKeyInUse
    |  |- SecretNotKept
    |  |- TooManyAuthTokens
    |  |- ProjectNotRunning
    |  |- CopyOperationFinished
    |  |- CopyCancelled
    |  |- CopyGroupKeyUsed
    |  |- RoleChanged
    |  '- KernelDied
    |- TooLarge
    |  |- BodyTooLarge
    |  |- FileTooLarge
    |  '- QuotaExceeded
    |- RateLimited
    |- Unavailable
    |  |- RunnerUnavailable
    |  |- AgentUnavailable
    |  '- KernelStartTimeout
    |- CopyFailed
    '- SchemaUnsupported

`code` is stable and for programs, the message is for people.
Written by `make client` from the registry of calls; not to be edited.
"""

from typing import Any, ClassVar


class StudioloError(Exception):
    """Base of all errors.

    `call` is the name of the call, `details` what else the server said (such as `reason` of each parameter), `status`
    the HTTP status, and `retry_after_seconds` how long the server asks to wait, if it does.
    """

    code: str = "internal_error"
    is_retryable: ClassVar[bool] = False

    def __init__(
        self,
        message: str,
        *,
        code: str | None = None,
        call: str = "",
        status: int | None = None,
        details: dict[str, Any] | None = None,
        retry_after_seconds: float | None = None,
    ) -> None:
        """Keep what is known; `code` may be one that this version of the client does not know."""
        super().__init__(message)
        self.message = message
        self.code = code or type(self).code
        self.call = call
        self.status = status
        self.details = details or {}
        self.retry_after_seconds = retry_after_seconds


class ConnectionFailed(StudioloError):
    """The server could not be reached; the request was not sent."""

    code = "connection_failed"
    is_retryable = True


class ConnectionLost(StudioloError):
    """The connection ended before the answer came; what was asked may have been done."""

    code = "connection_lost"
    is_retryable = True


class AnswerMalformed(StudioloError):
    """What came was no answer of a Studiolo server; look at the address."""

    code = "answer_malformed"


class Unauthenticated(StudioloError):
    """No valid key, token or sign-in came with the request."""

    code = "unauthenticated"


class Forbidden(StudioloError):
    """The caller may know of the thing but may not do this to it."""

    code = "forbidden"


class NotFound(StudioloError):
    """The thing does not exist, or the caller may not see that it does."""

    code = "not_found"


class InvalidRequest(StudioloError):
    """The request is malformed; `details["fields"]` says where if it is known."""

    code = "invalid_request"


class Conflict(StudioloError):
    """The request is right but the thing is in the wrong state."""

    code = "conflict"


class TooLarge(StudioloError):
    """The body or file exceeds a limit."""

    code = "too_large"


class RateLimited(StudioloError):
    """Too many attempts; `retry_after_seconds` says when to come back."""

    code = "rate_limited"
    is_retryable = True


class Unavailable(StudioloError):
    """A part of the service cannot answer now; trying later may work."""

    code = "unavailable"
    is_retryable = True


class CopyFailed(StudioloError):
    """The copy engine could not finish; the message says why in words for the caller."""

    code = "copy_failed"


class SchemaUnsupported(StudioloError):
    """The database was written by a newer release; met by operators at start-up only."""

    code = "schema_unsupported"


class ApiKeyInvalid(Unauthenticated):
    """The API key is unknown, expired or revoked."""

    code = "api_key_invalid"


class AccountBanned(Unauthenticated):
    """The account behind the key or sign-in is banned."""

    code = "account_banned"


class PasswordIncorrect(Unauthenticated):
    """The password does not belong to the account."""

    code = "password_incorrect"


class AuthTokenInvalid(Unauthenticated):
    """The auth token is unknown or malformed."""

    code = "auth_token_invalid"


class AuthTokenExpired(Unauthenticated):
    """The auth token's lifetime is over."""

    code = "auth_token_expired"


class AuthTokenUsed(Unauthenticated):
    """The auth token was good for one use, and was used."""

    code = "auth_token_used"


class SignInExpired(Unauthenticated):
    """The browser's sign-in is over or was revoked."""

    code = "sign_in_expired"


class RoleTooLow(Forbidden):
    """The caller's role in the project does not allow this."""

    code = "role_too_low"


class ScopeMissing(Forbidden):
    """The API key was made without the scope that the call needs."""

    code = "scope_missing"


class ProjectNotFound(NotFound):
    """There is no such project for this caller."""

    code = "project_not_found"


class FileNotFound(NotFound):
    """There is no file or directory of this name in the project."""

    code = "file_not_found"


class UploadNotFound(NotFound):
    """There is no such upload: it never was, is finished, was given up or has expired."""

    code = "upload_not_found"


class ExecJobNotFound(NotFound):
    """There is no such job: it never was, or the project was stopped since."""

    code = "exec_job_not_found"


class CopyOperationNotFound(NotFound):
    """There is no such copy operation for this caller."""

    code = "copy_operation_not_found"


class EndpointUnknown(NotFound):
    """There is no such call or page."""

    code = "endpoint_unknown"


class InvalidParameters(InvalidRequest):
    """The call's parameters are not those of its definition."""

    code = "invalid_parameters"


class BodyMalformed(InvalidRequest):
    """The request's body is not what its content type says."""

    code = "body_malformed"


class IdempotencyKeyReused(InvalidRequest):
    """The idempotency key was used for another request."""

    code = "idempotency_key_reused"


class MethodNotAllowed(InvalidRequest):
    """The address is right, the HTTP method is not; `details["allow"]` says which are."""

    code = "method_not_allowed"


class PathOutsideProject(InvalidRequest):
    """The path leads out of the project's home."""

    code = "path_outside_project"


class FileTypeUnsupported(InvalidRequest):
    """The file is of a kind that cannot be read or opened this way (directory, device, binary)."""

    code = "file_type_unsupported"


class NotebookInvalid(InvalidRequest):
    """The file is named like a notebook but is not a readable one."""

    code = "notebook_invalid"


class RangeNotSatisfiable(InvalidRequest):
    """The range that was asked for lies beyond the end; `details["size_bytes"]` says where that is."""

    code = "range_not_satisfiable"


class ContentTypeUnsupported(InvalidRequest):
    """The body's content type is not the one that is taken here."""

    code = "content_type_unsupported"


class ProtocolVersionUnsupported(InvalidRequest):
    """The request speaks a version of a protocol that is not spoken here."""

    code = "protocol_version_unsupported"


class ChecksumMismatch(InvalidRequest):
    """What arrived is not what the checksum says; it was thrown away."""

    code = "checksum_mismatch"


class CommandFailed(InvalidRequest):
    """The command could not be run, was killed, or ended with a status that the caller did not accept."""

    code = "command_failed"


class AlreadyExists(Conflict):
    """The name or address is taken."""

    code = "already_exists"


class DirectoryNotEmpty(Conflict):
    """The directory holds something, and only an empty one was to be deleted."""

    code = "directory_not_empty"


class PreconditionFailed(Conflict):
    """The file is not, or no longer, what the request took it for."""

    code = "precondition_failed"


class UploadOffsetMismatch(Conflict):
    """The upload goes on at another byte; `details["offset"]` says at which."""

    code = "upload_offset_mismatch"


class IdempotencyKeyInUse(Conflict):
    """The request with this idempotency key is under way; `retry_after_seconds` says when to ask again."""

    code = "idempotency_key_in_use"
    is_retryable = True


class SecretNotKept(Conflict):
    """The request was carried out before; the secret that it made was told then and is not kept."""

    code = "secret_not_kept"


class TooManyAuthTokens(Conflict):
    """The account has as many living auth tokens as it may; one of them must end first."""

    code = "too_many_auth_tokens"


class ProjectNotRunning(Conflict):
    """The project is not running and may not be started by this caller."""

    code = "project_not_running"


class CopyOperationFinished(Conflict):
    """The copy operation is over, so it can no longer be changed."""

    code = "copy_operation_finished"


class CopyCancelled(Conflict):
    """Somebody cancelled the copy operation; it may be ordered again."""

    code = "copy_cancelled"


class CopyGroupKeyUsed(Conflict):
    """A group of copies was ordered under this key with another content."""

    code = "copy_group_key_used"


class RoleChanged(Conflict):
    """What the caller may do in the project changed while a document was open; opening it again takes it up."""

    code = "role_changed"


class KernelDied(Conflict):
    """The kernel's process ended by itself."""

    code = "kernel_died"


class BodyTooLarge(TooLarge):
    """The request's body is larger than the server takes."""

    code = "body_too_large"


class FileTooLarge(TooLarge):
    """The file is larger than may be read or opened this way."""

    code = "file_too_large"


class QuotaExceeded(TooLarge):
    """There is no room for it in what the project may take of the disk."""

    code = "quota_exceeded"


class RunnerUnavailable(Unavailable):
    """The runner could not start, reach or stop the project."""

    code = "runner_unavailable"
    is_retryable = True


class AgentUnavailable(Unavailable):
    """The project's agent does not answer."""

    code = "agent_unavailable"
    is_retryable = True


class KernelStartTimeout(Unavailable):
    """The kernel did not come up in time."""

    code = "kernel_start_timeout"
    is_retryable = True


BY_CODE: dict[str, type[StudioloError]] = {
    error.code: error
    for error in (
        ConnectionFailed,
        ConnectionLost,
        AnswerMalformed,
        Unauthenticated,
        Forbidden,
        NotFound,
        InvalidRequest,
        Conflict,
        TooLarge,
        RateLimited,
        Unavailable,
        CopyFailed,
        SchemaUnsupported,
        ApiKeyInvalid,
        AccountBanned,
        PasswordIncorrect,
        AuthTokenInvalid,
        AuthTokenExpired,
        AuthTokenUsed,
        SignInExpired,
        RoleTooLow,
        ScopeMissing,
        ProjectNotFound,
        FileNotFound,
        UploadNotFound,
        ExecJobNotFound,
        CopyOperationNotFound,
        EndpointUnknown,
        InvalidParameters,
        BodyMalformed,
        IdempotencyKeyReused,
        MethodNotAllowed,
        PathOutsideProject,
        FileTypeUnsupported,
        NotebookInvalid,
        RangeNotSatisfiable,
        ContentTypeUnsupported,
        ProtocolVersionUnsupported,
        ChecksumMismatch,
        CommandFailed,
        AlreadyExists,
        DirectoryNotEmpty,
        PreconditionFailed,
        UploadOffsetMismatch,
        IdempotencyKeyInUse,
        SecretNotKept,
        TooManyAuthTokens,
        ProjectNotRunning,
        CopyOperationFinished,
        CopyCancelled,
        CopyGroupKeyUsed,
        RoleChanged,
        KernelDied,
        BodyTooLarge,
        FileTooLarge,
        QuotaExceeded,
        RunnerUnavailable,
        AgentUnavailable,
        KernelStartTimeout,
    )
}

_BY_STATUS: dict[int, type[StudioloError]] = {
    401: Unauthenticated,
    403: Forbidden,
    404: NotFound,
    400: InvalidRequest,
    405: MethodNotAllowed,
    409: Conflict,
    413: TooLarge,
    429: RateLimited,
    503: Unavailable,
}


def kind_of(code: str | None, status: int) -> type[StudioloError]:
    """Return the class for a code, or for a status if the code is none that this version knows."""
    return BY_CODE.get(code or "") or _BY_STATUS.get(status, StudioloError)
