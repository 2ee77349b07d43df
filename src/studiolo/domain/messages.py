"""Messages: a simple mailbox inside the server, from accounts to accounts."""

from collections.abc import Sequence
from typing import Literal

from studiolo.core.clock import Clock
from studiolo.core.errors import Forbidden, InvalidRequest, NotFound
from studiolo.core.ids import AccountId, MessageId, is_uuid
from studiolo.core.models import FULL_SCOPE, Account, Message, Principal
from studiolo.domain.audit import in_request
from studiolo.domain.idempotency import Made, made_before, note_made
from studiolo.domain.projects import is_storable
from studiolo.domain.throttles import Throttle, refuse
from studiolo.storage import accounts
from studiolo.storage import messages as rows
from studiolo.storage.database import Database, Transaction

MessageKind = Literal["received", "sent", "new", "starred", "liked"]
MAX_SUBJECT_CHARACTERS = 1_000
MAX_BODY_CHARACTERS = 100_000
MAX_RECIPIENTS = 100
MAX_LIMIT = 1_000
MAX_NUMBER = 2**31 - 1
MESSAGES = Throttle("message", limit=300, window_seconds=3600)
_FLAGS = {"new": {"is_read": False}, "starred": {"is_starred": True}, "liked": {"is_liked": True}}


class Messages:
    """Sends and shows messages."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    async def send(
        self, principal: Principal, *, to: Sequence[str], subject: str, body: str, reply_to: int | None = None
    ) -> MessageId:
        """Send a message to accounts, by id or e-mail address; return its number.

        Raises InvalidRequest, NotFound for whom nobody knows, RateLimited.
        """
        sender = _account_id(principal)
        made = made_before(Made.MESSAGE)
        if made is not None:
            return MessageId(int(made))
        if not 0 < len(to) <= MAX_RECIPIENTS:
            raise InvalidRequest(f"a message goes to 1 to {MAX_RECIPIENTS} accounts")
        _check(subject, body)
        now = self._clock.now()

        def send(tx: Transaction) -> MessageId | int:
            wait = 0 if principal.is_admin else MESSAGES.take(tx, sender, now)
            if wait:
                return -wait
            recipients = [find_account(tx, one).account_id for one in to]
            sent = rows.add(
                tx,
                from_id=sender,
                to_ids=list(dict.fromkeys(recipients)),
                subject=subject,
                body=body,
                sent_at=now,
                thread_id=_thread(tx, sender, reply_to),
            )
            note_made(tx, Made.MESSAGE, str(sent))
            return sent

        sent = await self._database.write(in_request(send))
        if sent < 0:
            raise refuse("You sent too many messages; try again later.", -sent)
        return MessageId(sent)

    async def send_to_all(self, principal: Principal, to: Sequence[AccountId], *, subject: str, body: str) -> MessageId:
        """Send a message to any number of accounts that are known to exist; the caller asked for permission."""
        sender = _account_id(principal)
        made = made_before(Made.MESSAGE)
        if made is not None:
            return MessageId(int(made))
        _check(subject, body)
        now = self._clock.now()

        def send(tx: Transaction) -> MessageId:
            sent = rows.add(tx, from_id=sender, to_ids=to, subject=subject, body=body, sent_at=now, thread_id=None)
            note_made(tx, Made.MESSAGE, str(sent))
            return sent

        return await self._database.write(in_request(send))

    async def list(
        self, principal: Principal, kind: MessageKind = "received", *, limit: int = MAX_LIMIT, offset: int = 0
    ) -> Sequence[Message]:
        """Return the caller's messages, the newest first."""
        account_id = _account_id(principal)
        if not 0 <= limit <= MAX_LIMIT or not 0 <= offset <= MAX_NUMBER:
            raise InvalidRequest(f"limit must be at most {MAX_LIMIT}, and neither limit nor offset negative")

        def read(tx: Transaction) -> Sequence[Message]:
            if kind == "sent":
                return rows.list_sent(tx, account_id, limit=limit, offset=offset)
            return rows.list_received(tx, account_id, _FLAGS.get(kind, {}), limit=limit, offset=offset)

        return await self._database.read(read)

    async def mark(self, principal: Principal, message_id: int, flags: dict[str, bool]) -> None:
        """Set or take away marks (`is_read`, `is_starred`, `is_liked`) on a message that the caller got."""
        account_id = _account_id(principal)

        def mark(tx: Transaction) -> None:
            _existing(tx, account_id, message_id)
            if flags:
                rows.mark(tx, account_id, MessageId(message_id), flags)

        await self._database.write(mark)


def find_account(tx: Transaction, given: str) -> Account:
    """Return the account with this id or e-mail address; raise NotFound."""
    found = accounts.get(tx, AccountId(given)) if is_uuid(given) else None
    if found is None and "@" in given:
        found = accounts.get_by_email(tx, given.strip().lower()) if is_storable(given) else None
    if found is None or found.is_deleted:
        raise NotFound(f"no account '{given}'")
    return found


def _account_id(principal: Principal) -> AccountId:
    if principal.account_id is None or principal.scope != FULL_SCOPE:
        raise Forbidden("must be signed in")
    return principal.account_id


def _check(subject: str, body: str) -> None:
    if len(subject) > MAX_SUBJECT_CHARACTERS or len(body) > MAX_BODY_CHARACTERS:
        raise InvalidRequest(
            f"a subject has at most {MAX_SUBJECT_CHARACTERS} characters, a message {MAX_BODY_CHARACTERS}"
        )
    if not is_storable(subject) or not is_storable(body):
        raise InvalidRequest("the message contains a character that cannot be stored")


def _thread(tx: Transaction, sender: AccountId, reply_to: int | None) -> MessageId | None:
    if reply_to is None:
        return None
    answered = _existing(tx, sender, reply_to)
    return answered.thread_id or answered.message_id


def _existing(tx: Transaction, account_id: AccountId, message_id: int) -> Message:
    found = rows.get(tx, account_id, MessageId(message_id)) if 0 < message_id <= MAX_NUMBER else None
    if found is None:
        raise NotFound(f"no message {message_id}")
    return found
