"""The two channels of a copy: `copies.read` at its source, `copies.write` at its target.

The opening call finds the path and tells what is there; what follows are frames of bytes that are the other agent's
business (`stream.py`), and between them messages for the hub: `{"progress": [FILES, BYTES]}`, `{"total": [...]}` and
`{"at": N}` as signs of life, and from the target at the end `{"done": {...}}`, `{"stopped": WHY}` or `{"broken": WHY}`.
"""

# Paths are given to the system to the letter, below directories that are open.
# ruff: noqa: PTH116

import asyncio
import contextlib
import errno
import os
import stat
import threading
from collections.abc import Callable, Generator
from typing import TYPE_CHECKING, Any, cast

from studiolo.agent import params
from studiolo.agent.beneath import Home
from studiolo.agent.copies.asking import Source, SourceRefused
from studiolo.agent.copies.counting import count
from studiolo.agent.copies.directories import OPENED, identities_to, identity
from studiolo.agent.copies.entries import checked_name
from studiolo.agent.copies.placing import KEPT_SECONDS, Damaged, Placer, TemporaryNames
from studiolo.agent.copies.selection import Selection, SelectionFailed, require_rsync
from studiolo.agent.copies.source import Reader, Root
from studiolo.agent.copies.stream import Stream, StreamBroken
from studiolo.agent.copies.tree import TreeWriter
from studiolo.agent.files import in_thread
from studiolo.core.copying.rules import Rules, Tally
from studiolo.core.errors import Conflict, FileNotFound, FileTypeUnsupported, InvalidRequest, Unavailable

if TYPE_CHECKING:
    from studiolo.agent.agent import Agent
    from studiolo.agent.channel import Channel

AT_ONCE = 16  # of one project, at either end; each has a thread
_FSYNC = ("none", "files", "full")


class Transfers:
    """The copies that this agent has a part in now."""

    def __init__(self, agent: "Agent") -> None:
        self.names = TemporaryNames()
        self.running = 0
        self._home = agent.home
        agent.count_busy(lambda: self.running > 0)

    @contextlib.contextmanager
    def one_more(self) -> Generator[None]:
        """Count one; raise Unavailable if there are too many."""
        if self.running >= AT_ONCE:
            raise Unavailable("Too many copies are under way in this project.")
        self.running += 1
        try:
            yield
        finally:
            self.running -= 1

    def forget_later(self, kept: list[str]) -> None:
        """Remove parts of files after a while, unless somebody uses them then."""
        if kept:
            forgetting = threading.Thread(target=self.forget, args=(kept,), daemon=True)
            asyncio.get_running_loop().call_later(KEPT_SECONDS, forgetting.start)

    def forget(self, kept: list[str]) -> None:
        """Remove parts of files that nobody uses now."""
        for path in kept:
            with contextlib.suppress(Exception):  # moved, gone, or out of reach: then it is not ours to remove
                relative = os.path.relpath(path, self._home)
                with Home(self._home).place(relative, "unlink", is_followed=False) as place:
                    if not self.names.is_used(place.directory, place.name):
                        os.unlink(place.name, dir_fd=place.directory)


async def read(agent: "Agent", given: dict[str, Any], channel: "Channel") -> None:
    """Let the target read one directory and what is below it, or one file of it."""
    transfers = agent.part(Transfers, lambda: Transfers(agent))
    with transfers.one_more():
        exclude = _patterns(given)
        root, result = await in_thread(_find_source, agent.home, given)
        await _accept(channel, result, root.directory)
        stream = Stream(channel, asyncio.get_running_loop())
        await _in_a_thread_of_its_own(lambda: _serve(root, stream, exclude), root.directory)


async def write(agent: "Agent", given: dict[str, Any], channel: "Channel") -> None:
    """Write what the source holds to a path."""
    transfers = agent.part(Transfers, lambda: Transfers(agent))
    rules = _rules(given)
    exclude = _patterns(given) if rules.delete_missing else []
    with transfers.one_more():
        directory, name = await in_thread(_find_target, agent.home, given)
        await _accept(channel, {}, directory)
        stream, tally = Stream(channel, asyncio.get_running_loop()), Tally()
        placer = Placer(rules, transfers.names, lambda at: stream.note({"at": at}))
        source = Source(stream, identity(os.fstat(directory)) if "around" in given else None)
        is_home = await in_thread(_is_home, directory, agent.home)

        def write_tree() -> None:
            selection = _select(directory, name, exclude, stream)
            writer = TreeWriter(directory, source, stream, rules, placer, tally, selection)
            if name is None:
                writer.write_directory(keeps_root_mode=is_home)
            else:
                writer.write_entry(name)

        try:
            await _in_a_thread_of_its_own(lambda: _write(write_tree, stream, tally), directory)
        finally:
            transfers.forget_later(placer.kept)


def _serve(root: Root, stream: Stream, exclude: list[str]) -> None:
    with contextlib.suppress(StreamBroken):
        try:
            selection = _select(root.directory, root.name, exclude, stream)
        except (SelectionFailed, OSError) as error:
            Reader(root, stream).refuse(str(error))
            return
        totals = count(root.directory, root.name, lambda: stream.note({"at": 0}), selection)
        if totals is not None:
            stream.note({"total": totals}, is_due=True)
        Reader(root, stream, selection).serve()


def _select(directory: int, name: str | None, exclude: list[str], stream: Stream) -> Selection | None:
    return Selection(directory, exclude, lambda: stream.note({"at": 0}), name) if exclude else None


def _write(write_tree: Callable[[], None], stream: Stream, tally: Tally) -> None:
    end: dict[str, Any]
    try:
        write_tree()
        end = {"done": _told(tally)}
    except SourceRefused as refusal:
        end = {"stopped": f"the source cannot be read: {refusal}"}
    except SelectionFailed as error:
        end = {"stopped": str(error), "done": _told(tally)}
    except OSError as error:
        where = "" if error.filename is None else f": '{error.filename}'"
        end = {"stopped": f"{error.strerror or error}{where}", "done": _told(tally)}
    except Damaged:
        end = {"broken": "what arrived is not what was sent"}
    except StreamBroken as error:
        end = {"broken": str(error)}
    with contextlib.suppress(StreamBroken):
        stream.note(end, is_due=True)


def _told(tally: Tally) -> dict[str, Any]:
    return {
        **tally.as_dict(),
        **tally.progress(),
        "resumed_bytes": tally.resumed_bytes,
        "failures": tally.failures,
    }


def _find_source(home: str, given: dict[str, Any]) -> tuple[Root, dict[str, Any]]:
    path = params.text(given, "path")
    name: str | None = None
    with Home.of_call(home, given).place(path, "stat") as place:
        found = place.require()
        if place.is_directory:
            directory = place.open(os.O_RDONLY | os.O_DIRECTORY)
        elif stat.S_ISREG(found.st_mode):
            parent, _, name = path.rstrip("/").rpartition("/")
            directory = _open_directory(home, parent)
        else:
            raise FileTypeUnsupported(f"'{path}' is neither a file nor a directory; it cannot be copied.")
    result: dict[str, Any] = {"kind": "directory" if name is None else "file", "name": name}
    if params.flag(given, "is_same_home"):
        result["around"] = identities_to(identity(os.stat(home)), directory)
    return Root(directory, name), result


def _open_directory(home: str, path: str) -> int:
    with Home(home).place(path, "open") as place:
        return place.open(os.O_RDONLY | os.O_DIRECTORY)


def _find_target(home: str, given: dict[str, Any]) -> tuple[int, str | None]:
    """Return the open directory to write to, and the name for a single file there."""
    path, name = params.text(given, "path"), given.get("name")
    if name is None:
        directory = _open_made(home, path)
        _refuse_to_delete_the_source(given, directory)
        return directory, None
    try:
        name = checked_name(name)
    except StreamBroken as error:
        raise InvalidRequest("name must name a file", fields={"name": "must name a file"}) from error
    is_directory = path.endswith("/") or not path
    if not is_directory:
        with contextlib.suppress(FileNotFound), Home(home).place(path, "stat") as place:
            is_directory = place.is_directory
    if is_directory:
        return _open_made(home, path), name
    parent, _, last = path.rpartition("/")
    return _open_made(home, parent), last


def _open_made(home: str, path: str) -> int:
    with Home(home).place(path, "mkdir", makes_parents=True) as place:
        if place.status is None:
            with contextlib.suppress(FileExistsError):  # somebody was faster; opening it shows what it is
                os.mkdir(place.name, dir_fd=place.directory)
        elif not place.is_directory:
            raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR))
        return os.open(place.name, OPENED, dir_fd=place.directory)


def _rules(given: dict[str, Any]) -> Rules:
    fsync = params.text(given, "fsync", "none")
    if fsync not in _FSYNC:
        raise InvalidRequest("fsync must be none, files or full", fields={"fsync": "must be none, files or full"})
    chosen = {name: params.flag(given, name) for name in ("overwrite_newer", "delete_missing", "backup")}
    return Rules(**chosen, fsync=cast("Any", fsync))


def _patterns(given: dict[str, Any]) -> list[str]:
    patterns = params.texts(given, "exclude")
    if patterns:
        require_rsync()
    return patterns


def _refuse_to_delete_the_source(given: dict[str, Any], directory: int) -> None:
    around = cast("list[list[int]]", given.get("around", []))
    if params.flag(given, "delete_missing") and list(identity(os.fstat(directory))) in around[1:]:
        os.close(directory)
        raise Conflict("The source lies inside the target: delete_missing would delete it.")


def _is_home(directory: int, home: str) -> bool:
    return identity(os.fstat(directory)) == identity(os.stat(home))


async def _accept(channel: "Channel", result: dict[str, Any], directory: int) -> None:
    try:
        await channel.accept(result)
    except BaseException:
        os.close(directory)
        raise


async def _in_a_thread_of_its_own(work: Callable[[], None], directory: int) -> None:
    """Do work that may take hours, without taking one of the threads that everything else needs.

    The thread closes the directory: when the agent ends it may go on for a moment after this does.
    """
    loop = asyncio.get_running_loop()
    done: asyncio.Future[None] = loop.create_future()

    def carry_out() -> None:
        try:
            work()
        finally:
            os.close(directory)
            with contextlib.suppress(RuntimeError):  # the loop is closed: the agent has ended
                loop.call_soon_threadsafe(lambda: done.done() or done.set_result(None))

    threading.Thread(target=carry_out, name="copy", daemon=True).start()
    await done
