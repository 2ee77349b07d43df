"""Where files are downloaded and uploaded; to be put before the calls of API v1, whose address they share."""

from urllib.parse import urlsplit

from starlette.convertors import Convertor, register_url_convertor
from starlette.routing import BaseRoute, Route

from studiolo.core.clock import Clock
from studiolo.core.settings import Settings
from studiolo.domain.services import Services
from studiolo.web.streams.door import Door, Doorkeeper
from studiolo.web.streams.downloads import Downloads
from studiolo.web.streams.exec_output import ExecOutput
from studiolo.web.streams.tus import Tus
from studiolo.web.streams.uploads import Uploads


class _Rest(Convertor[str]):
    """The rest of an address, whatever it holds; what path it is, `door.file_path` reads from the raw address."""

    regex = r"(?s:.*)"

    def convert(self, value: str) -> str:
        return value

    def to_string(self, value: str) -> str:
        return value


def routes(services: Services, settings: Settings, clock: Clock) -> list[BaseRoute]:
    """Return the routes, at the root and below the path of `public_url` for proxies that leave it on."""
    register_url_convertor("rest", _Rest())
    prefix = urlsplit(settings.public_url or "").path.rstrip("/")
    return [route for base in dict.fromkeys(["", prefix]) for route in _routes(services, clock, base)]


def _routes(services: Services, clock: Clock, base: str) -> list[BaseRoute]:
    keeper = Doorkeeper(services)
    downloads, uploads, tus = Downloads(services, keeper), Uploads(services, keeper), Tus(services, keeper, base)
    files = Door({"GET": downloads.download_file, "HEAD": downloads.download_file, "PUT": uploads.upload_file})
    archives = Door({"GET": downloads.download_archive})
    output = Door({"GET": ExecOutput(services, keeper, clock).exec_output})
    return [
        Route(f"{base}/api/v1/exec_output", output, include_in_schema=False),
        Route(f"{base}/api/v1/files/{{project_id}}/{{path:rest}}", files, include_in_schema=False),
        Route(f"{base}/api/v1/archives/{{project_id}}", archives, include_in_schema=False),
        Route(f"{base}/api/v1/uploads/{{project_id}}", tus.collection(), include_in_schema=False),
        Route(f"{base}/api/v1/uploads/{{project_id}}/{{upload_id}}", tus.one(), include_in_schema=False),
    ]
