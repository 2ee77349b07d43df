"""Invitations: mails to people who are added to a project, and places that wait for people without an account.

1. Nobody is mailed about one project more than once a week, whoever asks.
2. Nobody sends more than `MAILS` an hour: the server must not become a relay for advertisements.
3. An invitation is good for 14 days, and only while who invited may still write to the project.
"""

import re
from dataclasses import dataclass
from datetime import timedelta

from studiolo.core.clock import Clock
from studiolo.core.errors import InvalidRequest, StudioloError
from studiolo.core.ids import ProjectId
from studiolo.core.models import Invitation, Mail, Principal, Project, Role
from studiolo.domain.access import require
from studiolo.domain.accounts import is_email_address
from studiolo.domain.audit import in_request
from studiolo.domain.collaborators import admit, require_full_scope
from studiolo.domain.throttles import Throttle, refuse
from studiolo.runtime.protocols import Mailer
from studiolo.storage import accounts
from studiolo.storage import invitations as rows
from studiolo.storage.database import Database, Transaction

LIFETIME = timedelta(days=14)
MAILED_EVERY = timedelta(days=7)
MAX_TO_CHARACTERS = 1024
MAX_BODY_CHARACTERS = 50_000
MAILS = Throttle("invitation_mail", limit=100, window_seconds=3600)
DEFAULT_SUBJECT = "Studiolo Invitation"


@dataclass(frozen=True, slots=True)
class InvitationText:
    """What a mail of invitation says; without a body none is sent."""

    body: str | None
    subject: str | None = None
    title: str | None = None
    link: str | None = None
    reply_to: str | None = None
    reply_to_name: str | None = None


class Invitations:
    """Adds people to projects and tells them."""

    def __init__(self, database: Database, clock: Clock, mailer: Mailer) -> None:
        self._database = database
        self._clock = clock
        self._mailer = mailer

    async def invite(self, principal: Principal, project_id: ProjectId, account_id: str, text: InvitationText) -> None:
        """Make an account a collaborator at once, and mail it if there is a text."""
        require_full_scope(principal)
        _check(text)
        now = self._clock.now()

        def add(tx: Transaction) -> tuple[Project, str | None]:
            project = require(tx, principal, project_id, write=True)
            return project, admit(tx, project, account_id, now, principal).email_address

        project, email_address = await self._database.write(in_request(add))
        if text.body and email_address is not None:
            await self._mail(principal, project, email_address, text)

    async def invite_by_mail(self, principal: Principal, project_id: ProjectId, to: str, text: InvitationText) -> None:
        """Invite by e-mail addresses: who has an account is added at once, the others are mailed and awaited."""
        require_full_scope(principal)
        _check(text)
        if len(to) > MAX_TO_CHARACTERS:
            raise InvalidRequest("Specify less recipients when adding collaborators to project.")
        addresses = list(dict.fromkeys(one.strip("<>").lower() for one in re.split(r"[\s,;]+", to) if one))
        for address in addresses or [to]:
            if not is_email_address(address):
                raise InvalidRequest(f"invalid email address '{address}'")
        project, awaited = await self._database.write(
            in_request(lambda tx: self._add_or_await(tx, principal, project_id, addresses))
        )
        for address in awaited:
            await self._mail(principal, project, address, text)

    async def reap(self) -> int:
        """Delete what is over; return how many rows."""
        now = self._clock.now()
        return await self._database.write(lambda tx: rows.reap(tx, now, now - MAILED_EVERY))

    def _add_or_await(
        self, tx: Transaction, principal: Principal, project_id: ProjectId, addresses: list[str]
    ) -> tuple[Project, list[str]]:
        project = require(tx, principal, project_id, write=True)
        now = self._clock.now()
        awaited: list[str] = []
        for address in addresses:
            account = accounts.get_by_email(tx, address)
            if account is not None:
                admit(tx, project, account.account_id, now, principal)
                continue
            awaited.append(address)
            rows.put(tx, Invitation(address, project_id, Role.COLLABORATOR, principal.account_id, now, now + LIFETIME))
        return project, awaited

    async def _mail(self, principal: Principal, project: Project, to: str, text: InvitationText) -> None:
        now = self._clock.now()

        def claim(tx: Transaction) -> tuple[bool, int]:
            if not rows.claim_mail(tx, to, project.project_id, now=now, unless_after=now - MAILED_EVERY):
                return False, 0
            seconds = MAILS.take(tx, principal.wire_id, now)
            if seconds:
                rows.forget_mail(tx, to, project.project_id)
            return not seconds, seconds

        is_ours, seconds = await self._database.write(claim)
        if seconds:
            raise refuse("Too many invitations; try again later.", seconds)
        if not is_ours:
            return
        try:
            await self._mailer.send(_mail(project, to, text))
        except StudioloError:
            await self._database.write(lambda tx: rows.forget_mail(tx, to, project.project_id))
            raise


def _check(text: InvitationText) -> None:
    if text.reply_to and not is_email_address(text.reply_to.lower()):
        raise InvalidRequest(f"invalid email address '{text.reply_to}'")
    if len(text.body or "") > MAX_BODY_CHARACTERS:
        raise InvalidRequest(f"email is longer than {MAX_BODY_CHARACTERS} characters")


def _mail(project: Project, to: str, text: InvitationText) -> Mail:
    lines = [text.body or ""]
    if text.link and text.link.startswith(("https://", "http://")):
        lines.append(f"The project {text.title or project.title}: {text.link}")
    lines.append(f"Whoever signs up with the address {to} finds the project there.")
    reply_to = text.reply_to or None
    return Mail(to, text.subject or DEFAULT_SUBJECT, "\n\n".join(lines) + "\n", reply_to, text.reply_to_name or "")
