"""The Jupyter protocol over pyzmq: connection file, sockets, signed messages.

Written out here, because importing jupyter_client for it costs every project 10 MB and 100 ms of processor time, and
its channels add a thread per kernel for heartbeats, whose end is heard of from the template.
"""

import asyncio
import hashlib
import hmac
import json
import os
import secrets
import uuid
from collections.abc import Callable
from datetime import UTC, datetime
from importlib import import_module
from pathlib import Path
from typing import Any, cast

Message = dict[str, Any]
_CHANNELS = ("shell", "iopub", "stdin", "control")
_DELIMITER = b"<IDS|MSG>"
_PROTOCOL = "5.3"


class Signer:
    """Makes and checks messages with a kernel's key."""

    def __init__(self, key: bytes) -> None:
        self._key = key
        self._session = uuid.uuid4().hex
        self._count = 0

    @property
    def identity(self) -> bytes:
        """Return the name under which the kernel answers."""
        return self._session.encode()

    def pack(self, kind: str, content: dict[str, Any], parent: Message | None = None) -> tuple[str, list[bytes]]:
        """Return a message's id and its parts."""
        self._count += 1
        message_id = f"{self._session}_{self._count}"
        header = {
            "msg_id": message_id,
            "msg_type": kind,
            "session": self._session,
            "username": "studiolo",
            "date": datetime.now(UTC).isoformat(),
            "version": _PROTOCOL,
        }
        parts = [_dump(part) for part in (header, parent["header"] if parent else {}, {}, content)]
        return message_id, [_DELIMITER, self._sign(parts), *parts]

    def unpack(self, parts: list[bytes]) -> Message:
        """Return the message in `parts`; raise ValueError for one that is not signed with the key, or is none."""
        start = parts.index(_DELIMITER) + 1
        signature, signed = parts[start], parts[start + 1 : start + 5]
        if len(signed) < 4 or not hmac.compare_digest(signature, self._sign(signed)):
            raise ValueError("a message is not signed with this kernel's key")
        header, parent, metadata, content = (_load(part) for part in signed)
        if not isinstance(header.get("msg_type"), str):
            raise ValueError("a message has no type")
        return {"header": header, "parent_header": parent, "metadata": metadata, "content": content}

    def _sign(self, parts: list[bytes]) -> bytes:
        digest = hmac.new(self._key, digestmod=hashlib.sha256)
        for part in parts:
            digest.update(part)
        return digest.hexdigest().encode()


class Connection:
    """The sockets of one kernel."""

    def __init__(self, directory: Path, kernel_name: str) -> None:
        self._directory = directory
        self.file = str(directory / "kernel.json")
        self._key = secrets.token_hex(32)
        self._kernel_name = kernel_name
        self._signer = Signer(self._key.encode())
        self._sockets: dict[str, Any] = {}
        self._readers: list[asyncio.Task[None]] = []

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
        handle = os.open(self.file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(handle, "w") as stream:
            json.dump(about, stream)

    def open(self, context: Any, on_message: Callable[[str, Message], None]) -> None:
        """Connect; from now on `on_message` gets every message with the name of its channel."""
        zmq: Any = import_module("zmq")
        for number, name in enumerate(_CHANNELS, 1):
            connected = context.socket(zmq.SUB if name == "iopub" else zmq.DEALER)
            connected.linger = 0
            connected.reconnect_ivl = 5  # milliseconds; the kernel makes its sockets while we already try
            connected.reconnect_ivl_max = 200
            connected.rcvhwm = 0  # what a cell prints must not be lost
            if name == "iopub":
                connected.subscribe(b"")
            else:
                connected.identity = self._signer.identity
            connected.connect(f"ipc://{self._directory / 's'}-{number}")
            self._sockets[name] = connected
            self._readers.append(asyncio.create_task(self._read(name, connected, on_message)))

    async def send(self, channel: str, kind: str, content: dict[str, Any], parent: Message | None = None) -> str:
        """Send a message and return its id."""
        message_id, parts = self._signer.pack(kind, content, parent)
        await self._sockets[channel].send_multipart(parts)
        return message_id

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
                message = self._signer.unpack(parts)
            except ValueError:
                continue  # whatever code in the project sends to this socket: it is not the kernel's
            on_message(channel, message)


def _dump(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "surrogatepass")


def _load(part: bytes) -> dict[str, Any]:
    try:
        value = json.loads(part.decode("utf-8", "replace"))
    except RecursionError as error:
        raise ValueError("a message is nested too deeply") from error
    if not isinstance(value, dict):
        raise ValueError("a part of a message is not an object")
    return cast("dict[str, Any]", value)
