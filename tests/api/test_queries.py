"""`query`: how it travels; what it finds is tested with the domain."""

import json

import pytest

pytestmark = pytest.mark.anyio


async def test_request_is_repeated_with_its_answer(as_owner, project_id):
    query = {"projects": {"project_id": project_id, "title": None}}
    answer = await as_owner.call("query", id="x", query=query, options=[{"limit": 1}], changes="c")
    assert answer == {
        "event": "query",
        "id": "x",
        "query": {"projects": {"project_id": project_id, "title": "Homework"}},
        "multi_response": False,
        "options": [{"limit": 1}],
        "changes": "c",
    }


async def test_json_text_in_a_form_is_read(as_owner, project_id):
    query = json.dumps({"projects": {"project_id": project_id, "title": None}})
    answer = await as_owner.form("query", {"query": query, "multi_response": "false"})
    assert answer["query"]["projects"]["title"] == "Homework"


async def test_nulls_inside_the_query_are_kept(as_owner, project_id):
    answer = await as_owner.call("query", query={"projects": [{"project_id": None, "title": None}]})
    assert answer["query"] == {"projects": [{"project_id": project_id, "title": "Homework"}]}


async def test_set_answers_nothing(as_owner, project_id):
    answer = await as_owner.call("query", query={"projects": {"project_id": project_id, "title": "New"}})
    assert answer["query"] == {}
    wanted = {"projects": {"project_id": project_id, "title": None}}
    assert (await as_owner.call("query", query=wanted))["query"]["projects"]["title"] == "New"


async def test_moments_are_written_as_everywhere(as_owner, project_id):
    wanted = {"projects": {"project_id": project_id, "created": None}}
    found = (await as_owner.call("query", query=wanted))["query"]["projects"]
    assert found["created"] == "2026-01-01T12:00:00.000Z"


async def test_several_queries_are_answered_in_order(as_owner, project_id):
    queries = [{"projects": {"project_id": project_id, "title": None}}, {"accounts": {"first_name": None}}]
    answer = await as_owner.call("query", query=queries)
    assert answer["query"] == [
        {"projects": {"project_id": project_id, "title": "Homework"}},
        {"accounts": {"first_name": "Owner"}},
    ]


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ({}, "FATAL: must specify exactly one key in the query"),
        ({"nothing": {"a": None}}, "FATAL: get queries not allowed for table 'nothing'"),
        ({"copy_paths": {"id": None}}, "FATAL: get queries not allowed for table 'copy_paths'"),
    ],
)
async def test_wrong_query_is_refused_in_words(as_owner, query, words):
    assert await as_owner.fails("query", query=query) == words


async def test_query_must_be_a_structure(as_owner):
    assert (await as_owner.refused("query", query="projects"))["code"] == "invalid_parameters"


async def test_foreign_project_is_not_found(as_stranger, project_id):
    query = {"projects": {"project_id": project_id, "title": None}}
    assert await as_stranger.fails("query", query=query) == "FATAL: you do not have read access to this project"
