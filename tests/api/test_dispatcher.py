"""The door of API v1: what comes in, in which order it is checked, and how errors look."""

import json
from dataclasses import replace

import pytest

pytestmark = pytest.mark.anyio
NO_HEADER = "You must provide authentication via an API key."
WRONG_KEY = "No account found. Is your API key wrong?"


async def test_ping_answers_with_the_time_and_the_id(as_owner):
    answer = await as_owner.call("ping", id="my id")
    assert answer == {"event": "pong", "id": "my id", "now": "2026-01-01T12:00:00.000Z"}


async def test_ping_needs_no_key_but_the_header(as_blank, as_anonymous, as_owner):
    assert (await as_blank.call("ping"))["event"] == "pong"
    assert (await as_anonymous.refused("ping"))["error"] == NO_HEADER
    assert (await as_owner.with_key("sk-wrong").refused("ping"))["error"] == WRONG_KEY


async def test_id_is_made_if_absent(as_owner):
    first, second = await as_owner.call("ping"), await as_owner.call("ping", id=None)
    assert len(first["id"]) == len(second["id"]) == 36
    assert first["id"] != second["id"]


@pytest.mark.parametrize("message_id", ["", 5, 0, False, 1.5, ["a", None], {"k": None}, "\ud800", "é"])
async def test_id_is_repeated_verbatim(as_owner, message_id):
    assert (await as_owner.call("ping", id=message_id))["id"] == message_id


async def test_deeply_nested_id_breaks_nothing(as_owner):
    deep = "x"
    for _ in range(600):
        deep = [deep]
    response = await as_owner.post("ping", content=json.dumps({"id": deep}), content_type="application/json")
    assert response.status_code in (200, 400)


@pytest.mark.parametrize("path", ["/api/v1/ping", "/api/v1/foo/ping", "/api/v1//ping", "/portal/api/v1/ping"])
async def test_last_segment_names_the_call(as_owner, path):
    assert (await as_owner.post_to(path)).json()["event"] == "pong"


@pytest.mark.parametrize("name", ["", "nothing", "PING", "ping ", "pïng", "__init__"])
async def test_unknown_name_is_said(as_owner, name):
    answer = await as_owner.refused(name)
    assert answer == {"error": f"unknown endpoint '{name}'", "code": "endpoint_unknown"}


@pytest.mark.parametrize("name", ["sign_in", "pong", "api_key", "project_set_quotas", "query_cancel"])
async def test_message_that_is_no_call_is_told_apart(as_owner, name):
    assert (await as_owner.refused(name))["error"] == f"endpoint '{name}' is not part of the HTTP API"


async def test_message_that_nobody_handles_is_told_apart(as_owner):
    assert (await as_owner.refused("stripe_plans"))["error"] == "unknown message event type 'stripe_plans'"


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "PATCH", "OPTIONS"])
async def test_other_methods_are_refused(as_owner, method):
    response = await as_owner.request(method, "/api/v1/ping")
    assert (response.status_code, response.headers["allow"]) == (405, "POST")
    assert response.json()["code"] == "method_not_allowed"
    assert "access-control-allow-origin" not in response.headers


async def test_checks_come_in_the_promised_order(as_owner):
    wrong = as_owner.with_key("sk-wrong")
    nobody = as_owner.with_header(None)
    assert (await nobody.refused("nothing"))["error"] == NO_HEADER
    assert (await wrong.refused("nothing"))["error"] == "unknown endpoint 'nothing'"
    assert (await wrong.refused("sign_in"))["error"] == "endpoint 'sign_in' is not part of the HTTP API"
    assert (await wrong.refused("user_auth"))["error"].startswith("invalid parameters '")
    refused = await wrong.refused("query", query={"projects": {"title": None}}, multi_response=True)
    assert refused["error"] == "multi_response queries aren't supported"
    assert (await wrong.refused("create_project", title="t"))["error"] == WRONG_KEY


async def test_other_authorization_scheme_is_named(as_owner):
    answer = await as_owner.with_header("Digest x").refused("ping")
    assert answer == {"error": "Unknown authorization type 'Digest'", "code": "unauthenticated"}


async def test_bearer_and_basic_are_the_same(as_owner):
    assert (await as_owner.with_header(f"Bearer {as_owner.key}").call("create_project"))["event"] == "project_created"
    assert (await as_owner.call("create_project"))["event"] == "project_created"


async def test_key_in_query_or_body_does_not_count(as_anonymous, as_owner):
    response = await as_anonymous.post_to(f"/api/v1/ping?api_key={as_owner.key}")
    assert response.json()["error"] == NO_HEADER


async def test_banned_account_is_refused(as_owner, services, as_admin):
    await services.accounts.set_banned(as_admin.principal, as_owner.account_id, True)
    answer = await as_owner.refused("create_project")
    assert answer["error"] == "User is BANNED.  If this is a mistake, please contact help@localhost"
    assert answer["code"] == "account_banned"


async def test_missing_parameter_goes_before_unexpected_one(as_owner):
    answer = await as_owner.refused("user_auth", account_id="a", colour="red")
    words = "invalid parameters 'Error: misc.defaults -- TypeError: property 'password' must be specified: '"
    assert answer == {"error": words, "code": "invalid_parameters"}


async def test_null_counts_as_absent(as_owner):
    assert (await as_owner.refused("user_auth", account_id=None, password=""))["error"].startswith("invalid parameters")
    assert (await as_owner.call("create_project", title=None, start=None))["event"] == "project_created"


async def test_event_in_the_body_is_ignored(as_owner):
    assert (await as_owner.call("ping", event="ping"))["event"] == "pong"
    assert (await as_owner.form("ping", {"event": "create_project"}))["event"] == "pong"


@pytest.mark.parametrize("body", ["{", "nonsense", '{"id": NaN}', "[" * 100_000, '{"id": "\xff"}'.encode("latin-1")])
async def test_malformed_json_is_refused(as_owner, body):
    response = await as_owner.post("ping", content=body, content_type="application/json")
    assert (response.status_code, response.json()["code"]) == (400, "body_malformed")


@pytest.mark.parametrize("body", ["[]", "null", "5", '"ping"'])
async def test_json_that_is_no_object_is_refused(as_owner, body):
    response = await as_owner.post("ping", content=body, content_type="application/json")
    assert response.json() == {"error": "The JSON body must be an object.", "code": "body_malformed"}


@pytest.mark.parametrize("content_type", ["text/plain", "multipart/form-data; boundary=x", ""])
async def test_other_content_types_count_as_empty(as_owner, content_type):
    response = await as_owner.post("ping", content='{"id": "x", "unknown": 1}', content_type=content_type)
    assert response.json()["event"] == "pong"
    assert response.json()["id"] != "x"


@pytest.mark.parametrize("content_type", ["application/json", "application/json; charset=utf-8", "Application/JSON"])
async def test_json_is_known_however_it_is_written(as_owner, content_type):
    response = await as_owner.post("ping", content='{"id": "x"}', content_type=content_type)
    assert response.json()["id"] == "x"


async def test_empty_json_body_is_empty(as_owner):
    assert (await as_owner.post("ping", content="", content_type="application/json")).json()["event"] == "pong"


async def test_body_over_the_limit_is_refused_as_json(as_owner):
    body = json.dumps({"id": "x" * (2 * 1024 * 1024)})
    response = await as_owner.post("ping", content=body, content_type="application/json")
    assert (response.status_code, response.json()["code"]) == (413, "body_too_large")


async def test_large_body_is_read_only_for_a_known_key(as_owner, as_blank):
    body = json.dumps({"id": "x" * (1024 * 1024)})
    wrong = await as_owner.with_key("sk-wrong").post("nothing", content=body, content_type="application/json")
    assert wrong.json()["error"] == "unknown endpoint 'nothing'"
    wrong = await as_owner.with_key("sk-wrong").post("user_auth", content=body, content_type="application/json")
    assert wrong.json()["error"] == WRONG_KEY
    assert (await as_blank.post("ping", content=body, content_type="application/json")).status_code == 413
    known = await as_owner.post("ping", content=body, content_type="application/json")
    assert len(known.json()["id"]) == 1024 * 1024


async def test_answer_is_json_with_safe_headers(as_owner):
    response = await as_owner.post("ping", content="", content_type="")
    assert response.headers["content-type"] == "application/json"
    assert response.headers["x-content-type-options"] == "nosniff"


async def test_defect_of_ours_is_500_with_the_request_id(as_owner, services, open_http):
    async with open_http(services=replace(services, projects=None)) as http:
        response = await replace(as_owner, http=http).post("create_project")
    assert response.status_code == 500
    assert response.json()["code"] == "internal_error"
    assert response.headers["x-request-id"] in response.json()["error"]


async def test_log_line_names_call_and_caller_but_no_secret(as_owner, log_lines):
    await as_owner.call("user_auth", account_id=as_owner.account_id, password="wrong password")
    (line,) = [line for line in log_lines if line["event"] == "request"]
    assert (line["call"], line["caller"]) == ("user_auth", as_owner.account_id)
    assert line["error_code"] == "password_incorrect"
    assert as_owner.key not in repr(log_lines)
    assert "wrong password" not in repr(log_lines)
