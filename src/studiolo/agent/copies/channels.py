"""The two channels of a copy: `copies.read` at its source, `copies.write` at its target.

The opening call finds the path and tells what is there; what follows are frames of bytes that are the other agent's
business (`stream.py`), and between them messages for the hub: `{"progress": [FILES, BYTES]}`, `{"total": [...]}` and
`{"at": N}` as signs of life, and from the target at the end `{"done": {...}}`, `{"stopped": WHY}` or `{"broken": WHY}`.
"""

import asyncio
import contextlib
import os
import threading
from collections.abc import Callable, Generator
from typing import TYPE_CHECKING, Any

from studiolo.agent import params
from studiolo.agent.beneath import Home
from studiolo.agent.copies.counting import count
from studiolo.agent.copies.ends import find_source, find_target, look_for_target
from studiolo.agent.copies.handed_out import Places
from studiolo.agent.copies.placing import KEPT_SECONDS, TemporaryNames
from studiolo.agent.copies.selection import Selection, SelectionFailed, require_rsync
from studiolo.agent.copies.source import Reader, Root
from studiolo.agent.copies.stream import Stream, StreamBroken
from studiolo.agent.copies.writing import Writer, read_writing
from studiolo.agent.files import in_thread
from studiolo.core.errors import Unavailable

if TYPE_CHECKING:
    from studiolo.agent.agent import Agent
    from studiolo.agent.channel import Channel

AT_ONCE = 16  # of one project, at either end; each has a thread


class Transfers:
    """The copies that this agent has a part in now."""

    def __init__(self, agent: "Agent") -> None:
        self.names = TemporaryNames()
        self.running = 0
        self.places = Places()
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
        exclude = params.texts(given, "exclude")
        if exclude:
            require_rsync()
        root, result = await in_thread(find_source, agent.home, given)
        await _accept(channel, result, root.directory)
        stream = Stream(channel, asyncio.get_running_loop())
        await _in_a_thread_of_its_own(lambda: _serve(root, stream, exclude), root.directory)


async def write(agent: "Agent", given: dict[str, Any], channel: "Channel") -> None:
    """Write what the source holds to a path, or bring it together with what is there."""
    transfers = agent.part(Transfers, lambda: Transfers(agent))
    asked = read_writing(given)
    if asked.exclude and asked.rules.delete_missing:
        require_rsync()
    with transfers.one_more():
        find = look_for_target if asked.mode == "rehearse" else find_target
        directory, name = await in_thread(find, agent.home, given)
        await _accept(channel, {}, directory)
        stream = Stream(channel, asyncio.get_running_loop())
        writer = Writer(asked, agent.home, directory, name, stream, transfers.names, transfers.places)
        try:
            await _in_a_thread_of_its_own(writer.run, directory)
        finally:
            transfers.forget_later(writer.kept)


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


async def _accept(channel: "Channel", result: dict[str, Any], directory: int | None) -> None:
    try:
        await channel.accept(result)
    except BaseException:
        if directory is not None:
            os.close(directory)
        raise


async def _in_a_thread_of_its_own(work: Callable[[], None], directory: int | None) -> None:
    """Do work that may take hours, without taking one of the threads that everything else needs.

    The thread closes the directory: when the agent ends it may go on for a moment after this does.
    """
    loop = asyncio.get_running_loop()
    done: asyncio.Future[None] = loop.create_future()

    def carry_out() -> None:
        try:
            work()
        finally:
            if directory is not None:
                os.close(directory)
            with contextlib.suppress(RuntimeError):  # the loop is closed: the agent has ended
                loop.call_soon_threadsafe(lambda: done.done() or done.set_result(None))

    threading.Thread(target=carry_out, name="copy", daemon=True).start()
    await done
