"""Making an account for oneself, for good or to be thrown away."""

import json
from dataclasses import replace

import pytest

from studiolo.core.ids import ProjectId
from studiolo.core.models import Principal
from studiolo.core.settings import Settings

pytestmark = pytest.mark.anyio
NEW = {"email": "new@example.edu", "password": "a-password"}
OWN_PAGE = {"origin": "https://studiolo.test", "sec-fetch-site": "same-origin"}


@pytest.fixture
def settings(tmp_path, request) -> Settings:
    policy = getattr(request, "param", "admin")
    return Settings(data=tmp_path, public_url="https://studiolo.test", account_creation=policy)


@pytest.fixture
def ask(browser):
    """Return a function that makes a call without a key."""

    async def post(path: str, /, headers: dict[str, str] | None = None, **given):
        response = await browser.post(f"/api/v2/{path}", content=json.dumps(given), headers=headers)
        assert response.status_code == 200
        return response.json()

    return post


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ("admin", "Only administrators may create accounts here."),
        ("any_key", "Only an account may create accounts."),
        ("registration_token", "No registration token provided"),
        ("anybody", None),
    ],
    indirect=["settings"],
)
async def test_nobody_known_makes_an_account_as_the_setting_says(ask, words, settings):
    assert (await ask("auth/sign-up", **NEW)).get("error") == words
    assert (await ask("auth/requires-token")) == {"required": settings.account_creation == "registration_token"}


@pytest.mark.parametrize("settings", ["registration_token"], indirect=True)
async def test_a_registration_token_admits_somebody_unknown(ask, as_admin):
    token = (await as_admin.call("create_registration_token"))["registration_token"]
    assert "account_id" in await ask("auth/sign-up", **NEW, registrationToken=token)
    assert "account_id" in await ask("auth/sign-in", email=NEW["email"], password=NEW["password"])


@pytest.mark.parametrize("settings", ["anybody"], indirect=True)
async def test_another_sites_page_makes_no_account(ask):
    answer = await ask("auth/sign-up", **NEW, headers={"origin": "https://evil.example"})
    assert answer["code"] == "forbidden"


async def _exam(as_admin, **given) -> str:
    made = await as_admin.call("create_registration_token", ephemeral_lifetime=3600, **given)
    return made["registration_token"]


async def test_a_throw_away_account_is_signed_in_for_its_lifetime(ask, browser, as_admin, services, clock):
    answer = await ask("auth/ephemeral", registrationToken=await _exam(as_admin))
    assert answer["lifetime"] == 3600
    secret = browser.cookies["__Host-studiolo-sign-in"]
    assert (await services.sign_ins.resolve_own(secret)).account_id == answer["account_id"]
    made = await ask("projects/create", title="Exam", headers={**OWN_PAGE, "x-studiolo-request": "1"})
    assert "project_id" in made
    keys = await ask("api-keys", action="create", headers={**OWN_PAGE, "x-studiolo-request": "1"})
    assert keys["error"] == "A throw-away account has no API keys."
    frame, _ = await services.sign_ins.sign_in_frame(answer["auth_token"], None)
    clock.move(3599)
    await services.sign_ins.resolve_own(secret)
    clock.move(1)
    assert frame.expires_at == clock.now()
    for failing in (services.sign_ins.resolve_own(secret), services.auth_tokens.redeem(answer["auth_token"])):
        with pytest.raises(Exception, match=r"signed out|not valid"):
            await failing


async def test_what_a_throw_away_account_alone_had_ends_with_it(
    ask, as_admin, services, clock, runner, project_id, add_person
):
    answer = await ask("auth/ephemeral", registrationToken=await _exam(as_admin))
    guest = Principal(answer["account_id"])
    own = await services.projects.create(guest, "Exam")
    await services.projects.start(guest, own.project_id)
    await add_person(project_id, replace(as_admin, principal=guest), "collaborator")
    assert await services.ephemeral_accounts.reap() == 0
    clock.move(3601)
    assert await services.ephemeral_accounts.reap() == 1
    assert await services.ephemeral_accounts.reap() == 0
    with pytest.raises(Exception, match="does not have read access"):
        await services.projects.get(as_admin.principal, own.project_id)
    shared = await services.projects.get(as_admin.principal, ProjectId(project_id))
    assert not shared.is_deleted
    assert runner.stopped == [own.project_id]
    with pytest.raises(Exception, match="There is no account"):
        await services.accounts.get(answer["account_id"])


async def test_an_ordinary_token_makes_no_throw_away_account_and_the_other_way_round(ask, as_admin):
    ordinary = (await as_admin.call("create_registration_token"))["registration_token"]
    for token in (ordinary, "x" * 24):
        answer = await ask("auth/ephemeral", registrationToken=token)
        assert answer["error"] == "Registration token is wrong."
    once = await _exam(as_admin, usage_limit=1)
    assert "account_id" in await ask("auth/ephemeral", registrationToken=once)
    assert (await ask("auth/ephemeral", registrationToken=once))["error"] == "Registration token used up."
