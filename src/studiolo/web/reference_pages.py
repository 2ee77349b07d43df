"""The API's reference as Markdown, one page a noun, for the documentation site; made from the registry."""

import json
from collections.abc import Iterator
from typing import Any, cast

from studiolo.web import openapi_transfers
from studiolo.web.api_v1.calls import all_calls
from studiolo.web.api_v1.registry import NEVER_HANDLED, NOT_OFFERED
from studiolo.web.calls import every_call
from studiolo.web.client_source.shapes import Method, Shapes
from studiolo.web.doors import past
from studiolo.web.openapi_schemas import Schemas
from studiolo.web.reference_entries import Entry, Field, Shape, Shown, entries

SITE = "https://studiolo.example.edu"
_INDEX = """# API

Every call is `POST /api/v1/NAME` with its parameters as JSON or as a form, and the API key in the `Authorization`
header: as the user of Basic without a password, or as a Bearer. Every call takes an `id`, which its answer repeats;
without it the server makes a UUID. Calls that API v2 (`POST /api/v2/...`) or the official client `cocalc-api`
(`POST /api/conat/hub` and `/api/conat/project`) have too say so; the key is shown in the same way there.

Errors are listed in [Errors](../errors.md), the same for Python in [The Python client](../client/index.md), and for
programs in `/api/openapi.json` of every server.
"""
_TRANSFERS = """Commands and programs are in [Upload and download files](../../how-to/upload-and-download.md) and in
[Run commands](../../how-to/run-commands.md).
"""
_NEVER = "Billing: nobody ever answered it."


def all_pages() -> dict[str, str]:
    """Return every page by its name, without `.md`."""
    registry = every_call()
    methods = {method.call: method for method in Shapes(all_calls()).methods}
    schemas = Schemas(registry)
    nouns = entries(registry, schemas)
    pages = {noun: "\n".join(_page(noun, found, methods)) for noun, found in nouns.items()}
    pages["transfers"] = "\n".join(_transfers(openapi_transfers.paths(schemas)))
    return {"index": "\n".join(_index(nouns)), **pages, "not-offered": "\n".join(_not_offered())}


def curl(example: Shown) -> str:
    """Return an example as a command for a shell."""
    body = json.dumps(example.body, ensure_ascii=False).replace("'", "'\\''")
    return f"curl -u \"$KEY:\" {SITE}{example.address} \\\n  -H 'Content-Type: application/json' -d '{body}'"


def python(example: Shown, method: Method | None) -> str:
    """Return an example as a program: with our own client, the official one, or plain HTTP for what neither has."""
    if example.address.startswith("/api/conat/"):
        return _official(example)
    if method is None or not example.address.startswith("/api/v1/"):
        return (
            f'import requests\n\nanswer = requests.post(\n    "{SITE}{example.address}",\n    auth=(key, ""),\n'
            f"    json={_literal(example.body)},\n).json()"
        )
    names = {field.wire: field.name for field in method.parameters}
    given = [f"{names[wire]}={_literal(value)}" for wire, value in example.parameters.items() if wire in names]
    inside = (
        ", ".join(given) if len(", ".join(given)) < 60 else "".join(f"\n        {one}," for one in given) + "\n    "
    )
    call = f"client.{method.noun}.{method.name}({inside})"
    return f'from studiolo.client import Client\n\nwith Client("{SITE}", key) as client:\n    answer = {call}'


def _official(example: Shown) -> str:
    name, arguments = example.body["name"], _literal(example.body["args"])
    if "project_id" not in example.body:
        made = f'hub = cocalc_api.Hub(api_key=key, host="{SITE}")'
        return f'import cocalc_api\n\n{made}\nanswer = hub.call("{name}", {arguments})'
    made = f'cocalc_api.Project(api_key=key, host="{SITE}", project_id="{example.body["project_id"]}")'
    return f'import cocalc_api\n\nproject = {made}\nanswer = project.call("{name}", {arguments})'


def _literal(value: Any) -> str:
    """Return a value as Python writes it, with the quotes that formatters prefer."""
    if isinstance(value, dict):
        items = cast("dict[str, Any]", value).items()
        return "{" + ", ".join(f"{_literal(name)}: {_literal(item)}" for name, item in items) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(_literal(item) for item in cast("list[Any]", value)) + "]"
    return json.dumps(value, ensure_ascii=False) if isinstance(value, str) else repr(value)


def _index(nouns: dict[str, list[Entry]]) -> Iterator[str]:
    yield _INDEX
    yield "| call | what it does | API v2 | official client |\n|---|---|---|---|"
    for noun, found in nouns.items():
        for entry in found:
            yield f"| [`{entry.name}`]({noun}.md#{entry.name}) | {_cell(entry.summary)} | {_elsewhere(entry)} |"
    yield "\n[Bytes of files, archives and the output of commands](transfers.md) go through doors of their own."
    yield "\n[Calls of the past that are not offered](not-offered.md), and why."


def _elsewhere(entry: Entry) -> str:
    doors: dict[str, list[str]] = {"v2": [], "client": []}
    for shape in entry.shapes:
        for door, name in shape.doors:
            if door != "v1":
                doors["v2" if door == "v2" else "client"].append(f"`{name}`")
    return " | ".join(", ".join(names) for names in doors.values())


def _page(noun: str, found: list[Entry], methods: dict[str, Method]) -> Iterator[str]:
    yield f"# {noun.replace('_', ' ').capitalize()}\n"
    for entry in found:
        yield f"## {entry.name}\n"
        yield f"{entry.summary}\n\nWho may call it: {entry.permission}\n"
        for shape in entry.shapes:
            yield from _shape(entry, shape, methods.get(entry.name))


def _shape(entry: Entry, shape: Shape, method: Method | None) -> Iterator[str]:
    title = {"v1": "API v1", "v2": "API v2"}.get(shape.doors[0][0], "official client")
    if shape is not entry.shapes[0]:
        yield f"### {entry.name}: {title}\n"
    yield "```text\n" + "\n".join(shape.lines) + "\n```\n"
    yield from _table("parameter", shape.parameters, missing="required")
    for about, members in shape.answers:
        yield f"*Answer.* {about}\n"
        yield from _table("member", members, missing="")
    for example in shape.examples:
        yield f"**{example.summary}**\n"
        yield f"```bash\n{curl(example)}\n```\n"
        yield f"```python\n{python(example, method)}\n```\n"
        yield f"```json\n{json.dumps(example.answer, indent=2, ensure_ascii=False)}\n```\n"


def _table(title: str, fields: tuple[Field, ...], *, missing: str) -> Iterator[str]:
    """Give a table, but for what every call has."""
    told = [
        field for field in fields if not (field.name == "event" or (field.name == "id" and field.kind == "anything"))
    ]
    if not told:
        return
    yield f"| {title} | kind | default | meaning |\n|---|---|---|---|"
    for field in told:
        default = missing if field.default is None else f"`{field.default}`" if field.default != "null" else ""
        yield f"| `{field.name}` | {_cell(field.kind)} | {_cell(default)} | {_cell(field.description)} |"
    yield ""


def _transfers(paths: dict[str, Any]) -> Iterator[str]:
    yield f"# Transfers\n\n{openapi_transfers.ABOUT}\n\n{_TRANSFERS}"
    for path, operations in paths.items():
        for method, operation in operations.items():
            yield f"## {operation['operationId']}\n"
            yield f"```text\n{method.upper()} {path}\n```\n\n{operation['summary']}\n"
            yield "| parameter | where | meaning |\n|---|---|---|"
            for one in operation["parameters"]:
                about = one.get("description", "required" if one.get("required") else "")
                yield f"| `{one['name']}` | {one['in']} | {_cell(about)} |"
            yield "\n| status | answer |\n|---|---|"
            for status, answer in operation["responses"].items():
                yield f"| {status} | {_cell(answer['description'])} |"
            yield ""


def _not_offered() -> Iterator[str]:
    yield "# Calls that are not offered\n"
    yield "Calls of the past that answer as unknown ones do, by design.\n"
    yield "| call | why not |\n|---|---|"
    reasons: dict[str, Any] = {**NOT_OFFERED, **dict.fromkeys(sorted(NEVER_HANDLED), _NEVER)}
    for name, reason in sorted(reasons.items()):
        yield f"| `{name}` | {_cell(reason)} |"
    yield "\n## At the other doors\n"
    yield "| calls | why not |\n|---|---|"
    for name, reason in past.NOT_OFFERED.items():
        yield f"| {name} | {_cell(reason)} |"


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")
