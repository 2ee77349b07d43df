"""The pages of the API's reference: every call is there, and every example sends what the suite runs."""

import ast
import inspect
import json
import shlex
from typing import Any

import pytest

from studiolo.client import Client
from studiolo.web import openapi_transfers, reference_pages
from studiolo.web.api_v1.calls import all_calls
from studiolo.web.api_v1.registry import DOORS, NOT_OFFERED
from studiolo.web.calls import every_call
from studiolo.web.client_source.shapes import Shapes
from studiolo.web.doors import past
from studiolo.web.openapi_schemas import Schemas
from studiolo.web.reference_entries import Shown, entries

ENTRIES = [one for found in entries(every_call(), Schemas(every_call())).values() for one in found]
EXAMPLES = [(entry, example) for entry in ENTRIES for shape in entry.shapes for example in shape.examples]
every_example = pytest.mark.parametrize(
    ("entry", "example"), EXAMPLES, ids=[f"{entry.name}-{example.address}" for entry, example in EXAMPLES]
)


@pytest.fixture(scope="module")
def pages() -> dict[str, str]:
    return reference_pages.all_pages()


def test_every_call_is_on_the_page_of_its_noun_and_in_the_index(pages: dict[str, str]):
    for call in every_call():
        assert f"\n## {call.name}\n" in pages[call.noun]
        assert f"[`{call.name}`]({call.noun}.md#{call.name})" in pages["index"]


def test_every_name_at_every_door_is_there(pages: dict[str, str]):
    for door in DOORS:
        for name, one in every_call().at(door).items():
            assert name in pages[one.call.noun], (door, name)
            assert f"`{name}`" in pages["index"]


def test_what_is_not_offered_is_there_with_its_reason(pages: dict[str, str]):
    for name, reason in NOT_OFFERED.items():
        assert f"| `{name}` | {reason} |" in pages["not-offered"]
    for names, reason in past.NOT_OFFERED.items():
        assert f"| {names} | {reason} |" in pages["not-offered"]
        door, _, paths = names.partition(" ")
        for path in paths.split(", "):
            assert [one for one in every_call().at(door) if one.startswith(path)] == []


def test_every_transfer_is_there(pages: dict[str, str]):
    for path, operations in openapi_transfers.paths(Schemas(every_call())).items():
        for method in operations:
            assert f"\n{method.upper()} {path}\n" in pages["transfers"]


def test_every_call_has_an_example_on_its_page():
    assert [entry.name for entry in ENTRIES if not any(shape.examples for shape in entry.shapes)] == []


@every_example
def test_the_command_sends_the_example(entry: Any, example: Shown):
    words = shlex.split(reference_pages.curl(example))
    assert words[:3] == ["curl", "-u", "$KEY:"]
    assert reference_pages.SITE + example.address in words
    assert json.loads(words[words.index("-d") + 1]) == example.body


@every_example
def test_the_program_sends_the_example(entry: Any, example: Shown):
    method = {method.call: method for method in Shapes(all_calls()).methods}.get(entry.name)
    calls = [one for one in ast.walk(ast.parse(reference_pages.python(example, method))) if isinstance(one, ast.Call)]
    keywords = {word.arg: word.value for call in calls for word in call.keywords}
    if example.address.startswith("/api/conat/"):
        sent = next(one for one in calls if ast.unparse(one.func).endswith(".call"))
        assert [ast.literal_eval(argument) for argument in sent.args] == [example.body["name"], example.body["args"]]
    elif example.address.startswith("/api/v2/"):
        assert ast.literal_eval(keywords["json"]) == example.body
    else:
        assert method is not None
        made = next(one for one in calls if ast.unparse(one.func).startswith("client."))
        given = {word.arg: ast.literal_eval(word.value) for word in made.keywords}
        with Client("http://localhost", "") as client:
            signature = inspect.signature(getattr(getattr(client, method.noun), method.name))
        signature.bind(**given)
        wire = {field.name: field.wire for field in method.parameters}
        known = {name: value for name, value in example.parameters.items() if name != "id"}
        assert {wire[str(name)]: value for name, value in given.items()} == known
