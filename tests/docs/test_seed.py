"""The documented way to copy a file, call by call with `requests`, against a real server on a loopback port."""

import re
from collections.abc import Callable
from typing import Any

UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")
MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")


def test_file_is_copied_as_documented(server: Any, example: Callable[[str], Any]):
    source = server.post("create_project", {"title": "Source"})["project_id"]
    target = server.post("create_project", {"title": "Target"})["project_id"]
    program = example("copy_a_file")

    res = program.copy_path(server.url, server.key, source, "cocalc-api/api-demo.ipynb", target)

    assert res == {
        "event": "copy_path_between_projects_response",
        "id": res["id"],
        "copy_path_id": res["copy_path_id"],
        "note": "Query copy_path_status with the copy_path_id to learn if the copy operation was successful.",
    }
    assert UUID.fullmatch(res["id"])
    assert UUID.fullmatch(res["copy_path_id"])

    server.run_copies()
    status = program.copy_status(server.url, server.key, res["copy_path_id"])

    data = status["data"]
    assert set(status) == {"event", "id", "data"}
    assert status["event"] == "copy_path_status_response"
    assert data == {
        "copy_path_id": res["copy_path_id"],
        "time": data["time"],
        "source_project_id": source,
        "source_path": "cocalc-api/api-demo.ipynb",
        "target_project_id": target,
        "target_path": "cocalc-api/api-demo.ipynb",
        "overwrite_newer": False,
        "delete_missing": False,
        "backup": False,
        "started": data["started"],
        "finished": data["finished"],
    }
    assert all(MOMENT.fullmatch(data[name]) for name in ("time", "started", "finished"))


def test_everything_an_embedding_server_needs_is_there(server: Any, example: Callable[[str], Any]):
    student = server.post(
        "create_account",
        {"email_address": "sofia@example.edu", "password": "a-password", "agreed_to_terms": True, "get_api_key": False},
    )
    assert set(student) == {"event", "id", "account_id"}
    project_id = server.post("create_project", {"title": "Homework", "start": True})["project_id"]
    file = {"project_id": project_id, "path": "calculate.ipynb"}
    written = server.post("write_text_file_to_project", {**file, "content": "{}"})
    assert written["event"] == "file_written_to_project"
    assert server.post("read_text_file_from_project", file)["content"] == "{}"
    ran = server.post("project_exec", {"project_id": project_id, "command": "echo", "args": ["a", "b"]})
    assert (ran["stdout"], ran["exit_code"]) == ("a b\n", 0)
    token = server.post("user_auth", {"account_id": student["account_id"], "password": ""})
    assert re.fullmatch("[A-Za-z0-9]{24}", token["auth_token"])
