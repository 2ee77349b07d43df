"""One server for all browser tests, a browser for each file, a page for each test."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import BrowserContext, Page, Playwright, expect, sync_playwright

from studiolo.testing.chromium import EmbeddedFrame, chromium, host_address
from studiolo.testing.host_pages import HostPages
from studiolo.testing.live import LiveProject, LiveServer, Person, make_certificate

Embed = Callable[..., EmbeddedFrame]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.browser)


@pytest.fixture(scope="session")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("browser")


@pytest.fixture(scope="session")
def pair(home: Path) -> Iterator[tuple[LiveServer, HostPages, HostPages]]:
    """Give the server, a host page that it knows, and one that it does not know."""
    (home / "host").mkdir()
    certificate, _ = make_certificate(home / "host")
    with HostPages(certificate) as known, HostPages(certificate) as stranger:
        server = LiveServer(home, (known.origin,), max_document_mb=1)
        try:
            server.start()
            yield server, known, stranger
        finally:
            server.stop()


@pytest.fixture(scope="session")
def server(pair: tuple[LiveServer, HostPages, HostPages]) -> LiveServer:
    return pair[0]


@pytest.fixture(scope="session")
def host(pair: tuple[LiveServer, HostPages, HostPages]) -> HostPages:
    return pair[1]


@pytest.fixture(scope="session")
def stranger_host(pair: tuple[LiveServer, HostPages, HostPages]) -> HostPages:
    return pair[2]


@pytest.fixture(scope="session")
def operator_key(server: LiveServer) -> str:
    return server.create_operator("operator@example.edu")


def make_person(server: LiveServer, operator_key: str, first_name: str, last_name: str) -> Person:
    email_address, password = f"{first_name.lower()}@example.edu", f"password-of-{first_name.lower()}"
    names = {"first_name": first_name, "last_name": last_name, "agreed_to_terms": True, "get_api_key": True}
    made = server.call("create_account", operator_key, email_address=email_address, password=password, **names)
    return Person(made["account_id"], f"{first_name} {last_name}", email_address, password, made["api_key"])


@pytest.fixture(scope="session")
def ada(server: LiveServer, operator_key: str) -> Person:
    return make_person(server, operator_key, "Ada", "Lovelace")


@pytest.fixture(scope="session")
def bob(server: LiveServer, operator_key: str) -> Person:
    return make_person(server, operator_key, "Bob", "Noyce")


@pytest.fixture(scope="module")
def project(server: LiveServer, ada: Person) -> LiveProject:
    """Give a running project of Ada's; tests of one file share it and write files of their own."""
    return LiveProject(server, ada, start=True)


@pytest.fixture(scope="module")
def playwright() -> Iterator[Playwright]:
    # not for the whole session: while it is there, no other event loop can run in this thread
    with sync_playwright() as playwright:
        yield playwright


@pytest.fixture(scope="module")
def browser(playwright: Playwright) -> Iterator[BrowserContext]:
    """Give a browser that blocks third-party cookies."""
    with chromium(playwright) as context:
        yield context


@pytest.fixture
def page(browser: BrowserContext) -> Iterator[Page]:
    page = browser.new_page()
    yield page
    page.close()


@pytest.fixture
def embed(page: Page, host: HostPages, server: LiveServer) -> Embed:
    """Give a function that opens the host page with one frame at an address."""

    def open_host_page(url: str, *, page: Page = page, name: str = "studiolo") -> EmbeddedFrame:
        page.goto(host_address(host.origin, **{name: url}), wait_until="domcontentloaded")
        return EmbeddedFrame(page, name, server.address)

    return open_host_page


@pytest.fixture
def app(embed: Embed, project: LiveProject) -> EmbeddedFrame:
    """Give a frame with the green banner on the screen, and nothing open."""
    embedded = embed(f"{project.server.address}/app?auth_token={project.token()}&fullscreen=kiosk&session=")
    expect(embedded.inside.locator(".message.ready")).to_be_visible()
    return embedded
