"""Binary messages of a channel, told apart without reading the document: sync, awareness, anything else.

The first bytes of the y-protocols are numbers of one byte in practice. Longer spellings of the same numbers are
possible and refused: they would be a way around the check for readers.
"""

from enum import Enum

from studiolo.web.sockets.messages import MAX_AWARENESS_BYTES, MAX_UPDATE_BYTES

_SYNC, _AWARENESS = 0, 1
_STEP_1, _STEP_2, _UPDATE = 0, 1, 2


class UpdateKind(Enum):
    """What a binary message wants."""

    READ = "read"  # asks for the document's state
    WRITE = "write"  # changes the document
    AWARENESS = "awareness"  # says where somebody's cursor is
    INVALID = "invalid"


def kind_of(message: bytes) -> UpdateKind:
    """Tell what a browser's binary message (without its channel byte) wants."""
    if len(message) < 2:
        return UpdateKind.INVALID
    if message[0] == _AWARENESS:
        return UpdateKind.AWARENESS if len(message) <= MAX_AWARENESS_BYTES else UpdateKind.INVALID
    if message[0] != _SYNC or len(message) > MAX_UPDATE_BYTES:
        return UpdateKind.INVALID
    kinds = {_STEP_1: UpdateKind.READ, _STEP_2: UpdateKind.WRITE, _UPDATE: UpdateKind.WRITE}
    return kinds.get(message[1], UpdateKind.INVALID)
