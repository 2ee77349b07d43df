"""The Jupyter protocol over pyzmq: connection file, sockets, signed messages."""

import asyncio
import json
import secrets
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any

Message = dict[str, Any]
_CHANNELS = ("shell", "iopub", "stdin", "control")


class Connection:
    """The sockets of one kernel.

    jupyter_client's Session makes and checks the messages; its channel classes would add a thread per kernel for
    heartbeats (the end of the process is heard of from the template) and 10 ms to each reply by polling.
    """

    def __init__(self, directory: Path, kernel_name: str) -> None:
        self._directory = directory
        self.file = str(directory / "kernel.json")
        self._key = secrets.token_hex(32)
        self._kernel_name = kernel_name
        self._sockets: dict[str, Any] = {}
        self._readers: list[asyncio.Task[None]] = []
        self._session: Any = None

    def write_file(self) -> None:
        """Write the connection file that the kernel reads."""
        ports = {f"{name}_port": number for number, name in enumerate((*_CHANNELS, "hb"), 1)}
        about = {
            "transport": "ipc",
            "ip": str(self._directory / "s"),
            "key": self._key,
            "signature_scheme": "hmac-sha256",
            "kernel_name": self._kernel_name,
            **ports,
        }
        Path(self.file).write_text(json.dumps(about))
        Path(self.file).chmod(0o600)

    def open(self, context: Any, on_message: Callable[[str, Message], None]) -> None:
        """Connect; from now on `on_message` gets every message with the name of its channel."""
        zmq: Any = import_module("zmq")
        session = import_module("jupyter_client.session")
        self._session = session.Session(key=self._key.encode(), username="studiolo")
        for number, name in enumerate(_CHANNELS, 1):
            connected = context.socket(zmq.SUB if name == "iopub" else zmq.DEALER)
            connected.linger = 0
            connected.reconnect_ivl = 5  # milliseconds; the kernel makes its sockets while we already try
            connected.reconnect_ivl_max = 200
            connected.rcvhwm = 0  # what a cell prints must not be lost
            if name == "iopub":
                connected.subscribe(b"")
            else:
                connected.identity = self._session.bsession
            connected.connect(f"ipc://{self._directory / 's'}-{number}")
            self._sockets[name] = connected
            self._readers.append(asyncio.create_task(self._read(name, connected, on_message)))

    async def send(self, channel: str, kind: str, content: dict[str, Any], parent: Message | None = None) -> str:
        """Send a message and return its id."""
        message = self._session.msg(kind, content, parent=parent)
        parts = self._session.serialize(message)
        await self._sockets[channel].send_multipart(parts)
        return str(message["header"]["msg_id"])

    def close(self) -> None:
        """Close every socket."""
        for reader in self._readers:
            reader.cancel()
        for connected in self._sockets.values():
            connected.close(0)
        self._sockets.clear()

    async def _read(self, channel: str, connected: Any, on_message: Callable[[str, Message], None]) -> None:
        while True:
            parts = await connected.recv_multipart()
            try:
                _, parts = self._session.feed_identities(parts)
                message = self._session.deserialize(parts)
            except (ValueError, TypeError, KeyError):
                continue  # not signed with this kernel's key, or not a message
            on_message(channel, message)
