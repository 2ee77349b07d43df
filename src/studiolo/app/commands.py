"""What the command line does beside a server, or before there is one."""

import os
import sys
from contextlib import suppress
from pathlib import Path

import studiolo
from studiolo.core.clock import SystemClock
from studiolo.core.errors import RunnerUnavailable
from studiolo.core.models import Principal
from studiolo.core.secrets import SystemSecretSource
from studiolo.core.settings import Settings
from studiolo.domain.accounts import Accounts
from studiolo.domain.api_keys import ApiKeys
from studiolo.domain.passwords import Passwords
from studiolo.runtime.copying.confinement import become_owner
from studiolo.runtime.keeper.directories import DataDirectory
from studiolo.runtime.keeper.exposure import expose
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

    As root this process becomes for good who owns the database: an ordinary user, or the hub's account.
    """
    if settings.database is None:
        os.umask(0o077)
        _become_owner(settings.data)
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


def _become_owner(data: Path) -> None:
    """Give up being root before the database is opened.

    Nothing in an ordinary user's directory may become root's; and in the hub's, names may be links that a hub that was
    taken over left there for root to follow. Of root's rights only reading stays, for an installation that is closed
    to others; but who asks `access` what may be read, as Alembic does, is told by uid alone, so the way is opened too.
    """
    is_root = os.geteuid() == 0
    if is_root and data.is_dir() and (owner := data.stat()).st_uid != 0:
        os.setgroups([])
        os.setresgid(owner.st_gid, owner.st_gid, owner.st_gid)
        os.setresuid(owner.st_uid, owner.st_uid, owner.st_uid)
        is_root = False
    directory = DataDirectory(str(data), is_root=is_root)
    directory.prepare()
    if directory.hub_uid is not None:
        with suppress(RunnerUnavailable):  # not every container lets root mount; without migrations reading is enough
            expose((str(data.resolve()), str(Path(studiolo.__file__).parent), sys.prefix, sys.base_prefix))
        become_owner(directory.hub_uid, reads_others=True)
