"""Calls about collaborators. Written by `make client` from the registry of calls; not to be edited."""

from dataclasses import dataclass
from typing import ClassVar

from studiolo.client.calling import AsyncCaller, Caller


@dataclass(frozen=True, slots=True, kw_only=True)
class CollaboratorAdded:
    """The accounts are in the projects."""

    EVENT: ClassVar[str] = "success"

    project_id: str | list[str] | None = None
    """Where a token led to."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NoncloudInvited:
    """The people are invited."""

    EVENT: ClassVar[str] = "invite_noncloud_collaborators_resp"

    mesg: str


class CollaboratorsCalls:
    """Calls about collaborators."""

    def __init__(self, caller: Caller) -> None:
        """Make calls through a client's connection."""
        self._caller = caller

    def add(
        self,
        *,
        account_id: str | list[str],
        project_id: str | list[str] | None = None,
        token_id: str | list[str] | None = None,
    ) -> CollaboratorAdded:
        """Add one account or many to projects; or one's own account with a project's token.

        Who may call it: Owners and collaborators of the project, administrators, the project's own key. With a
        token: any account, for itself.

        Args:
            account_id: One, or a list as long as the other.
            project_id: One, or a list; not needed with `token_id`.
            token_id: Instead of `project_id`: a token of the project, which adds one's own account.
        """
        return self._caller.call(
            "add_collaborator",
            {"account_id": account_id, "project_id": project_id, "token_id": token_id},
            (CollaboratorAdded,),
        )

    def invite(
        self,
        *,
        project_id: str,
        account_id: str,
        title: str | None = None,
        link2proj: str | None = None,
        replyto: str | None = None,
        replyto_name: str | None = None,
        email: str | None = None,
        subject: str | None = None,
    ) -> None:
        """Add an account to a project as a collaborator, and mail it, at most once a week.

        Who may call it: Owners and collaborators of the project, administrators, the project's own key.

        Args:
            account_id: Becomes a collaborator at once.
            title: The project's title, for the mail.
            link2proj: The project's address, for the mail.
            replyto: Address for answers to the mail.
            replyto_name: Name beside that address.
            email: The mail's text; without it no mail is sent.
            subject: The mail's subject.
        """
        self._caller.do(
            "invite_collaborator",
            {
                "project_id": project_id,
                "account_id": account_id,
                "title": title,
                "link2proj": link2proj,
                "replyto": replyto,
                "replyto_name": replyto_name,
                "email": email,
                "subject": subject,
            },
        )

    def invite_noncloud(
        self,
        *,
        project_id: str,
        to: str,
        email: str,
        title: str,
        link2proj: str,
        replyto: str | None = None,
        replyto_name: str | None = None,
        subject: str | None = None,
    ) -> NoncloudInvited:
        """Invite people by e-mail address. Who has an account is added at once; for the others a place waits for 14
        days until an account with their address is made.

        Who may call it: Owners and collaborators of the project, administrators, the project's own key.

        Args:
            to: E-mail addresses between commas, semicolons or spaces.
            email: The mail's text.
            title: The project's title, for the mail.
            link2proj: The project's address, for the mail.
            replyto: Address for answers to the mail.
            replyto_name: Name beside that address.
            subject: The mail's subject.
        """
        return self._caller.call(
            "invite_noncloud_collaborators",
            {
                "project_id": project_id,
                "to": to,
                "email": email,
                "title": title,
                "link2proj": link2proj,
                "replyto": replyto,
                "replyto_name": replyto_name,
                "subject": subject,
            },
            (NoncloudInvited,),
        )

    def remove(self, *, project_id: str, account_id: str) -> None:
        """Take an account out of a project. An owner stays.

        Who may call it: Owners and collaborators of the project, administrators, the project's own key. Everybody,
        for the own account.

        Args:
            account_id: Owners, and who is not there, are passed over in silence.
        """
        self._caller.do("remove_collaborator", {"project_id": project_id, "account_id": account_id})


class AsyncCollaboratorsCalls:
    """Calls about collaborators, to be awaited."""

    def __init__(self, caller: AsyncCaller) -> None:
        """Make calls through a client's connection."""
        self._caller = caller

    async def add(
        self,
        *,
        account_id: str | list[str],
        project_id: str | list[str] | None = None,
        token_id: str | list[str] | None = None,
    ) -> CollaboratorAdded:
        """Add one account or many to projects; or one's own account with a project's token.

        Who may call it: Owners and collaborators of the project, administrators, the project's own key. With a
        token: any account, for itself.

        Args:
            account_id: One, or a list as long as the other.
            project_id: One, or a list; not needed with `token_id`.
            token_id: Instead of `project_id`: a token of the project, which adds one's own account.
        """
        return await self._caller.call(
            "add_collaborator",
            {"account_id": account_id, "project_id": project_id, "token_id": token_id},
            (CollaboratorAdded,),
        )

    async def invite(
        self,
        *,
        project_id: str,
        account_id: str,
        title: str | None = None,
        link2proj: str | None = None,
        replyto: str | None = None,
        replyto_name: str | None = None,
        email: str | None = None,
        subject: str | None = None,
    ) -> None:
        """Add an account to a project as a collaborator, and mail it, at most once a week.

        Who may call it: Owners and collaborators of the project, administrators, the project's own key.

        Args:
            account_id: Becomes a collaborator at once.
            title: The project's title, for the mail.
            link2proj: The project's address, for the mail.
            replyto: Address for answers to the mail.
            replyto_name: Name beside that address.
            email: The mail's text; without it no mail is sent.
            subject: The mail's subject.
        """
        await self._caller.do(
            "invite_collaborator",
            {
                "project_id": project_id,
                "account_id": account_id,
                "title": title,
                "link2proj": link2proj,
                "replyto": replyto,
                "replyto_name": replyto_name,
                "email": email,
                "subject": subject,
            },
        )

    async def invite_noncloud(
        self,
        *,
        project_id: str,
        to: str,
        email: str,
        title: str,
        link2proj: str,
        replyto: str | None = None,
        replyto_name: str | None = None,
        subject: str | None = None,
    ) -> NoncloudInvited:
        """Invite people by e-mail address. Who has an account is added at once; for the others a place waits for 14
        days until an account with their address is made.

        Who may call it: Owners and collaborators of the project, administrators, the project's own key.

        Args:
            to: E-mail addresses between commas, semicolons or spaces.
            email: The mail's text.
            title: The project's title, for the mail.
            link2proj: The project's address, for the mail.
            replyto: Address for answers to the mail.
            replyto_name: Name beside that address.
            subject: The mail's subject.
        """
        return await self._caller.call(
            "invite_noncloud_collaborators",
            {
                "project_id": project_id,
                "to": to,
                "email": email,
                "title": title,
                "link2proj": link2proj,
                "replyto": replyto,
                "replyto_name": replyto_name,
                "subject": subject,
            },
            (NoncloudInvited,),
        )

    async def remove(self, *, project_id: str, account_id: str) -> None:
        """Take an account out of a project. An owner stays.

        Who may call it: Owners and collaborators of the project, administrators, the project's own key. Everybody,
        for the own account.

        Args:
            account_id: Owners, and who is not there, are passed over in silence.
        """
        await self._caller.do("remove_collaborator", {"project_id": project_id, "account_id": account_id})
