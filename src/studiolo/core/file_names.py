"""Names of files as text that every JSON and every address can carry, and back, byte for byte.

A name on disk is bytes; most are UTF-8, some are not. Here a byte that is no UTF-8 becomes the private character
U+EF00 plus the byte (U+EF80 to U+EFFF). A name that really holds one of those characters has each of its bytes written
that way, so no two names look alike and each text leads back to its bytes. Ordinary names are simply themselves.
"""

import os
import re

_FIRST, _LAST = 0xEF80, 0xEFFF
_PRIVATE = re.compile(f"[{chr(_FIRST)}-{chr(_LAST)}]")
_LONE = re.compile("[\udc80-\udcff]")
_RUN = re.compile(f"[{chr(_FIRST)}-{chr(_LAST)}]+")


def to_text(name: bytes) -> str:
    """Return the text that stands for a name on disk."""
    text = _PRIVATE.sub(_spell_out, name.decode("utf-8", "surrogateescape"))
    return _LONE.sub(lambda found: chr(ord(found[0]) - 0xDC00 + 0xEF00), text)


def to_bytes(text: str) -> bytes:
    """Return the name on disk that a text stands for; raise ValueError for half of a surrogate pair."""
    pieces: list[bytes] = []
    at = 0
    for run in _RUN.finditer(text):
        pieces += [text[at : run.start()].encode(), bytes(ord(character) - 0xEF00 for character in run[0])]
        at = run.end()
    return b"".join([*pieces, text[at:].encode()])


def to_system(text: str) -> str:
    """Return the name in the form that Python's functions for files take."""
    return os.fsdecode(to_bytes(text))


def from_system(name: str) -> str:
    """Return the text that stands for a name as Python's functions for files give it."""
    return to_text(os.fsencode(name))


def _spell_out(found: "re.Match[str]") -> str:
    return "".join(chr(0xEF00 + byte) for byte in found[0].encode())
