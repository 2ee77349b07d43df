"""Forms with a file in them (`multipart/form-data`), read as they come: the file is never held.

Only what browsers send for our own form is understood; the file must be the last field, for nothing after it is read.
"""

import re
from collections.abc import AsyncIterator
from dataclasses import dataclass
from urllib.parse import unquote

from starlette.requests import Request

from studiolo.core.errors import Forbidden, InvalidRequest
from studiolo.core.settings import Settings
from studiolo.web import csrf
from studiolo.web.pages.forms import FOREIGN, TOKEN_FIELD

MAX_HEAD_BYTES = 8 * 1024
MAX_FIELD_BYTES = 16 * 1024
MAX_FIELDS = 10
_BOUNDARY = re.compile(r'multipart/form-data;\s*boundary="?([\w\'()+,./:=?-]{1,70})"?\s*', re.IGNORECASE)
_NAME = re.compile(rb'[;\s]name="([^"]*)"')
_FILE_NAME = re.compile(rb'[;\s]filename="([^"]*)"')


@dataclass(frozen=True, slots=True)
class FileForm:
    """A form's fields, the name of its file, and the file's bytes, which are to be read once."""

    fields: dict[str, str]
    file_name: str
    pieces: AsyncIterator[bytes]


async def read_file_form(request: Request, settings: Settings, sign_in_secret: str) -> FileForm:
    """Read a form up to its file; raise Forbidden for one that is not from our own page for this sign-in."""
    if not csrf.has_own_origin(settings, request):
        raise Forbidden(FOREIGN)
    found = _BOUNDARY.fullmatch(request.headers.get("content-type", ""))
    if found is None:
        raise InvalidRequest("A form with a file was expected.")
    reader = _Reader(request.stream(), found[1].encode())
    fields: dict[str, str] = {}
    while len(fields) < MAX_FIELDS:
        head = await reader.next_head()
        if head is None:
            break
        name = _NAME.search(head)
        file_name = _FILE_NAME.search(head)
        if file_name is not None:
            if not csrf.is_form_token(fields.get(TOKEN_FIELD, ""), sign_in_secret):
                raise Forbidden(FOREIGN)
            return FileForm(fields, _text(file_name[1]), reader.body())
        fields[_text(name[1]) if name else ""] = _text(await reader.small_body())
    raise InvalidRequest("The form holds no file.")


class _Reader:
    """Takes a body apart at its boundary."""

    def __init__(self, stream: AsyncIterator[bytes], boundary: bytes) -> None:
        self._stream = stream
        self._delimiter = b"\r\n--" + boundary
        self._held = bytearray(b"\r\n")  # as if a line had ended before the first boundary

    async def next_head(self) -> bytes | None:
        """Return the headers of the next field; None after the last."""
        await self._take_until(self._delimiter, MAX_FIELD_BYTES)
        await self._hold(2)
        if bytes(self._held[:2]) == b"--":
            return None
        return await self._take_until(b"\r\n\r\n", MAX_HEAD_BYTES)

    async def small_body(self) -> bytes:
        """Return what is in a field that is no file; the boundary is left for the next one."""
        value = await self._take_until(self._delimiter, MAX_FIELD_BYTES)
        self._held[:0] = self._delimiter
        return value

    async def body(self) -> AsyncIterator[bytes]:
        """Iterate over the bytes of the field."""
        while (end := self._held.find(self._delimiter)) < 0:
            keep = len(self._delimiter) - 1  # the boundary may have begun
            if len(self._held) > keep:
                yield bytes(self._held[:-keep])
                del self._held[:-keep]
            await self._more()
        if end:
            yield bytes(self._held[:end])

    async def _take_until(self, mark: bytes, most: int) -> bytes:
        while (end := self._held.find(mark)) < 0:
            if len(self._held) > most:
                raise InvalidRequest("A field of the form is too long.")
            await self._more()
        taken = bytes(self._held[:end])
        del self._held[: end + len(mark)]
        return taken

    async def _hold(self, count: int) -> None:
        while len(self._held) < count:
            await self._more()

    async def _more(self) -> None:
        piece = await anext(self._stream, None)
        if piece is None:
            raise InvalidRequest("The form broke off.")
        self._held += piece


def _text(value: bytes) -> str:
    """Return a name or a value; browsers escape what would end it."""
    try:
        return unquote(value.decode()) if b"%22" in value or b"%0" in value else value.decode()
    except UnicodeDecodeError as error:
        raise InvalidRequest("The form cannot be read.") from error
