"""Promises that hold for every form of a call; a new form is watched from its first day."""

import json
from posixpath import join, normpath
from typing import Any

import pytest

from studiolo.web.api_v1.calls import all_calls
from studiolo.web.api_v1.parameters import Answer, Parameters
from studiolo.web.api_v1.registry import DOORS, Form, Registry
from studiolo.web.calls import every_call
from studiolo.web.doors.shapes import Given, read_given

pytestmark = pytest.mark.anyio
FORMS = [(door, name, one) for door in DOORS for name, one in every_call().at(door).items()]
every_form = pytest.mark.parametrize(("door", "name", "one"), FORMS, ids=[f"{door}-{name}" for door, name, _ in FORMS])
EXAMPLES = [(door, name, one, example) for door, name, one in FORMS for example in one.examples]


def test_every_call_of_api_v1_is_in_the_one_registry():
    assert [call.name for call in every_call().v1] == [call.name for call in all_calls()]


def test_every_call_is_at_some_door():
    assert [call.name for call in every_call() if not call.doors] == []


def test_a_form_of_no_call_is_refused():
    with pytest.raises(ValueError, match="nothing"):
        Registry([]).with_forms({"nothing": [Form(hub="system.nothing")]})


def test_two_calls_of_one_name_at_a_door_are_refused():
    ping = every_call().by_name["ping"]
    with pytest.raises(ValueError, match=r"system\.ping"):
        Registry([ping]).with_forms({"ping": [Form(hub="system.ping")]})


@every_form
def test_every_form_has_an_example_or_the_shape_of_api_v1(door, name, one):
    assert one.examples or one.form.handler is None


@every_form
def test_every_form_has_a_model_of_what_it_takes_and_of_what_it_answers(door, name, one, door_answers):
    assert issubclass(one.parameters, Given | Parameters)
    assert "Any" not in str(one.answer)
    if one.form.handler is None and one.call.is_over_v1:
        assert issubclass(one.answer, Answer)


@every_form
def test_no_schema_of_an_answer_lets_everything_through(door, name, one, door_answers):
    schema = door_answers._schema(door, name)
    assert {} not in schema["anyOf"]
    assert len(schema["anyOf"]) == 2


def test_every_schema_has_a_name_of_its_own(door_answers):
    assert [name for name in door_answers.document["components"]["schemas"] if "__" in name] == []


def test_what_api_v1_takes_elsewhere_is_read_leniently():
    call = every_call().by_name["create_project"]
    given: Any = read_given(call.parameters, {"title": "a", "no_such_thing": 1, "description": None})
    assert (given.title, given.description) == ("a", "")


@pytest.fixture
async def names(example_world, services, caller, runner) -> dict[str, str]:
    """Make what only these examples speak of; return what is called how here."""

    async def realpath(params: dict[str, Any]) -> dict[str, Any]:
        paths = params["args"][params["args"].index("--") + 1 :]
        return {
            "stdout": "".join(f"{normpath(join('/home/x', path))}\0" for path in paths),
            "stderr": "",
            "exit_code": 0,
        }

    admin = example_world.caller
    runner.agent(example_world.names["2f5b3c4e-6d1a-4a4e-9c0d-7b8f6a5e4d3c"]).commands["realpath"] = realpath
    school = await services.organizations.create(admin.principal, "school")
    member = await services.organizations.create_user(
        admin.principal,
        "school",
        email_address="member@example.edu",
        first_name="Emmy",
        last_name="Noether",
        password=None,
    )
    await services.organizations.add_admin(admin.principal, "school", member.account_id)
    made, _ = await services.api_keys.create(admin.principal, name="old")
    writer = (await caller("writer")).principal
    number = await services.messages.send(writer, to=[admin.account_id], subject="Homework 3", body="It is done.")
    return {
        **example_world.names,
        "7a9c1e3b-5d7f-4b2a-8c4e-6f8a0b2c4d6e": school.organization_id,
        "0c8e4f2a-7b1d-4a3c-9e5f-6d7a8b9c0d1e": member.account_id,
        '"id": 7': f'"id": {made.api_key_id}',
        '"id": 11': f'"id": {number}',
    }


@pytest.mark.parametrize(
    ("door", "name", "one", "example"), EXAMPLES, ids=[f"{d}-{n}-{e.summary}" for d, n, _, e in EXAMPLES]
)
async def test_example_runs(door, name, one, example, example_world, names, reach, while_copying):
    text = json.dumps(example.parameters)
    for written, real in names.items():
        text = text.replace(written, real)
    answer = await while_copying(reach(example_world.caller.key, door, name, json.loads(text)))
    assert _keys(answer) == _keys(_expected(door, one, example.answer))


def _expected(door: str, one: Any, answer: Any) -> Any:
    """Return what an example's answer is at a door: it is written as API v2 gives it, if that has the form."""
    if door == "v2" or one.form.v2 is None:
        return answer
    if answer == {"status": one.form.done}:
        return None
    return answer[one.form.bare] if one.form.bare is not None else answer


def _keys(value: Any) -> Any:
    """Return an answer's shape: its keys, and those of the first thing in a list."""
    if isinstance(value, dict) and "error" not in value:
        return {key for key in value if "-" not in key}
    if isinstance(value, list):
        return [_keys(value[0])] if value else []
    return value if isinstance(value, dict) else type(value)
