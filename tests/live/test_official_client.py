"""The client that CoCalc's makers publish, unmodified, against the whole program."""

import uuid
from collections.abc import Iterator
from typing import Any

import cocalc_api
import pytest

from studiolo.testing.servers import Server


@pytest.fixture(scope="module")
def hub(server: Server) -> Iterator[cocalc_api.Hub]:
    hub = cocalc_api.Hub(api_key=server.key, host=server.address)
    yield hub
    hub.client.close()


@pytest.fixture(scope="module")
def project(server: Server, hub: cocalc_api.Hub) -> Iterator[cocalc_api.Project]:
    project_id = hub.projects.create_project(title="By the client", description="A project")
    project = cocalc_api.Project(api_key=server.key, host=server.address, project_id=project_id)
    yield project
    project.client.close()


def fresh_name() -> str:
    return "o-" + uuid.uuid4().hex[:12]


def test_the_key_is_that_of_the_administrator(server: Server, hub: cocalc_api.Hub) -> None:
    assert hub.system.test()["account_id"] == server.account_id
    assert hub.system.ping()["now"] > 0
    assert server.account_id in hub.system.get_names([server.account_id])
    (found,) = hub.system.user_search("operator@example.edu")
    assert found["account_id"] == server.account_id


def test_a_wrong_key_is_an_error(server: Server) -> None:
    stranger = cocalc_api.Hub(api_key="invalid", host=server.address)
    with pytest.raises(RuntimeError, match="API key"):
        stranger.system.ping()
    stranger.client.close()


def test_a_project_starts_stops_and_is_deleted(hub: cocalc_api.Hub) -> None:
    project_id = hub.projects.create_project(title="Short-lived")
    hub.projects.start(project_id)
    assert hub.projects.state(project_id)["state"] == "running"
    status: Any = hub.projects.status(project_id)
    assert status["project"]["pid"] > 0
    assert status["memory"]["rss"] > 0
    hub.projects.touch(project_id)
    hub.projects.stop(project_id)
    assert hub.projects.state(project_id)["state"] == "opened"
    hub.projects.delete(project_id)
    assert project_id not in [one["project_id"] for one in hub.projects.get(all=True, deleted=False)]
    (deleted,) = hub.projects.get(all=True, project_id=project_id, fields=["project_id", "deleted"])
    assert deleted["deleted"] is True


def test_commands_run(project: cocalc_api.Project) -> None:
    answer: Any = project.system.exec(command="echo $GREETING; pwd", bash=True, env={"GREETING": "hi"}, timeout=20)
    assert (answer["stdout"], answer["exit_code"]) == (f"hi\n/projects/{project.project_id}\n", 0)
    with pytest.raises(RuntimeError, match="exited with nonzero code 42"):
        project.system.exec(command="echo no >&2; exit 42", bash=True)


def test_a_file_is_copied_to_another_project(server: Server, hub: cocalc_api.Hub, project: cocalc_api.Project) -> None:
    project.system.exec("echo hello > a.txt")
    target_id = hub.projects.create_project(title="Target")
    hub.projects.copy_path_between_projects(
        src_project_id=str(project.project_id), src_path="a.txt", target_project_id=target_id, target_path="b.txt"
    )
    target = cocalc_api.Project(api_key=server.key, host=server.address, project_id=target_id)
    assert target.system.exec(command="cat", args=["b.txt"])["stdout"] == "hello\n"
    target.client.close()


def test_code_runs_in_kernels_that_are_listed_and_stopped(hub: cocalc_api.Hub, project: cocalc_api.Project) -> None:
    project_id = str(project.project_id)
    assert "python3" in [one["name"] for one in hub.jupyter.kernels(project_id=project_id)]
    answer = hub.jupyter.execute(input="a + 1", history=["a = 1"], kernel="python3", project_id=project_id)
    assert answer["output"] == [{"data": {"text/plain": "2"}}]
    assert project.system.jupyter_execute(input="print('hi')", kernel="python3") == [{"name": "stdout", "text": "hi\n"}]
    (kernel, *_) = project.system.list_jupyter_kernels()
    assert project.system.stop_jupyter_kernel(pid=kernel["pid"]) == {"success": True}
    assert kernel["pid"] not in [one["pid"] for one in project.system.list_jupyter_kernels()]
    assert project.system.stop_jupyter_kernel(pid=1) == {"success": False}


def test_the_projects_own_key_is_enough_for_it(
    server: Server, hub: cocalc_api.Hub, project: cocalc_api.Project
) -> None:
    given = {"action": "create", "name": "for one project", "project_id": project.project_id}
    (made,) = hub.call("system.manageApiKeys", [given])
    server.secrets.add(made["secret"])
    narrow = cocalc_api.Project(api_key=made["secret"], host=server.address)
    assert narrow.system.test()["project_id"] == project.project_id
    assert narrow.system.exec(command="echo", args=["hi"])["stdout"] == "hi\n"
    whole = cocalc_api.Hub(api_key=made["secret"], host=server.address)
    with pytest.raises(RuntimeError, match="account"):
        whole.system.test()
    narrow.client.close()
    whole.client.close()


def test_records_are_read_and_changed(hub: cocalc_api.Hub) -> None:
    assert hub.db.query({"accounts": {"first_name": "Emmy"}}) == {}
    assert hub.db.query({"accounts": {"first_name": None}}) == {"accounts": {"first_name": "Emmy"}}


def test_a_file_that_nobody_edited_together_has_no_history(hub: cocalc_api.Hub, project: cocalc_api.Project) -> None:
    history: Any = hub.sync.history(project_id=str(project.project_id), path="a.txt")
    assert history["patches"] == []


def test_people_join_projects_and_get_messages(server: Server, hub: cocalc_api.Hub) -> None:
    name = fresh_name()
    hub.org.create(name)
    hub.org.set(name=name, title="A school")
    user_id = hub.org.create_user(name=name, email=f"{name}@example.edu", firstName="Emmy", lastName="Noether")
    hub.org.add_admin(name, user_id)
    found = hub.org.get(name)
    assert (found["title"], found["admin_account_ids"]) == ("A school", [user_id])
    hub.org.remove_admin(name, user_id)
    assert [one["account_id"] for one in hub.org.get_users(name)] == [user_id]
    project_id = hub.projects.create_project(title="Together")
    hub.projects.add_collaborator(project_id=project_id, account_id=user_id)
    token = hub.org.create_token(user_id)
    server.secrets.add(token["token"])
    person = cocalc_api.Hub(api_key=token["token"], host=server.address)
    assert [one["project_id"] for one in person.projects.get()] == [project_id]
    hub.org.message(name=name, subject="Welcome", body="to the school")
    number = hub.messages.send(subject="And you", body="in person", to_ids=[user_id])
    assert [one["subject"] for one in person.messages.get(type="received")] == ["And you", "Welcome"]
    assert number == person.messages.get(limit=1)[0]["id"]
    hub.projects.remove_collaborator(project_id=project_id, account_id=user_id)
    assert person.projects.get() == []
    hub.org.expire_token(token["token"])
    with pytest.raises(RuntimeError, match="auth_token"):
        person.system.test()
    person.client.close()
    hub.org.remove_user(name, user_id)
    assert name in [one["name"] for one in hub.org.get_all()]
