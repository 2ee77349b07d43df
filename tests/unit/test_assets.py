from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
from starlette.applications import Starlette

from studiolo.testing.doors import make_build
from studiolo.web.assets import Assets

pytestmark = pytest.mark.anyio


@pytest.fixture
async def client(anyio_backend: str, tmp_path: Path) -> AsyncIterator[httpx.AsyncClient]:
    (tmp_path / "secret.txt").write_text("secret")
    app = Starlette(routes=Assets(make_build(tmp_path / "static")).routes())
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="https://hub.test") as browser:
        yield browser


async def test_files_never_change_under_their_name_and_any_origin_may_read_them(client: httpx.AsyncClient):
    answer = await client.get("/assets/live-1.js", headers={"accept-encoding": "identity"})
    assert answer.text == "export {}"
    assert answer.headers["cache-control"] == "public, max-age=31536000, immutable"
    assert answer.headers["content-type"] == "text/javascript; charset=utf-8"
    assert answer.headers["access-control-allow-origin"] == "*"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert "content-encoding" not in answer.headers


@pytest.mark.parametrize(
    ("accepted", "encoding"),
    [("gzip, deflate, br, zstd", "br"), ("gzip", "gzip"), ("br;q=1.0, gzip;q=0.5", "br"), ("br;q=0, gzip", "gzip")],
)
async def test_packed_files_are_sent_to_who_takes_them(client: httpx.AsyncClient, accepted: str, encoding: str):
    answer = await client.head("/assets/live-1.js", headers={"accept-encoding": accepted})
    assert answer.headers["content-encoding"] == encoding
    assert answer.headers["vary"] == "accept-encoding"


@pytest.mark.parametrize("name", ["no.js", "%2e%2e/secret.txt", "live-1.js.br", "shell.json", "output.html", ""])
async def test_nothing_else_is_served(client: httpx.AsyncClient, name: str):
    answer = await client.get(f"/assets/{name}")
    assert answer.status_code == 404
    assert answer.headers["cache-control"] == "no-store"


async def test_file_of_a_build_that_was_replaced_meanwhile_is_not_there(tmp_path: Path, anyio_backend: str):
    directory = make_build(tmp_path / "static")
    app = Starlette(routes=Assets(directory).routes())
    for file in directory.glob("live-1.js*"):
        file.unlink()
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="https://hub.test") as browser:
        answer = await browser.get("/assets/live-1.js")
    assert (answer.status_code, answer.headers["cache-control"]) == (404, "no-store")


async def test_without_a_build_there_is_no_shell_and_nothing_breaks(tmp_path: Path):
    assets = Assets(tmp_path / "nothing")
    assert assets.shell is None
    assert assets.pages_css is None


async def test_a_boot_script_that_would_end_its_element_is_refused(tmp_path: Path):
    directory = make_build(tmp_path)
    (directory / "boot-1.js").write_text("let a = '</SCRIPT>'")
    with pytest.raises(ValueError, match="boot"):
        Assets(directory)
