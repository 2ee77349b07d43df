"""What the command line does beside a server, or before there is one."""

import os
from pathlib import Path

from studiolo.core.clock import SystemClock
from studiolo.core.models import Principal
from studiolo.core.secrets import SystemSecretSource
from studiolo.core.settings import Settings
from studiolo.domain.accounts import Accounts
from studiolo.domain.api_keys import ApiKeys
from studiolo.domain.passwords import Passwords
from studiolo.runtime.keeper.directories import DataDirectory
from studiolo.storage.database import Database


async def create_account(
    settings: Settings,
    *,
    email_address: str,
    password: str,
    first_name: str,
    last_name: str,
    is_admin: bool,
    has_api_key: bool,
) -> dict[str, str]:
    """Make an account for the operator; return its id and, if asked for, an API key.

    As root, beside the server of an ordinary user, this process becomes that user for good.
    """
    if settings.database is None:
        _become_owner(settings.data)
        DataDirectory(str(settings.data), is_root=os.geteuid() == 0).prepare()
    database = Database(settings.database_url)
    clock, secrets = SystemClock(), SystemSecretSource()
    try:
        await database.migrate()
        accounts = Accounts(settings, database, clock, secrets, Passwords())
        account = await accounts.create_as_operator(
            email_address=email_address,
            password=password,
            first_name=first_name,
            last_name=last_name,
            is_admin=is_admin,
        )
        made = {"account_id": str(account.account_id)}
        if has_api_key:
            keys = ApiKeys(settings, database, clock, secrets)
            principal = Principal(account_id=account.account_id, is_admin=account.is_admin)
            _, made["api_key"] = await keys.create(principal, name="made with the account")
        return made
    finally:
        await database.close()
        if settings.database is None:
            DataDirectory(str(settings.data), is_root=os.geteuid() == 0).prepare()


def _become_owner(data: Path) -> None:
    """Give up being root when the directory is an ordinary user's: nothing of it may become root's."""
    if os.geteuid() != 0 or not data.is_dir():
        return
    owner = data.stat()
    if owner.st_uid != 0:
        os.setgroups([])
        os.setresgid(owner.st_gid, owner.st_gid, owner.st_gid)
        os.setresuid(owner.st_uid, owner.st_uid, owner.st_uid)
