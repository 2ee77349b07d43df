"""Every command, program and answer on the pages of the API's reference, run as it stands against a real server.

Only the server's name and the ids are replaced. Each example runs in the world that the ones before have left; when
those have used up what it speaks of, in a fresh one.
"""

import json
import os
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from studiolo.client.errors import StudioloError
from studiolo.testing.documentation import blocks_in
from studiolo.testing.loopback import LoopbackServer, loopback_server
from studiolo.testing.worlds import World, shape
from studiolo.web import reference_pages
from studiolo.web.api_v1.calls import all_calls
from studiolo.web.calls import every_call
from studiolo.web.client_source.shapes import Shapes
from studiolo.web.openapi_schemas import Schemas
from studiolo.web.reference_entries import Shown, entries

METHODS = {method.call: method for method in Shapes(all_calls()).methods}
EXAMPLES = [
    pytest.param(example, METHODS.get(entry.name), id=f"{example.address.removeprefix('/api/')}-{example.summary}")
    for found in entries(every_call(), Schemas(every_call())).values()
    for entry in found
    for one in entry.shapes
    for example in one.examples
]


@dataclass
class Worlds:
    """A server, and one world after the other."""

    server: LoopbackServer
    made: list[World] = field(default_factory=list)

    def run(self, run: Callable[[World], Any], is_right: Callable[[Any], bool]) -> Any:
        """Run something in the last world; if it does not do what is expected, in a fresh one."""
        if self.made:
            answer = run(self.made[-1])
            if is_right(answer):
                return answer
        self.made.append(self.server.make_world(f"w{len(self.made)}"))
        return run(self.made[-1])

    def put(self, world: World, text: str) -> str:
        """Return a block with the names that things have here."""
        return world.put(text.replace(reference_pages.SITE, self.server.url))


def test_every_block_of_the_pages_is_one_of_these_examples():
    found: dict[str, list[str]] = {"bash": [], "python": [], "json": []}
    for text in reference_pages.all_pages().values():
        for block in blocks_in(text):
            assert block.language in found or block.language == "text"
            found.setdefault(block.language, []).append(block.text.rstrip("\n"))
    examples, methods = zip(*(param.values for param in EXAMPLES), strict=True)
    assert sorted(found["bash"]) == sorted(map(reference_pages.curl, examples))
    assert sorted(found["python"]) == sorted(map(reference_pages.python, examples, methods))
    assert sorted(map(json.loads, found["json"]), key=str) == sorted((one.answer for one in examples), key=str)


@pytest.fixture(scope="module")
def worlds(sqlite_template: Path) -> Iterator[Worlds]:
    with loopback_server(sqlite_template) as server, server.copying():
        yield Worlds(server)


@pytest.mark.parametrize(("example", "method"), EXAMPLES)
def test_command_and_program_do_what_the_page_says(example: Shown, method: Any, worlds: Worlds):
    command, expected = reference_pages.curl(example), shape(example.answer)
    answer = worlds.run(
        lambda world: curl(worlds.put(world, command), world.key), lambda answer: shape(answer) == expected
    )
    assert shape(answer) == expected, answer

    program = reference_pages.python(example, method)
    told = worlds.run(
        lambda world: python(worlds.put(world, program), world.key),
        lambda told: is_refusal(told) == is_refusal(example.answer),
    )
    assert is_refusal(told) == is_refusal(example.answer), told


def curl(command: str, key: str) -> Any:
    done = subprocess.run(
        ["bash", "-euc", command], env={"PATH": os.defpath, "KEY": key}, capture_output=True, check=True, timeout=60
    )
    return json.loads(done.stdout)


def python(program: str, key: str) -> Any:
    names: dict[str, Any] = {"key": key}
    try:
        exec(program, names)
    except (StudioloError, RuntimeError) as error:
        return {"error": str(error)}
    finally:
        for official in filter(None, (names.get("hub"), names.get("project"))):
            official.client.close()  # which it leaves to the garbage collector
    return names["answer"]


def is_refusal(answer: Any) -> bool:
    return isinstance(answer, dict) and bool(answer.get("error") or answer.get("reason"))
