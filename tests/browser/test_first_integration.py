"""The page of the README, as it stands, in a browser: it embeds a notebook and hears from the frame."""

from pathlib import Path

from playwright.sync_api import Page

from studiolo.testing.host_pages import HostPages
from studiolo.testing.live import LiveProject, notebook

EXAMPLE = Path(__file__).parents[2] / "examples" / "first_integration.html"


def test_page_embeds_a_notebook_and_gets_the_status_of_the_frame(project: LiveProject, page: Page, host: HostPages):
    project.write("a.ipynb", notebook("1 + 1"))
    body = EXAMPLE.read_text().replace("THE ADDRESS FROM ABOVE", project.url("a.ipynb"))
    body = body.replace("https://studiolo.example.edu", project.server.address)
    host.pages["/course.html"] = body
    with page.expect_console_message(lambda said: "status: done" in said.text and "open_files" in said.text):
        page.goto(f"{host.origin}/course.html")
    page.frame_locator("#studiolo").locator(".cell").first.wait_for()
