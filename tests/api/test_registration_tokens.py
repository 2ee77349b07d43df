"""Registration tokens, and who may make an account under which setting."""

from datetime import timedelta

import pytest

from studiolo.domain.services import build_services
from studiolo.runtime.agents import UnixAgentConnector
from studiolo.testing.factories import cheap_passwords

pytestmark = pytest.mark.anyio
NEW = {"email_address": "new@example.edu", "password": "a-password"}


@pytest.fixture
def under(services, settings, database, clock, secret_source, runner, mailer, open_http):
    """Return a function that gives a caller of a hub with another setting of who may make accounts."""

    def give(policy: str, caller):
        changed = settings.model_copy(update={"account_creation": policy})
        other = build_services(
            changed,
            database,
            clock,
            secret_source,
            runner,
            UnixAgentConnector(clock),
            passwords=cheap_passwords(),
            mailer=mailer,
        )
        return type(caller)(open_http(other), caller.answers, caller.header, caller.key, caller.principal)

    return give


async def test_a_token_is_made_listed_and_ended(as_admin, clock):
    made = await as_admin.call(
        "create_registration_token", description="Course", usage_limit=2, expires_at="2040-01-01"
    )
    assert len(made["registration_token"]) == 24
    token = made["token"]
    assert (token["description"], token["usage_limit"], token["uses"], token["disabled"]) == ("Course", 2, 0, False)
    assert token["expires_at"] == "2040-01-01T00:00:00.000Z"
    assert (await as_admin.call("list_registration_tokens"))["tokens"] == [token]
    which = {"registration_token_id": token["registration_token_id"]}
    assert (await as_admin.call("revoke_registration_token", **which))["event"] == "success"
    assert (await as_admin.call("list_registration_tokens"))["tokens"] == [{**token, "disabled": True}]


async def test_a_token_is_stored_hashed(as_admin, database):
    made = await as_admin.call("create_registration_token")
    rows = await database.read(lambda tx: tx.exec_driver_sql("SELECT * FROM registration_tokens").all())
    assert made["registration_token"] not in str(rows)


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"usage_limit": 0}, "A registration token makes 1 to 1000000 accounts."),
        ({"expires_at": "2001-01-01"}, "The registration token must end in the future."),
        ({"expires_at": "soon"}, "expires_at must be a date"),
        ({"ephemeral_lifetime": 59}, "A throw-away account lives for a minute to a year."),
        ({"description": "x" * 1001}, "The description may have at most 1000 characters."),
    ],
)
async def test_a_token_that_cannot_be_is_refused_in_words(as_admin, given, words):
    assert await as_admin.fails("create_registration_token", **given) == words


async def test_an_unknown_token_cannot_be_ended(as_admin):
    assert (await as_admin.call("revoke_registration_token", registration_token_id="x"))["code"] == "not_found"


@pytest.mark.parametrize(
    ("policy", "reason"),
    [
        ("admin", {"other": "Only administrators may create accounts here."}),
        ("any_key", None),
        ("registration_token", {"token": "No registration token provided"}),
        ("anybody", None),
    ],
)
async def test_who_has_a_key_makes_accounts_as_the_setting_says(under, as_stranger, policy, reason):
    answer = await under(policy, as_stranger).call("create_account", **NEW)
    assert answer.get("reason") == reason
    assert ("account_id" in answer) == (reason is None)


async def test_an_administrator_makes_accounts_under_every_setting(under, as_admin):
    for number, policy in enumerate(("admin", "any_key", "registration_token", "anybody")):
        given = {**NEW, "email_address": f"new{number}@example.edu"}
        assert (await under(policy, as_admin).call("create_account", **given))["event"] == "account_created"


async def test_a_token_admits_as_often_as_it_says(under, as_admin, as_stranger):
    made = await as_admin.call("create_registration_token", usage_limit=2)
    stranger = under("registration_token", as_stranger)
    for number in range(2):
        given = {**NEW, "email_address": f"new{number}@example.edu", "token": made["registration_token"]}
        assert (await stranger.call("create_account", **given))["event"] == "account_created"
    answer = await stranger.call("create_account", **NEW, token=made["registration_token"])
    assert answer["reason"] == {"token": "Registration token used up."}
    assert (await as_admin.call("list_registration_tokens"))["tokens"][0]["uses"] == 2


async def test_an_account_that_could_not_be_made_uses_nothing_up(under, as_admin, as_stranger):
    made = await as_admin.call("create_registration_token", usage_limit=1)
    stranger = under("registration_token", as_stranger)
    taken = {**NEW, "email_address": "stranger@example.edu", "token": made["registration_token"]}
    assert "email_address" in (await stranger.call("create_account", **taken))["reason"]
    assert (await as_admin.call("list_registration_tokens"))["tokens"][0]["uses"] == 0


async def test_a_token_that_is_not_good_is_refused_in_the_words_of_old(under, as_admin, as_stranger, clock):
    stranger = under("registration_token", as_stranger)
    ended = await as_admin.call("create_registration_token")
    await as_admin.call("revoke_registration_token", registration_token_id=ended["token"]["registration_token_id"])
    passing = await as_admin.call(
        "create_registration_token", expires_at=(clock.now() + timedelta(seconds=9)).isoformat()
    )
    thrown = await as_admin.call("create_registration_token", ephemeral_lifetime=60)
    clock.move(10)
    for token, words in (
        ("x" * 24, "Registration token is wrong."),
        ("\u00e9" * 24, "Registration token is wrong."),
        (ended["registration_token"], "Registration token disabled."),
        (passing["registration_token"], "Registration token no longer valid."),
        (thrown["registration_token"], "Registration token is wrong."),
    ):
        answer = await stranger.call("create_account", **NEW, token=token)
        assert answer["reason"] == {"token": words}


async def test_a_token_does_not_admit_where_only_administrators_make_accounts(under, as_admin, as_stranger):
    made = await as_admin.call("create_registration_token")
    answer = await under("admin", as_stranger).call("create_account", **NEW, token=made["registration_token"])
    assert answer["reason"] == {"other": "Only administrators may create accounts here."}


async def test_who_makes_an_account_for_an_invited_address_does_not_get_its_places(
    under, as_owner, as_stranger, services, project_id, mailer
):
    await as_owner.call(
        "invite_noncloud_collaborators", project_id=project_id, to="new@example.edu", email="", title="", link2proj=""
    )
    made = await under("anybody", as_stranger).call("create_account", **NEW)
    project = await services.projects.get(as_owner.principal, project_id)
    assert project.role_of(made["account_id"]) is None
    await services.password_resets.request("new@example.edu", "")
    code = next(line.strip() for line in mailer.sent.pop().body.splitlines() if line.startswith("    "))
    await services.password_resets.redeem(code, "another-password")
    project = await services.projects.get(as_owner.principal, project_id)
    assert project.role_of(made["account_id"]) is not None


async def test_a_key_that_makes_an_account_gets_no_stronger_key_of_it(as_admin, services):
    _, key = await services.api_keys.create(as_admin.principal, scopes=["accounts:write", "admin"])
    made = await as_admin.with_key(key).call("create_account", **NEW, get_api_key=True)
    child = as_admin.with_key(made["api_key"])
    assert (await child.call("create_project"))["code"] == "scope_missing"
