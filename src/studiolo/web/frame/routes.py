"""The routes of the frame: opening, rendering, outputs, and signing in by link."""

from starlette.routing import BaseRoute, Route

from studiolo.core.clock import Clock
from studiolo.core.origins import Origins
from studiolo.core.settings import Settings
from studiolo.domain.places import Places
from studiolo.domain.services import Services
from studiolo.web.assets import Assets
from studiolo.web.frame.credentials import Credentials
from studiolo.web.frame.open import FrameOpen
from studiolo.web.frame.output import FrameOutput
from studiolo.web.frame.picture import FramePicture
from studiolo.web.frame.render import FrameRender
from studiolo.web.frame.shell import Shells


def routes(services: Services, settings: Settings, clock: Clock, assets: Assets) -> list[BaseRoute]:
    """Return the routes below /frame/ and of /auth/impersonate; the shell's own addresses belong to the pages."""
    origins = Origins(settings.embed_origins, is_development=settings.development)
    credentials = Credentials(services.sign_ins, settings, clock)
    limits = {"account": settings.max_openings_per_account, "sign_in": settings.max_openings_per_sign_in}
    places = Places("documents being opened", most=settings.max_openings, limits=limits)
    frame_open = FrameOpen(credentials, services.accounts, services.documents, services.files, places)
    shells = Shells(assets, origins, settings)
    return [
        Route("/frame/open", frame_open.answer, methods=["POST"], name="frame_open"),
        Route("/frame/picture", FramePicture(credentials, services.transfers), methods=["POST"], name="frame_picture"),
        Route("/frame/render", FrameRender(credentials).answer, methods=["POST"], name="frame_render"),
        Route("/frame/output", FrameOutput(assets, origins).answer, methods=["GET"], name="frame_output"),
        Route("/auth/impersonate", shells.impersonate, methods=["GET"], name="impersonate"),
    ]
