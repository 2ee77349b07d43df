"""Templates to answers, with the headers that every ordinary page carries."""

from collections.abc import Awaitable, Callable
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from studiolo.core.errors import StudioloError, Unauthenticated
from studiolo.web.assets import Assets
from studiolo.web.content_security import page_policy
from studiolo.web.pages.visitors import Visitor, Visitors

if TYPE_CHECKING:
    from jinja2 import Environment

TEMPLATES = Path(__file__).parent / "templates"

Page = Callable[[Request], Awaitable[Response]]

_TITLES = {403: "Not allowed", 404: "Not found", 413: "Too large", 429: "Please wait", 503: "Not available now"}


class Pages:
    """Renders pages and their errors."""

    def __init__(self, assets: Assets, visitors: Visitors) -> None:
        self._assets = assets
        self._visitors = visitors

    def render(
        self, template: str, visitor: Visitor | None, *, status: int = 200, form_target: str = "", **values: Any
    ) -> Response:
        """Return a page. `form_target` is an origin that one of its forms leads to."""
        html = self._templates.get_template(template).render(
            visitor=visitor, pages_css=self._assets.pages_css, **values
        )
        headers = {
            "content-security-policy": page_policy(form_target=form_target),
            "cache-control": "no-store",
            "referrer-policy": "same-origin",  # not no-referrer: forms would then be sent with `Origin: null`
            "x-frame-options": "DENY",
            "x-content-type-options": "nosniff",
            "cross-origin-opener-policy": "same-origin",
        }
        return HTMLResponse(html.encode("utf-8", "replace"), status, headers)

    @cached_property
    def _templates(self) -> "Environment":
        from jinja2 import Environment, FileSystemLoader, StrictUndefined  # 1.6 MB: frames and API do without pages

        return Environment(
            loader=FileSystemLoader(TEMPLATES),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )

    def guarded(self, page: Page) -> Page:
        """Return the page with its errors shown as pages, and with the way to sign in when that is what is missing."""

        async def guarded_page(request: Request) -> Response:
            try:
                return await page(request)
            except Unauthenticated:
                return redirect(sign_in_address(request))
            except StudioloError as error:
                return self.render_error(error, await self._visitors.find(request))

        guarded_page.__name__ = page.__name__
        return guarded_page

    def render_error(self, error: StudioloError, visitor: Visitor | None) -> Response:
        """Return the page for an error."""
        title = _TITLES.get(error.status, "That did not work")
        response = self.render("error.html", visitor, status=error.status, title=title, error=error)
        if "retry_after_seconds" in error.details:
            response.headers["retry-after"] = str(int(error.details["retry_after_seconds"]) + 1)
        return response


def redirect(address: str) -> Response:
    """Send the browser on with a GET."""
    headers = {"cache-control": "no-store", "referrer-policy": "no-referrer"}
    return RedirectResponse(address, 303, headers)


def sign_in_address(request: Request) -> str:
    """Return the address of the sign-in page that leads back to where the visitor wanted to go.

    Without an auth token that was in the address: it must not go on into another one.
    """
    if request.method != "GET":
        return "/sign-in"
    query = urlencode([(name, text) for name, text in request.query_params.multi_items() if name != "auth_token"])
    wanted = request.url.path + (f"?{query}" if query else "")
    return "/sign-in?" + urlencode({"next": wanted})
