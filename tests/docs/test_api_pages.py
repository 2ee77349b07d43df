"""The pages of the API's reference: every call is there, every transfer, and what is not offered."""

import pytest

from studiolo.web import openapi_transfers, reference_pages
from studiolo.web.api_v1.registry import DOORS, NOT_OFFERED
from studiolo.web.calls import every_call
from studiolo.web.doors import past
from studiolo.web.openapi_schemas import Schemas
from studiolo.web.reference_entries import entries

ENTRIES = [one for found in entries(every_call(), Schemas(every_call())).values() for one in found]


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
