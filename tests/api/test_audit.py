"""The audit log: what is in it, who reads it, and that it holds no secret."""

import json
from datetime import timedelta
from typing import Any

import pytest

from studiolo.core.errors import PasswordIncorrect, RateLimited
from studiolo.domain.audit import Action
from studiolo.storage import tables
from studiolo.storage.database import Database

pytestmark = pytest.mark.anyio


@pytest.fixture
def log(as_admin):
    """Return a function that lists the log."""

    async def read(**given: Any) -> list[dict[str, Any]]:
        answer = await as_admin.call("list_audit_log", **given)
        assert answer["event"] == "audit_log", answer
        return answer["entries"]

    return read


def said(entry: dict[str, Any]) -> tuple[str, str]:
    return entry["action"], entry["result"]


async def test_an_entry_says_who_did_what_to_whom_when_and_from_where(as_admin, log, clock):
    made = await as_admin.call("create_account", email_address="new@example.edu", password="a-password")
    (entry,) = await log(action="account_created", target_account_id=made["account_id"])
    assert entry["account_id"] == as_admin.account_id
    assert entry["result"] == "done"
    assert entry["address"] == "192.0.2.1"
    assert entry["time"] == clock.now().strftime("%Y-%m-%dT%H:%M:%S.") + f"{clock.now().microsecond // 1000:03}Z"
    assert len(entry["request_id"]) == 36


async def test_accounts_lives_are_written_down(as_admin, log, caller):
    student = await caller("student")
    target = student.account_id
    await student.call("change_password", account_id=target, old_password="student-password", new_password="another")
    await student.call(
        "change_email_address", account_id=target, new_email_address="s2@example.edu", password="another"
    )
    await as_admin.call("delete_account", account_id=target)
    found = await log(target_account_id=target)
    assert [said(entry)[0] for entry in found] == [
        "account_deleted",
        "email_address_changed",
        "password_changed",
        "api_key_created",
        "account_created",
    ]
    assert [entry.get("account_id") for entry in found] == [as_admin.account_id, target, target, target, None]


async def test_bans_are_written_down(as_admin, as_stranger, services, log):
    for is_banned in (True, False):
        await services.accounts.set_banned(as_admin.principal, as_stranger.account_id, is_banned)
    found = await log(target_account_id=as_stranger.account_id)
    assert [said(entry)[0] for entry in found[:2]] == ["account_unbanned", "account_banned"]


async def test_what_was_refused_is_written_down_with_the_error(services, as_owner, log):
    for _ in range(2):
        with pytest.raises(PasswordIncorrect):
            await services.sign_ins.sign_in("owner@example.edu", "wrong", "198.51.100.7")
    with pytest.raises(PasswordIncorrect):
        await services.sign_ins.sign_in("nobody@example.edu", "wrong", "198.51.100.7")
    answer = await as_owner.call("user_auth", account_id=as_owner.account_id, password="wrong")
    assert answer["code"] == "password_incorrect"
    found = await log(done=False)
    assert [(*said(entry), entry["address"]) for entry in found] == [
        ("auth_token_minted", "password_incorrect", "192.0.2.1"),
        ("signed_in", "password_incorrect", "198.51.100.7"),
        ("signed_in", "password_incorrect", "198.51.100.7"),
        ("signed_in", "password_incorrect", "198.51.100.7"),
    ]
    assert [entry.get("target_account_id") for entry in found[1:]] == [None, as_owner.account_id, as_owner.account_id]


async def test_sign_ins_of_browsers_and_frames_and_their_ends_are_written_down(services, as_owner, log):
    _, secret = await services.sign_ins.sign_in("owner@example.edu", "owner-password", "198.51.100.7")
    await services.sign_ins.sign_out(secret)
    token = (await as_owner.call("user_auth", account_id=as_owner.account_id, password="owner-password"))["auth_token"]
    await services.sign_ins.admit_frame(token, None, "198.51.100.8")
    await services.sign_ins.sign_out_everywhere(as_owner.principal)
    found = await log(account_id=as_owner.account_id)
    assert [(entry["action"], entry["address"]) for entry in found[:-1]] == [
        ("signed_out_everywhere", ""),
        ("frame_signed_in", "198.51.100.8"),
        ("auth_token_minted", "192.0.2.1"),
        ("signed_out", ""),
        ("signed_in", "198.51.100.7"),
    ]


async def test_an_administrator_who_signs_somebody_in_is_seen(as_admin, as_owner, log):
    token = (await as_admin.call("user_auth", account_id=as_owner.account_id, password=""))["auth_token"]
    await as_admin.call("revoke_auth_token", auth_token=token)
    revoked, minted = await log(account_id=as_admin.account_id, target_account_id=as_owner.account_id)
    assert minted["details"]["is_impersonation"] is True
    assert revoked["action"] == "auth_token_revoked"
    assert revoked["details"]["token"] == minted["details"]["token"]


async def test_keys_are_written_down_by_their_numbers(as_owner, log):
    made = await as_owner.call("create_api_key", name="portal", scopes=["files:read"])
    number = made["key"]["api_key_id"]
    await as_owner.call("edit_api_key", api_key_id=number, name="other")
    await as_owner.call("revoke_api_key", api_key_id=number)
    found = await log(account_id=as_owner.account_id)
    actions = [(entry["action"], entry["details"]["api_key_id"]) for entry in found[:3]]
    assert actions == [("api_key_revoked", number), ("api_key_changed", number), ("api_key_created", number)]
    assert found[2]["details"]["scopes"] == ["files:read"]


async def test_people_of_projects_are_written_down_once_each_time_they_change(as_owner, as_stranger, project_id, log):
    person = {"project_id": project_id, "account_id": as_stranger.account_id}
    for name in ("add_collaborator", "add_collaborator", "remove_collaborator"):
        await as_owner.call(name, **person)
    found = await log(target_project_id=project_id)
    assert [(entry["action"], entry["details"]["role"]) for entry in found] == [
        ("collaborators_changed", "none"),
        ("collaborators_changed", "collaborator"),
    ]
    assert {entry["account_id"] for entry in found} == {as_owner.account_id}


async def test_a_projects_own_key_is_named(as_owner, as_stranger, services, project_id, log):
    _, key = await services.api_keys.create(as_owner.principal, project_id=project_id)
    await as_owner.with_key(key).call("add_collaborator", project_id=project_id, account_id=as_stranger.account_id)
    (entry,) = await log(target_project_id=project_id, action="collaborators_changed")
    assert entry["key_project_id"] == project_id
    assert "account_id" not in entry


async def test_deleting_and_restoring_a_project_is_written_down(as_owner, services, project_id, log):
    await services.projects.delete(as_owner.principal, project_id)
    await services.projects.restore(as_owner.principal, project_id)
    assert [entry["action"] for entry in await log(target_project_id=project_id)] == [
        "project_restored",
        "project_deleted",
    ]


async def test_what_fails_halfway_leaves_no_entry(as_admin, log):
    await as_admin.call("create_account", email_address="taken@example.edu", password="a-password")
    before = await log()
    await as_admin.call("create_account", email_address="taken@example.edu", password="a-password")
    assert await log() == before


async def test_no_secret_is_in_the_log(as_admin, as_owner, services, database: Database):
    made = await as_owner.call("create_api_key", name="portal")
    token = (await as_admin.call("user_auth", account_id=as_owner.account_id, password=""))["auth_token"]
    _, cookie = await services.sign_ins.sign_in_frame(token, None)
    with pytest.raises(PasswordIncorrect):
        await services.sign_ins.sign_in("owner@example.edu", "very-wrong-password")
    await as_owner.call("user_auth", account_id=as_owner.account_id, password="very-wrong-password")
    rows = await database.read(lambda tx: [dict(row) for row in tx.execute(tables.audit_log.select()).mappings()])
    text = json.dumps(rows, default=str)
    assert "signed_in" in text
    for secret in (made["api_key"], as_owner.key, as_admin.key, token, cookie, "very-wrong-password", "owner-password"):
        assert secret not in text


async def test_pages_follow_each_other_while_new_entries_come_in(as_admin, as_owner, services, log):
    for _ in range(5):
        await services.sign_ins.sign_in("owner@example.edu", "owner-password")
    wanted = {"action": "signed_in", "limit": 2}
    first = await as_admin.call("list_audit_log", **wanted)
    await services.sign_ins.sign_in("owner@example.edu", "owner-password")
    second = await as_admin.call("list_audit_log", **wanted, cursor=first["next_cursor"])
    third = await as_admin.call("list_audit_log", **wanted, cursor=second["next_cursor"])
    numbers = [entry["audit_id"] for page in (first, second, third) for entry in page["entries"]]
    assert len(numbers) == 5
    assert numbers == sorted(numbers, reverse=True)
    assert "next_cursor" not in third


async def test_moments_narrow_it_down(as_owner, services, log, clock):
    await services.sign_ins.sign_in("owner@example.edu", "owner-password")
    between = clock.now() + timedelta(seconds=5)
    clock.move(10)
    await services.sign_ins.sign_in("owner@example.edu", "owner-password")
    for bound in ("since", "until"):
        assert len(await log(action="signed_in", **{bound: between.isoformat()})) == 1


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"cursor": "!"}, "cursor"),
        ({"cursor": "WyJhIl0"}, "cursor"),  # ["a"]
        ({"cursor": "WzEsMl0"}, "cursor"),  # [1,2]
        ({"cursor": "W3RydWVd"}, "cursor"),  # [true]
        ({"cursor": "Wzk5OTk5OTk5OTk5OTk5OTk5OTk5OTld"}, "cursor"),
        ({"cursor": "x" * 2000}, "cursor"),
        ({"cursor": "é"}, "cursor"),
        ({"limit": 0}, "limit"),
        ({"limit": 1001}, "limit"),
        ({"action": "everything"}, "action"),
        ({"since": "yesterday"}, "since"),
    ],
)
async def test_what_cannot_be_listed_is_said(as_admin, given: dict[str, Any], field: str):
    answer = await as_admin.call("list_audit_log", **given)
    assert answer["code"] == "invalid_request"
    assert field in answer["error"]


async def test_only_administrators_with_an_unnarrowed_key_read_it(as_admin, as_owner):
    assert (await as_owner.call("list_audit_log"))["code"] == "forbidden"
    made = await as_admin.call("create_api_key", scopes=["accounts:read"])
    assert (await as_admin.with_key(made["api_key"]).call("list_audit_log"))["code"] == "forbidden"


async def test_the_log_is_kept_as_long_as_the_setting_says(services, as_owner, log, clock):
    await services.sign_ins.sign_in("owner@example.edu", "owner-password")
    clock.move(364 * 86400)
    await services.audit.reap()
    assert await log(action="signed_in")
    clock.move(2 * 86400)
    assert await services.audit.reap() > 0
    assert not await log(action="signed_in")


async def test_failed_sign_ins_beyond_the_limit_are_not_written_without_end(services, as_owner, log):
    for _ in range(30):
        with pytest.raises((PasswordIncorrect, RateLimited)):
            await services.sign_ins.sign_in("owner@example.edu", "wrong", "198.51.100.7")
    assert len(await log(done=False, target_account_id=as_owner.account_id)) == 10


async def test_everything_that_can_be_written_down_has_a_name(as_admin, as_stranger, log):
    for action in Action:
        await log(action=action.value)
