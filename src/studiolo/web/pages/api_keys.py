"""The page of API keys, and the hand-out of a key to a program that sent its user here."""

from datetime import UTC, date, datetime, time
from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from studiolo.core.clock import Clock
from studiolo.core.errors import Conflict, InvalidRequest, NotFound, ProjectNotFound, RoleTooLow, StudioloError
from studiolo.core.ids import ApiKeyId, ProjectId
from studiolo.core.settings import Settings
from studiolo.domain.api_keys import ApiKeys, KeyChange
from studiolo.domain.projects import Projects
from studiolo.domain.scopes import EVERYTHING, WORDS, scope_names
from studiolo.web.pages.forms import read_form
from studiolo.web.pages.rendering import Pages, redirect
from studiolo.web.pages.sign_in import clean_app_name
from studiolo.web.pages.visitors import Visitor, Visitors

HOME = "/settings/api-keys"
HAND_OUT_ORIGIN = "https://authenticated"  # historical: a native program watches for this navigation
MAX_PROJECTS = 200  # to choose from
_LAST_MOMENT = time(23, 59, 59, tzinfo=UTC)


class ApiKeyPages:
    """Makes, names, expires and revokes the visitor's API keys."""

    def __init__(
        self,
        pages: Pages,
        visitors: Visitors,
        api_keys: ApiKeys,
        projects: Projects,
        settings: Settings,
        clock: Clock,
    ) -> None:
        self._projects = projects
        self._pages = pages
        self._visitors = visitors
        self._api_keys = api_keys
        self._settings = settings
        self._clock = clock

    def routes(self) -> list[BaseRoute]:
        """Return the routes below /settings/api-keys and of the hand-out."""
        guarded = self._pages.guarded
        one = HOME + "/{api_key_id:int}"
        return [
            Route(HOME, guarded(self.show), methods=["GET"]),
            Route(HOME, guarded(self.create), methods=["POST"]),
            Route(one + "/name", guarded(self.rename), methods=["POST"]),
            Route(one + "/expiry", guarded(self.set_expiry), methods=["POST"]),
            Route(one + "/scopes", guarded(self.set_scopes), methods=["POST"]),
            Route(one + "/revoke", guarded(self.revoke), methods=["POST"]),
            Route("/app/api-key", guarded(self.hand_out), methods=["POST"]),
        ]

    async def show(self, request: Request) -> Response:
        """Show the keys."""
        return await self._list(await self._visitors.require(request))

    async def create(self, request: Request) -> Response:
        """Make a key and show it, this once."""
        visitor, form = await self._form(request)
        try:
            name, expires_at = _name(form), self._expiry(form)
            project_id = ProjectId(form["project_id"]) if form.get("project_id") else None
            _, secret = await self._api_keys.create(
                visitor.principal, name=name, project_id=project_id, expires_at=expires_at, scopes=_scopes(form)
            )
        except (InvalidRequest, Conflict, RoleTooLow, ProjectNotFound) as error:
            return await self._list(visitor, error=error)
        return await self._list(visitor, new_key=secret)

    async def rename(self, request: Request) -> Response:
        """Give a key another name."""
        visitor, form = await self._form(request)
        await self._api_keys.rename(visitor.principal, _id(request), _name(form))
        return redirect(HOME)

    async def set_expiry(self, request: Request) -> Response:
        """Set the day after which a key is no longer good."""
        visitor, form = await self._form(request)
        await self._api_keys.set_expiry(visitor.principal, _id(request), self._expiry(form))
        return redirect(HOME)

    async def set_scopes(self, request: Request) -> Response:
        """Set what a key may do."""
        visitor, form = await self._form(request)
        await self._api_keys.edit(visitor.principal, _id(request), KeyChange(scopes=_scopes(form)))
        return redirect(HOME)

    async def revoke(self, request: Request) -> Response:
        """End a key."""
        visitor, _ = await self._form(request)
        await self._api_keys.revoke(visitor.principal, _id(request))
        return redirect(HOME)

    async def show_hand_out(self, request: Request) -> Response:
        """Ask whether the program that sent the visitor here (`/app?get_api_key=NAME`) shall have a key."""
        visitor = await self._visitors.require(request)
        name = clean_app_name(request.query_params.get("get_api_key", ""))
        if not name:
            raise InvalidRequest("The address does not name the program that wants a key.")
        return self._pages.render("give_key.html", visitor, form_target=HAND_OUT_ORIGIN, app_name=name)

    async def hand_out(self, request: Request) -> Response:
        """Make a key for the program and send the browser where the program waits for it."""
        visitor, form = await self._form(request)
        name = clean_app_name(form.get("app_name", ""))
        if not name:
            raise InvalidRequest("The form does not name the program.")
        _, secret = await self._api_keys.create(visitor.principal, name=name)
        return redirect(f"{HAND_OUT_ORIGIN}/?{urlencode({'api_key': secret})}")

    async def _form(self, request: Request) -> tuple[Visitor, dict[str, str]]:
        visitor = await self._visitors.require(request)
        return visitor, await read_form(request, self._settings, visitor.secret)

    async def _list(self, visitor: Visitor, *, new_key: str = "", error: StudioloError | None = None) -> Response:
        projects = await self._projects.list_for(visitor.principal)
        return self._pages.render(
            "api_keys.html",
            visitor,
            status=error.status if error else 200,
            api_keys=await self._api_keys.list(visitor.principal),
            titles={one.project_id: one.title for one in projects[:MAX_PROJECTS]},
            scopes=WORDS,
            scope_names=scope_names,
            now=self._clock.now(),
            new_key=new_key,
            error=error,
        )

    def _expiry(self, form: dict[str, str]) -> datetime | None:
        text = form.get("expires_on", "").strip()
        if not text:
            return None
        try:
            moment = datetime.combine(date.fromisoformat(text), _LAST_MOMENT)
        except ValueError as error:
            raise InvalidRequest("The day must be written like 2027-01-31.") from error
        if moment <= self._clock.now():
            raise InvalidRequest("The day is in the past. To end a key now, revoke it.")
        return moment


def _name(form: dict[str, str]) -> str:
    name = form.get("name", "").strip()
    if len(name) > 128:
        raise InvalidRequest("The name must not be longer than 128 characters.")
    return name


def _scopes(form: dict[str, str]) -> list[str]:
    """Return the names of the scopes that are ticked; with others, `everything` is only what the form began with."""
    ticked = [name.removeprefix("scope ") for name in form if name.startswith("scope ")]
    return [name for name in ticked if name != EVERYTHING] or ticked


def _id(request: Request) -> ApiKeyId:
    number = request.path_params["api_key_id"]
    if number >= 2**31:
        raise NotFound("There is no such key.")
    return ApiKeyId(number)
