"""`write_text_file_to_project` and `read_text_file_from_project`."""

import pytest

pytestmark = pytest.mark.anyio
WRITE, READ = "write_text_file_to_project", "read_text_file_from_project"


@pytest.mark.parametrize("content", ["hello\nworld", "", "ünï\x00 \U0001f600", "a=b&c=d", "x" * 300_000])
async def test_what_was_written_is_read(as_owner, project_id, content):
    written = await as_owner.call(WRITE, project_id=project_id, path="a/b.txt", content=content, id="x")
    assert written == {"event": "file_written_to_project", "id": "x"}
    read = await as_owner.call(READ, project_id=project_id, path="a/b.txt", id="y")
    assert read == {"event": "text_file_read_from_project", "id": "y", "content": content}


async def test_forms_write_and_read_too(as_owner, project_id):
    content = "100% = α + β & more\r\n"
    await as_owner.form(WRITE, {"project_id": project_id, "path": "ü b.txt", "content": content})
    assert (await as_owner.form(READ, {"project_id": project_id, "path": "ü b.txt"}))["content"] == content


async def test_missing_file_is_said_as_the_system_says_it(as_owner, project_id):
    answer = await as_owner.call(READ, project_id=project_id, path="nothing")
    assert answer["error"] == f"Error: ENOENT: no such file or directory, open '/projects/{project_id}/nothing'"
    assert answer["code"] == "file_not_found"


async def test_many_files_are_read_at_once(as_owner, project_id, other_project_id):
    await as_owner.call(WRITE, project_id=project_id, path="a", content="A")
    await as_owner.call(WRITE, project_id=other_project_id, path="b", content="B")
    wanted = {"project_id": [project_id, other_project_id, project_id], "path": ["a", "b", "c"]}
    as_json = await as_owner.call(READ, **wanted)
    as_form = await as_owner.form(READ, wanted)
    for answer in (as_json, as_form):
        first, second, third = answer["content"]
        assert first == {"project_id": project_id, "path": "a", "content": "A"}
        assert second == {"project_id": other_project_id, "path": "b", "content": "B"}
        assert third["error"].startswith("Error: ENOENT")
        assert third["code"] == "file_not_found"
        assert "content" not in third


async def test_hundred_files_are_read(as_owner, project_id):
    for number in range(100):
        await as_owner.call(WRITE, project_id=project_id, path=str(number), content=str(number))
    names = [str(number) for number in range(100)]
    answer = await as_owner.call(READ, project_id=[project_id] * 100, path=names)
    assert {entry["path"]: entry["content"] for entry in answer["content"]} == {name: name for name in names}


async def test_no_files_are_read_too(as_owner):
    assert (await as_owner.call(READ, project_id=[], path=[]))["content"] == []


@pytest.mark.parametrize("path", ["a", ["a"], ["a", "b", "c"]])
async def test_lists_must_be_of_one_length(as_owner, project_id, path):
    error = await as_owner.fails(READ, project_id=[project_id, project_id], path=path)
    assert error == "if project_id is an array, then path must be an array of the same length"


async def test_list_of_paths_needs_a_list_of_projects(as_owner, project_id):
    assert "must be an array" in await as_owner.fails(READ, project_id=project_id, path=["a"])


async def test_one_foreign_project_fails_the_whole_call(as_owner, as_stranger, project_id):
    own = (await as_stranger.call("create_project"))["project_id"]
    error = await as_stranger.fails(READ, project_id=[own, project_id], path=["a", "b"])
    assert error == f"User {as_stranger.account_id} does not have read access to project {project_id}"


async def test_strangers_are_kept_out(as_stranger, project_id):
    access = f"User {as_stranger.account_id} does not have {{}} access to project {project_id}"
    assert await as_stranger.fails(WRITE, project_id=project_id, path="a", content="") == access.format("write")
    assert await as_stranger.fails(READ, project_id=project_id, path="a") == access.format("read")


@pytest.mark.parametrize("project_id", ["", "nonsense", "00000000-0000-4000-8000-000000000000", "../x"])
async def test_unknown_project_looks_like_a_foreign_one(as_owner, project_id):
    words = f"User {as_owner.account_id} does not have read access to project {project_id}"
    assert await as_owner.fails(READ, project_id=project_id, path="a") == words


@pytest.mark.parametrize(("role", "may_write"), [("collaborator", True), ("viewer", False)])
async def test_roles_decide(as_owner, as_stranger, project_id, add_person, role, may_write):
    await add_person(project_id, as_stranger, role)
    answer = await as_stranger.call(WRITE, project_id=project_id, path="a", content="")
    assert (answer["event"] == "file_written_to_project") is may_write
    await as_owner.call(WRITE, project_id=project_id, path="a", content="A")
    assert (await as_stranger.call(READ, project_id=project_id, path="a"))["content"] == "A"


async def test_administrators_may_write_everywhere(as_admin, project_id):
    answer = await as_admin.call(WRITE, project_id=project_id, path="a", content="")
    assert answer["event"] == "file_written_to_project"


async def test_project_key_opens_its_project_only(as_owner, project_id, other_project_id, services):
    _, key = await services.api_keys.create(as_owner.principal, project_id=project_id)
    program = as_owner.with_key(key)
    assert (await program.call(WRITE, project_id=project_id, path="a", content=""))["event"] != "error"
    error = await program.fails(WRITE, project_id=other_project_id, path="a", content="")
    assert error == f"User {project_id} does not have write access to project {other_project_id}"


async def test_nul_in_a_path_is_refused(as_owner, project_id):
    assert (await as_owner.refused(READ, project_id=project_id, path="a\x00b"))["code"] == "invalid_parameters"
