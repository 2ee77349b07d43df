"""Drives the demo's host page in headless Chromium, as a reader would use it."""

import json
import tempfile
from pathlib import Path

from playwright.sync_api import FrameLocator, Page, expect, sync_playwright

CHROMIUM = "/usr/bin/chromium"
ARGUMENTS = ["--headless=new", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"]
ARGUMENTS += ["--disable-background-networking", "--disable-component-update", "--disable-sync"]
# Third-party cookies are blocked, as they are for most readers today.
PREFERENCES = {"profile": {"block_third_party_cookies": True, "cookie_controls_mode": 1}}


def drive(host_origin: str, screenshot: Path, home: Path) -> int:
    """Open the page, run a cell, ask for the status, close and open; return 0 when each step was seen."""
    profile = Path(tempfile.mkdtemp(dir=home))
    (profile / "Default").mkdir()
    (profile / "Default" / "Preferences").write_text(json.dumps(PREFERENCES), encoding="utf-8")
    with sync_playwright() as playwright:
        context = playwright.chromium.launch_persistent_context(
            profile,
            executable_path=CHROMIUM,
            args=ARGUMENTS,
            ignore_https_errors=True,
            viewport={"width": 1280, "height": 900},
        )
        page = context.pages[0]
        page.set_default_timeout(60_000)
        try:
            _steps(page, host_origin)
            status = 0
        except AssertionError as error:
            print(f"check: FAILED: {error}")
            status = 1
        finally:
            page.screenshot(path=screenshot)
            print(f"check: screenshot in {screenshot}")
            context.close()
    return status


def _steps(page: Page, host_origin: str) -> None:
    page.goto(host_origin + "/")
    frame = page.frame_locator("#studiolo")
    expect(frame.get_by_role("heading", name="A first notebook")).to_be_visible(timeout=60_000)
    print("check: the notebook's first cell is visible inside the host page")
    inside = next(f for f in page.frames if f != page.main_frame)
    assert "auth_token" not in inside.evaluate("location.href"), "the token is still in the frame's address"
    print("check: the auth token is gone from the frame's address")
    _run_cell(frame, "ratio", "1.6176")
    _run_cell(frame, "table", "Mercury")
    reply = _ask(page, "status", '"open_files"')
    assert "example.ipynb" in reply, reply
    print(f"check: status answered {reply}")
    _ask(page, "closeall", "all files are closed")
    expect(frame.get_by_role("status").filter(has_text="ready")).to_be_visible()
    print("check: closeall answered, and the green banner is back")
    page.get_by_role("button", name="open notes.md").click()
    expect(page.locator("#log .received", has_text='"status":"done","action":"open"').first).to_be_visible()
    expect(frame.get_by_text("Write what you learnt here").first).to_be_visible()
    print("check: open answered ack and done, and the file is on the screen")
    page.get_by_role("button", name="open notebook").click()
    expect(frame.get_by_text("1.6176").first).to_be_visible()
    expect(frame.locator('[data-id="table"] .outputs table')).to_be_visible()
    expect(frame.locator(".katex").first).to_be_visible()
    print("check: the notebook opened again with its output saved")


def _run_cell(frame: FrameLocator, cell_id: str, expected: str) -> None:
    cell = frame.locator(f'[data-id="{cell_id}"]')
    cell.locator(".source").first.click()
    cell.locator(".cm-content").first.press("Shift+Enter")
    expect(cell.locator(".outputs").get_by_text(expected).first).to_be_visible(timeout=60_000)
    print(f"check: cell {cell_id} ran and shows {expected}")


def _ask(page: Page, action: str, expected: str) -> str:
    page.get_by_role("button", name=action, exact=True).click()
    answer = page.locator("#log .received", has_text=expected).first
    expect(answer).to_be_visible()
    return answer.inner_text()
