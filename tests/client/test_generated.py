"""The client is what the registry of calls and the tree of errors make, and both its forms offer every call."""

import dataclasses
import inspect
import keyword
from pathlib import Path
from typing import Any

import pytest

from studiolo import client as package
from studiolo.client import AsyncClient, Client, errors
from studiolo.core import errors as core_errors
from studiolo.web.api_v1.calls import all_calls
from studiolo.web.api_v1.registry import Call
from studiolo.web.client_source.files import sources, stale
from studiolo.web.client_source.shapes import Shapes

CLIENT = Path(package.__file__).parent
CALLS = [call for call in all_calls() if "http" in call.doors]
METHODS = {method.call: method for method in Shapes(CALLS).methods}
every_call = pytest.mark.parametrize("call", CALLS, ids=lambda call: call.name)


def test_committed_files_are_what_the_code_makes():
    texts = sources(CLIENT)
    wrong = [name for name, text in texts.items() if _text(CLIENT / name) != text]
    assert wrong == [], "run: make client"
    assert stale(CLIENT, texts) == [], "run: make client"


@pytest.fixture(scope="module")
def both_clients() -> tuple[Client, AsyncClient]:
    return Client("http://localhost", "sk-key"), AsyncClient("http://localhost", "sk-key")


@every_call
def test_both_clients_have_every_call_with_its_parameters(call: Call, both_clients: tuple[Client, AsyncClient]):
    method = METHODS[call.name]
    for made in both_clients:
        holder = made if method.noun == call.name else getattr(made, method.noun)
        function = getattr(holder, method.name)
        wanted = {_python(name) for name in call.parameters.model_fields} - {"id"}
        assert set(inspect.signature(function).parameters) == wanted
        assert call.summary.split()[0] in function.__doc__
        assert inspect.iscoroutinefunction(function) == isinstance(made, AsyncClient)
    required = {_python(name) for name, field in call.parameters.model_fields.items() if field.is_required()}
    assert {field.name for field in method.parameters if field.default is None} == required


def test_methods_of_both_clients_are_the_same():
    ours, theirs = Client("http://localhost", "k"), AsyncClient("http://localhost", "k")
    assert set(vars(ours)) == set(vars(theirs))
    for noun in (name for name in vars(ours) if not name.startswith("_")):
        assert _public(getattr(ours, noun)) == _public(getattr(theirs, noun))


def test_errors_mirror_those_of_the_core():
    for error in core_errors.all_errors():
        ours = getattr(errors, error.__name__)
        assert (ours.code, ours.is_retryable) == (error.code, error.is_retryable)
        assert {one.__name__ for one in ours.__bases__} == {one.__name__ for one in error.__bases__}
        assert f"- {error.__name__}\n" in str(errors.__doc__) or error is core_errors.StudioloError


def test_client_needs_nothing_of_the_server():
    for path in CLIENT.rglob("*.py"):
        for line in path.read_text(encoding="utf-8").splitlines():
            words = line.split()
            if words[:1] in (["import"], ["from"]) and words[1].startswith("studiolo"):
                assert words[1].startswith("studiolo.client") or line == "from studiolo import __version__", path


def test_types_are_shipped():
    assert (CLIENT.parent / "py.typed").is_file()


def test_answers_are_dataclasses_that_cannot_be_changed():
    from studiolo.client.nouns.projects import ProjectCreated

    made: Any = ProjectCreated(project_id="x")
    with pytest.raises(dataclasses.FrozenInstanceError):
        made.project_id = "y"


def _text(path: Path) -> str:
    return path.read_text(encoding="utf-8") if path.is_file() else ""


def _python(name: str) -> str:
    return f"{name}_" if keyword.iskeyword(name) else name


def _public(holder: object) -> set[str]:
    return {name for name in dir(holder) if not name.startswith("_")}
