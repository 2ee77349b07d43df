"""Who is there: the awareness messages of y-protocols, relayed with an owner for every state."""

import json
from dataclasses import dataclass, field
from typing import Any

from pycrdt import Decoder, write_message, write_var_uint

MAX_STATES_PER_CLIENT = 8
MAX_STATE_BYTES = 32 * 1024
AWARENESS = 1
_REMOVED = "null"


@dataclass(slots=True)
class _State:
    clock: int
    state: str
    owner: object


@dataclass(slots=True)
class Awareness:
    """The states of all clients of a room; a client can change and remove only its own."""

    _states: dict[int, _State] = field(default_factory=dict[int, _State])

    def receive(self, payload: bytes, owner: object) -> bytes | None:
        """Take an update from `owner` and return the message for the others, None if nothing in it counts.

        Raises ValueError when the payload is not an awareness update.
        """
        accepted: list[tuple[int, int, str]] = []
        for client_id, clock, state in _decode(payload):
            known = self._states.get(client_id)
            if known is not None and (known.owner is not owner or known.clock > clock):
                continue
            if known is None and self._count(owner) >= MAX_STATES_PER_CLIENT:
                continue
            accepted.append((client_id, clock, state))
            if state == _REMOVED:
                self._states.pop(client_id, None)
            else:
                self._states[client_id] = _State(clock, state, owner)
        return _message(accepted) if accepted else None

    def everything(self) -> bytes | None:
        """Return the message that tells a new client who is there."""
        states = [(client_id, known.clock, known.state) for client_id, known in self._states.items()]
        return _message(states) if states else None

    def leave(self, owner: object) -> bytes | None:
        """Forget the states of `owner` and return the message that tells the others."""
        gone = [
            (client_id, known.clock + 1, _REMOVED) for client_id, known in self._states.items() if known.owner is owner
        ]
        for client_id, _, _ in gone:
            del self._states[client_id]
        return _message(gone) if gone else None

    def _count(self, owner: object) -> int:
        return sum(1 for known in self._states.values() if known.owner is owner)


def _decode(payload: bytes) -> list[tuple[int, int, str]]:
    found: list[tuple[int, int, str]] = []
    try:
        decoder = Decoder(payload)
        for _ in range(min(decoder.read_var_uint(), 1000)):
            client_id, clock, state = decoder.read_var_uint(), decoder.read_var_uint(), decoder.read_var_string()
            if len(state) > MAX_STATE_BYTES or client_id > 2**53 or clock > 2**53:
                raise ValueError("an awareness state is too large")
            value: Any = json.loads(state)
            found.append((client_id, clock, _REMOVED if value is None else state))
    except (IndexError, RecursionError, TypeError, AttributeError) as error:
        raise ValueError("not an awareness update") from error
    return found


def _message(states: list[tuple[int, int, str]]) -> bytes:
    parts = [write_var_uint(len(states))]
    for client_id, clock, state in states:
        parts += (write_var_uint(client_id), write_var_uint(clock), write_message(state.encode()))
    return bytes([AWARENESS]) + write_message(b"".join(parts))
