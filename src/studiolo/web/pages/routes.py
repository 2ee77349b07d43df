"""The routes of the ordinary pages, and of everything below /projects/ and /app."""

from starlette.routing import BaseRoute

from studiolo.core.clock import Clock
from studiolo.core.origins import Origins
from studiolo.core.settings import Settings
from studiolo.domain.services import Services
from studiolo.web.assets import Assets
from studiolo.web.frame.shell import Shells
from studiolo.web.pages.api_keys import ApiKeyPages
from studiolo.web.pages.copies import CopyPages
from studiolo.web.pages.copy_groups import CopyGroupPages
from studiolo.web.pages.files import FilePages
from studiolo.web.pages.password_resets import PasswordResetPages
from studiolo.web.pages.projects import ProjectPages
from studiolo.web.pages.rendering import Pages
from studiolo.web.pages.sign_in import SignInPages
from studiolo.web.pages.visitors import Visitors


def routes(services: Services, settings: Settings, clock: Clock, assets: Assets) -> list[BaseRoute]:
    """Return the routes of the pages."""
    visitors = Visitors(services.sign_ins, services.accounts, settings)
    pages = Pages(assets, visitors)
    shells = Shells(assets, Origins(settings.embed_origins, is_development=settings.development), settings)
    api_key_pages = ApiKeyPages(pages, visitors, services.api_keys, services.projects, settings, clock)
    project_pages = ProjectPages(pages, visitors, services.projects, services.files, shells, api_key_pages, settings)
    sign_in_pages = SignInPages(pages, visitors, services.sign_ins, settings)
    copy_pages = CopyPages(pages, visitors, services.copy_overviews, services.copies, shells, settings, clock)
    overviews, groups = services.copy_group_overviews, services.copy_groups
    copy_group_pages = CopyGroupPages(pages, visitors, overviews, groups, shells, settings)
    return [
        *sign_in_pages.routes(),
        *PasswordResetPages(pages, services.password_resets, settings).routes(),
        *api_key_pages.routes(),
        *FilePages(pages, visitors, services.transfers, services.entries, settings).routes(),
        *copy_group_pages.routes(),
        *copy_pages.routes(),  # before the routes that take all else of a project
        *project_pages.routes(),
    ]
