"""Forms with a file in them."""

from collections.abc import AsyncIterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from starlette.requests import Request

from studiolo.core.errors import Forbidden, InvalidRequest
from studiolo.core.settings import Settings
from studiolo.web import csrf
from studiolo.web.pages.file_forms import FileForm, read_file_form

pytestmark = pytest.mark.anyio
SECRET = "secret"
BOUNDARY = b"----WebKitFormBoundaryx"
TOKEN = csrf.form_token(SECRET)


def body_of(content: bytes, file_name: bytes = b"a.txt", token: str = TOKEN) -> bytes:
    fields = [(b'name="form_token"', token.encode()), (b'name="directory"', "d/ü".encode())]
    fields.append((b'name="file"; filename="' + file_name + b'"\r\nContent-Type: text/plain', content))
    parts = [
        b"--" + BOUNDARY + b"\r\nContent-Disposition: form-data; " + h + b"\r\n\r\n" + c + b"\r\n" for h, c in fields
    ]
    return b"".join(parts) + b"--" + BOUNDARY + b"--\r\n"


async def read(body: bytes, size: int = 1000, **headers: str) -> FileForm:
    pieces = [body[at : at + size] for at in range(0, len(body), size)]

    async def receive() -> dict[str, object]:
        piece = pieces.pop(0) if pieces else b""
        return {"type": "http.request", "body": piece, "more_body": bool(pieces)}

    given_headers = {
        "host": "hub.test",
        "origin": "https://hub.test",
        "content-type": f"multipart/form-data; boundary={BOUNDARY.decode()}",
        **headers,
    }
    raw = [(name.encode(), value.encode()) for name, value in given_headers.items()]
    scope = {
        "type": "http",
        "method": "POST",
        "scheme": "https",
        "path": "/",
        "headers": raw,
        "server": ("hub.test", 443),
    }
    return await read_file_form(Request(scope, receive), Settings(), SECRET)


async def gather(pieces: AsyncIterator[bytes]) -> bytes:
    return b"".join([piece async for piece in pieces])


@settings(max_examples=100, deadline=None)
@given(
    content=st.binary(max_size=400)
    | st.lists(st.sampled_from([b"\r\n--", BOUNDARY, b"-", b"\r", b"\n", b"x"])).map(b"".join),
    size=st.integers(1, 60),
)
async def test_file_comes_out_as_it_went_in(content: bytes, size: int) -> None:
    if b"\r\n--" + BOUNDARY in b"\r\n" + content:
        return  # browsers choose a boundary that is not in the file
    form = await read(body_of(content), size)
    assert form.fields == {"form_token": TOKEN, "directory": "d/ü"}
    assert form.file_name == "a.txt"
    assert await gather(form.pieces) == content


async def test_name_is_what_the_browser_means() -> None:
    assert (await read(body_of(b"", b"say %22hi%22 100%.txt"))).file_name == 'say "hi" 100%.txt'


@pytest.mark.parametrize(
    ("body", "headers", "error"),
    [
        (body_of(b"x", token="wrong"), {}, Forbidden),
        (body_of(b"x"), {"origin": "https://evil.test"}, Forbidden),
        (body_of(b"x"), {"content-type": "text/plain"}, InvalidRequest),
        (b"--" + BOUNDARY + b"--\r\n", {}, InvalidRequest),
        (b"", {}, InvalidRequest),
        (b"x" * 100_000, {}, InvalidRequest),
        (body_of(b"x")[:60], {}, InvalidRequest),
        (body_of(b"x", b"\xff"), {}, InvalidRequest),
    ],
)
async def test_what_is_not_our_form_is_refused(body: bytes, headers: dict[str, str], error: type[Exception]) -> None:
    with pytest.raises(error):
        await read(body, **headers)


async def test_file_that_breaks_off_is_not_taken_for_whole() -> None:
    form = await read(body_of(b"x" * 5000)[:-60])
    with pytest.raises(InvalidRequest):
        await gather(form.pieces)
