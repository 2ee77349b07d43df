"""Rows of `messages` and `message_recipients`."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, RowMapping, Select, and_, insert, or_, select, update

from studiolo.core.ids import AccountId, MessageId
from studiolo.core.models import Message
from studiolo.storage.tables import message_recipients as recipients
from studiolo.storage.tables import messages


def add(
    tx: Connection,
    *,
    from_id: AccountId,
    to_ids: Sequence[AccountId],
    subject: str,
    body: str,
    sent_at: datetime,
    thread_id: MessageId | None,
) -> MessageId:
    """Insert a message for its recipients; return its number."""
    row = {"from_id": from_id, "subject": subject, "body": body, "sent_at": sent_at, "thread_id": thread_id}
    number = tx.execute(insert(messages).values(**row).returning(messages.c.message_id)).scalar_one()
    tx.execute(insert(recipients), [{"account_id": one, "message_id": number} for one in to_ids])
    return MessageId(number)


def get(tx: Connection, account_id: AccountId, message_id: MessageId) -> Message | None:
    """Return a message that the account sent or got."""
    query = _seen_by(account_id).where(
        messages.c.message_id == message_id,
        or_(messages.c.from_id == account_id, recipients.c.account_id.is_not(None)),
    )
    found = _messages(tx, query)
    return found[0] if found else None


def list_sent(tx: Connection, account_id: AccountId, *, limit: int, offset: int) -> list[Message]:
    """Return what an account sent, the newest first."""
    return _page(tx, _seen_by(account_id).where(messages.c.from_id == account_id), limit, offset)


def list_received(
    tx: Connection, account_id: AccountId, flags: Mapping[str, bool], *, limit: int, offset: int
) -> list[Message]:
    """Return what an account got and marked like that, the newest first."""
    query = _seen_by(account_id).where(recipients.c.account_id.is_not(None))
    for name, value in flags.items():
        query = query.where(recipients.c[name].is_(value))
    return _page(tx, query, limit, offset)


def mark(tx: Connection, account_id: AccountId, message_id: MessageId, flags: Mapping[str, bool]) -> None:
    """Write an account's own marks on a message that it got."""
    mine = and_(recipients.c.account_id == account_id, recipients.c.message_id == message_id)
    tx.execute(update(recipients).where(mine).values(**flags))


def _seen_by(account_id: AccountId) -> Select[Any]:
    mine = and_(recipients.c.message_id == messages.c.message_id, recipients.c.account_id == account_id)
    marks = (recipients.c.is_read, recipients.c.is_starred, recipients.c.is_liked)
    return select(messages, *marks).select_from(messages.outerjoin(recipients, mine))


def _page(tx: Connection, query: Select[Any], limit: int, offset: int) -> list[Message]:
    return _messages(tx, query.order_by(messages.c.message_id.desc()).limit(limit).offset(offset))


def _messages(tx: Connection, query: Select[Any]) -> list[Message]:
    rows = tx.execute(query).mappings().all()
    to: dict[int, list[AccountId]] = {}
    addressed = recipients.c.message_id.in_([row["message_id"] for row in rows])
    pairs = select(recipients.c.message_id, recipients.c.account_id).where(addressed)
    for message_id, account_id in tx.execute(pairs.order_by(recipients.c.account_id)):
        to.setdefault(message_id, []).append(AccountId(account_id))
    return [_message(row, to.get(row["message_id"], [])) for row in rows]


def _message(row: RowMapping, to_ids: Sequence[AccountId]) -> Message:
    return Message(
        message_id=MessageId(row["message_id"]),
        from_id=AccountId(row["from_id"]),
        to_ids=tuple(to_ids),
        subject=row["subject"],
        body=row["body"],
        sent_at=row["sent_at"],
        thread_id=MessageId(row["thread_id"]) if row["thread_id"] is not None else None,
        is_read=bool(row["is_read"]),
        is_starred=bool(row["is_starred"]),
        is_liked=bool(row["is_liked"]),
    )
