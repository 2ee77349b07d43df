"""Uploads and downloads through the client, of a real server, over connections that break."""

import zipfile
from pathlib import Path

import pytest

from studiolo.client import AsyncClient, Client
from studiolo.client.errors import ConnectionLost, FileNotFound, StudioloError
from studiolo.client.transfers import PIECE_BYTES
from studiolo.testing.proxies import CuttingProxy
from studiolo.testing.servers import Server

pytestmark = pytest.mark.live
LARGE = bytes(range(256)) * (PIECE_BYTES * 5 // 2 // 256) + b"end"


def test_bytes_come_back_as_they_were(real_client: Client, project_id: str):
    for content in (b"", b"\x00\xff\xfe", "Größe".encode()):
        real_client.files.write_bytes(project_id=project_id, path="a b%/ü#?.bin", content=content)
        assert real_client.files.read_bytes(project_id=project_id, path="a b%/ü#?.bin") == content


def test_large_file_goes_up_in_pieces_and_comes_down(real_client: Client, project_id: str, tmp_path: Path):
    source, target = tmp_path / "source", tmp_path / "target"
    source.write_bytes(LARGE)
    up: list[tuple[int, int]] = []
    down: list[tuple[int, int]] = []

    def note_up(done: int, total: int) -> None:
        up.append((done, total))

    def note_down(done: int, total: int) -> None:
        down.append((done, total))

    size = real_client.files.upload(project_id=project_id, path="large.bin", source=source, on_progress=note_up)
    assert size == len(LARGE)
    assert up == [(PIECE_BYTES, len(LARGE)), (2 * PIECE_BYTES, len(LARGE)), (len(LARGE), len(LARGE))]
    assert (
        real_client.files.download(project_id=project_id, path="large.bin", target=target, on_progress=note_down)
        == size
    )
    assert target.read_bytes() == LARGE
    assert down[-1] == (size, size)
    assert sorted(done for done, _ in down) == [done for done, _ in down]


def test_broken_download_goes_on_where_it_was(
    real_client: Client, through_proxy: Client, proxy: CuttingProxy, project_id: str, tmp_path: Path
):
    real_client.files.write_bytes(project_id=project_id, path="down.bin", content=LARGE[:PIECE_BYTES])
    proxy.cuts_of_answers = [3_000_000, 3_000_000]
    seen: list[int] = []

    def note(done: int, _total: int) -> None:
        seen.append(done)

    target = tmp_path / "down.bin"
    through_proxy.files.download(project_id=project_id, path="down.bin", target=target, on_progress=note)
    assert target.read_bytes() == LARGE[:PIECE_BYTES]
    assert sorted(seen) == seen, "it began anew"
    assert proxy.connections == 3
    assert [path.name for path in tmp_path.iterdir()] == ["down.bin"]


def test_broken_upload_goes_on_where_it_was(
    real_client: Client, through_proxy: Client, proxy: CuttingProxy, project_id: str, tmp_path: Path
):
    source = tmp_path / "source"
    source.write_bytes(LARGE)
    proxy.cuts_of_requests = [5_000_000, 2_000_000]
    through_proxy.files.upload(project_id=project_id, path="up.bin", source=source)
    assert real_client.files.read_bytes(project_id=project_id, path="up.bin") == LARGE
    assert proxy.connections >= 3


def test_download_of_what_is_not_there_leaves_the_old_file(real_client: Client, project_id: str, tmp_path: Path):
    target = tmp_path / "kept"
    target.write_text("old")
    with pytest.raises(FileNotFound):
        real_client.files.download(project_id=project_id, path="nowhere.bin", target=target)
    assert target.read_text() == "old"
    assert [path.name for path in tmp_path.iterdir()] == ["kept"]


def test_patience_with_a_broken_connection_ends(
    real_client: Client, through_proxy: Client, proxy: CuttingProxy, project_id: str, tmp_path: Path
):
    real_client.files.write_bytes(project_id=project_id, path="down.bin", content=LARGE[:PIECE_BYTES])
    proxy.cuts_of_answers = [1] * 20
    with pytest.raises(ConnectionLost):
        through_proxy.files.download(project_id=project_id, path="down.bin", target=tmp_path / "x")
    assert proxy.connections == 5


def test_upload_into_a_foreign_project_is_refused(real_server: Server, project_id: str, tmp_path: Path):
    made = real_server.done("create_account", email_address="s@example.org", password="a-password", get_api_key=True)
    source = tmp_path / "source"
    source.write_bytes(LARGE)
    with Client(real_server.address, made["api_key"]) as stranger:
        for content in (b"small", LARGE):
            source.write_bytes(content)
            with pytest.raises(StudioloError) as caught:
                stranger.files.upload(project_id=project_id, path="a", source=source)
            assert caught.value.code == "project_not_found"


def test_archive_holds_what_was_asked_for(real_client: Client, project_id: str, tmp_path: Path):
    real_client.files.write_bytes(project_id=project_id, path="pack/a.txt", content=b"1")
    real_client.files.write_bytes(project_id=project_id, path="pack/b.txt", content=b"2")
    target = tmp_path / "pack.zip"
    assert (
        real_client.files.download_archive(project_id=project_id, paths=["pack"], target=target)
        == target.stat().st_size
    )
    with zipfile.ZipFile(target) as archive:
        assert {Path(name).name for name in archive.namelist()} >= {"a.txt", "b.txt"}


@pytest.mark.anyio
async def test_the_same_goes_with_await(real_server: Server, project_id: str, tmp_path: Path):
    source, target = tmp_path / "source", tmp_path / "target"
    source.write_bytes(LARGE)
    seen: list[int] = []

    def note(done: int, _total: int) -> None:
        seen.append(done)

    async with AsyncClient(real_server.address, real_server.key) as client:
        await client.files.upload(project_id=project_id, path="async.bin", source=source, on_progress=note)
        await client.files.download(project_id=project_id, path="async.bin", target=target, on_progress=note)
        assert target.read_bytes() == LARGE
        await client.files.write_bytes(project_id=project_id, path="small.bin", content=b"\x00")
        assert await client.files.read_bytes(project_id=project_id, path="small.bin") == b"\x00"
        await client.files.download_archive(project_id=project_id, paths=["small.bin"], target=target, form="tar.gz")
        assert target.read_bytes()[:2] == b"\x1f\x8b"
    assert len(LARGE) in seen


@pytest.mark.anyio
async def test_broken_transfers_go_on_with_await(
    proxy: CuttingProxy, real_server: Server, project_id: str, tmp_path: Path
):
    async def sleep(_seconds: float) -> None: ...

    source, target = tmp_path / "source", tmp_path / "target"
    source.write_bytes(LARGE)
    async with AsyncClient(proxy.url, real_server.key, sleep=sleep) as client:
        proxy.cuts_of_requests = [5_000_000]
        await client.files.upload(project_id=project_id, path="async.bin", source=source)
        proxy.cuts_of_answers = [3_000_000]
        await client.files.download(project_id=project_id, path="async.bin", target=target)
    assert target.read_bytes() == LARGE
