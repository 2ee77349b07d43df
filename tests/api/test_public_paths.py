"""What projects show to everybody."""

import pytest

pytestmark = pytest.mark.anyio


@pytest.fixture
async def shown(as_owner, project_id) -> str:
    """Give a project of which one directory and one file are public."""
    for path, content in (("pub/a.txt", "hello"), ("pub/.hidden", "h"), ("secret.txt", "s"), ("b.txt", "b")):
        await as_owner.call("write_text_file_to_project", project_id=project_id, path=path, content=content)
    for path in ("pub", "b.txt"):
        await as_owner.call("query", query={"public_paths": {"project_id": project_id, "path": path}})
    return project_id


async def test_a_stranger_reads_what_is_public(as_stranger, shown):
    read = await as_stranger.call("public_get_text_file", project_id=shown, path="pub/a.txt")
    assert read["data"] == "hello"
    assert (await as_stranger.call("public_get_text_file", project_id=shown, path="b.txt"))["data"] == "b"


@pytest.mark.parametrize(
    "path", ["secret.txt", "pub/../secret.txt", "../x", "", "pubx", "/etc/passwd", "b.txt/../pub/../x"]
)
async def test_a_stranger_reads_nothing_else(as_stranger, shown, path):
    words = f"path '{path}' of project with id '{shown}' is not public"
    assert await as_stranger.fails("public_get_text_file", project_id=shown, path=path) == words


async def test_what_was_disabled_is_no_longer_public(as_owner, as_stranger, shown):
    row = {"project_id": shown, "path": "pub", "disabled": True}
    await as_owner.call("query", query={"public_paths": row})
    assert "is not public" in await as_stranger.fails("public_get_text_file", project_id=shown, path="pub/a.txt")


async def test_the_agent_is_told_where_the_public_ends(as_stranger, shown, runner):
    await as_stranger.call("public_get_text_file", project_id=shown, path="pub/a.txt")
    assert runner.agent(shown).calls_of("files.read_text")[-1]["within"] == "pub"


async def test_a_listing_shows_only_what_is_public(as_stranger, shown, runner):
    def entry(name, is_directory=False):
        return {"name": name, "is_directory": is_directory, "size_bytes": 5, "modified_at": "2026-01-01T12:00:00.000Z"}

    names = [entry("pub", True), entry("b.txt"), entry("secret.txt"), entry(".ssh", True)]
    runner.agent(shown).answers["files.list"] = {"entries": names}
    answer = await as_stranger.call("public_get_directory_listing", project_id=shown, path="")
    assert answer["result"]["files"] == [
        {"name": "pub", "mtime": 1767268800, "isdir": True},
        {"name": "b.txt", "size": 5, "mtime": 1767268800},
    ]
    answer = await as_stranger.call("public_get_directory_listing", project_id=shown, path="", start=1, limit=1)
    assert [one["name"] for one in answer["result"]["files"]] == ["b.txt"]
    names[:] = [entry(".hidden"), entry("a.txt")]
    for hidden, shown_names in ((False, ["a.txt"]), (True, [".hidden", "a.txt"])):
        answer = await as_stranger.call("public_get_directory_listing", project_id=shown, path="pub", hidden=hidden)
        assert [one["name"] for one in answer["result"]["files"]] == shown_names


async def test_a_project_without_public_paths_lists_nothing(as_stranger, other_project_id):
    unknown = "11111111-1111-4111-8111-111111111111"
    for project_id in (other_project_id, unknown):
        assert await as_stranger.fails("public_get_directory_listing", project_id=project_id, path="") == "not_public"


async def test_what_is_public_can_be_copied(as_stranger, shown, copy_engine):
    mine = (await as_stranger.call("create_project"))["project_id"]
    given = {"src_project_id": shown, "src_path": "pub/a.txt", "target_project_id": mine, "target_path": "mine.txt"}
    answer = await as_stranger.call("copy_public_path_between_projects", **given)
    assert answer["event"] == "success"
    assert copy_engine.orders[0].source_path == "pub/a.txt"
    assert copy_engine.orders[0].source_within == "pub"


async def test_why_a_public_path_is_not_copied(as_stranger, as_owner, shown):
    mine = (await as_stranger.call("create_project"))["project_id"]
    call = "copy_public_path_between_projects"
    words = f"path 'secret.txt' of project with id '{shown}' is not public"
    given = {"src_project_id": shown, "src_path": "secret.txt", "target_project_id": mine}
    assert await as_stranger.fails(call, **given) == words
    for missing in given:
        assert await as_stranger.fails(call, **given | {missing: ""}) == f"{missing} must be defined"
    given = {"src_project_id": shown, "src_path": "pub/a.txt", "target_project_id": shown}
    assert await as_stranger.fails(call, **given) == f"user must have write access to target project {shown}"


async def test_public_paths_are_read_by_everybody_and_written_by_few(as_owner, as_stranger, shown):
    ask = {"public_paths": [{"project_id": shown, "path": None, "id": None, "disabled": None, "compute_image": None}]}
    rows = (await as_stranger.call("query", query=ask))["query"]["public_paths"]
    assert [one["path"] for one in rows] == ["b.txt", "pub"]
    assert rows[0]["compute_image"] == "default"
    assert len(rows[0]["id"]) == 40
    put = {"public_paths": {"project_id": shown, "path": "secret.txt"}}
    assert await as_stranger.fails("query", query=put) == "FATAL: user must be an admin"
    await as_owner.call("query", query={"public_paths": {"id": rows[1]["id"], "project_id": shown, "disabled": True}})
    assert len((await as_stranger.call("query", query=ask))["query"]["public_paths"]) == 1
    assert len((await as_owner.call("query", query=ask))["query"]["public_paths"]) == 2
    nowhere = {"public_paths": [{"path": None}]}
    assert await as_owner.fails("query", query=nowhere) == "FATAL: must specify project_id"
    out = {"public_paths": {"project_id": shown, "path": "../x"}}
    assert "must be inside the project's home" in await as_owner.fails("query", query=out)
