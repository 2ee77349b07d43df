"""Chromium for tests: profiles with and without third-party cookies, and our frame inside a host page."""

import json
import tempfile
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal, cast
from urllib.parse import urlencode

from playwright.sync_api import BrowserContext, Frame, Locator, Page, Playwright, Route, expect

CHROMIUM = "/usr/bin/chromium"
ARGUMENTS = [
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
PATIENCE_MS = 20_000  # a cold kernel on a busy machine


@contextmanager
def chromium(
    playwright: Playwright,
    *,
    blocks_third_party_cookies: bool = True,
    viewport: tuple[int, int] = (1280, 900),
    color_scheme: Literal["light", "dark"] = "light",
) -> Generator[BrowserContext]:
    """Give a browser with a fresh profile; which cookies it blocks stands in the profile's preferences."""
    blocking = {"block_third_party_cookies": blocks_third_party_cookies}
    blocking["cookie_controls_mode"] = cast("Any", 1 if blocks_third_party_cookies else 0)
    with tempfile.TemporaryDirectory(prefix="chromium-", ignore_cleanup_errors=True) as profile:
        preferences = Path(profile) / "Default" / "Preferences"
        preferences.parent.mkdir()
        preferences.write_text(json.dumps({"profile": blocking}), encoding="utf-8")
        context = playwright.chromium.launch_persistent_context(
            profile,
            executable_path=CHROMIUM,
            args=ARGUMENTS,
            ignore_https_errors=True,
            viewport={"width": viewport[0], "height": viewport[1]},
            color_scheme=color_scheme,
        )
        context.set_default_timeout(PATIENCE_MS)
        expect.set_options(timeout=PATIENCE_MS)
        yield context
        context.close()


class EmbeddedFrame:
    """Our frame in a host page: what its reader does, and what the host page says to it."""

    def __init__(self, page: Page, name: str, studiolo: str) -> None:
        self.page = page
        self.name = name
        self._studiolo = studiolo
        self.inside = page.frame_locator(f"#{name}")
        self._asked = 0

    @property
    def frame(self) -> Frame:
        """Return the frame itself, for scripts."""
        handle = self.page.query_selector(f"#{self.name}")
        frame = handle.content_frame() if handle else None
        assert frame is not None
        return frame

    def cell(self, cell_id: str) -> Locator:
        """Return a cell."""
        return self.inside.locator(f'.cell[data-id="{cell_id}"]')

    def outputs(self, cell_id: str) -> Locator:
        """Return a cell's outputs."""
        return self.cell(cell_id).locator(".outputs")

    def editor(self, cell_id: str) -> Locator:
        """Click into a cell and return its editor."""
        self.cell(cell_id).locator(".source").first.click()
        return self.cell(cell_id).locator(".cm-content")

    def run(self, cell_id: str) -> None:
        """Run a cell as a reader does: click into it, Shift+Enter."""
        self.editor(cell_id).press("Shift+Enter")

    def send(self, message: object) -> None:
        """Send the frame a message of the host page."""
        self.page.evaluate("([id, message, origin]) => send(id, message, origin)", [self.name, message, self._studiolo])

    def messages(self) -> list[Any]:
        """Return what the frame has sent to the host page so far."""
        received = cast("list[dict[str, Any]]", self.page.evaluate("received"))
        return [one["data"] for one in received if one["from"] == self.name and one["origin"] == self._studiolo]

    def ask(self, message: dict[str, Any], *, last: str = "ack") -> list[dict[str, Any]]:
        """Send a message with an id and return its replies, up to the first whose status is not `last`."""
        self._asked += 1
        asked = f"{self.name}-{self._asked}"
        self.send({**message, "id": asked})

        def replies() -> list[dict[str, Any]]:
            return [one for one in self.messages() if isinstance(one, dict) and one.get("id") == asked]  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType] - any message

        self.page.wait_for_function(
            "([id, last]) => received.some((one) => one.data.id === id && one.data.status !== last)",
            arg=[asked, last],
        )
        return replies()

    def wait_for_message(self, count: int) -> None:
        """Wait until the frame has sent so many messages."""
        wait_in(self.page, lambda: len(self.messages()) >= count, f"fewer than {count} messages came")


class HeldRequests:
    """Keeps a page's requests for some addresses waiting until they are let go."""

    def __init__(self, page: Page, pattern: str) -> None:
        self._page = page
        self._pattern = pattern
        self._held: list[Route] = []
        self._is_open = False
        page.route(pattern, self._hold)

    def let_go(self) -> None:
        """Let the requests go, and all that come; wait for the first of them before."""
        wait_in(self._page, lambda: bool(self._held), f"nothing was asked for at {self._pattern}")
        self._is_open = True
        for route in self._held:
            route.continue_()

    def _hold(self, route: Route) -> None:
        if self._is_open:
            route.continue_()
        else:
            self._held.append(route)


def wait_in(page: Page, condition: Callable[[], bool], why: str = "it did not become true in time") -> None:
    """Ask until the answer is true, while the page's events arrive."""
    deadline = time.monotonic() + PATIENCE_MS / 1000
    while not condition():
        assert time.monotonic() < deadline, why
        page.wait_for_timeout(20)


def host_address(origin: str, **frames: str) -> str:
    """Return the address of a host page with these frames; the names become the frames' ids."""
    return f"{origin}/?{urlencode(frames)}"
