"""Files: the calls, and uploads and downloads of any size with progress."""

import asyncio
import io
from collections.abc import Sequence
from pathlib import Path

from studiolo.client import transfers
from studiolo.client.calling import AsyncCaller, Caller
from studiolo.client.errors import StudioloError
from studiolo.client.nouns.files import AsyncFilesCalls, FilesCalls
from studiolo.client.transfers import Download, OnTransfer, Upload


class Files(FilesCalls):
    """Calls about files, and `download`, `upload`, `download_archive`, `read_bytes`, `write_bytes`."""

    def __init__(self, caller: Caller) -> None:
        """Make calls through a client's connection."""
        super().__init__(caller)
        self._connection = caller

    def download(self, *, project_id: str, path: str, target: str | Path, on_progress: OnTransfer | None = None) -> int:
        """Download a file to a local path, which is replaced when all is there; return its size.

        A broken connection is taken up where it was. `on_progress` is called with the bytes that came and the bytes in
        all (0: not known).

        Args:
            target: The local file.
        """
        address = transfers.file_address(project_id, path)
        return self._fetch(Download("download_file", address, Path(target), on_progress))

    def download_archive(
        self,
        *,
        project_id: str,
        paths: Sequence[str],
        target: str | Path,
        form: str = "zip",
        on_progress: OnTransfer | None = None,
    ) -> int:
        """Download some paths of a project as one archive, made as it is sent; return its size.

        Args:
            form: `zip` or `tar.gz`.
        """
        address = transfers.archive_address(project_id, paths, form)
        return self._fetch(Download("download_archive", address, Path(target), on_progress))

    def upload(self, *, project_id: str, path: str, source: str | Path, on_progress: OnTransfer | None = None) -> int:
        """Upload a local file, piece by piece if it is large; return its size.

        The server checks that what arrived is what was sent. Until it is whole, the project's file is the old one.

        Args:
            source: The local file.
        """
        with Path(source).open("rb") as file:
            return self._put(Upload(project_id, path, file, on_progress))

    def read_bytes(self, *, project_id: str, path: str) -> bytes:
        """Return a file's content."""
        asked = transfers.bytes_of(project_id, path)
        return self._connection.send(asked, transfers.body_of)

    def write_bytes(self, *, project_id: str, path: str, content: bytes) -> None:
        """Write a file whole."""
        self._put(Upload(project_id, path, io.BytesIO(content), None))

    def _fetch(self, download: Download) -> int:
        attempt = 0
        try:
            while True:
                before = download.done
                try:
                    with (
                        self._connection.stream(download.asked()) as response,
                        download.open(response) as file,
                    ):
                        for piece in response.iter_raw():
                            file.write(piece)
                            download.note(len(piece))
                    return download.finish()
                except StudioloError as error:
                    attempt = 1 if download.done > before else attempt + 1
                    self._connection.pause(attempt, error, is_repeatable=True)
        finally:
            download.discard()

    def _put(self, upload: Upload) -> int:
        if upload.is_small:
            self._connection.send(upload.whole(), transfers.check_stored)
            upload.note(upload.total)
            return upload.total
        self._connection.send(upload.creation(), upload.note_created)
        attempt = 0
        while not upload.is_done:
            before = upload.done
            try:
                self._connection.send(upload.piece(), upload.note_offset)
            except StudioloError as error:
                if not transfers.may_have_arrived(error):
                    raise
                self._connection.send(upload.question(), upload.note_offset)
                attempt = 1 if upload.done > before else attempt + 1
                self._connection.pause(attempt, transfers.as_lost(error), is_repeatable=True)
        return upload.total


class AsyncFiles(AsyncFilesCalls):
    """The same, to be awaited."""

    def __init__(self, caller: AsyncCaller) -> None:
        """Make calls through a client's connection."""
        super().__init__(caller)
        self._connection = caller

    async def download(
        self, *, project_id: str, path: str, target: str | Path, on_progress: OnTransfer | None = None
    ) -> int:
        """Download a file to a local path, as `Files.download` does."""
        address = transfers.file_address(project_id, path)
        return await self._fetch(Download("download_file", address, Path(target), on_progress))

    async def download_archive(
        self,
        *,
        project_id: str,
        paths: Sequence[str],
        target: str | Path,
        form: str = "zip",
        on_progress: OnTransfer | None = None,
    ) -> int:
        """Download some paths of a project as one archive, as `Files.download_archive` does."""
        address = transfers.archive_address(project_id, paths, form)
        return await self._fetch(Download("download_archive", address, Path(target), on_progress))

    async def upload(
        self, *, project_id: str, path: str, source: str | Path, on_progress: OnTransfer | None = None
    ) -> int:
        """Upload a local file, as `Files.upload` does."""
        with await asyncio.to_thread(Path(source).open, "rb") as file:
            return await self._put(await asyncio.to_thread(Upload, project_id, path, file, on_progress))

    async def read_bytes(self, *, project_id: str, path: str) -> bytes:
        """Return a file's content."""
        return await self._connection.send(transfers.bytes_of(project_id, path), transfers.body_of)

    async def write_bytes(self, *, project_id: str, path: str, content: bytes) -> None:
        """Write a file whole."""
        await self._put(Upload(project_id, path, io.BytesIO(content), None))

    async def _fetch(self, download: Download) -> int:
        attempt = 0
        try:
            while True:
                before = download.done
                try:
                    async with self._connection.stream(download.asked()) as response:
                        with download.open(response) as file:
                            async for piece in response.aiter_raw(transfers.PIECE_BYTES):
                                await asyncio.to_thread(file.write, piece)
                                download.note(len(piece))
                    return download.finish()
                except StudioloError as error:
                    attempt = 1 if download.done > before else attempt + 1
                    await self._connection.pause(attempt, error, is_repeatable=True)
        finally:
            download.discard()

    async def _put(self, upload: Upload) -> int:
        if upload.is_small:
            await self._connection.send(await asyncio.to_thread(upload.whole), transfers.check_stored)
            upload.note(upload.total)
            return upload.total
        await self._connection.send(upload.creation(), upload.note_created)
        attempt = 0
        while not upload.is_done:
            before = upload.done
            try:
                await self._connection.send(await asyncio.to_thread(upload.piece), upload.note_offset)
            except StudioloError as error:
                if not transfers.may_have_arrived(error):
                    raise
                await self._connection.send(upload.question(), upload.note_offset)
                attempt = 1 if upload.done > before else attempt + 1
                await self._connection.pause(attempt, transfers.as_lost(error), is_repeatable=True)
        return upload.total
