"""A real server on a loopback port, for the documentation's examples."""

import importlib.util
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import requests as r

from studiolo.testing.loopback import loopback_server

ROOT = Path(__file__).parents[2]


@dataclass
class Server:
    """A server that runs, and the key of an administrator."""

    url: str
    key: str
    run_copies: Callable[[], int]

    def post(self, name: str, data: dict[str, Any]) -> dict[str, Any]:
        req = r.post(f"{self.url}/api/v1/{name}", auth=(self.key, ""), data=data, timeout=30)
        return req.json()


@pytest.fixture
def server(sqlite_template: Path) -> Iterator[Server]:
    with loopback_server(sqlite_template) as running:
        yield Server(running.url, running.key, running.run_copies)


@pytest.fixture
def example() -> Callable[[str], Any]:
    """Return a function that loads a program of `examples/` as it stands."""

    def load(name: str) -> Any:
        spec = importlib.util.spec_from_file_location(name, ROOT / "examples" / f"{name}.py")
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        return module

    return load
