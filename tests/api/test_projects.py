"""`create_project`."""

import pytest

pytestmark = pytest.mark.anyio


async def test_project_is_made_and_its_maker_owns_it(as_owner):
    made = await as_owner.call("create_project", id="x", title="Homework", description="Curves")
    assert made == {"event": "project_created", "id": "x", "project_id": made["project_id"]}
    wanted = {"project_id": made["project_id"], "title": None, "description": None, "users": None}
    found = (await as_owner.call("query", query={"projects": wanted}))["query"]["projects"]
    assert found["title"] == "Homework"
    assert found["description"] == "Curves"
    assert found["users"] == {as_owner.account_id: {"group": "owner"}}


async def test_title_and_description_may_be_left_out(as_owner):
    made = await as_owner.form("create_project", {})
    wanted = {"project_id": made["project_id"], "title": None, "description": None}
    found = (await as_owner.call("query", query={"projects": wanted}))["query"]["projects"]
    assert (found["title"], found["description"]) == ("", "")


async def test_historical_parameters_are_taken(as_owner):
    answer = await as_owner.call("create_project", image="default", license="x", noPool=True)
    assert answer["event"] == "project_created"


async def test_project_starts_only_if_it_shall(as_owner, runner, wait_for):
    await as_owner.form("create_project", {"start": "false"})
    assert runner.started == []
    project_id = (await as_owner.form("create_project", {"start": "true"}))["project_id"]
    await as_owner.call("read_text_file_from_project", project_id=project_id, path="nothing")
    assert [spec.project_id for spec in runner.started] == [project_id]


async def test_title_that_is_too_long_is_refused_in_words(as_owner):
    error = await as_owner.fails("create_project", title="x" * 2000)
    assert error.startswith("Failed to create new project 'xxx")


async def test_project_key_makes_no_projects(as_owner, project_id, services):
    _, key = await services.api_keys.create(as_owner.principal, project_id=project_id)
    assert await as_owner.with_key(key).fails("create_project") == "You must be signed in to create a new project."
