"""What parameters may look like in JSON and in forms."""

from typing import Any

import pytest
from pydantic import Field

from studiolo.core.errors import InvalidParameters
from studiolo.web.api_v1.parameters import (
    Content,
    Flag,
    Integer,
    Number,
    Parameters,
    Structure,
    Text,
    TextOrTexts,
    Texts,
    read_parameters,
)


class Everything(Parameters):
    name: Text
    content: Content = ""
    flag: Flag = False
    number: Number = 10
    integer: Integer = None
    texts: Texts = Field(default=[])
    one_or_many: TextOrTexts = ""
    structure: Structure | None = None


def read(**given: Any) -> Everything:
    return read_parameters(Everything, {"name": "n", **given})


@pytest.mark.parametrize("value", [True, 1, "true", "True", "TRUE", "1", "yes", "on", " on "])
def test_flag_reads_yes(value: object):
    assert read(flag=value).flag is True


@pytest.mark.parametrize("value", [False, 0, "false", "False", "0", "no", "off", "", None])
def test_flag_reads_no(value: object):
    assert read(flag=value).flag is False


@pytest.mark.parametrize(
    ("name", "value", "result"),
    [
        ("number", "20", 20.0),
        ("number", 0.5, 0.5),
        ("number", "", None),
        ("number", None, 10),
        ("integer", "20", 20),
        ("integer", 20.0, 20),
        ("texts", "x", ["x"]),
        ("texts", "", []),
        ("texts", '["a", "b"]', ["a", "b"]),
        ("texts", "[a-z]*.py", ["[a-z]*.py"]),
        ("texts", ["a", 5, 1.5], ["a", "5", "1.5"]),
        ("one_or_many", ["a", "b"], ["a", "b"]),
        ("one_or_many", "a", "a"),
        ("structure", '{"projects": {"title": null}}', {"projects": {"title": None}}),
        ("structure", [{"limit": 1}], [{"limit": 1}]),
        ("content", "a\x00b", "a\x00b"),
    ],
)
def test_value_is_read(name: str, value: object, result: object):
    assert getattr(read(**{name: value}), name) == result


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("flag", "maybe", "must be true or false"),
        ("flag", 2, "must be true or false"),
        ("flag", [True], "must be true or false"),
        ("number", "ten", "must be a number"),
        ("number", "nan", "must be a number"),
        ("number", "inf", "must be a number"),
        ("number", 10**400, "must be a number"),
        ("number", True, "must be a number"),
        ("integer", 1.5, "must be a whole number"),
        ("texts", {"a": "b"}, "must be a list of strings"),
        ("texts", ["a", None], "must be a string"),
        ("texts", ["a", ["b"]], "must be a string"),
        ("name", 5, "must be a string"),
        ("name", ["a"], "must be a string"),
        ("name", "a\x00b", "must not contain a NUL character"),
        ("name", "\ud800", "must be valid Unicode"),
        ("content", "\udfff", "must be valid Unicode"),
        ("one_or_many", [1], "must be a string"),
        ("structure", "projects", "must be an object or a list, in a form as JSON text"),
        ("structure", "{", "must be an object or a list, in a form as JSON text"),
        ("structure", 5, "must be an object or a list, in a form as JSON text"),
        ("structure", {"a": ["\x00"]}, "must be valid Unicode without NUL characters, and not nested too deeply"),
        ("structure", '{"a": 1e999}', "must be valid Unicode without NUL characters, and not nested too deeply"),
    ],
)
def test_value_of_the_wrong_kind_is_refused_in_words(name: str, value: object, words: str):
    with pytest.raises(InvalidParameters) as refused:
        read(**{name: value})
    assert refused.value.message == f"invalid parameters 'Error: parameter '{name}' {words}'"


def test_deeply_nested_structure_is_refused():
    deep: Any = "x"
    for _ in range(900):
        deep = [deep]
    with pytest.raises(InvalidParameters):
        read(structure=deep)


@pytest.mark.parametrize("given", [{}, {"name": None}, {"other": 1}, {"number": "garbage"}])
def test_missing_parameter_is_named_first(given: dict[str, Any]):
    with pytest.raises(InvalidParameters) as refused:
        read_parameters(Everything, given)
    words = "invalid parameters 'Error: misc.defaults -- TypeError: property 'name' must be specified: '"
    assert refused.value.message == words


def test_unexpected_parameter_is_named():
    with pytest.raises(InvalidParameters) as refused:
        read(colour="red", number="garbage")
    words = "invalid parameters 'Error: misc.defaults -- TypeError: got an unexpected argument 'colour' '"
    assert refused.value.message == words


def test_event_in_the_body_is_ignored():
    assert read(event="everything").name == "n"
    assert read(event="something else").name == "n"


@pytest.mark.parametrize("message_id", ["x", 5, ["a", {"b": None}], {"k": "v"}, "", False])
def test_id_is_kept_verbatim(message_id: object):
    assert read(id=message_id).id == message_id
