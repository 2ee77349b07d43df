"""What holds for every call at the official client's doors."""

import pytest

from studiolo.web.calls import every_call

pytestmark = pytest.mark.anyio
HUB = sorted(every_call().at("hub"))
PROJECT = sorted(every_call().at("project"))
JUNK = (
    (),
    ({},),
    (5, "x"),
    ([{}],),
    ({"opts": {}},),
    ({"project_id": "x", "name": "\x00", "user": "\ud800", "pid": -1, "id": 2**70, "fields": [5], "env": [1]},),
    ({"name": "a" * 10_000, "email": "x", "command": "", "path": "../..", "query": {}, "type": "lost", "timeout": -1},),
)


@pytest.mark.parametrize("name", HUB)
async def test_junk_is_answered_with_words(hub, as_admin, name):
    for args in JUNK:
        answer = await hub(as_admin.key, name, *args)
        if isinstance(answer, dict) and "error" in answer:
            assert answer["code"] != "internal_error"


@pytest.mark.parametrize("name", PROJECT)
async def test_junk_for_a_project_is_answered_with_words(project, as_owner, as_stranger, project_id, name):
    for args in JUNK:
        answer = await project(as_owner.key, name, *args, project_id=project_id, timeout="soon")
        if isinstance(answer, dict) and "error" in answer:
            assert answer["code"] != "internal_error"
    given = {"command": "true", "path": "a", "content": "", "input": "1", "kernel": "python3", "pid": 1}
    given |= {"paths": ["a"], "src": "a", "dest": "b"}
    refused = await project(as_stranger.key, name, given, project_id=project_id)
    assert refused["code"] == "project_not_found"
