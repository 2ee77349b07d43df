"""The mailbox."""

from typing import Any, Literal

from studiolo.core.clock import iso_milliseconds
from studiolo.core.models import Message
from studiolo.domain.messages import MAX_LIMIT
from studiolo.web.api_v1.parameters import Content, Flag, Integer, Texts
from studiolo.web.functions.registry import Context, Function, Given


class SendGiven(Given):
    """What is written to whom."""

    to_ids: Texts
    subject: Content
    body: Content
    reply_id: Integer = None


class ListGiven(Given):
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


async def send(context: Context, given: SendGiven) -> dict[str, Any]:
    """Send a message; return its number."""
    number = await context.services.messages.send(
        context.principal, to=given.to_ids, subject=given.subject, body=given.body, reply_to=given.reply_id
    )
    return {"id": number}


async def list_messages(context: Context, given: ListGiven) -> dict[str, Any]:
    """Return the caller's messages."""
    limit = MAX_LIMIT if given.limit is None else given.limit
    found = await context.services.messages.list(context.principal, given.type, limit=limit, offset=given.offset or 0)
    return {"messages": [_message(one) for one in found]}


async def mark(context: Context, given: MarkGiven) -> None:
    """Mark a message."""
    flags = {"is_read": given.read, "is_starred": given.starred, "is_liked": given.liked}
    wanted = {name: value for name, value in flags.items() if value is not None}
    await context.services.messages.mark(context.principal, given.id or 0, wanted)


def _message(message: Message) -> dict[str, Any]:
    return {
        "id": message.message_id,
        "from_id": message.from_id,
        "to_ids": list(message.to_ids),
        "subject": message.subject,
        "body": message.body,
        "sent": iso_milliseconds(message.sent_at),
        "thread_id": message.thread_id,
        "read": message.is_read,
        "starred": message.is_starred,
        "liked": message.is_liked,
    }


_ANY = "Any account, for its own mailbox."

FUNCTIONS = (
    Function("Send a message.", _ANY, SendGiven, send, hub="messages.send", v2="messages/send", bare="id"),
    Function(
        "Return messages, the newest first.",
        _ANY,
        ListGiven,
        list_messages,
        hub="messages.get",
        v2="messages/get",
        bare="messages",
    ),
    Function("Mark a message as read, starred or liked.", _ANY, MarkGiven, mark, hub="messages.mark"),
)
