import gzip
import zlib

import brotli
import httpx
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from studiolo.web.encodings import Compression, Encoding, Stream, choose, compress

LONG = {"text": "again and " * 1000}


@pytest.mark.parametrize(
    ("header", "chosen"),
    [
        ("gzip, deflate, br, zstd", "br"),
        ("gzip", "gzip"),
        ("br;q=0.2, gzip;q=0.8", "gzip"),
        ("br; q=0, gzip; q=0.001", "gzip"),
        ("*", "br"),
        ("*;q=0.5, br;q=0", "gzip"),
        ("BR", "br"),
        ("br;q=much, gzip", "gzip"),
        ("identity", None),
        ("br;q=0, gzip;q=0", None),
        ("br;q=0.000", None),
        ("", None),
    ],
)
def test_the_encoding_is_what_the_client_likes_most(header: str, chosen: Encoding | None):
    assert choose(header) == chosen


def test_only_what_is_offered_is_chosen():
    assert choose("br, gzip;q=0.1", ("gzip",)) == "gzip"
    assert choose("br", ()) is None


def test_bodies_come_back_as_they_were():
    body = b"a body" * 100
    assert gzip.decompress(compress(body, "gzip")) == body
    assert brotli.decompress(compress(body, "br")) == body


def test_each_piece_of_a_stream_can_be_read_at_once():
    stream, reader = Stream(), zlib.decompressobj(31)
    for piece in (b"first\n", b"second\n", b"third\n"):
        assert reader.decompress(stream.add(piece)) == piece
    assert reader.decompress(stream.end()) == b""
    assert reader.eof


def test_what_follows_a_seal_is_not_smaller_for_repeating_it():
    secret, guess, other = b"bearer: kqzjxwvbnmlphgtr", b"bearer: kqzjxwvbnmlphgtr", b"bearer: aodieucsyfzhqvxw"

    def size_after(piece: bytes) -> int:
        stream = Stream()
        stream.seal(secret)
        return len(stream.add(piece))

    unsealed = Stream()
    unsealed.add(secret)
    assert len(unsealed.add(guess)) < size_after(guess)  # the control: without the seal it tells
    assert size_after(guess) == size_after(other)


def make_client() -> httpx.AsyncClient:
    async def answer(request: Request) -> Response:
        match request.path_params["kind"]:
            case "secret":
                return JSONResponse(LONG, headers={"cache-control": "no-store"})
            case "short":
                return JSONResponse({"a": 1})
            case "picture":
                return Response(b"\0" * 5000, media_type="image/png")
            case "stream":

                async def pieces():
                    yield b"a" * 3000
                    yield b"b" * 3000

                return StreamingResponse(pieces(), media_type="text/plain")
            case _:
                return JSONResponse(LONG)

    app = Starlette(routes=[Route("/{kind}", answer)])
    return httpx.AsyncClient(transport=httpx.ASGITransport(Compression(app)), base_url="https://hub.test")


@pytest.mark.anyio
@pytest.mark.parametrize("encoding", ["br", "gzip"])
async def test_long_answers_are_compressed(encoding: str):
    async with make_client() as client:
        answer = await client.get("/json", headers={"accept-encoding": encoding})
    assert answer.headers["content-encoding"] == encoding
    assert answer.headers["vary"] == "Accept-Encoding"
    assert int(answer.headers["content-length"]) < 300
    assert answer.json() == LONG


@pytest.mark.anyio
@pytest.mark.parametrize("kind", ["secret", "short", "picture", "stream"])
async def test_secrets_short_answers_pictures_and_streams_are_left_as_they_are(kind: str):
    async with make_client() as client:
        answer = await client.get(f"/{kind}", headers={"accept-encoding": "br, gzip"})
    assert "content-encoding" not in answer.headers
    assert answer.content


@pytest.mark.anyio
async def test_who_takes_no_compression_gets_none():
    async with make_client() as client:
        answer = await client.get("/json", headers={"accept-encoding": "identity"})
    assert "content-encoding" not in answer.headers
    assert answer.json() == LONG
