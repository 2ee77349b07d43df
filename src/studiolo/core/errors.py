"""Errors, defined once.

Every failure that a caller can meet is a `StudioloError`. `message` is for the caller; `internal` goes to the log
only. Each door (API v1, pages, frame, socket) renders an error in its own shape, always with the stable `code`.

    StudioloError
    |- Unauthenticated 401    who are you?
    |- Forbidden       403    the caller may know that the thing exists, but may not do this
    |- NotFound        404    not there, or not for this caller to see
    |- InvalidRequest  400    the request itself is wrong
    |- Conflict        409    right request, wrong moment
    |- TooLarge        413
    |- RateLimited     429    `retry_after_seconds` in `details`
    '- Unavailable     503    try again later (retryable)
"""

from typing import Any, ClassVar, cast


class StudioloError(Exception):
    """Base of all errors: a stable `code`, an HTTP `status` and a `message` for the caller."""

    code: ClassVar[str] = "internal_error"
    status: ClassVar[int] = 500
    is_retryable: ClassVar[bool] = False

    def __init__(self, message: str, *, internal: str = "", **details: Any) -> None:
        super().__init__(message)
        self.message = message
        self.internal = internal
        self.details = details

    def as_dict(self) -> dict[str, Any]:
        """Return what may be shown to the caller: `code`, `message` and `details`."""
        return {"code": self.code, "message": self.message, "details": self.details}


class Unauthenticated(StudioloError):
    """No valid key, token or sign-in came with the request."""

    code = "unauthenticated"
    status = 401


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


class Forbidden(StudioloError):
    """The caller may know of the thing but may not do this to it."""

    code = "forbidden"
    status = 403


class RoleTooLow(Forbidden):
    """The caller's role in the project does not allow this."""

    code = "role_too_low"


class ScopeMissing(Forbidden):
    """The API key was made without the scope that the call needs."""

    code = "scope_missing"


class NotFound(StudioloError):
    """The thing does not exist, or the caller may not see that it does."""

    code = "not_found"
    status = 404


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


class InvalidRequest(StudioloError):
    """The request is malformed; `details["fields"]` says where if it is known."""

    code = "invalid_request"
    status = 400


class InvalidParameters(InvalidRequest):
    """The call's parameters are not those of its definition."""

    code = "invalid_parameters"


class BodyMalformed(InvalidRequest):
    """The request's body is not what its content type says."""

    code = "body_malformed"


class IdempotencyKeyReused(InvalidRequest):
    """The idempotency key was used for another request."""

    code = "idempotency_key_reused"
    status = 422


class MethodNotAllowed(InvalidRequest):
    """The address is right, the HTTP method is not; `details["allow"]` says which are."""

    code = "method_not_allowed"
    status = 405


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
    status = 416


class ContentTypeUnsupported(InvalidRequest):
    """The body's content type is not the one that is taken here."""

    code = "content_type_unsupported"
    status = 415


class ProtocolVersionUnsupported(InvalidRequest):
    """The request speaks a version of a protocol that is not spoken here."""

    code = "protocol_version_unsupported"
    status = 412


class ChecksumMismatch(InvalidRequest):
    """What arrived is not what the checksum says; it was thrown away."""

    code = "checksum_mismatch"
    status = 460  # the number that the tus protocol gives it


class CommandFailed(InvalidRequest):
    """The command could not be run, was killed, or ended with a status that the caller did not accept."""

    code = "command_failed"


class Conflict(StudioloError):
    """The request is right but the thing is in the wrong state."""

    code = "conflict"
    status = 409


class AlreadyExists(Conflict):
    """The name or address is taken."""

    code = "already_exists"


class DirectoryNotEmpty(Conflict):
    """The directory holds something, and only an empty one was to be deleted."""

    code = "directory_not_empty"


class PreconditionFailed(Conflict):
    """The file is not, or no longer, what the request took it for."""

    code = "precondition_failed"
    status = 412


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


class TooLarge(StudioloError):
    """The body or file exceeds a limit."""

    code = "too_large"
    status = 413


class BodyTooLarge(TooLarge):
    """The request's body is larger than the server takes."""

    code = "body_too_large"


class FileTooLarge(TooLarge):
    """The file is larger than may be read or opened this way."""

    code = "file_too_large"


class QuotaExceeded(TooLarge):
    """There is no room for it in what the project may take of the disk."""

    code = "quota_exceeded"


class RateLimited(StudioloError):
    """Too many attempts; `details["retry_after_seconds"]` says when to come back."""

    code = "rate_limited"
    status = 429
    is_retryable = True


class Unavailable(StudioloError):
    """A part of the service cannot answer now; trying later may work."""

    code = "unavailable"
    status = 503
    is_retryable = True


class RunnerUnavailable(Unavailable):
    """The runner could not start, reach or stop the project."""

    code = "runner_unavailable"


class AgentUnavailable(Unavailable):
    """The project's agent does not answer."""

    code = "agent_unavailable"


class KernelStartTimeout(Unavailable):
    """The kernel did not come up in time."""

    code = "kernel_start_timeout"


class CopyFailed(StudioloError):
    """The copy engine could not finish; the message says why in words for the caller."""

    code = "copy_failed"
    status = 500


class SchemaUnsupported(StudioloError):
    """The database was written by a newer release; met by operators at start-up only."""

    code = "schema_unsupported"
    status = 500


def all_errors() -> list[type[StudioloError]]:
    """Return every error class, the base first, in order of definition."""
    found: list[type[StudioloError]] = [StudioloError]
    for error in found:
        found.extend(error.__subclasses__())
    return found


def error_from_wire(code: object, message: object, details: object = None) -> StudioloError:
    """Rebuild an error that came from an agent; an unknown code becomes `AgentUnavailable`.

    The agent is not trusted: the message is cut to 4,000 characters and anything that is not text is dropped.
    """
    text = message[:4000] if isinstance(message, str) else "The project's agent gave no reason."
    kinds = {kind.code: kind for kind in all_errors()}
    kind = kinds.get(code) if isinstance(code, str) else None
    given = cast("dict[object, Any]", details) if isinstance(details, dict) else {}
    known = {k: v for k, v in given.items() if isinstance(k, str) and k not in ("message", "internal", "self")}
    return (kind or AgentUnavailable)(text, **known)
