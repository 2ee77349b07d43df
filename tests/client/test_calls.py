"""What people do with the client, against a real hub, in both ways of waiting."""

from datetime import UTC, datetime
from typing import Any

import pytest

from studiolo.client import AsyncClient, Client, StudioloError
from studiolo.client.errors import (
    AlreadyExists,
    ApiKeyInvalid,
    CopyFailed,
    EndpointUnknown,
    FileNotFound,
    InvalidParameters,
    InvalidRequest,
    ProjectNotFound,
)
from studiolo.client.nouns.copies import CopyGroupStatus, CopyPathRecord
from studiolo.testing.loopback import LoopbackServer

NOBODYS = "83d6c5a1-0b64-4a5e-a1c9-9a1d3a7f6b20"


def test_answers_have_types(client: Client):
    project = client.projects.create(title="Homework")
    assert len(project.project_id) == 36
    now = client.server.ping().now
    assert isinstance(now, datetime)
    assert now.tzinfo is not None


def test_files_are_written_and_read(client: Client):
    project_id = client.projects.create().project_id
    assert client.files.write_text_file_to_project(project_id=project_id, path="a.md", content="# Hé") is None
    assert client.files.read_text_file_from_project(project_id=project_id, path="a.md").content == "# Hé"
    several = client.files.read_text_file_from_project(project_id=[project_id, project_id], path=["a.md", "b.md"])
    assert not isinstance(several.content, str)
    assert [(one.path, one.content, one.code) for one in sorted(several.content, key=lambda one: one.path)] == [
        ("a.md", "# Hé", None),
        ("b.md", None, "file_not_found"),
    ]


@pytest.mark.anyio
async def test_the_same_is_done_with_await(async_client: AsyncClient):
    project_id = (await async_client.projects.create(title="Homework")).project_id
    await async_client.files.write_text_file_to_project(project_id=project_id, path="a.md", content="1")
    read = await async_client.files.read_text_file_from_project(project_id=project_id, path="a.md")
    assert read.content == "1"
    with pytest.raises(FileNotFound):
        await async_client.files.read_text_file_from_project(project_id=project_id, path="b.md")


def test_error_in_the_call_is_raised_as_its_class(client: Client):
    with pytest.raises(ProjectNotFound) as caught:
        client.projects.touch(project_id=NOBODYS)
    assert (caught.value.code, caught.value.call, caught.value.status) == ("project_not_found", "touch_project", 200)
    assert str(caught.value)


def test_error_at_the_door_is_raised_as_its_class(client: Client):
    with pytest.raises(InvalidParameters) as caught:
        client.call("create_project", {"titles": "x"})
    assert caught.value.status == 400
    with pytest.raises(EndpointUnknown):
        client.call("no_such_call")


def test_failure_in_a_calls_own_shape_is_raised_with_its_reasons(client: Client):
    email_address = "taken@example.edu"
    client.accounts.create(email_address=email_address, password="a-password")
    with pytest.raises(AlreadyExists) as caught:
        client.accounts.create(email_address=email_address, password="a-password")
    assert "email_address" in caught.value.details["fields"]
    with pytest.raises(StudioloError):
        client.accounts.change_password(account_id="", old_password="wrong", new_password="another-one")


def test_wrong_key_is_refused_and_never_shown(server: LoopbackServer):
    with Client(server.url, "sk-wrongwrongwrongwrong") as client:
        with pytest.raises(ApiKeyInvalid) as caught:
            client.server.ping()
        assert "wrongwrong" not in f"{client!r} {caught.value!r} {caught.value}"


def test_copy_is_waited_for_with_progress(client: Client, server: LoopbackServer):
    source, target = client.projects.create().project_id, client.projects.create().project_id
    seen: list[CopyPathRecord] = []
    asked = client.copies.copy_path_between_projects(src_project_id=source, src_path="a", target_project_id=target)

    def on_progress(record: CopyPathRecord) -> None:
        seen.append(record)
        server.run_copies()

    record = client.copies.wait(asked.copy_path_id, on_progress=on_progress)
    assert record.finished is not None
    assert seen[0].finished is None
    assert seen[-1] == record


@pytest.mark.anyio
async def test_copy_is_waited_for_with_await(async_client: AsyncClient, server: LoopbackServer):
    source = (await async_client.projects.create()).project_id
    target = (await async_client.projects.create()).project_id
    asked = await async_client.copies.copy_path_between_projects(
        src_project_id=source, src_path="a", target_project_id=target
    )
    record = await async_client.copies.wait(asked.copy_path_id, on_progress=lambda _: server.run_copies())
    assert record.copy_path_id == asked.copy_path_id
    assert record.finished is not None


def test_copy_that_failed_is_raised(client: Client):
    from studiolo.client import copies

    failed: dict[str, Any] = dict.fromkeys(("source_project_id", "source_path", "target_project_id", "target_path"), "")
    flags: dict[str, Any] = dict.fromkeys(("overwrite_newer", "delete_missing", "backup"), False)
    now = datetime.now(UTC)
    record = CopyPathRecord(copy_path_id="x", time=now, **failed, **flags, finished=now, error="no", code="copy_failed")
    with pytest.raises(CopyFailed, match="no"):
        copies._succeeded(record)


def test_waiting_for_a_copy_ends(client: Client):
    source, target = client.projects.create().project_id, client.projects.create().project_id
    asked = client.copies.copy_path_between_projects(
        src_project_id=source, src_path="a", target_project_id=target, scheduled="2099-01-01"
    )
    with pytest.raises(TimeoutError, match=asked.copy_path_id):
        client.copies.wait(asked.copy_path_id, timeout_seconds=0)


def test_group_of_copies_is_waited_for_with_progress(client: Client, server: LoopbackServer):
    source, *targets = (client.projects.create().project_id for _ in range(4))
    client.files.write_text_file_to_project(project_id=source, path="a", content="1")
    group = client.copies.copy_path_to_projects(src_project_id=source, src_path="a", targets=targets)
    seen: list[int] = []

    def on_progress(status: CopyGroupStatus) -> None:
        seen.append(status.counts.done)
        server.run_copies()

    status = client.copies.wait_group(group.group_id, on_progress=on_progress)
    assert (status.counts.done, len(status.copies)) == (3, 3)
    assert (seen[0], seen[-1]) == (0, 3)


@pytest.mark.anyio
async def test_group_of_copies_is_waited_for_with_await(async_client: AsyncClient, server: LoopbackServer):
    source = (await async_client.projects.create()).project_id
    target = (await async_client.projects.create()).project_id
    group = await async_client.copies.copy_path_to_projects(src_project_id=source, src_path="a", targets=[target])
    with pytest.raises(TimeoutError, match=group.group_id):
        await async_client.copies.wait_group(group.group_id, timeout_seconds=0)
    status = await async_client.copies.wait_group(group.group_id, on_progress=lambda _: server.run_copies())
    assert status.finished


def test_list_of_copies_has_types(client: Client):
    source, target = client.projects.create().project_id, client.projects.create().project_id
    client.copies.copy_path_between_projects(
        src_project_id=source, src_path="a", target_project_id=target, scheduled="2099-01-01"
    )
    listed = client.copies.copy_path_status(src_project_id=source).data
    assert isinstance(listed, list)
    assert [one.scheduled.year for one in listed if one.scheduled] == [2099]


def test_client_that_is_forgotten_closes_its_connections(server: LoopbackServer):
    forgotten = Client(server.url, server.key)
    forgotten.server.ping()
    http = forgotten._http
    del forgotten
    assert http.is_closed


def test_address_must_be_one_of_http():
    with pytest.raises(ValueError, match="https"):
        Client("studiolo.example.edu", "sk-key")


def test_moments_may_be_given_as_they_are_and_other_things_not(client: Client):
    answer = client.call("ping", {"id": datetime(2026, 1, 1, tzinfo=UTC)})
    assert answer["id"] == "2026-01-01T00:00:00+00:00"
    with pytest.raises(TypeError, match="object"):
        client.call("ping", {"id": object()})


def test_errors_are_of_their_families():
    assert issubclass(InvalidParameters, InvalidRequest)
    assert issubclass(InvalidRequest, StudioloError)
