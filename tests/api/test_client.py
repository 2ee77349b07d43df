"""Every example of every call through the client's generated methods; the answers fit their types.

The same calls are watched on their way to the database: none reads a whole table.
"""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import httpx
import pytest

from studiolo.client import AsyncClient, StudioloError
from studiolo.testing.query_plans import watched_statements
from studiolo.web.api_v1.calls import all_calls
from studiolo.web.api_v1.registry import Call
from studiolo.web.client_source.shapes import Shapes

CALLS = [call for call in all_calls() if "http" in call.doors]
METHODS = {method.call: method for method in Shapes(CALLS).methods}
EXAMPLES = [pytest.param(call, n, id=f"{call.name}-{n}") for call in CALLS for n in range(len(call.examples))]


@dataclass
class Through:
    """Makes calls through a client's methods."""

    client: AsyncClient

    async def call(self, name: str, /, **parameters: Any) -> Any:
        method = METHODS[name]
        names = {field.wire: field.name for field in method.parameters}
        holder = self.client if method.noun == name else getattr(self.client, method.noun)
        return await getattr(holder, method.name)(
            **{names[wire]: value for wire, value in parameters.items() if wire != "id"}
        )


class InProcess(httpx.AsyncBaseTransport):
    """Hands the client's requests to the application's own client."""

    def __init__(self, http: httpx.AsyncClient) -> None:
        self._http = http

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        url = httpx.URL(f"https://studiolo.test{request.url.raw_path.decode()}")
        content = await request.aread()
        return await self._http.request(request.method, url, content=content, headers=request.headers)


@pytest.mark.anyio
@pytest.mark.parametrize(("call", "number"), EXAMPLES)
async def test_example_runs_through_the_client(
    call: Call, number: int, example_world: Any, http: httpx.AsyncClient, tmp_path: Path
):
    key, example = example_world.caller.key, call.examples[number]
    async with AsyncClient("https://studiolo.test", key, transport=InProcess(http)) as client:
        through = replace(example_world, caller=Through(client))
        with watched_statements() as statements:
            kind, code = await _outcome(through, call.name, example.parameters)
    assert code == example.answer.get("code")
    assert code or kind in {shape.name for shape in METHODS[call.name].answers} | {"NoneType"}
    assert statements.scans(tmp_path / "studiolo.sqlite3") == set()


async def _outcome(world: Any, name: str, parameters: dict[str, Any]) -> tuple[str, str | None]:
    """Return the type of the answer, or the error's code."""
    try:
        return type(await world.run(name, parameters)).__name__, None
    except StudioloError as error:
        return "", error.code
