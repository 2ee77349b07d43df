"""Passwords and addresses: changing them, forgetting them."""

import pytest

pytestmark = pytest.mark.anyio


def code_in(mail) -> str:
    return next(line.strip() for line in mail.body.splitlines() if line.startswith("    "))


async def reset(caller, code, password):
    return (await caller.call("reset_forgot_password", reset_code=code, new_password=password))["error"]


async def signs_in(services, address, password) -> bool:
    account = await services.accounts.find(address)
    return await services.accounts.verify(account, password)


async def test_a_password_is_changed_with_the_old_one(as_owner, services):
    assert await as_owner.call(
        "change_password", id=1, account_id="ignored", old_password="owner-password", new_password="new-password"
    ) == {"event": "changed_password", "id": 1}
    assert await signs_in(services, "owner@example.edu", "new-password")


async def test_why_a_password_is_not_changed(as_owner):
    wrong = {"account_id": as_owner.account_id, "old_password": "no", "new_password": "new-password"}
    answer = await as_owner.call("change_password", **wrong)
    assert (answer["event"], answer["error"], answer["code"]) == (
        "changed_password",
        "invalid old password",
        "password_incorrect",
    )
    answer = await as_owner.call("change_password", **{**wrong, "new_password": "short"})
    assert answer["error"] == {"new_password": "Password must be between 6 and 64 characters in length."}


async def test_passwords_are_not_guessed_with_a_key(as_owner):
    parameters = {"account_id": as_owner.account_id, "old_password": "no", "new_password": "new-password"}
    codes = [(await as_owner.call("change_password", **parameters))["code"] for _ in range(11)]
    assert codes == ["password_incorrect"] * 10 + ["rate_limited"]


async def test_an_address_is_changed_with_the_password(as_owner, services):
    answer = await as_owner.call(
        "change_email_address",
        account_id=as_owner.account_id,
        old_email_address="owner@example.edu",
        new_email_address="New@Example.edu",
        password="owner-password",
    )
    assert answer["error"] is False
    assert (await services.accounts.get(as_owner.account_id)).email_address == "new@example.edu"


@pytest.mark.parametrize(
    ("change", "error"),
    [
        ({"new_email_address": "nonsense"}, "email_invalid"),
        ({"account_id": "11111111-1111-4111-8111-111111111111"}, "account_id in mesg is not what user is signed in as"),
        ({"password": "wrong"}, "invalid_password"),
        ({"new_email_address": "stranger@example.edu"}, "email_already_taken"),
    ],
)
async def test_why_an_address_is_not_changed(as_owner, as_stranger, change, error):
    right = {"account_id": as_owner.account_id, "new_email_address": "n@example.edu", "password": "owner-password"}
    answer = await as_owner.call("change_email_address", **{**right, **change})
    assert (answer["event"], answer["error"]) == ("changed_email_address", error)


async def test_a_forgotten_password_is_set_with_the_mailed_code_once(as_owner, services, mailer):
    answer = await as_owner.call("forgot_password", email_address="Owner@example.edu")
    assert answer["error"] is False
    (mail,) = mailer.sent
    assert mail.to == "owner@example.edu"
    assert await reset(as_owner, code_in(mail), "short") == "Password must be between 6 and 64 characters in length."
    assert await reset(as_owner, code_in(mail), "new-password") is False
    assert await signs_in(services, "owner@example.edu", "new-password")
    assert await reset(as_owner, code_in(mail), "other-password") == "Password reset request is no longer valid."


async def test_a_code_lives_an_hour(as_owner, mailer, clock):
    await as_owner.call("forgot_password", email_address="owner@example.edu")
    clock.move(3601)
    assert (
        await reset(as_owner, code_in(mailer.sent[0]), "new-password") == "Password reset request is no longer valid."
    )
    assert await reset(as_owner, "ü", "new-password") == "Password reset request is no longer valid."


async def test_why_no_code_is_mailed(as_owner, mailer):
    async def error(address):
        return (await as_owner.call("forgot_password", email_address=address))["error"]

    assert await error("nonsense") == "Invalid email address."
    assert await error("nobody@example.edu") == "No account with e-mail address nobody@example.edu"
    mailer.is_broken = True
    assert "could not be sent" in await error("owner@example.edu")
    assert mailer.sent == []


async def test_codes_are_not_mailed_without_end(as_owner, mailer):
    answers = [await as_owner.call("forgot_password", email_address="owner@example.edu") for _ in range(11)]
    assert len(mailer.sent) == 10
    assert answers[-1]["error"].startswith("Too many password resets")


async def test_deleting_an_account_is_for_itself_and_administrators(as_owner, as_stranger, as_admin):
    assert "another person" in await as_stranger.fails("delete_account", account_id=as_owner.account_id)
    for _ in range(2):
        answer = await as_admin.call("delete_account", account_id=as_owner.account_id)
        assert answer["event"] == "account_deleted"
    assert (await as_owner.refused("delete_account", account_id=as_owner.account_id))["code"] == "api_key_invalid"
    assert (await as_stranger.call("delete_account", account_id=as_stranger.account_id))["event"] == "account_deleted"


async def test_a_token_is_revoked_by_who_made_it(as_admin, as_owner, as_stranger):
    token = (await as_admin.call("user_auth", account_id=as_owner.account_id, password=""))["auth_token"]
    assert await as_stranger.fails("revoke_auth_token", auth_token=token) == "auth_token is not valid"
    assert (await as_owner.call("revoke_auth_token", auth_token=token))["event"] == "success"
    assert await as_owner.fails("revoke_auth_token", auth_token=token) == "auth_token is not valid"
