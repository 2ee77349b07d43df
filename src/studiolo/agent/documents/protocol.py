"""Messages of y-protocols, as bytes."""

from enum import IntEnum

from pycrdt import write_message


class Kind(IntEnum):
    """The first byte of a message."""

    SYNC = 0
    AWARENESS = 1
    QUERY_AWARENESS = 3


class Sync(IntEnum):
    """The second byte of a sync message."""

    STEP1 = 0  # here is my state, send what I miss
    STEP2 = 1  # here is what you miss
    UPDATE = 2


def sync_message(kind: Sync, payload: bytes) -> bytes:
    """Return a sync message."""
    return bytes((Kind.SYNC, kind)) + write_message(payload)


def payload_of(message: bytes, start: int) -> bytes:
    """Return the length-prefixed payload that begins at `start`; raise ValueError when it is not whole."""
    length = shift = 0
    while True:
        if start >= len(message) or shift > 35:
            raise ValueError("a message is cut off")
        byte = message[start]
        length |= (byte & 127) << shift
        start, shift = start + 1, shift + 7
        if byte < 128:
            break
    if start + length > len(message):
        raise ValueError("a message is cut off")
    return message[start : start + length]
