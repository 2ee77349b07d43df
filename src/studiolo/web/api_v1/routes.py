"""Where API v1 is reached."""

from urllib.parse import urlsplit

from starlette.routing import Route

from studiolo.core.clock import Clock
from studiolo.core.secrets import SecretSource
from studiolo.core.settings import Settings
from studiolo.domain.services import Services
from studiolo.web.api_v1.calls import all_calls
from studiolo.web.api_v1.dispatcher import Dispatcher


def routes(services: Services, settings: Settings, clock: Clock, secrets: SecretSource) -> list[Route]:
    """Return the routes of API v1: at the root, and below the path of `public_url` for proxies that leave it on."""
    dispatcher = Dispatcher(all_calls(), services, settings, clock, secrets)
    prefix = urlsplit(settings.public_url or "").path.rstrip("/")
    return [
        Route(f"{base}/api/v1/{{call:path}}", dispatcher, include_in_schema=False)
        for base in dict.fromkeys(["", prefix])
    ]
