"""How large a body may be: that of a text file large, others small."""

import json
from pathlib import Path

import pytest

from studiolo.core.settings import Settings

pytestmark = pytest.mark.anyio
MIB = 1024 * 1024


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(data=tmp_path, max_body_mb=4, max_call_mb=1)


async def test_a_text_file_as_large_as_the_setting_says_is_written(as_owner, project_id, runner):
    line = "x" * 31 + "\n"
    text = line * (4 * MIB // 32)
    assert len(text) == 4 * MIB
    answer = await as_owner.call("write_text_file_to_project", project_id=project_id, path="large.txt", content=text)
    assert answer["event"] == "file_written_to_project"
    assert runner.agent(project_id).files["large.txt"] == text


async def test_a_much_larger_one_is_refused(as_owner, project_id):
    body = json.dumps({"project_id": project_id, "path": "large.txt", "content": "x" * 6 * MIB})
    refused = await as_owner.post("write_text_file_to_project", content=body, content_type="application/json")
    assert (refused.status_code, refused.json()["code"]) == (413, "body_too_large")


@pytest.mark.parametrize("call", ["log_client_error", "project_exec", "query", "create_account"])
async def test_bodies_of_other_calls_are_small(as_owner, call: str):
    body = json.dumps({"error": "x" * 2 * MIB})
    refused = await as_owner.post(call, content=body, content_type="application/json")
    assert (refused.status_code, refused.json()["code"]) == (413, "body_too_large")
