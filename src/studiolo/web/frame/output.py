"""GET /frame/output: the page in which one active output runs, on an origin of its own.

The page is the same for everybody and knows nothing: it waits for the HTML from the page around it. What it may do is
decided by its own response (`content_security.output_policy`), not by an attribute that a page could leave out.
"""

from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from studiolo.core.origins import Origins
from studiolo.web.assets import Assets
from studiolo.web.content_security import output_policy
from studiolo.web.frame.shell import not_built


class FrameOutput:
    """Answers GET /frame/output."""

    def __init__(self, assets: Assets, origins: Origins) -> None:
        self._assets = assets
        self._policy = output_policy(origins)

    async def answer(self, request: Request) -> Response:
        """Serve the page."""
        if self._assets.shell is None:
            return not_built()
        headers = {
            "content-security-policy": self._policy,
            "cache-control": "public, max-age=3600",
            "referrer-policy": "no-referrer",
            "x-content-type-options": "nosniff",
        }
        return HTMLResponse(self._assets.shell.output_page, headers=headers)
