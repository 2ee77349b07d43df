"""The mailbox."""

from typing import Literal

from studiolo.core.models import Message
from studiolo.domain.idempotency import Made
from studiolo.domain.messages import MAX_LIMIT
from studiolo.web.api_v1.parameters import Content, Flag, Integer, Moment, Texts
from studiolo.web.api_v1.registry import Call, CallContext, Example, Form
from studiolo.web.doors.shapes import Given, Reply


class MessageGiven(Given):
    """What is written to whom."""

    to_ids: Texts
    subject: Content
    body: Content
    reply_id: Integer = None


class MailboxGiven(Given):
    """Which messages."""

    type: Literal["received", "sent", "new", "starred", "liked"] = "received"
    limit: Integer = None
    offset: Integer = None


class MarkGiven(Given):
    """How a message is marked."""

    id: Integer
    read: Flag | None = None
    starred: Flag | None = None
    liked: Flag | None = None


class MessageSent(Reply):
    """The message's number."""

    id: int


class MessageRow(Reply):
    """A message, as one account sees it."""

    id: int
    from_id: str
    to_ids: list[str]
    subject: str
    body: str
    sent: Moment
    thread_id: int | None
    read: bool
    starred: bool
    liked: bool


class Mailbox(Reply):
    """Messages, the newest first."""

    messages: list[MessageRow]


async def send_message(context: CallContext, given: MessageGiven) -> MessageSent:
    """Send a message; return its number."""
    number = await context.services.messages.send(
        context.principal, to=given.to_ids, subject=given.subject, body=given.body, reply_to=given.reply_id
    )
    return MessageSent(id=number)


async def list_messages(context: CallContext, given: MailboxGiven) -> Mailbox:
    """Return the caller's messages."""
    limit = MAX_LIMIT if given.limit is None else given.limit
    found = await context.services.messages.list(context.principal, given.type, limit=limit, offset=given.offset or 0)
    return Mailbox(messages=[_message(one) for one in found])


async def mark_message(context: CallContext, given: MarkGiven) -> None:
    """Mark a message."""
    flags = {"is_read": given.read, "is_starred": given.starred, "is_liked": given.liked}
    wanted = {name: value for name, value in flags.items() if value is not None}
    await context.services.messages.mark(context.principal, given.id or 0, wanted)


def _message(message: Message) -> MessageRow:
    return MessageRow(
        id=message.message_id,
        from_id=message.from_id,
        to_ids=list(message.to_ids),
        subject=message.subject,
        body=message.body,
        sent=message.sent_at,
        thread_id=message.thread_id,
        read=message.is_read,
        starred=message.is_starred,
        liked=message.is_liked,
    )


_ANY = "Any account, for its own mailbox."
_ADMIN = "2f4cd30d-a5b5-4cb1-8a7c-1de9b0a4a4e6"
_STUDENT = "99ebde5c-58f8-4e29-b6e4-b55b8fd71a1b"

FORMS = dict[str, tuple[Form, ...]]()

CALLS = (
    Call(
        name="send_message",
        creates=Made.MESSAGE,
        noun="messages",
        summary="Send a message.",
        permission=_ANY,
        parameters=MessageGiven,
        handler=send_message,
        is_over_v1=False,
        forms=(Form(hub="messages.send", v2="messages/send", bare="id"),),
        examples=(
            Example(
                "Write to a student",
                {"to_ids": [_STUDENT], "subject": "Homework 3", "body": "Please have a look."},
                {"id": 12},
            ),
        ),
    ),
    Call(
        name="list_messages",
        noun="messages",
        summary="Return messages, the newest first.",
        permission=_ANY,
        parameters=MailboxGiven,
        handler=list_messages,
        is_over_v1=False,
        forms=(Form(hub="messages.get", v2="messages/get", bare="messages"),),
        examples=(
            Example(
                "What came in?",
                {"type": "received", "limit": 1},
                {
                    "messages": [
                        {
                            "id": 11,
                            "from_id": _STUDENT,
                            "to_ids": [_ADMIN],
                            "subject": "Homework 3",
                            "body": "It is done.",
                            "sent": "2026-05-01T09:30:00.125Z",
                            "thread_id": None,
                            "read": False,
                            "starred": False,
                            "liked": False,
                        }
                    ]
                },
            ),
        ),
    ),
    Call(
        name="mark_message",
        noun="messages",
        summary="Mark a message as read, starred or liked.",
        permission=_ANY,
        parameters=MarkGiven,
        handler=mark_message,
        is_over_v1=False,
        forms=(Form(hub="messages.mark"),),
        examples=(Example("Mark a message as read", {"id": 11, "read": True}, None),),
    ),
)
