"""Lists that come page by page are read to their end."""

import pytest

from studiolo.client import AsyncClient, Client, async_pages, pages

NAMES = [f"{n}.md" for n in range(5)]


@pytest.fixture
def project_id(client: Client) -> str:
    made = client.projects.create().project_id
    for name in NAMES:
        client.files.write_text_file_to_project(project_id=made, path=name, content="x")
    return made


def test_every_page_comes_once(client: Client, project_id: str):
    found = [page.entries for page in pages(client.files.list_directory, project_id=project_id, limit=2)]
    assert [len(entries) for entries in found] == [2, 2, 1]
    assert [entry.name for entries in found for entry in entries] == NAMES


@pytest.mark.anyio
async def test_every_page_comes_once_with_await(async_client: AsyncClient, project_id: str):
    names: list[str] = []
    async for page in async_pages(async_client.files.list_directory, project_id=project_id, limit=2):
        names += [entry.name for entry in page.entries]
    assert names == NAMES


def test_what_has_no_pages_is_refused(client: Client):
    with pytest.raises(TypeError, match="page by page"):
        next(pages(client.server.ping))
