"""`create_account`."""

import asyncio
from dataclasses import replace

import pytest

pytestmark = pytest.mark.anyio


async def test_account_is_made_and_can_be_signed_in(as_admin):
    made = await as_admin.call("create_account", email_address="Emmy@Example.EDU", password="secret1", id="x")
    assert made == {"event": "account_created", "id": "x", "account_id": made["account_id"]}
    token = await as_admin.call("user_auth", account_id=made["account_id"], password="secret1")
    assert len(token["auth_token"]) == 24


async def test_api_key_comes_with_the_account_if_wanted(as_admin):
    made = await as_admin.call("create_account", email_address="e@example.edu", password="secret1", get_api_key=True)
    assert made["api_key"].startswith("sk-")
    newcomer = as_admin.with_key(made["api_key"])
    found = await newcomer.call("query", query={"accounts": {"account_id": None, "email_address": None}})
    assert found["query"]["accounts"] == {"account_id": made["account_id"], "email_address": "e@example.edu"}


@pytest.mark.parametrize(("text", "has_key"), [("true", True), ("1", True), ("false", False), ("", False)])
async def test_form_flags_are_read(as_admin, text, has_key):
    fields = {
        "email_address": "e+1@example.edu",
        "password": "secret1",
        "get_api_key": text,
        "agreed_to_terms": "false",
    }
    assert ("api_key" in await as_admin.form("create_account", fields)) == has_key


@pytest.mark.parametrize(
    ("parameters", "reason"),
    [
        (
            {"email_address": "nonsense", "password": "secret1"},
            {"email_address": "Email address does not appear to be valid."},
        ),
        (
            {"email_address": "e@example.edu", "password": "short"},
            {"password": "Password must be between 6 and 64 characters in length."},
        ),
        ({"email_address": "e@example.edu", "password": 123456}, {"password": "Password must be specified."}),
        (
            {"email_address": "nonsense", "password": "short"},
            {
                "email_address": "Email address does not appear to be valid.",
                "password": "Password must be between 6 and 64 characters in length.",
            },
        ),
    ],
)
async def test_failure_says_what_is_wrong_with_which_parameter(as_admin, parameters, reason):
    answer = await as_admin.call("create_account", id="x", **parameters)
    code = "invalid_request"
    assert answer == {"event": "account_creation_failed", "id": "x", "reason": reason, "code": code}


async def test_address_that_is_taken_is_said(as_admin, as_stranger):
    answer = await as_admin.call("create_account", email_address="STRANGER@example.edu", password="secret1")
    assert answer["reason"] == {"email_address": "This e-mail address is already taken."}
    assert answer["code"] == "already_exists"


async def test_only_administrators_make_accounts(as_owner):
    answer = await as_owner.call("create_account", email_address="e@example.edu", password="secret1")
    assert answer["event"] == "account_creation_failed"
    assert answer["reason"] == {"other": "Only administrators may create accounts here."}


async def test_any_key_makes_accounts_where_the_operator_allows_it(
    as_owner, settings, database, clock, secret_source, services, open_http
):
    allowing = settings.model_copy(update={"account_creation": "any_key"})
    accounts = type(services.accounts)(allowing, database, clock, secret_source, services.accounts._passwords)
    async with open_http(services=replace(services, accounts=accounts)) as http:
        caller = replace(as_owner, http=http)
        made = await caller.call("create_account", email_address="e@example.edu", password="secret1", get_api_key="yes")
    assert made["event"] == "account_created"
    assert "api_key" in made


async def test_project_key_makes_no_accounts(as_owner, project_id, services):
    _, key = await services.api_keys.create(as_owner.principal, project_id=project_id)
    answer = await as_owner.with_key(key).call("create_account", email_address="e@example.edu", password="secret1")
    assert answer["event"] == "account_creation_failed"


async def test_a_class_of_two_hundred_is_made_in_one_go(as_admin):
    made = await asyncio.gather(
        *[
            as_admin.call("create_account", email_address=f"student{number}@example.edu", password="a-password")
            for number in range(200)
        ]
    )
    assert {answer["event"] for answer in made} == {"account_created"}
    assert len({answer["account_id"] for answer in made}) == 200
