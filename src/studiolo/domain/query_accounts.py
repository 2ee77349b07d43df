"""The table `accounts` of `query`: one's own row."""

from collections.abc import Mapping, Sequence
from typing import Any

from studiolo.core.errors import Forbidden, InvalidRequest
from studiolo.core.models import FULL_SCOPE, Account, Principal
from studiolo.domain.names import name_problem
from studiolo.domain.queries import Selection
from studiolo.domain.query_language import Options, Row, deep_merge
from studiolo.domain.query_values import check_size, check_types
from studiolo.storage import accounts as storage
from studiolo.storage.database import Database, Transaction

_COLUMNS = ("first_name", "last_name")
_SETTINGS: Mapping[str, Any] = {  # field -> default
    "name": None,
    "editor_settings": {"tab_size": 4, "line_numbers": True, "line_wrapping": True, "theme": "default"},
    "other_settings": {},
    "terminal": {},
    "autosave": 45,
    "evaluate_key": None,
    "font_size": None,
    "profile": {},
    "ssh_keys": {},
    "unlisted": False,
    "tags": None,
    "tours": None,
    "sign_up_usage_intent": None,
}
# what nobody has here, for clients that ask for every field
_NEVER = ("email_address_problem", "lti_id", "ephemeral", "locked", "balance", "min_balance", "purchase_closing_day")
_TYPES: Mapping[str, tuple[type, ...]] = {
    "first_name": (str,),
    "last_name": (str,),
    "name": (str,),
    "editor_settings": (dict,),
    "other_settings": (dict,),
    "terminal": (dict,),
    "autosave": (int, float),
    "evaluate_key": (str,),
    "font_size": (int, float),
    "profile": (dict,),
    "ssh_keys": (dict,),
    "unlisted": (bool,),
    "tags": (list,),
    "tours": (list,),
    "sign_up_usage_intent": (str,),
}


class AccountsTable:
    """The caller's own account; whose row is written is never taken from the query."""

    name = "accounts"
    list_options = Options()
    settable = frozenset({"account_id", *_COLUMNS, *_SETTINGS})
    readable: Mapping[str, Any] = {
        "account_id": None,
        "email_address": None,
        "email_address_verified": {},
        "first_name": "",
        "last_name": "",
        "passports": {},
        "groups": [],
        "last_active": None,
        "created": None,
        **{field: None for field in _NEVER},  # noqa: C420 - typed
        **_SETTINGS,
    }

    def __init__(self, database: Database) -> None:
        self._database = database

    async def rows(self, principal: Principal, selection: Selection) -> Sequence[Row]:
        """Return the caller's row; a project's key has none."""
        account_id = principal.account_id
        if account_id is None:
            return []
        account = await self._database.read(lambda tx: storage.get(tx, account_id))
        return [_row(account)] if account is not None else []

    async def set(self, principal: Principal, values: Row) -> None:
        """Change the caller's row."""
        account_id = principal.account_id
        if account_id is None or principal.scope != FULL_SCOPE:
            raise Forbidden("FATAL: only an account may change its own settings")
        values = {field: value for field, value in values.items() if field != "account_id"}
        check_types(self.name, values, _TYPES)
        for field in _COLUMNS:
            if (problem := name_problem(field, values.get(field, ""))) is not None:
                raise InvalidRequest(f"FATAL: {problem}")

        def change(tx: Transaction) -> None:
            account = storage.get(tx, account_id)
            if account is None:
                return
            columns = {field: value for field, value in values.items() if field in _COLUMNS}
            settings = deep_merge(account.settings, {f: v for f, v in values.items() if f not in _COLUMNS})
            check_size(self.name, settings)
            storage.change(tx, account_id, {**columns, "settings": settings})

        await self._database.write(change)


def _row(account: Account) -> Row:
    return {
        **{field: account.settings.get(field) for field in _SETTINGS},
        "account_id": account.account_id,
        "email_address": account.email_address,
        "email_address_verified": None,
        "first_name": account.first_name,
        "last_name": account.last_name,
        "passports": None,
        "groups": ["admin"] if account.is_admin else [],
        "last_active": account.last_active_at,
        "created": account.created_at,
        **dict.fromkeys(_NEVER),
    }
