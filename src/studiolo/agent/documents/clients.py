"""One client of a room: what it may do, what it has sent, its end."""

from typing import Any

from studiolo.agent.channel import Channel
from studiolo.core.wire import Frame


class Client:
    """A joined client; messages to it keep their order, and one that does not read them is dropped by its channel."""

    def __init__(self, channel: Channel, *, can_write: bool, name: str) -> None:
        self._channel = channel
        self.can_write = can_write
        self.name = name
        self.received = 0  # updates that were applied
        self._acknowledged = 0

    def post(self, frame: Frame) -> None:
        """Send a frame without waiting."""
        self._channel.post(frame)

    def acknowledge(self) -> None:
        """Say that all received updates are in the log."""
        if self.received > self._acknowledged:
            self._acknowledged = self.received
            self.post({"type": "ack", "count": self.received})

    def notice(self, level: str, code: str, message: str, **details: Any) -> None:
        """Say something to the person."""
        self.post({"type": "notice", "level": level, "code": code, "message": message, **details})

    def close(self, code: str, message: str) -> None:
        """Say why, and close."""
        self.post({"type": "closed", "code": code, "message": message})
        self._channel.close()
