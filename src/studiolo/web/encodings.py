"""Compression on the wire: what a client accepts, whole bodies, and streams that are read while they grow.

Compression tells through a body's length how much of it repeats (BREACH). So a secret that stays the same must not
share a body with text that others choose:

1. `Compression` leaves alone every answer that is marked `no-store`: those are the ones that may hold secrets, such
   as a form's token or a key that is shown once.
2. The shell page holds no secret: its nonce is new in each answer.
3. The stream of `/frame/open` begins with a bearer, new in each answer, and goes on with a document that somebody else
   may have written. `Stream` forgets all that it has seen at each `seal`, so nothing after the bearer's line can refer
   back to it.
"""

import asyncio
import zlib
from typing import Final, Literal

import brotli
from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

Encoding = Literal["br", "gzip"]

SMALLEST_BYTES: Final = 1024  # below that the headers outweigh what is saved
_BROTLI_QUALITY: Final = 5  # 0.5 ms for the shell; 11 would be 8 % smaller and take 66
_GZIP_LEVEL: Final = 6
_GZIP_WINDOW: Final = 31  # zlib's way to say: with a gzip header
_LARGE_BYTES: Final = 64 * 1024  # more than that is compressed in a thread
_COMPRESSIBLE: Final = ("application/json", "text/html", "text/plain", "text/markdown", "application/openapi+json")
_PREFERRED: Final[tuple[Encoding, ...]] = ("br", "gzip")


def weights(header: str) -> dict[str, float]:
    """Read an `Accept-Encoding` header: each name with its weight, 1 where none is given, 0 for what is refused."""
    found: dict[str, float] = {}
    for part in header.lower().split(","):
        name, _, rest = part.partition(";")
        key, _, value = rest.replace(" ", "").partition("=")
        if name.strip():
            found[name.strip()] = _number(value) if key == "q" else 1.0
    return found


def choose(header: str, offered: tuple[Encoding, ...] = _PREFERRED) -> Encoding | None:
    """Return the encoding to answer in: what the client likes most, among equals what is smallest."""
    given = weights(header)
    rest = given.get("*", 0.0)
    best = max(offered, key=lambda name: given.get(name, rest), default=None)
    return best if best is not None and given.get(best, rest) > 0 else None


def compress(body: bytes, encoding: Encoding) -> bytes:
    """Compress a whole body, quickly rather than as small as can be."""
    if encoding == "br":
        return bytes(brotli.compress(body, quality=_BROTLI_QUALITY))  # pyright: ignore[reportUnknownMemberType, reportUnknownArgumentType] - it has no types
    return zlib.compress(body, _GZIP_LEVEL, _GZIP_WINDOW)


class Stream:
    """A body in gzip that the client can read up to the last piece that was sent."""

    def __init__(self) -> None:
        self._packer = zlib.compressobj(_GZIP_LEVEL, zlib.DEFLATED, _GZIP_WINDOW)

    def add(self, piece: bytes) -> bytes:
        """Return what to send so that the client has all of `piece`."""
        return self._packer.compress(piece) + self._packer.flush(zlib.Z_SYNC_FLUSH)

    def seal(self, piece: bytes) -> bytes:
        """Do the same, and forget: nothing that follows will be told apart by what it has in common with this."""
        before = self._packer.flush(zlib.Z_FULL_FLUSH)
        return before + self._packer.compress(piece) + self._packer.flush(zlib.Z_FULL_FLUSH)

    def end(self) -> bytes:
        """Return the end of the body."""
        return self._packer.flush()


class Compression:
    """Compresses answers that are whole, of a kind that shrinks, and not `no-store`; streams pass as they are."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request."""
        encoding = choose(Headers(scope=scope).get("accept-encoding", "")) if scope["type"] == "http" else None
        if encoding is None:
            await self._app(scope, receive, send)
            return
        held: Message | None = None

        async def send_compressed(message: Message) -> None:
            nonlocal held
            if message["type"] == "http.response.start":
                held = message
                return
            if held is not None:
                start, held = held, None
                message = await _pack(start, message, encoding)
                await send(start)
            await send(message)

        await self._app(scope, receive, send_compressed)


async def _pack(start: Message, message: Message, encoding: Encoding) -> Message:
    """Return the body's message as it is to be sent, and correct the headers in `start`."""
    headers = MutableHeaders(scope=start)
    if not _is_compressible(headers):
        return message
    headers.add_vary_header("Accept-Encoding")
    body: bytes = message.get("body", b"")
    if message.get("more_body", False) or len(body) < SMALLEST_BYTES:
        return message
    packed = await asyncio.to_thread(compress, body, encoding) if len(body) > _LARGE_BYTES else compress(body, encoding)
    headers["content-encoding"] = encoding
    headers["content-length"] = str(len(packed))
    return {**message, "body": packed}


def _is_compressible(headers: Headers) -> bool:
    media_type = headers.get("content-type", "").partition(";")[0].strip()
    is_done = "content-encoding" in headers
    return media_type in _COMPRESSIBLE and not is_done and "no-store" not in headers.get("cache-control", "")


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return 0.0
