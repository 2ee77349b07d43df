"""Promises that hold for every call; a new call is watched from its first day."""

import json
import re
from pathlib import Path

import jsonschema
import pytest
from openapi_spec_validator import OpenAPIV31SpecValidator

from studiolo.core.errors import all_errors
from studiolo.web import calls, openapi, reference
from studiolo.web.api_v1.registry import NEVER_HANDLED, NOT_OFFERED, NOT_OVER_HTTP, Call, Registry

ROOT = Path(__file__).parents[2]
KEYLESS = {"ping"}  # may only shrink
CALLS = calls.every_call().v1
EXAMPLES = [pytest.param(call, n, id=f"{call.name}-{n}") for call in CALLS for n in range(len(call.examples))]
every_call = pytest.mark.parametrize("call", CALLS, ids=lambda call: call.name)


@pytest.fixture(scope="module")
def document():
    return openapi.document(calls.every_call())


@pytest.fixture(scope="module")
def page(document) -> str:
    return reference.render(document)


def test_document_is_valid_openapi(document):
    OpenAPIV31SpecValidator(document).validate()


def test_every_call_is_in_the_document_and_the_reverse(document):
    paths = {
        path.rpartition("/")[2]
        for path, operations in document["paths"].items()
        if path.startswith("/api/v1/") and "transfers" not in next(iter(operations.values()))["tags"]
    }
    assert paths == {call.name for call in CALLS}
    for call in CALLS:
        assert document["paths"][f"/api/v1/{call.name}"]["post"]["operationId"] == call.name


def test_committed_document_is_what_the_code_makes():
    committed = (ROOT / "openapi" / "studiolo.json").read_text(encoding="utf-8")
    assert committed == openapi.text(), "run: .venv/bin/python -m studiolo.web.openapi openapi/studiolo.json"


def test_calls_are_those_that_were_promised():
    assert {call.name for call in CALLS} >= {
        "ping",
        "create_account",
        "create_project",
        "user_auth",
        "write_text_file_to_project",
        "read_text_file_from_project",
        "project_exec",
        "copy_path_between_projects",
        "copy_path_status",
        "copy_path_delete",
        "log_client_error",
        "query",
    }


def test_no_name_is_both_a_call_and_not_one():
    names = {call.name for call in CALLS}
    kinds = (names, NOT_OVER_HTTP, NEVER_HANDLED, set(NOT_OFFERED))
    assert len(set().union(*kinds)) == sum(map(len, kinds))


@pytest.mark.anyio
@pytest.mark.parametrize("name", NOT_OFFERED)
async def test_call_that_is_not_offered_is_unknown_and_the_reference_says_why(name, as_owner, page):
    assert (await as_owner.refused(name))["error"] == f"unknown endpoint '{name}'"
    assert f"<code>{name}</code>" in page
    assert NOT_OFFERED[name].endswith(".")


def test_two_calls_of_one_name_are_refused():
    with pytest.raises(ValueError, match="ping"):
        Registry([call for call in CALLS if call.name == "ping"] * 2)


def test_only_known_calls_need_no_key():
    assert {call.name for call in CALLS if not call.needs_key} == KEYLESS


@every_call
def test_every_call_has_words_and_an_example(call: Call):
    assert call.summary.endswith(".")
    assert call.permission.endswith(".")
    assert call.examples


@every_call
def test_call_names_its_handler(call: Call):
    assert call.handler.__name__ == call.name


@every_call
def test_example_fits_the_document(call: Call, document):
    for example in call.examples:
        for model, value in ((call.parameters.__name__, example.parameters), (None, example.answer)):
            refs = [model] if model else [answer.__name__ for answer in call.answers]
            schema = {"oneOf": [{"$ref": f"#/components/schemas/{ref}"} for ref in refs]}
            jsonschema.Draft202012Validator({**schema, "components": document["components"]}).validate(value)


@pytest.mark.anyio
@every_call
async def test_call_refuses_a_request_without_a_header(call: Call, as_anonymous):
    answer = await as_anonymous.refused(call.name, **call.examples[0].parameters)
    assert answer == {"error": "You must provide authentication via an API key.", "code": "unauthenticated"}


@pytest.mark.anyio
@pytest.mark.parametrize("call", [call for call in CALLS if call.name not in KEYLESS], ids=lambda call: call.name)
async def test_call_refuses_an_empty_key(call: Call, as_blank):
    answer = await as_blank.refused(call.name, **call.examples[0].parameters)
    assert answer == {"error": "No account found. Is your API key wrong?", "code": "api_key_invalid"}


@pytest.mark.anyio
@every_call
async def test_call_refuses_unknown_parameters(call: Call, as_admin):
    answer = await as_admin.refused(call.name, **call.examples[0].parameters, no_such_thing=1)
    assert "got an unexpected argument 'no_such_thing' '" in answer["error"]


@pytest.mark.anyio
@pytest.mark.parametrize(("call", "number"), EXAMPLES)
async def test_example_runs(call: Call, number: int, example_world):
    example = call.examples[number]
    answer = await example_world.run(call.name, example.parameters)
    assert answer["event"] == example.answer["event"]
    assert set(answer) == set(example.answer)
    if isinstance(answer.get("data"), dict):
        assert set(answer["data"]) == set(example.answer["data"])


def test_every_error_has_its_own_code():
    codes = [error.code for error in all_errors()]
    assert len(codes) == len(set(codes))
    assert all(re.fullmatch("[a-z][a-z_]+", code) for code in codes)


def test_every_error_is_in_the_document(document):
    codes = {error.code for error in all_errors()}
    for shape in ("DoorError", "ErrorEvent"):
        assert set(document["components"]["schemas"][shape]["properties"]["code"]["enum"]) == codes


def test_every_family_of_errors_has_a_line_in_the_docs():
    page = (ROOT / "docs" / "contributing" / "http-status-codes.md").read_text(encoding="utf-8")
    for error in all_errors():
        assert f"| {error.status} |" in page, f"{error.__name__} has a status that the page does not explain"


@every_call
def test_reference_page_shows_every_call(call: Call, page):
    assert f'id="{call.name}"' in page
    assert "<script" not in page


def test_document_is_json_for_everybody(document):
    assert json.loads(json.dumps(document, allow_nan=False)) == document
