"""The generated files of the client: which there are, and what stands in them."""

import subprocess
import sys
from pathlib import Path

from studiolo.web.api_v1.calls import all_calls
from studiolo.web.client_source import errors, nouns
from studiolo.web.client_source.nouns import WRITTEN, class_name
from studiolo.web.client_source.shapes import Method, Shapes

_NOUNS = '''"""The nouns of the API as attributes. {written}"""

{imports}

class Nouns:
    """What a `Client` offers."""

    def __init__(self, caller: Caller) -> None:
        """Give every noun the connection."""
        self._caller = caller
{sync}
{methods}

class AsyncNouns:
    """What an `AsyncClient` offers."""

    def __init__(self, caller: AsyncCaller) -> None:
        """Give every noun the connection."""
        self._caller = caller
{asynchronous}
{async_methods}'''


def sources(client: Path) -> dict[str, str]:
    """Return every generated file's text by its path below the client's directory.

    A noun for which a module was written by hand (`client/copies.py`) takes its classes from there.
    """
    shapes = Shapes(all_calls())
    modules = nouns.modules(shapes)
    found = {f"nouns/{noun}.py": source for noun, source in modules.items()}
    found["all_nouns.py"] = _all_nouns(client, shapes)
    found["errors.py"] = errors.module()
    return {name: _formatted(source) for name, source in found.items()}


def write(client: Path) -> None:
    """Write the files, and remove those of nouns that are no more."""
    texts = sources(client)
    (client / "nouns").mkdir(exist_ok=True)
    for path in stale(client, texts):
        path.unlink()
    for name, text in texts.items():
        (client / name).write_text(text, encoding="utf-8")


def stale(client: Path, texts: dict[str, str]) -> list[Path]:
    """Return the files of nouns that are no longer made."""
    kept = {client / name for name in texts} | {client / "nouns" / "__init__.py"}
    return [path for path in sorted((client / "nouns").glob("*.py")) if path not in kept]


def _all_nouns(client: Path, shapes: Shapes) -> str:
    by_noun = shapes.nouns()
    alone = [methods[0] for noun, methods in by_noun.items() if [m.call for m in methods] == [noun]]
    attributes = [noun for noun in by_noun if not any(method.noun == noun for method in alone)]
    imports = ["from studiolo.client.calling import AsyncCaller, Caller"]
    sync: list[str] = []
    asynchronous: list[str] = []
    for noun in attributes:
        is_by_hand = (client / f"{noun}.py").is_file()
        name = class_name(noun).removesuffix("Calls") if is_by_hand else class_name(noun)
        module = f"studiolo.client.{noun}" if is_by_hand else f"studiolo.client.nouns.{noun}"
        imports.append(f"from {module} import Async{name}, {name}")
        sync.append(f"        self.{noun} = {name}(caller)")
        asynchronous.append(f"        self.{noun} = Async{name}(caller)")
    for method in alone:
        names = ", ".join(shape.name for shape in method.answers)
        imports += [f"from studiolo.client.nouns.{method.noun} import {names}"] if names else []
    return _NOUNS.format(
        written=WRITTEN,
        imports="\n".join(sorted(imports)) + "\n",
        sync="\n".join(sync),
        methods=_methods(alone, is_async=False),
        asynchronous="\n".join(asynchronous),
        async_methods=_methods(alone, is_async=True),
    )


def _methods(alone: list[Method], *, is_async: bool) -> str:
    return "\n".join(nouns.method_source(method, set(), is_async=is_async) for method in alone)


def _formatted(source: str) -> str:
    """Return the source as `ruff format` and the order of imports want it."""
    ruff = str(Path(sys.executable).with_name("ruff"))
    for command in (["check", "--select=I,F401", "--fix-only", "--quiet"], ["format"]):
        name = ["--stdin-filename=src/studiolo/client/generated.py", "-"]
        source = subprocess.run(
            [ruff, *command, *name], input=source, capture_output=True, text=True, check=True
        ).stdout
    return source
