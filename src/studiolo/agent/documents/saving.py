"""A document and its file: edits are saved a moment later, changes on the disk are merged into the document."""

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING, Any

from studiolo.agent.documents import disk
from studiolo.agent.documents.models import Format
from studiolo.core.clock import Clock
from studiolo.core.errors import FileNotFound, StudioloError

if TYPE_CHECKING:
    from studiolo.agent.documents.rooms import Room

SAVE_AFTER_SECONDS = 0.3
SAVE_AT_LAST_SECONDS = 2.0
LOOK_EVERY_SECONDS = 0.5
RETRY_SECONDS = 5.0


class Saver:
    """Saves one room's document and watches its file.

    The base of every merge is what the file last held of the document, known by its fingerprint.
    """

    def __init__(self, room: "Room", form: Format, file: Path, path: str, clock: Clock, content: disk.Content) -> None:
        self._room = room
        self._format = form
        self._file = file
        self._path = path
        self._clock = clock
        self._stamp: disk.Stamp | None = content.stamp
        self._data = content.data  # what the file holds
        self._base: Any = None  # what that means
        self._digest = ""
        self._changes = 0
        self._saved_changes = 0
        self._first_change_at = 0.0
        self._last_change_at = 0.0
        self._looked_at = clock.monotonic()
        self._not_before = 0.0
        self._last_duration = 0.0
        self._is_blocked = False
        self._lock = asyncio.Lock()

    @property
    def is_saved(self) -> bool:
        """Tell whether the file holds everything."""
        return self._changes == self._saved_changes

    @property
    def base(self) -> Any:
        """Return what the file meant when it was last read or written."""
        return self._base

    def begin(self, base: Any, digest: str, found: Any, *, is_same: bool) -> None:
        """Bring a document just opened together with its file, which may have changed since the log was written."""
        self._digest, self._base = digest, found
        if not is_same:
            self._room.merge(base, found)
        self._after_merge(found)

    def note_change(self) -> None:
        """Note that the document has changed."""
        now = self._clock.monotonic()
        if self.is_saved:
            self._first_change_at = now
            self._room.announce({"type": "saved", "is_saved": False})
        self._last_change_at = now
        self._changes += 1

    async def tick(self) -> None:
        """Look at the file and save, if it is time to."""
        now = self._clock.monotonic()
        if now - self._looked_at >= LOOK_EVERY_SECONDS:
            self._looked_at = now
            async with self._lock:
                self._look()
        if not self.is_saved and now >= self._not_before and self._is_due(now):
            await self.save()

    async def save(self, *, is_forced: bool = False) -> None:
        """Save now what is not saved; `is_forced` also replaces a file that is no notebook any more."""
        async with self._lock:
            if self.is_saved and not is_forced:
                return
            self._look()
            if self._is_blocked and not is_forced:
                return
            started = self._clock.monotonic()
            await self._write()
            self._last_duration = self._clock.monotonic() - started

    def compact(self, *, always: bool = False) -> None:
        """Make the log small, if everything is saved."""
        if self.is_saved:
            try:
                self._room.log_compact(self._digest, always=always)
            except OSError:
                return  # the long log is as good, and there may be room for a short one later

    def _is_due(self, now: float) -> bool:
        # a large notebook is saved less often, so that saving never takes more than a fifth of the time
        pause = max(SAVE_AFTER_SECONDS, 5 * self._last_duration)
        return now - self._last_change_at >= pause or now - self._first_change_at >= max(SAVE_AT_LAST_SECONDS, pause)

    async def _write(self) -> None:
        model = self._room.model()
        changes, count = self._changes, self._room.mark()
        if model != self._base or self._is_blocked or self._stamp is None:
            try:
                base_data = b"" if self._is_blocked else self._data
                data = self._format.render(model, base_data)
                self._stamp = await asyncio.to_thread(disk.replace, self._file, data)
            except OSError as error:
                self._fail(error)
                return
            self._data, self._base, self._digest = data, model, disk.digest_of(data)
            self._is_blocked = False
        self._saved(changes, count)

    def _saved(self, changes: int, count: int) -> None:
        self._saved_changes = changes
        try:
            self._room.log_saved(self._digest, count)
            self.compact()
        except OSError:
            pass  # the mark is missing: the next opening merges what is already merged
        if self.is_saved:
            self._room.announce({"type": "saved", "is_saved": True})
        else:
            self._first_change_at = self._clock.monotonic()

    def _fail(self, error: OSError) -> None:
        self._not_before = self._clock.monotonic() + RETRY_SECONDS
        if disk.is_disk_full(error):
            code, message = (
                "disk_full",
                "The project's disk is full. Your edits are kept; free some space to save them.",
            )
        else:
            code, message = "not_saved", f"The file cannot be saved ({error.strerror}). Your edits are kept."
        self._room.notice("error", code, message)

    def _look(self) -> None:
        """Merge what another program has written into the file."""
        stamp = disk.stamp_of(self._file)
        if stamp == self._stamp:
            return
        self._stamp = stamp
        try:
            content = disk.read(self._file, self._path)
            if content.digest == self._digest:
                self._is_blocked = False
                return
            found = self._format.parse(content.data)
        except FileNotFound:
            self._room.notice("warning", "file_deleted", "The file was deleted. The next edit makes it again.")
            return
        except StudioloError as error:
            if not self._is_blocked:
                self._room.notice("warning", error.code, f"{error.message} Your edits are kept but not saved.")
            self._is_blocked = True
            return
        self._is_blocked = False
        base, self._base = self._base, found
        self._data, self._digest = content.data, content.digest
        self._room.merge(base, found)
        self._after_merge(found)

    def _after_merge(self, found: Any) -> None:
        if self._room.document.model() == found:
            self._saved(self._changes, self._room.mark())
        elif self.is_saved:
            self.note_change()
