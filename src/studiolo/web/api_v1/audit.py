"""The audit log."""

from typing import Any, Literal

from pydantic import Field

from studiolo.core.errors import InvalidRequest
from studiolo.core.ids import AccountId, ProjectId
from studiolo.core.models import AuditEntry
from studiolo.domain.audit import Action, Wanted
from studiolo.domain.moments import parse_moment
from studiolo.web.api_v1.parameters import Answer, Flag, Integer, Moment, Parameters, Shape, Text
from studiolo.web.api_v1.registry import Call, CallContext, Example

CURSOR = "The `next_cursor` of the page before."
LIMIT = "At most so many, 1 to 1000."


class ListAuditLogParameters(Parameters):
    """What `list_audit_log` takes; what is not given does not narrow it down."""

    account_id: Text | None = Field(default=None, description="Who did it.")
    target_account_id: Text | None = Field(default=None, description="To whom it was done.")
    target_project_id: Text | None = Field(default=None, description="To which project it was done.")
    action: Text | None = Field(default=None, description=f"One of {', '.join(f'`{action}`' for action in Action)}.")
    done: Flag | None = Field(default=None, description="true: what was done; false: what was refused.")
    address: Text | None = Field(default=None, description="The network address from which it was done.")
    since: Text | None = Field(default=None, description="A moment: nothing earlier.")
    until: Text | None = Field(default=None, description="A moment: nothing at it or later.")
    cursor: Text | None = Field(default=None, description=CURSOR)
    limit: Integer = Field(default=100, description=LIMIT)


class AuditRow(Shape):
    """One entry."""

    audit_id: int
    time: Moment
    action: str
    result: str = Field(description="`done`, or the code of the error with which it was refused.")
    account_id: str | None = Field(default=None, description="Who; missing if nobody was known.")
    key_project_id: str | None = Field(default=None, description="The project whose own key was used.")
    address: str = Field(description="From where; empty if there was no network.")
    request_id: str | None = Field(default=None, description="Finds the request in the log.")
    target_account_id: str | None = None
    target_project_id: str | None = None
    details: dict[str, Any] = Field(description="What else is worth knowing; never a secret.")


class AuditLog(Answer):
    """Entries, the newest first."""

    event: Literal["audit_log"] = "audit_log"
    entries: list[AuditRow]
    next_cursor: str | None = Field(default=None, description="Missing on the last page.")


async def list_audit_log(context: CallContext, parameters: ListAuditLogParameters) -> AuditLog:
    """Return entries of the audit log."""
    wanted = Wanted(
        account_id=None if parameters.account_id is None else AccountId(parameters.account_id),
        target_account_id=None if parameters.target_account_id is None else AccountId(parameters.target_account_id),
        target_project_id=None if parameters.target_project_id is None else ProjectId(parameters.target_project_id),
        action=parameters.action,
        is_done=parameters.done,
        address=parameters.address,
        since=_moment("since", parameters.since),
        until=_moment("until", parameters.until),
    )
    page = await context.services.audit.list(
        context.principal, wanted, cursor=parameters.cursor, limit=parameters.limit
    )
    return AuditLog(entries=[_row(entry) for entry in page.items], next_cursor=page.next_cursor)


def _moment(name: str, text: str | None) -> Any:
    moment = parse_moment(text) if text else None
    if text and moment is None:
        words = f"{name} must be a moment, such as 2026-01-31T12:00:00Z"
        raise InvalidRequest(words, fields={name: words})
    return moment


def _row(entry: AuditEntry) -> AuditRow:
    return AuditRow(
        audit_id=entry.audit_id,
        time=entry.happened_at,
        action=entry.action,
        result=entry.result,
        account_id=entry.account_id,
        key_project_id=entry.key_project_id,
        address=entry.address,
        request_id=entry.request_id,
        target_account_id=entry.target_account_id,
        target_project_id=entry.target_project_id,
        details=entry.details,
    )


CALLS = (
    Call(
        name="list_audit_log",
        noun="audit",
        summary="List what was done that matters for security, the newest first.",
        permission="Administrators.",
        parameters=ListAuditLogParameters,
        answers=(AuditLog,),
        handler=list_audit_log,
        examples=(
            Example(
                "Who signed in as a student?",
                {"action": "auth_token_minted", "target_account_id": "99ebde5c-58f8-4e29-b6e4-b55b8fd71a1b"},
                {
                    "event": "audit_log",
                    "id": "1a2b3c4d-5e6f-4a7b-8c9d-0e1f2a3b4c5d",
                    "entries": [
                        {
                            "audit_id": 17,
                            "time": "2026-01-01T12:00:00.000Z",
                            "action": "auth_token_minted",
                            "result": "done",
                            "account_id": "2f4cd30d-a5b5-4cb1-8a7c-1de9b0a4a4e6",
                            "address": "192.0.2.1",
                            "request_id": "6f8f5a52-77a5-4c3c-8d2e-9c4f0f8f3d11",
                            "target_account_id": "99ebde5c-58f8-4e29-b6e4-b55b8fd71a1b",
                            "details": {"is_impersonation": True, "lifetime_seconds": 43200},
                        }
                    ],
                },
            ),
        ),
    ),
)
