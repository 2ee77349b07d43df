"""Where the official client calls."""

from urllib.parse import urlsplit

from starlette.routing import Route

from studiolo.core.clock import Clock
from studiolo.core.settings import Settings
from studiolo.domain.services import Services
from studiolo.web.calls import every_call
from studiolo.web.conat.dispatcher import HubDispatcher, ProjectDispatcher


def routes(services: Services, settings: Settings, clock: Clock) -> list[Route]:
    """Return both routes: at the root, and below the path of `public_url` for proxies that leave it on."""
    hub = HubDispatcher(every_call(), services, settings, clock)
    project = ProjectDispatcher(every_call(), services, settings, clock)
    prefix = urlsplit(settings.public_url or "").path.rstrip("/")
    return [
        Route(f"{base}/api/conat/{name}", dispatcher, methods=["POST"], include_in_schema=False)
        for base in dict.fromkeys(["", prefix])
        for name, dispatcher in (("hub", hub), ("project", project))
    ]
