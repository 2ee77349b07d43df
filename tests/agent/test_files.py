"""Files, through the real agent."""

import asyncio
import contextlib
import os
import socket
import stat
import string
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from studiolo.agent import files, files_text
from studiolo.agent.agent import Agent
from studiolo.core.errors import (
    FileNotFound,
    FileTooLarge,
    FileTypeUnsupported,
    Forbidden,
    InvalidRequest,
    PathOutsideProject,
    QuotaExceeded,
)

pytestmark = pytest.mark.anyio

WEIRD_NAMES = [
    "with space.txt",
    'it\'s "quoted".txt',
    "new\nline.txt",
    "tab\tand\rreturn",
    "ünïcødé-文件-🎈.txt",
    "-rf",
    "$(touch x);`id`&|<>*?[a]",
    "\\back\\slash",
    "not-utf8-\udcff\udc80",
    "\u202egnp.exe",
    "x" * 255,
]


@pytest.mark.parametrize("name", WEIRD_NAMES)
async def test_a_file_of_any_name_is_written_listed_and_read(shared_agent, call, name):
    await call("files.write_text", path=name, content="héllo\n")
    assert (await call("files.read_text", path=name)) == {"content": "héllo\n"}
    entries = (await call("files.list", path=""))["entries"]
    assert [entry["name"] for entry in entries] == [name]
    assert _names(shared_agent.home) == [name]


async def test_an_absolute_path_is_taken_as_it_is(shared_agent, call):
    path = str(shared_agent.home / "a" / "b.txt")
    await call("files.write_text", path=path, content="x")
    assert (await call("files.read_text", path="a/b.txt")) == {"content": "x"}


async def test_missing_parents_are_made_and_empty_content_is_allowed(shared_agent, call):
    assert await call("files.write_text", path="a/b/c.txt", content="") == {}
    assert (shared_agent.home / "a/b/c.txt").read_bytes() == b""


async def test_an_existing_file_keeps_its_mode(shared_agent, call):
    script = shared_agent.home / "run.sh"
    script.write_text("old")
    script.chmod(0o751)
    await call("files.write_text", path="run.sh", content="new")
    assert script.read_text() == "new"
    assert stat.S_IMODE(script.stat().st_mode) == 0o751


async def test_writing_through_a_link_changes_the_target_and_keeps_the_link(shared_agent, call):
    (shared_agent.home / "real.txt").write_text("old")
    (shared_agent.home / "link").symlink_to("real.txt")
    (shared_agent.home / "dangling").symlink_to("later/born.txt")
    await call("files.write_text", path="link", content="new")
    await call("files.write_text", path="dangling", content="born")
    assert (shared_agent.home / "link").is_symlink()
    assert (shared_agent.home / "real.txt").read_text() == "new"
    assert (shared_agent.home / "later/born.txt").read_text() == "born"


async def test_a_hard_link_stays_one(shared_agent, call):
    (shared_agent.home / "one").write_text("old and longer")
    (shared_agent.home / "two").hardlink_to(shared_agent.home / "one")
    await call("files.write_text", path="two", content="new")
    assert (shared_agent.home / "one").read_text() == "new"


async def test_nothing_but_the_file_is_left_after_writing(shared_agent, call):
    for content in ("a", "b" * 1_000_000, ""):
        await call("files.write_text", path="x", content=content)
    assert _names(shared_agent.home) == ["x"]


async def test_a_reader_never_sees_half_a_file(shared_agent, call):
    big, small = "b" * 3_000_000, "s" * 10
    target = shared_agent.home / "x"
    await call("files.write_text", path="x", content=big)
    with target.open() as before:
        await call("files.write_text", path="x", content=small)
        assert before.read() == big
    assert target.read_text() == small


async def test_bytes_that_are_not_text_become_replacement_characters(shared_agent, call):
    (shared_agent.home / "x").write_bytes(b"a\xff\xfeb\x00c")
    assert (await call("files.read_text", path="x")) == {"content": "a\ufffd\ufffdb\x00c"}


async def test_half_a_surrogate_pair_in_content_becomes_a_replacement_character(shared_agent, call):
    await call("files.write_text", path="x", content="a\ud83db\ud83d\ude00c")
    assert (shared_agent.home / "x").read_text() == "a\ufffdb😀c"


async def test_the_missing_file_is_named_in_historical_words(shared_agent, call):
    with pytest.raises(FileNotFound) as caught:
        await call("files.read_text", path="a/x.txt")
    home = shared_agent.home
    assert caught.value.message == f"ENOENT: no such file or directory, open '{home}/a/x.txt'"


def _names(home: Path) -> list[str]:
    return sorted(entry.name for entry in home.iterdir())


def _loop(home: Path) -> str:
    (home / "loop").symlink_to("loop")
    return "loop"


def _directory(home: Path) -> str:
    (home / "d").mkdir()
    return "d"


def _below_a_file(home: Path) -> str:
    (home / "f").write_text("")
    return "f/x"


def _pipe(home: Path) -> str:
    os.mkfifo(home / "pipe")
    return "pipe"


def _socket(home: Path) -> str:
    with socket.socket(socket.AF_UNIX) as made:
        made.bind(str(home / "socket"))
    return "socket"


READ_PROBLEMS = [
    (_loop, InvalidRequest, "ELOOP: too many symbolic links encountered, open"),
    (_directory, FileTypeUnsupported, "EISDIR: illegal operation on a directory, read"),
    (lambda home: "", FileTypeUnsupported, "EISDIR: illegal operation on a directory, read"),
    (_below_a_file, FileTypeUnsupported, "ENOTDIR: not a directory, open"),
    (lambda home: "y" * 300, InvalidRequest, "ENAMETOOLONG: name too long, open"),
    (lambda home: "/dev/zero", FileTypeUnsupported, "EINVAL: not a regular file, read"),
    (_pipe, FileTypeUnsupported, "EINVAL: not a regular file, read"),
    (_socket, FileTypeUnsupported, "EINVAL: not a regular file, read"),
    (lambda home: "a\0b", InvalidRequest, "path must not contain a NUL character"),
    (lambda home: "half\ud800", InvalidRequest, "path is not text that can name a file"),
]


@pytest.mark.parametrize(("prepare", "kind", "words"), READ_PROBLEMS)
async def test_reading_what_cannot_be_read_says_why_at_once(shared_agent, call, prepare, kind, words):
    with pytest.raises(kind) as caught:
        await call("files.read_text", path=prepare(shared_agent.home))
    assert caught.value.message.startswith(words)


WRITE_PROBLEMS = [
    (_loop, InvalidRequest, "ELOOP: "),
    (_directory, FileTypeUnsupported, "EISDIR: illegal operation on a directory, open"),
    (lambda home: "", FileTypeUnsupported, "EISDIR: "),
    (lambda home: "new/", FileTypeUnsupported, "EISDIR: "),
    (_below_a_file, FileTypeUnsupported, "ENOTDIR: not a directory, open"),
    (lambda home: "y" * 300, InvalidRequest, "ENAMETOOLONG: "),
    (lambda home: "/dev/null", FileTypeUnsupported, "EINVAL: not a regular file, open"),
    (_pipe, FileTypeUnsupported, "EINVAL: not a regular file, open"),
    (lambda home: "a\0b", InvalidRequest, "path must not contain a NUL character"),
]


@pytest.mark.parametrize(("prepare", "kind", "words"), WRITE_PROBLEMS)
async def test_writing_what_cannot_be_written_says_why_and_leaves_nothing(shared_agent, call, prepare, kind, words):
    path = prepare(shared_agent.home)
    before = _names(shared_agent.home)
    with pytest.raises(kind) as caught:
        await call("files.write_text", path=path, content="x")
    assert caught.value.message.startswith(words)
    assert _names(shared_agent.home) == before


@pytest.mark.parametrize("content", [None, 5, ["x"], {}])
async def test_content_must_be_text(call, content):
    with pytest.raises(InvalidRequest):
        await call("files.write_text", path="x", content=content)


async def test_a_large_file_is_refused_in_historical_words(shared_agent, call):
    with (shared_agent.home / "x").open("wb") as file:
        file.truncate(15 * 1024 * 1024)
    with pytest.raises(FileTooLarge) as caught:
        await call("files.read_text", path="x", max_bytes=10 * 1024 * 1024)
    assert caught.value.message == (
        "Attempt to open large file of size 15MB; the maximum allowed size is 10MB."
        " Use vim, emacs, or pico from a terminal instead."
    )


async def test_a_file_of_exactly_the_allowed_size_is_read(shared_agent, call):
    (shared_agent.home / "x").write_text("x" * 1000)
    assert len((await call("files.read_text", path="x", max_bytes=1000))["content"]) == 1000
    with pytest.raises(FileTooLarge):
        await call("files.read_text", path="x", max_bytes=999)


async def test_a_file_that_hides_its_size_is_read_to_the_limit(call):
    assert "Name:" in (await call("files.read_text", path="/proc/self/status"))["content"]
    with pytest.raises(FileTooLarge):
        await call("files.read_text", path="/proc/self/status", max_bytes=10)


async def test_a_full_disk_is_told_and_the_old_content_stays(call):
    """`/dev/full` cannot stand for a file here, so the limit on a file's size does."""
    command = (
        "ulimit -f 8; exec python3 -c 'import os, signal, sys; signal.signal(signal.SIGXFSZ, signal.SIG_IGN);"
        ' sys.path.insert(0, sys.argv[1]); from studiolo.agent import files; open("x", "w").write("old")\n'
        'try: files.write_bytes(os.path.abspath("x"), b"n" * 100000)\n'
        'except Exception as error: print(type(error).__name__, error, os.listdir(), open("x").read())\' '
    )
    sources = str(Path(files.__file__).parent.parent.parent)
    answer = await call("exec.run", command=f"{command} {sources}", bash=True)
    assert answer["stdout"].startswith("TooLarge EFBIG: file too large, open '")
    assert answer["stdout"].rstrip().endswith("['x'] old")


async def test_a_directory_is_listed_with_links_as_what_they_lead_to(shared_agent, call):
    home = shared_agent.home
    (home / "d").mkdir()
    (home / "f").write_text("12345")
    (home / "to-d").symlink_to("d")
    (home / "to-nowhere").symlink_to("nowhere")
    os.utime(home / "f", (0, 1_700_000_000))
    entries = {entry["name"]: entry for entry in (await call("files.list"))["entries"]}
    assert list(entries) == ["d", "f", "to-d", "to-nowhere"]
    assert entries["f"] == {
        "name": "f",
        "is_directory": False,
        "size_bytes": 5,
        "modified_at": "2023-11-14T22:13:20.000Z",
    }
    assert [entries[name]["is_directory"] for name in entries] == [True, False, True, False]


async def test_listing_what_is_not_a_directory_says_why(shared_agent, call):
    (shared_agent.home / "f").write_text("")
    with pytest.raises(FileTypeUnsupported, match="ENOTDIR: not a directory, scandir"):
        await call("files.list", path="f")
    with pytest.raises(FileNotFound, match="ENOENT: no such file or directory, scandir"):
        await call("files.list", path="nowhere")


class NoThreads(ThreadPoolExecutor):
    """An executor in a project whose limit of processes is reached."""

    def submit(self, *args: Any, **kwargs: Any) -> Any:
        raise RuntimeError("can't start new thread")


def test_files_can_be_reached_when_no_thread_can_be_started(tmp_path):
    async def use() -> None:
        agent = Agent(str(tmp_path))
        asyncio.get_running_loop().set_default_executor(NoThreads())
        await files_text.write_text(agent, {"path": "x", "content": "saved"})
        assert await files_text.read_text(agent, {"path": "x"}) == {"content": "saved"}
        assert len((await files_text.list_directory(agent, {}))["entries"]) == 1

    asyncio.run(use())


def test_what_the_caller_may_not_do_is_forbidden():
    for number, kind in ((13, Forbidden), (1, Forbidden), (30, Forbidden), (28, QuotaExceeded), (122, QuotaExceeded)):
        assert type(files.explain(OSError(number, ""), "open", "/x")) is kind


names = st.text(
    st.characters(blacklist_characters="/\0", blacklist_categories=("Cs",)) | st.sampled_from(string.printable[:-6]),
    min_size=1,
    max_size=60,
).filter(lambda name: name.strip(".") and "/" not in name and len(os.fsencode(name)) <= 255)


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(parts=st.lists(names, min_size=1, max_size=4), content=st.text(st.characters(), max_size=200))
def test_what_is_written_is_read_back_whatever_the_path(tmp_path_factory, parts, content):
    home = tmp_path_factory.mktemp("home")
    path = files.resolve(str(home), "/".join(parts))
    assert path.startswith(f"{home}/")
    files.write_bytes(path, files.encode_text(content))
    read = files.read_bytes(path, 10_000).decode()
    assert read == content.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")


@settings(max_examples=300, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(path=st.text(st.sampled_from("./a~\0\n\ud800é "), max_size=12))
def test_any_path_is_answered_or_refused_with_an_error_of_ours(tmp_path, path):
    with contextlib.suppress(FileNotFound, FileTypeUnsupported, InvalidRequest):
        resolved = files.resolve(str(tmp_path), path)
        if resolved.startswith(str(tmp_path)) and ".." not in resolved:
            files.read_bytes(resolved, 100)


async def test_links_lead_out_of_nothing_public(call: Any, shared_agent: Any) -> None:
    public, secret = shared_agent.home / "public", shared_agent.home / "secret.txt"
    public.mkdir()
    secret.write_text("secret")
    (public / "a.txt").write_text("a")
    (public / "link").symlink_to(secret)
    (public / "up").symlink_to(shared_agent.home)
    assert await call("files.read_text", path="public/a.txt", within="public") == {"content": "a"}
    for path in ("public/link", "public/up/secret.txt", "secret.txt", "publicx"):
        with pytest.raises(PathOutsideProject):
            await call("files.read_text", path=path, within="public")
    assert len((await call("files.list", path="public", within="public"))["entries"]) == 3
    with pytest.raises(PathOutsideProject):
        await call("files.list", path="public/up", within="public")
    for one in ("documents.open", "documents.join"):
        with pytest.raises(PathOutsideProject):
            await call(one, path="public/link", within="public", can_write=False)
    with pytest.raises(PathOutsideProject):
        await call("files.write_text", path="public/link", content="changed", within="public")
    assert secret.read_text() == "secret"


async def test_a_link_that_comes_and_goes_leads_a_narrowed_caller_nowhere(call: Any, shared_agent: Any) -> None:
    mine, other = shared_agent.home / "mine", shared_agent.home / "other"
    for directory in (mine / "real", other):
        directory.mkdir(parents=True)
        (directory / "f").write_text(directory.name)
    (other / "secret").touch()
    (mine / "shown").symlink_to("real")
    is_over = threading.Event()

    def swap() -> None:
        while not is_over.is_set():
            for target in ("../other", "real"):
                (mine / "next").symlink_to(target)
                (mine / "next").replace(mine / "shown")

    swapping = threading.Thread(target=swap)
    swapping.start()
    found: set[str] = set()
    try:
        for _ in range(1_000):
            with contextlib.suppress(PathOutsideProject):
                found.add((await call("files.read_text", path="mine/shown/f", within="mine"))["content"])
            with contextlib.suppress(PathOutsideProject):
                listed = (await call("files.list", path="mine/shown", within="mine"))["entries"]
                found |= {one["name"] for one in listed} & {"secret"}
            with contextlib.suppress(PathOutsideProject):
                await call("files.write_text", path="mine/shown/g", content="", within="mine")
    finally:
        is_over.set()
        swapping.join()
    assert found == {"real"}
    assert not (other / "g").exists()
