"""Frames that a narrowed token signed in: what they show, what they refuse, and how they end."""

from typing import Any

from playwright.sync_api import expect

from studiolo.testing.chromium import EmbeddedFrame
from studiolo.testing.live import LiveProject, notebook


def mint(project: LiveProject, **narrowing: Any) -> dict[str, Any]:
    """Mint a token as a portal would."""
    return project.server.call("mint_auth_token", project.owner.api_key, **narrowing)


def opened(app: EmbeddedFrame, project_id: str, path: str) -> dict[str, Any]:
    """Ask the frame to open a path, as a host page does, and return its last word."""
    before = len(app.messages())
    app.send({"action": "open", "project_id": project_id, "path": path})
    app.wait_for_message(before + 2)
    return app.messages()[-1]


def test_a_reader_of_one_directory_reads_there_and_is_refused_all_else(project: LiveProject, embed):
    project.write("shown/sheet.ipynb", notebook("6 * 7"))
    project.write("shown/other.md", "# Other")
    project.write("secret.md", "# Secret")
    project.run("ln -s ../secret.md shown/link.md")
    other = LiveProject(project.server, project.owner)
    minted = mint(project, project_id=project.project_id, path="shown", read_only=True)
    embedded = embed(project.url("shown/sheet.ipynb", minted["auth_token"]))
    expect(embedded.cell("cell-0")).to_be_visible()
    answer = embedded.frame.evaluate("document.body.textContent")
    assert "Secret" not in answer
    assert opened(embedded, project.project_id, "shown/other.md")["status"] == "done"
    for project_id, path in (
        (project.project_id, "secret.md"),
        (project.project_id, "shown/../secret.md"),
        (project.project_id, "shown/link.md"),
        (other.project_id, "shown/sheet.ipynb"),
    ):
        last = opened(embedded, project_id, path)
        assert last["status"] == "error", (path, last)
        assert "Secret" not in embedded.frame.evaluate("document.body.textContent")
    assert opened(embedded, project.project_id, "shown/sheet.ipynb")["status"] == "done"


def test_a_revoked_tokens_frame_says_that_it_is_signed_out(project: LiveProject, embed):
    project.write("revoked.ipynb", notebook("1"))
    project.write("next.md", "# Next")
    minted = mint(project, project_id=project.project_id)
    embedded = embed(project.url("revoked.ipynb", minted["auth_token"]))
    embedded.run("cell-0")
    expect(embedded.outputs("cell-0")).to_contain_text("1")
    which = {"auth_token_id": minted["token"]["auth_token_id"]}
    project.server.call("revoke_auth_token", project.owner.api_key, **which)
    expect(embedded.inside.get_by_text("Signed out.", exact=False)).to_be_visible()
    assert opened(embedded, project.project_id, "next.md")["status"] == "error"


def test_a_token_that_may_not_start_says_that_the_project_is_stopped(project: LiveProject, embed):
    stopped = LiveProject(project.server, project.owner)
    minted = mint(project, project_id=stopped.project_id, may_start=False)
    embedded = embed(stopped.url("any.ipynb", minted["auth_token"]))
    expect(embedded.inside.get_by_text("may not start it", exact=False)).to_be_visible()
