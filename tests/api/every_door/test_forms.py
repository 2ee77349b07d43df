"""Promises that hold for every form of a call; a new form is watched from its first day."""

import json
from typing import Any

import pytest

from studiolo.testing.worlds import shape
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


@pytest.mark.parametrize(
    ("door", "name", "one", "example"), EXAMPLES, ids=[f"{d}-{n}-{e.summary}" for d, n, _, e in EXAMPLES]
)
async def test_example_runs(door, name, one, example, example_world, reach, while_copying):
    given = json.loads(example_world.world.put(json.dumps(example.parameters)))
    answer = await while_copying(reach(example_world.caller.key, door, name, given))
    assert shape(answer) == shape(_expected(door, one, example.answer))


def _expected(door: str, one: Any, answer: Any) -> Any:
    """Return what an example's answer is at a door: it is written as API v2 gives it, if that has the form."""
    if door == "v2" or one.form.v2 is None:
        return answer
    if answer == {"status": one.form.done}:
        return None
    return answer[one.form.bare] if one.form.bare is not None else answer
