"""People in projects: inviting, adding, removing."""

import pytest

pytestmark = pytest.mark.anyio


async def roles(caller, project_id):
    answer = await caller.call("query", query={"projects": {"project_id": project_id, "users": None}})
    return {one: place["group"] for one, place in answer["query"]["projects"]["users"].items()}


async def test_an_invited_account_is_a_collaborator_at_once(as_owner, as_stranger, project_id, mailer):
    answer = await as_owner.call("invite_collaborator", project_id=project_id, account_id=as_stranger.account_id)
    assert answer["event"] == "success"
    assert (await roles(as_stranger, project_id))[as_stranger.account_id] == "collaborator"
    assert mailer.sent == []


async def test_inviting_an_owner_changes_nothing(as_owner, project_id):
    await as_owner.call("invite_collaborator", project_id=project_id, account_id=as_owner.account_id)
    assert await roles(as_owner, project_id) == {as_owner.account_id: "owner"}


async def test_a_mail_goes_once_a_week(as_owner, as_stranger, project_id, mailer, clock):
    invite = {
        "project_id": project_id,
        "account_id": as_stranger.account_id,
        "email": "Come in",
        "subject": "Curves",
        "replyto": "me@example.edu",
        "replyto_name": "Me",
        "link2proj": "https://studiolo.test/p",
        "title": "Homework",
    }
    for _ in range(2):
        await as_owner.call("invite_collaborator", **invite)
    (mail,) = mailer.sent
    assert (mail.to, mail.subject, mail.reply_to, mail.reply_to_name) == (
        "stranger@example.edu",
        "Curves",
        "me@example.edu",
        "Me",
    )
    assert "Come in" in mail.body
    assert "Homework: https://studiolo.test/p" in mail.body
    clock.move(7 * 86_400)
    await as_owner.call("invite_collaborator", **invite)
    assert len(mailer.sent) == 2


async def test_a_mail_that_did_not_leave_may_be_tried_again(as_owner, as_stranger, project_id, mailer):
    invite = {"project_id": project_id, "account_id": as_stranger.account_id, "email": "Come in"}
    mailer.is_broken = True
    assert "could not be sent" in await as_owner.fails("invite_collaborator", **invite)
    mailer.is_broken = False
    await as_owner.call("invite_collaborator", **invite)
    assert len(mailer.sent) == 1


async def test_only_who_may_write_invites(as_owner, as_stranger, caller, project_id, add_person):
    viewer = await caller("viewer")
    await add_person(project_id, viewer, "viewer")
    for other in (as_stranger, viewer):
        words = f"User {other.account_id} does not have write access to project {project_id}"
        given = {"project_id": project_id, "account_id": other.account_id}
        assert await other.fails("invite_collaborator", **given) == words
        assert await other.fails("add_collaborator", **given) == words
        assert (
            await other.fails(
                "invite_noncloud_collaborators",
                project_id=project_id,
                to="x@example.edu",
                email="",
                title="",
                link2proj="",
            )
            == words
        )
    assert await as_stranger.fails("remove_collaborator", project_id=project_id, account_id=as_owner.account_id) == (
        f"User {as_stranger.account_id} does not have write access to project {project_id}"
    )


async def test_many_are_added_at_once_or_nobody(as_owner, as_stranger, as_admin, project_id, other_project_id):
    people = [as_stranger.account_id, as_admin.account_id]
    await as_owner.call("add_collaborator", account_id=people, project_id=[project_id, other_project_id])
    assert as_stranger.account_id in await roles(as_owner, project_id)
    assert as_admin.account_id in await roles(as_owner, other_project_id)
    assert "same length" in await as_owner.fails("add_collaborator", account_id=people, project_id=project_id)
    assert "must be given" in await as_owner.fails("add_collaborator", account_id=people)
    unknown = "11111111-1111-4111-8111-111111111111"
    both = {"account_id": [as_admin.account_id, unknown], "project_id": [project_id, project_id]}
    assert "There is no account" in await as_owner.fails("add_collaborator", **both)
    assert as_admin.account_id not in await roles(as_owner, project_id)


async def test_a_token_lets_one_join(as_owner, as_stranger, caller, project_id, clock):
    token = "a-token-of-twenty-ch"
    row = {"project_id": project_id, "token": token, "usage_limit": 1, "expires": "2026-01-02"}
    await as_owner.call("query", query={"project_invite_tokens": row})
    other = await caller("other")
    given = {"account_id": as_stranger.account_id, "token_id": token}
    assert await other.fails("add_collaborator", **given) == "With a token you can add your own account only."
    assert (await as_stranger.call("add_collaborator", **given))["project_id"] == project_id
    used_up = "The token is not valid: unknown, expired or used up."
    assert await other.fails("add_collaborator", account_id=other.account_id, token_id=token) == used_up
    await as_owner.call("query", query={"project_invite_tokens": {**row, "usage_limit": 5}})
    clock.move(86_400)
    assert await other.fails("add_collaborator", account_id=other.account_id, token_id=token) == used_up


async def test_removing_passes_owners_and_strangers_over(as_owner, as_stranger, project_id, add_person):
    await add_person(project_id, as_stranger, "collaborator")
    for account_id in (as_owner.account_id, "11111111-1111-4111-8111-111111111111"):
        await as_stranger.call("remove_collaborator", project_id=project_id, account_id=account_id)
    assert await roles(as_owner, project_id) == {
        as_owner.account_id: "owner",
        as_stranger.account_id: "collaborator",
    }
    await as_owner.call("remove_collaborator", project_id=project_id, account_id=as_stranger.account_id)
    assert await roles(as_owner, project_id) == {as_owner.account_id: "owner"}


async def test_a_viewer_may_leave(as_owner, as_stranger, project_id, add_person):
    await add_person(project_id, as_stranger, "viewer")
    await as_stranger.call("remove_collaborator", project_id=project_id, account_id=as_stranger.account_id)
    assert await roles(as_owner, project_id) == {as_owner.account_id: "owner"}


def invitation(project_id, to):
    return {"project_id": project_id, "to": to, "email": "Hello", "title": "T", "link2proj": "https://x.test/"}


async def test_invited_people_find_their_place_when_they_come(
    as_owner, as_admin, as_stranger, project_id, mailer, clock
):
    to = "new@example.edu, Stranger@example.edu; late@example.edu"
    answer = await as_owner.call("invite_noncloud_collaborators", **invitation(project_id, to))
    assert answer["event"] == "invite_noncloud_collaborators_resp"
    assert answer["mesg"] == f"Invited {to} to collaborate on a project."
    assert [mail.to for mail in mailer.sent] == ["new@example.edu", "late@example.edu"]
    assert "new@example.edu" in mailer.sent[0].body
    assert (await roles(as_owner, project_id))[as_stranger.account_id] == "collaborator"
    new = await as_admin.call("create_account", email_address="New@example.edu", password="a-password")
    assert (await roles(as_owner, project_id))[new["account_id"]] == "collaborator"
    clock.move(14 * 86_400)
    late = await as_admin.call("create_account", email_address="late@example.edu", password="a-password")
    assert late["account_id"] not in await roles(as_owner, project_id)


async def test_an_invitation_ends_with_the_place_of_who_invited(
    as_owner, as_admin, as_stranger, project_id, add_person
):
    await add_person(project_id, as_stranger, "collaborator")
    await as_stranger.call("invite_noncloud_collaborators", **invitation(project_id, "new@example.edu"))
    await as_owner.call("remove_collaborator", project_id=project_id, account_id=as_stranger.account_id)
    new = await as_admin.call("create_account", email_address="new@example.edu", password="a-password")
    assert new["account_id"] not in await roles(as_owner, project_id)


async def test_wrong_addresses(as_owner, project_id):
    fails = as_owner.fails
    call = "invite_noncloud_collaborators"
    assert await fails(call, **invitation(project_id, "nonsense")) == "invalid email address 'nonsense'"
    assert await fails(call, **invitation(project_id, "x" * 1025)) == (
        "Specify less recipients when adding collaborators to project."
    )
    wrong = {**invitation(project_id, "x@example.edu"), "replyto": "a@b\r\nBcc: all@example.edu"}
    assert "invalid email address" in await fails(call, **wrong)


async def test_touching_starts_and_needs_the_right_to_write(as_owner, as_stranger, project_id, runner):
    assert (await as_owner.call("touch_project", project_id=project_id))["event"] == "success"
    words = f"unable to touch project {project_id} -- must have write access"
    assert await as_stranger.fails("touch_project", project_id=project_id) == words
    assert (await as_owner.call("disconnect_from_project", project_id=project_id))["event"] == "success"
    assert "write access" in await as_stranger.fails("disconnect_from_project", project_id=project_id)


async def test_there_are_no_upgrades(as_owner):
    answer = await as_owner.call("get_available_upgrades", id=7)
    assert answer == {"event": "available_upgrades", "id": 7, "total": {}, "excess": {}, "available": {}}
