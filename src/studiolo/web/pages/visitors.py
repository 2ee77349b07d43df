"""Who looks at an ordinary page: the visitor's own sign-in, or nobody."""

from dataclasses import dataclass

from starlette.requests import Request

from studiolo.core.errors import Unauthenticated
from studiolo.core.models import Account, Principal
from studiolo.core.settings import Settings
from studiolo.domain.accounts import Accounts
from studiolo.domain.sign_ins import SignIns
from studiolo.web import cookies, csrf
from studiolo.web.client_address import client_address


@dataclass(frozen=True, slots=True)
class Visitor:
    """A signed-in person."""

    principal: Principal
    account: Account
    secret: str

    @property
    def name(self) -> str:
        """Return what to call the person."""
        full = f"{self.account.first_name} {self.account.last_name}".strip()
        return full or self.account.email_address or "you"

    @property
    def form_token(self) -> str:
        """Return the token for forms on this person's pages."""
        return csrf.form_token(self.secret)


class Visitors:
    """Recognises who looks at a page."""

    def __init__(self, sign_ins: SignIns, accounts: Accounts, settings: Settings) -> None:
        self._sign_ins = sign_ins
        self._accounts = accounts
        self._settings = settings

    async def find(self, request: Request) -> Visitor | None:
        """Return who is signed in, or None; a sign-in that is over counts as none."""
        secret = cookies.sign_in_secret(request.cookies, is_secure=self.is_secure(request))
        if secret is None:
            return None
        try:
            principal = await self._sign_ins.resolve_own(secret, client_address(dict(request.scope)))
        except Unauthenticated:
            return None
        if principal.account_id is None:
            return None
        return Visitor(principal, await self._accounts.get(principal.account_id), secret)

    async def require(self, request: Request) -> Visitor:
        """Return who is signed in; raise Unauthenticated."""
        visitor = await self.find(request)
        if visitor is None:
            raise Unauthenticated("Please sign in.")
        return visitor

    def is_secure(self, request: Request) -> bool:
        """Tell whether the sign-in cookie is the `Secure` one."""
        return csrf.is_served_securely(self._settings, request)
