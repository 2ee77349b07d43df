"""The live form of a document: its Yjs document, its clients, its log.

1. An update is in the log before anybody else sees it.
2. A client's update is acknowledged when it is in the log and nothing it builds on is missing; if something is, the
   client is asked for it.
3. A client that sends nonsense is closed; the others do not notice.
4. Only the agent writes outputs, counts and states. Whatever else a client writes is tolerated in the document and
   made valid on the way to the file.
"""

import uuid
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from pycrdt import Doc, TransactionEvent, get_update

from studiolo.agent.documents import disk
from studiolo.agent.documents.awareness import Awareness
from studiolo.agent.documents.clients import Client
from studiolo.agent.documents.log import Log, LogContents, LogUnusable, log_directory, read_log
from studiolo.agent.documents.models import Format, format_for
from studiolo.agent.documents.notebooks import NotebookDocument
from studiolo.agent.documents.protocol import Kind, Sync, payload_of, sync_message
from studiolo.agent.documents.saving import Saver
from studiolo.agent.documents.texts import TextDocument
from studiolo.core.clock import Clock

EMPTY_UPDATE = b"\x00\x00"
Document = NotebookDocument | TextDocument


class Room:
    """A document that is open."""

    def __init__(self, home: Path, path: str, clock: Clock) -> None:
        self.path = path
        self.kind = disk.kind_of(path)
        self.generation = uuid.uuid4().hex
        self.clients: set[Client] = set()
        self.is_broken = False
        self.on_change: Callable[[], None] = lambda: None
        self.doc: Doc[Any] = Doc()
        self.document: Document = document_in(self.kind, self.doc)
        self._format: Format = format_for(self.kind, path)
        self._awareness = Awareness()
        self._file = home / path
        self._directory = log_directory(home, path)
        self._log: Log | None = None
        self._unlogged: list[bytes] = []
        self._events: list[bytes] = []
        content = disk.read(self._file, path)
        found = self._format.parse(content.data)
        self.saver = Saver(self, self._format, self._file, path, clock, content)
        self._open(content.digest, found)

    def join(self, client: Client, *, is_fresh: bool = False) -> None:
        """Add a client and bring it up to date; a fresh one need not ask for what it lacks."""
        self.clients.add(client)
        client.post(sync_message(Sync.STEP1, self.doc.get_state()))
        if is_fresh:
            client.post(sync_message(Sync.STEP2, self.doc.get_update()))
        present = self._awareness.everything()
        if present is not None:
            client.post(present)
        client.post({"type": "saved", "is_saved": self.saver.is_saved})

    def leave(self, client: Client) -> None:
        """Remove a client, whether it left or was dropped."""
        self.clients.discard(client)
        self._broadcast(self._awareness.leave(client))

    def receive(self, client: Client, message: bytes) -> None:
        """Take a message of y-protocols from a client."""
        try:
            if message[:1] == bytes([Kind.SYNC]):
                self._receive_sync(client, message)
            elif message[:1] == bytes([Kind.AWARENESS]):
                self._broadcast(self._awareness.receive(payload_of(message, 1), client), client)
            elif message[:1] == bytes([Kind.QUERY_AWARENESS]):
                client.post(self._awareness.everything() or b"\x01\x01\x00")
        except ValueError as error:
            self.leave(client)
            client.close("protocol_error", f"The page sent something that is not an edit ({error}).")

    @contextmanager
    def change(self) -> Generator[None]:
        """Change the document as the agent; the changes are one update."""
        with self.doc.transaction():
            yield
        self._publish(None)

    def announce(self, frame: dict[str, Any], *, writers_only: bool = False) -> None:
        """Send a frame to all clients."""
        for client in list(self.clients):
            if client.can_write or not writers_only:
                client.post(frame)

    def notice(self, level: str, code: str, message: str) -> None:
        """Say something to everybody who has the document open."""
        self.announce({"type": "notice", "level": level, "code": code, "message": message})

    async def tick(self) -> None:
        """Do what is due: look at the file, save, write to the log what did not fit before."""
        self._retry_log()
        await self.saver.tick()

    async def close(self) -> None:
        """Save and close the log; the room must not be used afterwards."""
        for client in list(self.clients):
            client.close("document_closed", "The document was closed.")
        self.clients.clear()
        await self.saver.save()
        if self._log is not None:
            self.saver.compact(always=True)
            self._log.close()

    # --- what the saver needs

    def model(self) -> Any:
        """Return what the document says, made valid."""
        model = self.document.repaired_model()
        self._publish(None)
        return model

    def merge(self, base: Any, found: Any) -> None:
        """Carry over into the document what changed from `base` to `found`."""
        self.document.merge(base, found)
        self._publish(None)

    def mark(self) -> int:
        """Return how many updates there are in the log now; -1 while some could not be written to it."""
        return self._log.count if self._log is not None and not self._unlogged else -1

    def log_saved(self, digest: str, count: int) -> None:
        """Write to the log that the file holds what the first `count` updates make."""
        if self._log is not None and count >= 0 and not self._unlogged:
            self._log.append_saved(digest, count)
        if self._log is None:
            self._acknowledge()

    def log_compact(self, digest: str, *, always: bool) -> None:
        """Make the log small if that is worth it and everything is in the file."""
        log = self._log
        if log is None or self._unlogged or (log.count == 1 and always):
            return
        if always or log.size_bytes > self._compact_above:
            update = self.doc.get_update()
            log.compact(update, digest)
            self._compact_above = max(512 * 1024, 4 * len(update))

    # --- private

    _compact_above = 512 * 1024

    def _open(self, digest: str, found: Any) -> None:
        restored = self._restore()
        contents, base = restored or (LogContents(self.generation), found)
        self.generation = contents.generation
        self._observe()
        self._open_log(contents)
        if restored is None:
            with self.change():
                self.document.fill(found)
        self.saver.begin(base, digest, found, is_same=restored is None or contents.saved_digest == digest)

    def _restore(self) -> tuple[LogContents, Any] | None:
        """Replay the log; None when there is none that can be used: then a new generation begins."""
        try:
            contents = read_log(self._directory, self.path)
        except LogUnusable:
            return None
        if contents is None or contents.saved_digest is None:
            return None
        doc: Doc[Any] = Doc()
        document = document_in(self.kind, doc)
        base: Any = None
        try:
            for count, update in enumerate(contents.updates):
                if count == contents.saved_count:
                    base = document.model()
                doc.apply_update(update)
            base = document.model() if base is None else base
        except BaseException as error:
            if not is_refusal_of_pycrdt(error):
                raise
            return None
        self.doc, self.document = doc, document
        return contents, base

    def _observe(self) -> None:
        def note(event: TransactionEvent) -> None:
            self._events.append(event.update)

        self._subscription = self.doc.observe(note)

    def _open_log(self, contents: LogContents) -> None:
        log = Log(self._directory, self.path, contents)
        try:
            log.open()
        except (LogUnusable, OSError):
            # Without a log an edit is safe when it is in the file, and only then acknowledged.
            return
        self._log = log

    def _receive_sync(self, client: Client, message: bytes) -> None:
        kind, payload = message[1:2], payload_of(message, 2)
        if kind == bytes([Sync.STEP1]):
            client.post(sync_message(Sync.STEP2, self.doc.get_update(payload)))
        elif kind in (bytes([Sync.STEP2]), bytes([Sync.UPDATE])) and client.can_write and payload != EMPTY_UPDATE:
            self._apply(client, payload)
            client.received += 1
            if self._is_whole(payload):
                self._acknowledge()
            else:
                client.post(sync_message(Sync.STEP1, self.doc.get_state()))

    def _apply(self, client: Client, update: bytes) -> None:
        try:
            self.doc.apply_update(update)
        except ValueError:
            raise
        except BaseException as error:
            if not is_refusal_of_pycrdt(error):
                raise
            # The library gave up in the middle: nobody knows what the document is now, but the log does.
            self.is_broken = True
            for other in list(self.clients):
                other.close("document_reloaded", "The document had to be loaded again.")
            raise ValueError("the edit cannot be applied") from None
        self._publish(client)

    def _is_whole(self, update: bytes) -> bool:
        """Tell whether everything in the update has found its place; its first number is what is left to place."""
        return get_update(update, self.doc.get_state())[:1] == b"\x00"

    def _publish(self, source: Client | None) -> None:
        events, self._events = self._events, []
        for update in events:
            self._write_log(update)
            self._broadcast(sync_message(Sync.UPDATE, update), source)
        if events:
            self.saver.note_change()
            self.on_change()

    def _write_log(self, update: bytes) -> None:
        if self._unlogged:
            self._unlogged.append(update)
            return
        if self._log is None:
            return
        try:
            self._log.append_update(update)
        except OSError as error:
            self._unlogged.append(update)
            self.notice(
                "error", "not_saved", f"Edits cannot be kept on the disk now ({error.strerror}). Keep this page open."
            )

    def _retry_log(self) -> None:
        while self._unlogged and self._log is not None:
            try:
                self._log.append_update(self._unlogged[0])
            except OSError:
                return
            del self._unlogged[0]
            if not self._unlogged:
                self._acknowledge()

    def _acknowledge(self) -> None:
        if self._unlogged or (self._log is None and not self.saver.is_saved):
            return
        for client in self.clients:
            client.acknowledge()

    def _broadcast(self, message: bytes | None, source: Client | None = None) -> None:
        if message is None:
            return
        for client in list(self.clients):
            if client is not source:
                client.post(message)


def document_in(kind: str, doc: Doc[Any]) -> Document:
    """Return the reader and writer for a kind of document."""
    return NotebookDocument(doc) if kind == "notebook" else TextDocument(doc)


def is_refusal_of_pycrdt(error: BaseException) -> bool:
    """Tell an update that the library refused, or gave up on, from the end of the program."""
    # a panic of the Rust library is no Exception: a hostile client must not end the agent with it
    return isinstance(error, ValueError) or type(error).__name__ == "PanicException"
