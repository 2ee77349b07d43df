"""Everything a browser asks, in one event loop: real domain and database, projects without sandboxes."""

import hashlib
import json
from pathlib import Path
from typing import Any

import httpx
from starlette.applications import Starlette

from studiolo.core.ids import ProjectId
from studiolo.core.models import Account, Role, Scope
from studiolo.core.secrets import SystemSecretSource
from studiolo.core.settings import Settings
from studiolo.domain.services import build_services
from studiolo.runtime.agents import UnixAgentConnector
from studiolo.storage import collaborators
from studiolo.storage.database import Database
from studiolo.testing.clock import MovingClock
from studiolo.testing.factories import PASSWORD, cheap_passwords, make_account, principal_of
from studiolo.testing.rooms import RoomRunner
from studiolo.testing.sockets import AsgiSocket
from studiolo.web.assets import Assets
from studiolo.web.frame import routes as frame
from studiolo.web.pages import routes as pages
from studiolo.web.sockets import routes as sockets

ORIGIN = "https://hub.test"
SAME_ORIGIN = {"origin": ORIGIN, "sec-fetch-site": "same-origin"}
FRAME_HEADERS = SAME_ORIGIN | {"x-studiolo-frame": "1"}
SHELL = {"boot": "boot-1.js", "css": "first-1.css", "output_page": "output.html"}


class Doors:
    """A hub without its API: pages, frame and socket, and what a test needs to fill it."""

    def __init__(
        self,
        directory: Path,
        database: Database,
        clock: MovingClock | None = None,
        runner: Any = None,
        **settings: Any,
    ) -> None:
        self.clock = clock or MovingClock()
        self.settings = Settings(data=directory, embed_origins=("https://lms.example.edu",), **settings)
        self.database = database
        self.runner: Any = RoomRunner(directory) if runner is None else runner
        self._connector = UnixAgentConnector(self.clock)
        self.services = build_services(
            self.settings,
            database,
            self.clock,
            SystemSecretSource(),
            self.runner,
            self._connector,
            passwords=cheap_passwords(),
        )
        assets = Assets(make_build(directory / "static"))
        given = (self.services, self.settings, self.clock)
        self.app = Starlette(
            routes=[
                *assets.routes(),
                *frame.routes(*given, assets),
                *sockets.routes(*given),
                *pages.routes(*given, assets),
            ]
        )

    def browser(self, **headers: str) -> httpx.AsyncClient:
        """Return a browser with a cookie jar of its own, following no redirect."""
        transport = httpx.ASGITransport(self.app, client=("192.0.2.9", 1))
        return httpx.AsyncClient(transport=transport, base_url=ORIGIN, headers=headers)

    def socket(self, **given: Any) -> AsgiSocket:
        """Return a socket of a frame, not yet connected."""
        return AsgiSocket(self.app, "/frame/socket", **given)

    async def account(self, **given: Any) -> Account:
        """Make an account whose password is `factories.PASSWORD`."""
        return await make_account(self.services.accounts, **given)

    async def project(self, owner: Account, files: dict[str, str] | None = None) -> ProjectId:
        """Make a project that holds `files`."""
        project = await self.services.projects.create(principal_of(owner), "Analysis")
        self.runner.agent(project.project_id).files.update(files or {})
        return project.project_id

    async def share(self, project_id: ProjectId, account: Account, role: Role | None) -> None:
        """Give an account a place in a project, or take it away."""
        account_id, now = account.account_id, self.clock.now()
        await self.database.write(lambda tx: collaborators.remove(tx, project_id, account_id))
        if role is not None:
            await self.database.write(lambda tx: collaborators.put(tx, project_id, account_id, role, {}, now))

    async def token(self, account: Account, scope: Scope | None = None, **given: Any) -> str:
        """Make an auth token."""
        narrowed = {"scope": scope} if scope is not None else {}
        return await self.services.auth_tokens.mint(
            principal_of(account), account_id=account.account_id, password=PASSWORD, **narrowed, **given
        )

    async def bearer(self, account: Account, scope: Scope | None = None) -> str:
        """Sign a frame in and return its bearer."""
        sign_in, _ = await self.services.sign_ins.sign_in_frame(await self.token(account, scope), None)
        return (await self.services.sign_ins.mint_bearer(sign_in.sign_in_id))[0]

    async def ban(self, admin: Account, account: Account) -> None:
        """Ban an account."""
        await self.services.accounts.set_banned(principal_of(admin), account.account_id, True)

    async def close(self) -> None:
        """Stop all projects."""
        await self.services.projects.stop_all()
        await self.services.projects.close()
        await self._connector.close()


def make_build(directory: Path) -> Path:
    """Write a front end that is as small as can be, in the form that the real build has."""
    directory.mkdir(parents=True, exist_ok=True)
    boot = "document.title = 'booted'"
    built: dict[str, Any] = {"live": "/assets/live-1.js", "preload": []}
    listing: dict[str, Any] = SHELL | {"assets": built, "pages_css": "/assets/pages-1.css"}
    (directory / "boot-1.js").write_text(boot)
    (directory / "first-1.css").write_text("body { margin: 0 }")
    (directory / "pages-1.css").write_text("main { max-width: 60rem }")
    (directory / "live-1.js").write_text("export {}")
    (directory / "live-1.js.br").write_bytes(b"not really brotli")
    (directory / "live-1.js.gz").write_bytes(b"not really gzip")
    (directory / "output.html").write_text("<!doctype html><title>output</title>")
    (directory / "shell.json").write_text(json.dumps(listing))
    return directory


def events_of(response: httpx.Response) -> list[dict[str, Any]]:
    """Return the events of an answer of POST /frame/open."""
    return [json.loads(line) for line in response.text.splitlines()]


def frame_key_of(auth_token: str) -> str:
    """Return the key of the frame that a token signs in."""
    return hashlib.sha256(auth_token.encode()).hexdigest()[:16]
