"""Calls about accounts. Written by `make client` from the registry of calls; not to be edited."""

import builtins
from dataclasses import dataclass
from datetime import datetime
from typing import Any, ClassVar, Literal

from studiolo.client.calling import AsyncCaller, Caller


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountCreated:
    """The account exists now."""

    EVENT: ClassVar[str] = "account_created"

    account_id: str
    api_key: str | None = None
    """Shown this once, not when the request is repeated; only with `get_api_key`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Username:
    """How a person is called."""

    first_name: str
    last_name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Usernames:
    """The names by id; false for an id that is nobody's."""

    EVENT: ClassVar[str] = "usernames"

    usernames: dict[str, Username | Literal[False]]


@dataclass(frozen=True, slots=True, kw_only=True)
class ListedAccount:
    """An account."""

    account_id: str
    email_address: str | None = None
    first_name: str
    last_name: str
    is_admin: bool
    is_banned: bool
    is_deleted: bool
    created: datetime
    last_active: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountList:
    """Accounts, in the order of their ids."""

    EVENT: ClassVar[str] = "account_list"

    accounts: list[ListedAccount]
    next_cursor: str | None = None
    """Missing on the last page."""


@dataclass(frozen=True, slots=True, kw_only=True)
class UserAuthToken:
    """A token for `?auth_token=`."""

    EVENT: ClassVar[str] = "user_auth_token"

    auth_token: str
    """24 characters of A-Z, a-z and 0-9."""


@dataclass(frozen=True, slots=True, kw_only=True)
class UserSearchResult:
    """An account; moments are milliseconds since 1970."""

    account_id: str
    first_name: str
    last_name: str
    name: str | None = None
    last_active: int | None = None
    created: int
    email_address: str | None = None
    """Only for who was found by it, and administrators."""


@dataclass(frozen=True, slots=True, kw_only=True)
class UserSearchResults:
    """Who was found, the ones last active first; who was found twice is there twice."""

    EVENT: ClassVar[str] = "user_search_results"

    results: list[UserSearchResult]


class AccountsCalls:
    """Calls about accounts."""

    def __init__(self, caller: Caller) -> None:
        """Make calls through a client's connection."""
        self._caller = caller

    def ban(self, *, account_id: str) -> None:
        """Ban an account: its keys are refused, its sign-ins and tokens end at once.

        Who may call it: Administrators.
        """
        self._caller.do("ban_account", {"account_id": account_id})

    def change_email_address(
        self,
        *,
        account_id: str,
        new_email_address: str,
        old_email_address: str | None = None,
        password: str | None = None,
    ) -> None:
        """Change the e-mail address of one's own account.

        Who may call it: Any account, for itself, with its password.

        Args:
            account_id: Must be the key's own account.
            old_email_address: Taken and ignored.
            password: The account's password.
        """
        self._caller.do(
            "change_email_address",
            {
                "account_id": account_id,
                "new_email_address": new_email_address,
                "old_email_address": old_email_address,
                "password": password,
            },
        )

    def change_password(self, *, account_id: str, new_password: str, old_password: str | None = None) -> None:
        """Change the password of one's own account. Everywhere else the account is signed out.

        Who may call it: Any account, for itself.

        Args:
            account_id: Taken and ignored: the key's own account is meant.
            new_password: 6 to 64 characters.
            old_password: The present password.
        """
        self._caller.do(
            "change_password", {"account_id": account_id, "new_password": new_password, "old_password": old_password}
        )

    def create(
        self,
        *,
        first_name: str | None = None,
        last_name: str | None = None,
        email_address: str | None = None,
        password: Any = None,
        agreed_to_terms: bool | None = None,
        token: str | None = None,
        usage_intent: str | None = None,
        get_api_key: bool | None = None,
    ) -> AccountCreated:
        """Make an account for a person or a program.

        Who may call it: Administrators; others as the setting `account_creation` says.

        Args:
            first_name: May be blank.
            last_name: May be blank.
            email_address: Compared in lower case; unique.
            password: A string of 6 to 64 characters.
            agreed_to_terms: Recorded; not demanded. Default: `False`.
            token: A registration token, where the server asks for one.
            usage_intent: Taken and ignored.
            get_api_key: Answer with an API key of the new account, too. Default: `False`.
        """
        return self._caller.call(
            "create_account",
            {
                "first_name": first_name,
                "last_name": last_name,
                "email_address": email_address,
                "password": password,
                "agreed_to_terms": agreed_to_terms,
                "token": token,
                "usage_intent": usage_intent,
                "get_api_key": get_api_key,
            },
            (AccountCreated,),
            is_once=True,
        )

    def delete(self, *, account_id: str) -> None:
        """Delete an account: its address becomes free, its keys and sign-ins end. Doing it again is no error.

        Who may call it: Administrators; the account itself.
        """
        self._caller.do("delete_account", {"account_id": account_id})

    def forgot_password(self, *, email_address: str) -> None:
        """Mail a code, with which a new password can be set, to the address of an account.

        Who may call it: Any key.
        """
        self._caller.do("forgot_password", {"email_address": email_address})

    def get_usernames(self, *, account_ids: builtins.list[str]) -> Usernames:
        """Learn how people are called, by the ids of their accounts.

        Who may call it: Any key.
        """
        return self._caller.call("get_usernames", {"account_ids": account_ids}, (Usernames,), is_reading=True)

    def list(
        self,
        *,
        search: str | None = None,
        banned: bool | None = None,
        admin: bool | None = None,
        deleted: bool | None = None,
        cursor: str | None = None,
        limit: int | None = None,
    ) -> AccountList:
        """List accounts page by page.

        Who may call it: Administrators.

        Args:
            search: A part of the name or of the e-mail address.
            banned: true: only banned accounts; false: none of them.
            admin: true: only administrators; false: none of them.
            deleted: Also those that are deleted. Default: `False`.
            cursor: The `next_cursor` of the page before.
            limit: At most so many, 1 to 1000. Default: `100`.
        """
        return self._caller.call(
            "list_accounts",
            {"search": search, "banned": banned, "admin": admin, "deleted": deleted, "cursor": cursor, "limit": limit},
            (AccountList,),
            is_reading=True,
        )

    def reset_forgot_password(self, *, reset_code: str, new_password: str) -> None:
        """Set a new password with the code that was mailed. Everywhere the account is signed out.

        Who may call it: Any key; whoever has the code.

        Args:
            reset_code: The code from the mail; good for one hour and one use.
            new_password: 6 to 64 characters.
        """
        self._caller.do("reset_forgot_password", {"reset_code": reset_code, "new_password": new_password})

    def unban(self, *, account_id: str) -> None:
        """Let a banned account in again.

        Who may call it: Administrators.
        """
        self._caller.do("unban_account", {"account_id": account_id})

    def user_auth(self, *, account_id: str, password: str) -> UserAuthToken:
        """Make a short-lived auth token that signs a browser in as an account: `?auth_token=` in an IFrame.

        Who may call it: Any account that knows the password of the account to sign in; administrators without it.

        Args:
            account_id: The account to be signed in.
            password: That account's password; an administrator may give the empty string.
        """
        return self._caller.call(
            "user_auth", {"account_id": account_id, "password": password}, (UserAuthToken,), is_once=True
        )

    def user_search(
        self, *, query: str, admin: bool | None = None, active: str | None = None, limit: int | None = None
    ) -> UserSearchResults:
        """Find accounts by id, by e-mail address or by name. Unlisted accounts are never found by name.

        Who may call it: Any account; `admin` is for administrators.

        Args:
            query: An account's id, e-mail addresses, or words of names (`@name` for a whole user name); several
                between commas.
            admin: Search as an administrator: addresses and unlisted accounts show. Default: `False`.
            active: Only who was in use within an interval, such as `6 months`.
            limit: Most results; at most 50 but for administrators. Default: `20`.
        """
        return self._caller.call(
            "user_search",
            {"query": query, "admin": admin, "active": active, "limit": limit},
            (UserSearchResults,),
            is_reading=True,
        )


class AsyncAccountsCalls:
    """Calls about accounts, to be awaited."""

    def __init__(self, caller: AsyncCaller) -> None:
        """Make calls through a client's connection."""
        self._caller = caller

    async def ban(self, *, account_id: str) -> None:
        """Ban an account: its keys are refused, its sign-ins and tokens end at once.

        Who may call it: Administrators.
        """
        await self._caller.do("ban_account", {"account_id": account_id})

    async def change_email_address(
        self,
        *,
        account_id: str,
        new_email_address: str,
        old_email_address: str | None = None,
        password: str | None = None,
    ) -> None:
        """Change the e-mail address of one's own account.

        Who may call it: Any account, for itself, with its password.

        Args:
            account_id: Must be the key's own account.
            old_email_address: Taken and ignored.
            password: The account's password.
        """
        await self._caller.do(
            "change_email_address",
            {
                "account_id": account_id,
                "new_email_address": new_email_address,
                "old_email_address": old_email_address,
                "password": password,
            },
        )

    async def change_password(self, *, account_id: str, new_password: str, old_password: str | None = None) -> None:
        """Change the password of one's own account. Everywhere else the account is signed out.

        Who may call it: Any account, for itself.

        Args:
            account_id: Taken and ignored: the key's own account is meant.
            new_password: 6 to 64 characters.
            old_password: The present password.
        """
        await self._caller.do(
            "change_password", {"account_id": account_id, "new_password": new_password, "old_password": old_password}
        )

    async def create(
        self,
        *,
        first_name: str | None = None,
        last_name: str | None = None,
        email_address: str | None = None,
        password: Any = None,
        agreed_to_terms: bool | None = None,
        token: str | None = None,
        usage_intent: str | None = None,
        get_api_key: bool | None = None,
    ) -> AccountCreated:
        """Make an account for a person or a program.

        Who may call it: Administrators; others as the setting `account_creation` says.

        Args:
            first_name: May be blank.
            last_name: May be blank.
            email_address: Compared in lower case; unique.
            password: A string of 6 to 64 characters.
            agreed_to_terms: Recorded; not demanded. Default: `False`.
            token: A registration token, where the server asks for one.
            usage_intent: Taken and ignored.
            get_api_key: Answer with an API key of the new account, too. Default: `False`.
        """
        return await self._caller.call(
            "create_account",
            {
                "first_name": first_name,
                "last_name": last_name,
                "email_address": email_address,
                "password": password,
                "agreed_to_terms": agreed_to_terms,
                "token": token,
                "usage_intent": usage_intent,
                "get_api_key": get_api_key,
            },
            (AccountCreated,),
            is_once=True,
        )

    async def delete(self, *, account_id: str) -> None:
        """Delete an account: its address becomes free, its keys and sign-ins end. Doing it again is no error.

        Who may call it: Administrators; the account itself.
        """
        await self._caller.do("delete_account", {"account_id": account_id})

    async def forgot_password(self, *, email_address: str) -> None:
        """Mail a code, with which a new password can be set, to the address of an account.

        Who may call it: Any key.
        """
        await self._caller.do("forgot_password", {"email_address": email_address})

    async def get_usernames(self, *, account_ids: builtins.list[str]) -> Usernames:
        """Learn how people are called, by the ids of their accounts.

        Who may call it: Any key.
        """
        return await self._caller.call("get_usernames", {"account_ids": account_ids}, (Usernames,), is_reading=True)

    async def list(
        self,
        *,
        search: str | None = None,
        banned: bool | None = None,
        admin: bool | None = None,
        deleted: bool | None = None,
        cursor: str | None = None,
        limit: int | None = None,
    ) -> AccountList:
        """List accounts page by page.

        Who may call it: Administrators.

        Args:
            search: A part of the name or of the e-mail address.
            banned: true: only banned accounts; false: none of them.
            admin: true: only administrators; false: none of them.
            deleted: Also those that are deleted. Default: `False`.
            cursor: The `next_cursor` of the page before.
            limit: At most so many, 1 to 1000. Default: `100`.
        """
        return await self._caller.call(
            "list_accounts",
            {"search": search, "banned": banned, "admin": admin, "deleted": deleted, "cursor": cursor, "limit": limit},
            (AccountList,),
            is_reading=True,
        )

    async def reset_forgot_password(self, *, reset_code: str, new_password: str) -> None:
        """Set a new password with the code that was mailed. Everywhere the account is signed out.

        Who may call it: Any key; whoever has the code.

        Args:
            reset_code: The code from the mail; good for one hour and one use.
            new_password: 6 to 64 characters.
        """
        await self._caller.do("reset_forgot_password", {"reset_code": reset_code, "new_password": new_password})

    async def unban(self, *, account_id: str) -> None:
        """Let a banned account in again.

        Who may call it: Administrators.
        """
        await self._caller.do("unban_account", {"account_id": account_id})

    async def user_auth(self, *, account_id: str, password: str) -> UserAuthToken:
        """Make a short-lived auth token that signs a browser in as an account: `?auth_token=` in an IFrame.

        Who may call it: Any account that knows the password of the account to sign in; administrators without it.

        Args:
            account_id: The account to be signed in.
            password: That account's password; an administrator may give the empty string.
        """
        return await self._caller.call(
            "user_auth", {"account_id": account_id, "password": password}, (UserAuthToken,), is_once=True
        )

    async def user_search(
        self, *, query: str, admin: bool | None = None, active: str | None = None, limit: int | None = None
    ) -> UserSearchResults:
        """Find accounts by id, by e-mail address or by name. Unlisted accounts are never found by name.

        Who may call it: Any account; `admin` is for administrators.

        Args:
            query: An account's id, e-mail addresses, or words of names (`@name` for a whole user name); several
                between commas.
            admin: Search as an administrator: addresses and unlisted accounts show. Default: `False`.
            active: Only who was in use within an interval, such as `6 months`.
            limit: Most results; at most 50 but for administrators. Default: `20`.
        """
        return await self._caller.call(
            "user_search",
            {"query": query, "admin": admin, "active": active, "limit": limit},
            (UserSearchResults,),
            is_reading=True,
        )
