"""Where API v2 is reached."""

from urllib.parse import urlsplit

from starlette.routing import Route

from studiolo.core.clock import Clock
from studiolo.core.settings import Settings
from studiolo.domain.services import Services
from studiolo.web.api_v2.dispatcher import Dispatcher
from studiolo.web.calls import every_call


def routes(services: Services, settings: Settings, clock: Clock) -> list[Route]:
    """Return the routes of API v2: at the root, and below the path of `public_url` for proxies that leave it on."""
    dispatcher = Dispatcher(every_call(), services, settings, clock)
    prefix = urlsplit(settings.public_url or "").path.rstrip("/")
    return [
        Route(f"{base}/api/v2/{{call:path}}", dispatcher, methods=["POST"], include_in_schema=False)
        for base in dict.fromkeys(["", prefix])
    ]
