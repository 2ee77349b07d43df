"""Registration tokens: texts with which people make accounts, made and ended by administrators, stored hashed.

What a token admits to is decided by the setting `account_creation`; one with `ephemeral_seconds` makes throw-away
accounts (see `ephemeral_accounts.py`) under every setting, since making such a token is the permission.
"""

from collections.abc import Sequence
from datetime import datetime

from studiolo.core.clock import Clock
from studiolo.core.errors import Forbidden, InvalidRequest, NotFound
from studiolo.core.models import FULL_SCOPE, Principal, RegistrationToken
from studiolo.core.secrets import SecretSource, hash_secret
from studiolo.domain.audit import Action, in_request, note
from studiolo.domain.idempotency import Made, note_made, refuse_to_tell_again
from studiolo.domain.projects import is_storable
from studiolo.storage import registration_tokens as rows
from studiolo.storage.database import Database, Transaction

TOKEN_CHARACTERS = 24
MAX_DESCRIPTION_CHARACTERS = 1_000
MAX_USES = 1_000_000
EPHEMERAL_SECONDS = range(60, 366 * 24 * 3600 + 1)
MAX_LISTED = 1_000


class RegistrationTokens:
    """What administrators may do with registration tokens."""

    def __init__(self, database: Database, clock: Clock, secrets: SecretSource) -> None:
        self._database = database
        self._clock = clock
        self._secrets = secrets

    async def create(
        self,
        principal: Principal,
        *,
        description: str = "",
        usage_limit: int | None = None,
        expires_at: datetime | None = None,
        ephemeral_seconds: int | None = None,
    ) -> tuple[RegistrationToken, str]:
        """Make a token and return it with its secret, which is shown this once."""
        _require_admin(principal)
        refuse_to_tell_again(Made.REGISTRATION_TOKEN)
        now = self._clock.now()
        _check(description, usage_limit, ephemeral_seconds, is_past=expires_at is not None and expires_at <= now)
        token = RegistrationToken(
            registration_token_id=self._secrets.uuid(),
            description=description,
            created_by=principal.account_id,
            created_at=now,
            expires_at=expires_at,
            usage_limit=usage_limit,
            uses=0,
            is_disabled=False,
            ephemeral_seconds=ephemeral_seconds,
        )
        secret = self._secrets.base62(TOKEN_CHARACTERS)

        def add(tx: Transaction) -> None:
            rows.add(tx, hash_secret(secret), token)
            note_made(tx, Made.REGISTRATION_TOKEN, token.registration_token_id)
            note(tx, now, principal, Action.REGISTRATION_TOKEN_CREATED, token=token.registration_token_id)

        await self._database.write(in_request(add))
        return token, secret

    async def list(self, principal: Principal) -> Sequence[RegistrationToken]:
        """Return all tokens, also those that are over, the newest first."""
        _require_admin(principal)
        return await self._database.read(lambda tx: rows.list_all(tx, MAX_LISTED))

    async def revoke(self, principal: Principal, registration_token_id: str) -> None:
        """End a token; accounts that were made with it stay."""
        _require_admin(principal)
        now = self._clock.now()

        def end(tx: Transaction) -> bool:
            is_there = rows.disable(tx, registration_token_id)
            if is_there:
                note(tx, now, principal, Action.REGISTRATION_TOKEN_REVOKED, token=registration_token_id)
            return is_there

        if not is_storable(registration_token_id) or not await self._database.write(in_request(end)):
            raise NotFound("There is no such registration token.")


def find_usable(tx: Transaction, token: str, now: datetime, *, is_ephemeral: bool) -> RegistrationToken:
    """Return a token that admits one more account; raise InvalidRequest in the wire's words."""
    if not token:
        raise _refused("No registration token provided")
    found = rows.get_by_hash(tx, hash_secret(token)) if token.isascii() else None
    if found is None or (found.ephemeral_seconds is not None) is not is_ephemeral:
        raise _refused("Registration token is wrong.")
    if found.is_disabled:
        raise _refused("Registration token disabled.")
    if found.expires_at is not None and found.expires_at <= now:
        raise _refused("Registration token no longer valid.")
    if found.usage_limit is not None and found.uses >= found.usage_limit:
        raise _refused("Registration token used up.")
    return found


def use(tx: Transaction, token: str, now: datetime, *, is_ephemeral: bool) -> RegistrationToken:
    """Do the same and count the account that is made in this transaction."""
    found = find_usable(tx, token, now, is_ephemeral=is_ephemeral)
    rows.count_use(tx, found.registration_token_id)
    return found


def _refused(words: str) -> InvalidRequest:
    return InvalidRequest(words, fields={"token": words})


def _require_admin(principal: Principal) -> None:
    if not principal.is_admin or principal.scope != FULL_SCOPE:
        raise Forbidden("Only administrators may do this.")


def _check(description: str, usage_limit: int | None, ephemeral_seconds: int | None, *, is_past: bool) -> None:
    problems = {
        "description": len(description) > MAX_DESCRIPTION_CHARACTERS or not is_storable(description),
        "usage_limit": usage_limit is not None and not 0 < usage_limit <= MAX_USES,
        "expires_at": is_past,
        "ephemeral_lifetime": ephemeral_seconds is not None and ephemeral_seconds not in EPHEMERAL_SECONDS,
    }
    words = {
        "description": f"The description may have at most {MAX_DESCRIPTION_CHARACTERS} characters.",
        "usage_limit": f"A registration token makes 1 to {MAX_USES} accounts.",
        "expires_at": "The registration token must end in the future.",
        "ephemeral_lifetime": "A throw-away account lives for a minute to a year.",
    }
    wrong = {field: words[field] for field, is_wrong in problems.items() if is_wrong}
    if wrong:
        raise InvalidRequest(" ".join(wrong.values()), fields=wrong)
