"""What a client may do before anybody knows who it is. A real server on a real socket, since the limits are its own."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from studiolo.app.http_protocol import MAX_HEAD_BYTES, LimitedHttpProtocol

pytestmark = pytest.mark.anyio

HEAD = b"POST / HTTP/1.1\r\nHost: a\r\n"


class HastyHttpProtocol(LimitedHttpProtocol):
    look_every_seconds = 0.3


async def count(request: Request) -> PlainTextResponse:
    return PlainTextResponse(str(len(await request.body())))


@asynccontextmanager
async def connected() -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    app = Starlette(routes=[Route("/", count, methods=["POST"])])
    config = uvicorn.Config(app, http=HastyHttpProtocol, lifespan="off", log_config=None, ws="none")
    server = uvicorn.Server(config)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        server.config.load()
        server.lifespan = config.lifespan_class(config)
        loop = asyncio.get_running_loop()
        listening = await loop.create_server(
            lambda: HastyHttpProtocol(config, server.server_state, server.lifespan.state), sock=listener
        )
        reader, writer = await asyncio.open_connection(*listener.getsockname())
        try:
            yield reader, writer
        finally:
            writer.transport.abort()
            listening.close()


async def answer_to(*pieces: bytes) -> bytes:
    async with asyncio.timeout(20), connected() as (reader, writer):
        for piece in pieces:
            writer.write(piece)
        try:
            return await reader.read(300)
        except ConnectionResetError:
            return b""


@pytest.mark.parametrize(
    "endless",
    [
        (b"POST /" + b"a" * (4 * MAX_HEAD_BYTES),),
        (HEAD, b"A: " + b"a" * (4 * MAX_HEAD_BYTES)),
        (HEAD, b"A: a\r\n" * MAX_HEAD_BYTES),
        (HEAD, b"Transfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\n", b"A: a\r\n" * MAX_HEAD_BYTES),
        (HEAD, b"Transfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\nA:", b"a" * (4 * MAX_HEAD_BYTES)),
    ],
    ids=["address", "header", "headers", "trailers", "trailer"],
)
async def test_heads_without_end_are_not_taken_into_memory(endless: tuple[bytes, ...]):
    assert (await answer_to(*endless))[:12] in (b"HTTP/1.1 400", b"")


@pytest.mark.parametrize(
    "pieces",
    [(), (b"P",), (HEAD,), (HEAD, b"Content-Length: 9\r\n\r\n", b"1234")],
    ids=["nothing", "a letter", "half a head", "half a body"],
)
async def test_whoever_begins_and_does_not_go_on_is_cut_off(pieces: tuple[bytes, ...]):
    assert await answer_to(*pieces) == b""


async def test_whole_requests_are_answered_one_after_the_other_even_in_tiny_chunks():
    async with asyncio.timeout(20), connected() as (reader, writer):
        for _ in range(3):
            writer.write(HEAD + b"Transfer-Encoding: chunked\r\n\r\n" + b"1\r\na\r\n" * 30_000 + b"0\r\n\r\n")
            assert (await reader.readuntil(b"30000")).startswith(b"HTTP/1.1 200")
