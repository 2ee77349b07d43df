"""Making, listing, editing and ending API keys; what a key may not do to keys."""

from datetime import timedelta

import pytest

from studiolo.core.clock import iso_milliseconds
from studiolo.core.models import KeyScope

pytestmark = pytest.mark.anyio


@pytest.fixture
def with_scopes(services):
    """Return a function that gives a caller a key with scopes."""

    async def give(caller, *scopes: str, **given):
        _, key = await services.api_keys.create(caller.principal, scopes=scopes, **given)
        return caller.with_key(key)

    return give


async def test_a_key_of_the_account_is_good_for_everything_unless_said_otherwise(as_owner):
    made = await as_owner.call("create_api_key", name="portal")
    assert (made["key"]["name"], made["key"]["scopes"]) == ("portal", ["everything"])
    assert made["key"]["trunc"] == f"sk-...{made['api_key'][-6:]}"
    assert "project_id" not in made["key"]
    assert (await as_owner.with_key(made["api_key"]).call("create_project"))["event"] == "project_created"


async def test_a_key_with_scopes_does_what_they_name_and_nothing_else(as_owner, project_id, runner):
    runner.agent(project_id).files["a"] = "text"
    key = (await as_owner.call("create_api_key", scopes=["files:read"]))["api_key"]
    reader = as_owner.with_key(key)
    read = await reader.call("read_text_file_from_project", project_id=project_id, path="a")
    assert read["content"] == "text"
    refused = await reader.call("write_text_file_to_project", project_id=project_id, path="a", content="x")
    assert refused["code"] == "scope_missing"
    assert refused["error"] == "This API key is not good for this: the call needs the scope files:write."
    assert runner.agent(project_id).files["a"] == "text"


async def test_a_projects_key_can_have_scopes_too(as_owner, project_id, other_project_id, runner):
    runner.agent(project_id).files["a"] = "text"
    made = await as_owner.call("create_api_key", scopes=["files:read"], project_id=project_id)
    reader = as_owner.with_key(made["api_key"])
    assert made["key"]["project_id"] == project_id
    assert (await reader.call("read_text_file_from_project", project_id=project_id, path="a"))["content"] == "text"
    elsewhere = await reader.call("read_text_file_from_project", project_id=other_project_id, path="a")
    assert elsewhere["code"] == "project_not_found"
    assert (await reader.call("project_exec", project_id=project_id, command="ls"))["code"] == "scope_missing"


@pytest.mark.parametrize("scopes", [["nonsense"], [], ["files:read", "root"]])
async def test_a_scope_must_be_of_the_list(as_owner, scopes):
    answer = await as_owner.call("create_api_key", scopes=scopes)
    assert answer["code"] == "invalid_request"
    assert "Scopes are: everything, projects:read," in answer["error"]


async def test_a_key_makes_no_key_that_is_stronger(as_owner, with_scopes):
    keeper = await with_scopes(as_owner, "keys", "files:read")
    for scopes in (["everything"], ["files:write"], ["keys", "files:read", "exec"]):
        assert (await keeper.call("create_api_key", scopes=scopes))["code"] == "scope_missing"
    assert (await keeper.call("create_api_key", scopes=["files:read"]))["key"]["scopes"] == ["files:read"]
    assert (await keeper.call("create_api_key"))["key"]["scopes"] == ["files:read", "keys"]


async def test_a_key_changes_neither_itself_nor_others_to_something_stronger(as_owner, with_scopes):
    keeper = await with_scopes(as_owner, "keys", "files:read")
    own = await keeper.call("list_api_keys")
    for key in own["keys"]:
        answer = await keeper.call("edit_api_key", api_key_id=key["api_key_id"], scopes=["everything"])
        assert answer["code"] == "scope_missing"


async def test_a_key_neither_sees_nor_ends_a_stronger_one(as_owner, with_scopes):
    strong = (await as_owner.call("create_api_key", scopes=["exec"]))["key"]["api_key_id"]
    keeper = await with_scopes(as_owner, "keys", "files:read")
    seen = await keeper.call("list_api_keys")
    assert [key["scopes"] for key in seen["keys"]] == [["files:read", "keys"]]
    assert await keeper.fails("revoke_api_key", api_key_id=strong) == "There is no such API key."
    assert await keeper.fails("edit_api_key", api_key_id=strong, name="x") == "There is no such API key."


async def test_a_key_that_ends_makes_none_that_outlives_it(as_owner, with_scopes, clock):
    end = clock.now() + timedelta(days=1)
    passing = await with_scopes(as_owner, "everything", expires_at=end)
    made = (await passing.call("create_api_key"))["key"]
    assert made["expires_at"] == iso_milliseconds(end)
    words = "A key cannot make a key that lives longer than itself."
    assert await passing.fails("create_api_key", expires_at="2040-01-01") == words
    assert await passing.fails("edit_api_key", api_key_id=made["api_key_id"], expires_at="") == words
    lasting = (await as_owner.call("create_api_key", scopes=["files:read"]))["key"]["api_key_id"]
    assert await passing.fails("edit_api_key", api_key_id=lasting, scopes=["everything"]) == words
    assert (await passing.call("edit_api_key", api_key_id=lasting, name="x"))["key"]["name"] == "x"


async def test_a_key_is_renamed_narrowed_and_given_an_end(as_owner, clock):
    made = await as_owner.call("create_api_key", name="a")
    number = made["key"]["api_key_id"]
    edited = await as_owner.call(
        "edit_api_key", api_key_id=number, name="b", scopes=["copies"], expires_at="2040-01-01T00:00:00Z"
    )
    assert edited["key"] == {
        **made["key"],
        "name": "b",
        "scopes": ["copies"],
        "expires_at": "2040-01-01T00:00:00.000Z",
    }
    assert "expires_at" not in (await as_owner.call("edit_api_key", api_key_id=number, expires_at=""))["key"]
    assert (await as_owner.call("edit_api_key", api_key_id=number, expires_at="soon"))["code"] == "invalid_request"


async def test_an_ended_key_is_unknown_and_the_tokens_made_with_it_end(as_owner, services):
    made = await as_owner.call("create_api_key")
    user = as_owner.with_key(made["api_key"])
    token = (await user.call("mint_auth_token"))["auth_token"]
    _, secret = await services.sign_ins.sign_in_frame(token, None)
    assert (await user.call("revoke_api_key", api_key_id=made["key"]["api_key_id"]))["event"] == "success"
    assert (await user.refused("ping"))["code"] == "api_key_invalid"
    with pytest.raises(Exception, match="auth_token is not valid"):
        await services.auth_tokens.redeem(token)
    with pytest.raises(Exception, match="signed out"):
        await services.sign_ins.resolve(secret)


async def test_keys_of_others_are_not_there(as_owner, as_stranger):
    number = (await as_owner.call("create_api_key"))["key"]["api_key_id"]
    for call in ("edit_api_key", "revoke_api_key"):
        assert (await as_stranger.call(call, api_key_id=number))["code"] == "not_found"
    for number in (0, -1, 2**40):
        assert (await as_stranger.call("revoke_api_key", api_key_id=number))["code"] == "not_found"
    assert (await as_stranger.call("list_api_keys", account_id=as_owner.account_id))["code"] == "forbidden"
    assert (await as_stranger.call("create_api_key", account_id=as_owner.account_id))["code"] == "forbidden"


async def test_an_administrator_looks_after_the_keys_of_all(as_admin, as_owner):
    made = await as_admin.call("create_api_key", account_id=as_owner.account_id, name="given")
    listed = await as_owner.call("list_api_keys")
    assert listed["keys"][0]["api_key_id"] == made["key"]["api_key_id"]
    assert len((await as_admin.call("list_api_keys", account_id=as_owner.account_id))["keys"]) == 2
    assert (await as_admin.call("revoke_api_key", api_key_id=made["key"]["api_key_id"]))["event"] == "success"


async def test_a_key_acts_as_an_administrator_only_with_that_scope(as_admin, as_owner, with_scopes, project_id, runner):
    runner.agent(project_id).files["a"] = "text"
    everything_else = [scope.value for scope in KeyScope if scope is not KeyScope.ADMIN]
    plain = await with_scopes(as_admin, *everything_else)
    assert (await plain.call("create_account", email_address="x@example.edu", password="a-password"))["reason"]
    read = {"project_id": project_id, "path": "a"}
    assert (await plain.call("read_text_file_from_project", **read))["code"] == "project_not_found"
    assert (await plain.call("list_api_keys", account_id=as_owner.account_id))["code"] == "forbidden"
    refused = await plain.call("create_api_key", project_id=project_id, scopes=["files:read"])
    assert refused["code"] == "project_not_found"
    full = await with_scopes(as_admin, "admin", "files:read")
    assert (await full.call("read_text_file_from_project", **read))["content"] == "text"


async def test_a_query_needs_the_scope_of_its_table(as_owner, with_scopes, project_id):
    reader = await with_scopes(as_owner, "projects:read", "projects:write")
    asked = {"projects": {"project_id": project_id, "title": None}}
    assert (await reader.call("query", query=asked))["query"]["projects"]["title"] == "Homework"
    for query in (
        {"accounts": {"email_address": None}},
        {"accounts": {"first_name": "x"}},
        {"projects": {"project_id": project_id, "users": {as_owner.account_id: {"hide": True}}}},
        {"public_paths": {"project_id": project_id, "path": "a"}},
        {"project_invite_tokens": [{"project_id": project_id, "token": None}]},
    ):
        assert (await reader.call("query", query=query))["code"] == "scope_missing", query
    only = await with_scopes(as_owner, "projects:read")
    change = {"projects": {"project_id": project_id, "title": "x"}}
    assert (await only.call("query", query=[asked, change]))["code"] == "scope_missing"
