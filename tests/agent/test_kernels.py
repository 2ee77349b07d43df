"""Kernels and the running of cells, in the real agent."""

import asyncio
import json
import os
import signal
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import nbformat
import pytest
from pycrdt import Array, Map, Text

from studiolo.core import wire
from studiolo.core.errors import NotebookInvalid, StudioloError
from studiolo.runtime.agents import UnixAgentConnector
from studiolo.testing.peers import Copy, write_notebook

pytestmark = pytest.mark.anyio
DEADLINE_SECONDS = 40.0


class Peer:
    """A client that has joined a document of the agent."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer
        self.result: dict[str, Any] = {}
        self.copy = Copy(self.send)
        self._something = asyncio.Event()
        self.is_over = False

    def send(self, frame: dict[str, Any] | bytes) -> None:
        self._writer.write(wire.encode(frame))

    async def read(self) -> None:
        while (frame := await wire.read(self._reader)) is not None:
            self.copy.take(frame)
            self._something.set()
        self.is_over = True
        self._something.set()

    async def until(self, condition: Callable[[], Any]) -> None:
        async with asyncio.timeout(DEADLINE_SECONDS):
            while not condition():
                self._something.clear()
                await self._something.wait()

    def cell(self, place: int) -> dict[str, Any]:
        return dict(self.copy.cells[place].to_py() or {})

    def text(self, place: int) -> str:
        return "".join(output.get("text", "") for output in self.cell(place)["outputs"])

    def states(self) -> list[str]:
        return [frame["state"] for frame in self.copy.of_type("kernel")]

    async def run(self, place: int) -> dict[str, Any]:
        """Run a cell and wait until it has run."""
        before = self.copy.updates
        self.send({"type": "run", "cell_id": self.cell(place)["id"]})
        await self.until(lambda: self.copy.updates > before and self.cell(place)["execution_state"] == "idle")
        return self.cell(place)


@asynccontextmanager
async def joined(agent: Any, path: str, *, can_write: bool = True) -> AsyncIterator[Peer]:
    reader, writer = await asyncio.open_unix_connection(agent.socket_path)
    peer = Peer(reader, writer)
    await wire.write(writer, {"call": "documents.join", "params": {"path": path, "can_write": can_write, "name": "A"}})
    answer = await wire.read(reader)
    assert isinstance(answer, dict)
    assert "result" in answer, answer
    peer.result = answer["result"]
    reading = asyncio.create_task(peer.read())
    peer.copy.hello()
    await peer.until(lambda: peer.copy.is_synced)
    try:
        yield peer
    finally:
        writer.close()
        reading.cancel()
        await asyncio.gather(reading, return_exceptions=True)


@pytest.fixture
async def notebook(agent: Any, connector: UnixAgentConnector) -> AsyncIterator[Callable[..., Any]]:
    """Give a function that writes a notebook with these cells into the agent's home and joins it."""
    async with AsyncExitStack() as stack:
        opened: list[str] = []

        async def open_notebook(*sources: str, path: str = "x.ipynb") -> Peer:
            write_notebook(agent.home / path, list(sources))
            opened.append(path)
            return await stack.enter_async_context(joined(agent, path))

        yield open_notebook
        await stack.aclose()
        for path in opened:
            await connector.call(agent.socket_path, "documents.close", {"path": path}, timeout_seconds=20)


async def test_a_run_puts_its_result_count_and_states_into_the_document_and_the_file(agent: Any, notebook: Any) -> None:
    peer = await notebook("1+1")

    cell = await peer.run(0)

    assert cell["execution_count"] == 1
    assert cell["outputs"] == [
        {"output_type": "execute_result", "data": {"text/plain": "2"}, "metadata": {}, "execution_count": 1}
    ]
    await peer.until(lambda: peer.copy.of_type("saved")[-1]["is_saved"] and len(peer.copy.of_type("saved")) > 1)
    written = json.loads((agent.home / "x.ipynb").read_text())
    nbformat.validate(written)
    assert written["cells"][0]["outputs"][0]["data"] == {"text/plain": ["2"]}
    assert "execution_state" not in written["cells"][0]
    await peer.until(lambda: peer.states()[-1] == "idle")
    assert peer.states() == ["none", "starting", "idle"]


async def test_what_ends_at_once_is_shown_with_its_result_and_not_as_running(notebook: Any) -> None:
    peer = await notebook("1+1")
    await peer.run(0)
    shown: list[Any] = []
    peer.copy.cells.observe_deep(lambda _events: shown.append(peer.cell(0)["outputs"]))
    for count in range(2, 30):
        await peer.until(lambda: peer.states()[-1] == "idle")
        states, updates = peer.states(), peer.copy.updates
        shown.clear()

        cell = await peer.run(0)

        assert cell["execution_count"] == count
        if peer.states() == states:
            break  # a busy machine may take longer, and then it is shown
    assert peer.states() == states
    assert [len(outputs) for outputs in shown] == [1] * len(shown)  # at no moment without an output
    assert peer.copy.updates - updates == 2  # the result, the end


async def test_what_lasts_is_shown_as_running_without_its_old_output(agent: Any, notebook: Any) -> None:
    peer = await notebook("print('old')")
    await peer.run(0)
    source = peer.copy.cells[0]["source"]
    source.clear()
    source += "import os, time\nwhile not os.path.exists('go'): time.sleep(0.01)\nprint('new')"

    peer.send({"type": "run", "cell_id": peer.cell(0)["id"]})
    await peer.until(lambda: peer.states()[-1] == "busy" and peer.cell(0)["execution_state"] == "busy")

    assert peer.cell(0)["outputs"] == []
    (agent.home / "go").touch()
    await peer.until(lambda: peer.states()[-1] == "idle")
    assert peer.text(0) == "new\n"


async def test_many_short_runs_show_the_kernel_as_busy(notebook: Any) -> None:
    peer = await notebook("import time", *["time.sleep(0.03)"] * 10)
    await peer.run(0)
    await peer.until(lambda: peer.states()[-1] == "idle")
    before = len(peer.states())

    peer.send({"type": "run_all"})
    await peer.until(lambda: peer.cell(10)["execution_count"] == 12 and peer.states()[-1] == "idle")

    assert peer.states()[before:] == ["busy", "idle"]


async def test_a_cell_that_comes_back_while_it_runs_has_only_the_new_output(agent: Any, notebook: Any) -> None:
    peer = await notebook("print('old')")
    await peer.run(0)
    code = "import os, time\nwhile not os.path.exists('go'): time.sleep(0.01)\nprint('new')"
    source = peer.copy.cells[0]["source"]
    source.clear()
    source += code
    cell = peer.cell(0)

    peer.send({"type": "run", "cell_id": cell["id"]})
    del peer.copy.cells[0]
    await peer.until(lambda: peer.states()[-1] == "busy")
    outputs = Array([Map({"output_type": "stream", "name": "stdout", "text": Text("old\n")})])
    peer.copy.cells.append(Map({**cell, "source": Text(code), "outputs": outputs}))
    (agent.home / "go").touch()

    await peer.until(lambda: peer.states()[-1] == "idle")
    assert peer.text(0) == "new\n"


async def test_runs_queue_up_and_a_notebook_run_stops_at_the_first_error(notebook: Any) -> None:
    peer = await notebook("x = 1", "x += 1; x", "1/0", "'never'")

    peer.send({"type": "run_all"})
    await peer.until(lambda: peer.cell(2)["outputs"])
    await peer.until(lambda: {peer.cell(place)["execution_state"] for place in range(4)} == {"idle"})

    assert peer.cell(1)["outputs"][0]["data"]["text/plain"] == "2"
    assert peer.cell(2)["outputs"][0]["ename"] == "ZeroDivisionError"
    assert peer.cell(3)["outputs"] == []


async def test_a_hundred_thousand_prints_are_few_updates(notebook: Any) -> None:
    peer = await notebook("for i in range(100_000): print(i)")
    before = peer.copy.updates

    await peer.run(0)

    assert peer.text(0).endswith("99998\n99999\n")
    assert len(peer.cell(0)["outputs"]) == 1
    assert peer.copy.updates - before < 100


async def test_too_much_output_is_cut_and_the_kernel_goes_on(notebook: Any) -> None:
    peer = await notebook("for i in range(70): print('x' * 99_999)", "'alive'")

    await peer.run(0)

    assert "output is not shown" in peer.text(0)
    assert len(peer.text(0)) < 5.1 * 2**20
    assert (await peer.run(1))["outputs"][0]["data"]["text/plain"] == "'alive'"


async def test_an_update_leaves_alone_what_came_in_the_place_of_its_output(notebook: Any) -> None:
    peer = await notebook(
        "display('x', display_id='d')",
        "from IPython.display import update_display\nupdate_display('z', display_id='d')",
    )
    await peer.run(0)
    source = peer.copy.cells[0]["source"]
    source.clear()
    source += "display('y')"

    await peer.run(0)
    await peer.run(1)

    assert [output["data"] for output in peer.cell(0)["outputs"]] == [{"text/plain": "'y'"}]


async def test_outputs_are_cleared_updated_and_of_every_kind(notebook: Any) -> None:
    peer = await notebook(
        "from IPython.display import display, clear_output, HTML, update_display\n"
        "import sys\n"
        "print('gone'); clear_output(wait=True); print('kept')\n"
        "print('wrong', file=sys.stderr)\n"
        "display(HTML('<b>old</b>'), display_id='d');\n",
        "update_display(HTML('<b>new</b>'), display_id='d')",
    )

    await peer.run(0)
    await peer.run(1)

    outputs = peer.cell(0)["outputs"]
    assert [(output["output_type"], output.get("name")) for output in outputs] == [
        ("stream", "stdout"),
        ("stream", "stderr"),
        ("display_data", None),
    ]
    assert outputs[0]["text"] == "kept\n"
    assert outputs[2]["data"]["text/html"] == "<b>new</b>"


async def test_a_question_goes_to_all_writers_and_the_first_answer_wins(agent: Any, notebook: Any) -> None:
    peer = await notebook("print('Hello', input('Name? '))")
    async with joined(agent, "x.ipynb") as other, joined(agent, "x.ipynb", can_write=False) as reader:
        peer.send({"type": "run", "cell_id": "c0"})
        await other.until(lambda: other.copy.of_type("input"))
        async with joined(agent, "x.ipynb") as late:
            await late.until(lambda: late.copy.of_type("input"))
            assert late.copy.of_type("input")[0] == {
                "type": "input",
                "cell_id": "c0",
                "prompt": "Name? ",
                "is_password": False,
            }

        reader.send({"type": "input_reply", "cell_id": "c0", "value": "Eve"})
        other.send({"type": "input_reply", "cell_id": "c0", "value": "Ann"})
        other.send({"type": "input_reply", "cell_id": "c0", "value": "again"})

        await peer.until(lambda: "Hello Ann" in peer.text(0))
        await peer.until(lambda: peer.copy.of_type("input_done"))
        assert reader.copy.of_type("input") == []


async def test_an_interrupt_ends_the_running_cell_and_empties_the_queue(notebook: Any) -> None:
    peer = await notebook("import time\nprint('on')\ntime.sleep(60)", "'never'")
    peer.send({"type": "run", "cell_id": "c0"})
    peer.send({"type": "run", "cell_id": "c1"})
    await peer.until(lambda: "on" in peer.text(0))

    peer.send({"type": "interrupt"})

    await peer.until(lambda: [peer.cell(place)["execution_state"] for place in (0, 1)] == ["idle", "idle"])
    assert peer.cell(0)["outputs"][-1]["ename"] == "KeyboardInterrupt"
    assert peer.cell(1)["outputs"] == []


async def test_an_interrupt_on_the_heels_of_a_run_ends_it(notebook: Any) -> None:
    peer = await notebook("1", "while True: pass")
    await peer.run(0)
    for pause_seconds in (0, 0.001, 0.002, 0.004, 0.008):
        peer.send({"type": "run", "cell_id": "c1"})
        await asyncio.sleep(pause_seconds)
        peer.send({"type": "interrupt"})

        before = peer.cell(0)["execution_count"]
        peer.send({"type": "run", "cell_id": "c0"})
        await peer.until(lambda before=before: peer.cell(0)["execution_count"] not in (None, before))
        assert peer.cell(1)["execution_state"] == "idle"


async def test_an_interrupt_while_the_kernel_starts_ends_the_run(agent: Any, notebook: Any) -> None:
    peer = await notebook("open('ran', 'w').close()", "1")
    peer.send({"type": "run", "cell_id": "c0"})
    await peer.until(lambda: peer.states()[-1] == "starting")

    peer.send({"type": "interrupt"})

    await peer.until(lambda: peer.states()[-1] == "idle")
    assert (await peer.run(1))["execution_count"] == 1
    assert peer.cell(0)["execution_state"] == "idle"
    assert not (agent.home / "ran").exists()


async def test_asking_for_help_shows_it_below_the_cell(notebook: Any) -> None:
    peer = await notebook("len?")

    assert "number of items" in (await peer.run(0))["outputs"][0]["data"]["text/plain"]


async def test_a_restart_forgets_variables_and_ends_what_runs(notebook: Any) -> None:
    peer = await notebook("x = 1", "import time\nprint('on')\ntime.sleep(60)", "x")
    await peer.run(0)
    peer.send({"type": "run", "cell_id": "c1"})
    peer.send({"type": "run", "cell_id": "c2"})
    await peer.until(lambda: "on" in peer.text(1))

    peer.send({"type": "restart"})
    await peer.until(lambda: peer.states()[-2:] == ["restarting", "idle"])

    assert peer.cell(1)["execution_state"] == "idle"
    assert [output["output_type"] for output in peer.cell(1)["outputs"]] == ["stream"]
    assert (await peer.run(2))["outputs"][0]["ename"] == "NameError"


async def test_a_restart_in_the_first_moments_of_a_run_is_no_death_of_the_kernel(notebook: Any) -> None:
    peer = await notebook("1", "import time; time.sleep(60)")
    await peer.run(0)
    for pause_seconds in (0, 0.035, 0.04, 0.045, 0.05):
        peer.send({"type": "run", "cell_id": "c1"})
        await asyncio.sleep(pause_seconds)
        states = len(peer.states())
        peer.send({"type": "restart"})
        await peer.until(lambda states=states: "restarting" in peer.states()[states:] and peer.states()[-1] == "idle")

        assert peer.cell(1)["outputs"] == [], pause_seconds
        assert peer.cell(1)["execution_state"] == "idle"
        assert (await peer.run(0))["execution_count"] == 1  # the other did not run after all


async def test_a_restart_while_the_kernel_starts_ends_the_run(agent: Any, notebook: Any) -> None:
    peer = await notebook("open('ran', 'w').close()")
    peer.send({"type": "run", "cell_id": "c0"})
    await peer.until(lambda: peer.states()[-1] == "starting")

    peer.send({"type": "restart"})

    await peer.until(lambda: peer.states()[-1] == "idle")
    assert peer.states() == ["none", "starting", "restarting", "idle"]
    assert peer.cell(0)["execution_state"] == "idle"
    assert not (agent.home / "ran").exists()


async def test_a_kernel_that_dies_says_so_and_the_next_run_starts_a_new_one(notebook: Any) -> None:
    peer = await notebook("import os\nos._exit(1)", "'alive'")

    cell = await peer.run(0)

    assert cell["outputs"][-1]["output_type"] == "error"
    assert "died" in cell["outputs"][-1]["evalue"]
    await peer.until(lambda: peer.states()[-1] == "dead" and peer.copy.of_type("notice"))
    assert [notice["code"] for notice in peer.copy.of_type("notice")] == ["kernel_died"]
    assert (await peer.run(1))["outputs"][0]["data"]["text/plain"] == "'alive'"


async def test_a_run_goes_on_when_everybody_has_left(agent: Any, notebook: Any, connector: Any) -> None:
    write_notebook(agent.home / "y.ipynb", ["import time\nfor i in range(5): print(i); time.sleep(.1)"])
    async with joined(agent, "y.ipynb") as peer:
        peer.send({"type": "run", "cell_id": "c0"})
        await peer.until(lambda: peer.cell(0)["execution_state"] == "busy")

    async with joined(agent, "y.ipynb") as peer:
        await peer.until(lambda: "4" in peer.text(0))
    await connector.call(agent.socket_path, "documents.close", {"path": "y.ipynb"}, timeout_seconds=20)
    assert (await connector.call(agent.socket_path, "usage", {}, timeout_seconds=20))["open_documents"] == 0


async def test_a_reader_can_neither_edit_nor_run(agent: Any, notebook: Any) -> None:
    peer = await notebook("1")
    async with joined(agent, "x.ipynb", can_write=False) as reader:
        reader.copy.type(0, "hacked")
        for command in ({"type": "run", "cell_id": "c0"}, {"type": "restart"}, {"type": "save"}):
            reader.send(command)
        peer.copy.type(0, "+1")
        await reader.until(lambda: len(reader.copy.of_type("kernel")) and "+1" in reader.copy.sources()[0])

    assert peer.copy.sources() == ["1+1"]
    assert peer.cell(0)["execution_count"] is None


async def test_a_notebook_of_an_unknown_python_kernel_runs_on_python(agent: Any, notebook: Any) -> None:
    metadata = {"kernelspec": {"name": "conda-env-x", "display_name": "x", "language": "python"}}
    write_notebook(agent.home / "k.ipynb", ["1+1"], metadata=metadata)
    async with joined(agent, "k.ipynb") as peer:
        assert (await peer.run(0))["outputs"][0]["data"]["text/plain"] == "2"
        assert peer.copy.of_type("notice")[0]["code"] == "kernel_replaced"


async def test_a_notebook_of_another_language_says_what_is_missing(agent: Any, notebook: Any) -> None:
    metadata = {"kernelspec": {"name": "ir", "display_name": "R", "language": "R"}}
    write_notebook(agent.home / "r.ipynb", ["1+1"], metadata=metadata)
    async with joined(agent, "r.ipynb") as peer:
        cell = await peer.run(0)
        assert "'ir' is not installed" in cell["outputs"][0]["evalue"]


async def test_a_kernelspec_of_the_user_is_found_and_executed(agent: Any, notebook: Any, connector: Any) -> None:
    directory = agent.home / ".local/share/jupyter/kernels/mine"
    directory.mkdir(parents=True)
    about = {"argv": ["python", "-m", "ipykernel_launcher", "-f", "{connection_file}"], "display_name": "Mine"}
    about |= {"language": "python", "env": {"MINE": "yes"}}
    (directory / "kernel.json").write_text(json.dumps(about))

    listed = await connector.call(agent.socket_path, "kernels.list", {}, timeout_seconds=30)
    assert [spec["name"] for spec in listed["kernelspecs"]] == ["python3", "mine"]
    metadata = {"kernelspec": {"name": "mine", "display_name": "Mine"}}
    write_notebook(agent.home / "m.ipynb", ["import os; os.environ['MINE']"], metadata=metadata)
    async with joined(agent, "m.ipynb") as peer:
        assert (await peer.run(0))["outputs"][0]["data"]["text/plain"] == "'yes'"


async def test_kernels_are_clean_of_the_agent_and_have_random_numbers_of_their_own(agent: Any, notebook: Any) -> None:
    code = (
        "import os, random, signal, sys, ssl, asyncio.sslproto\n"
        "print([name for name in sys.modules if name.startswith('studiolo')], asyncio.sslproto.ssl is ssl)\n"
        "links = [os.readlink(f'/proc/self/fd/{fd}') for fd in os.listdir('/proc/self/fd') "
        "if os.path.exists(f'/proc/self/fd/{fd}') or True and os.path.lexists(f'/proc/self/fd/{fd}')]\n"
        "print([link for link in links if '.studiolo' in link or 'agent' in link and 'home' not in link])\n"
        "print(os.getcwd(), signal.getsignal(signal.SIGINT) is signal.default_int_handler)\n"
        "print(random.random())"
    )
    texts: list[str] = []
    for name in ("one", "two"):
        (agent.home / name).mkdir()
        peer = await notebook(code, path=f"{name}/x.ipynb")
        await peer.run(0)
        texts.append(peer.text(0))

    lines = [text.splitlines() for text in texts]
    assert lines[0][0] == lines[1][0] == "[] True"
    assert lines[0][1] == lines[1][1] == "[]"
    assert [line[2].split()[0] for line in lines] == [str(agent.home / name) for name in ("one", "two")]
    assert lines[0][3] != lines[1][3]


async def test_a_killed_agent_loses_nothing_acknowledged_and_takes_its_kernels_along(
    agent: Any, connector: UnixAgentConnector
) -> None:
    write_notebook(agent.home / "x.ipynb", ["import os\nos.getpid()"])
    async with joined(agent, "x.ipynb") as peer:
        kernel = int((await peer.run(0))["outputs"][0]["data"]["text/plain"])
        generation = peer.result["generation"]
        acknowledged = len(peer.copy.of_type("ack"))
        peer.copy.type(0, "# typed")
        await peer.until(lambda: len(peer.copy.of_type("ack")) > acknowledged)
        os.kill(agent.process.pid, signal.SIGKILL)
        await peer.until(lambda: peer.is_over)
    agent.process.wait()
    await _gone(kernel)

    agent.start()
    snapshot = await connector.call(agent.socket_path, "documents.open", {"path": "x.ipynb"}, timeout_seconds=20)

    assert snapshot["notebook"]["cells"][0]["source"].endswith("# typed")
    async with joined(agent, "x.ipynb") as peer:
        assert peer.result["generation"] == generation
        assert peer.copy.sources()[0].endswith("# typed")
        assert peer.cell(0)["execution_state"] == "idle"


async def test_an_orderly_end_saves_and_ends_kernels(agent: Any) -> None:
    write_notebook(agent.home / "x.ipynb", ["import os\nos.getpid()"])
    async with joined(agent, "x.ipynb") as peer:
        kernel = int((await peer.run(0))["outputs"][0]["data"]["text/plain"])
        peer.copy.type(0, "# typed")
        acknowledged = len(peer.copy.of_type("ack"))
        await peer.until(lambda: len(peer.copy.of_type("ack")) > acknowledged)
        await asyncio.to_thread(agent.stop)
    await _gone(kernel)

    source = json.loads((agent.home / "x.ipynb").read_text())["cells"][0]["source"]
    assert "".join(source).endswith("# typed")


async def test_a_lost_template_is_replaced(agent: Any) -> None:
    write_notebook(agent.home / "x.ipynb", ["import os\nos.getppid()", "'alive'"])
    async with joined(agent, "x.ipynb") as peer:
        template = int((await peer.run(0))["outputs"][0]["data"]["text/plain"])
        os.kill(template, signal.SIGKILL)
        await peer.until(lambda: peer.states()[-1] == "dead")

        assert (await peer.run(1))["outputs"][0]["data"]["text/plain"] == "'alive'"


async def test_a_snapshot_has_the_ids_that_the_room_will_use(agent: Any, connector: Any) -> None:
    old = {"cells": [], "metadata": {}, "nbformat": 4, "nbformat_minor": 2}
    old["cells"] = [{"cell_type": "markdown", "metadata": {}, "source": [str(number)]} for number in range(3)]
    (agent.home / "old.ipynb").write_text(json.dumps(old))

    snapshot = await connector.call(agent.socket_path, "documents.open", {"path": "old.ipynb"}, timeout_seconds=9)

    async with joined(agent, "old.ipynb") as peer:
        assert [cell["id"] for cell in snapshot["notebook"]["cells"]] == [peer.cell(place)["id"] for place in range(3)]
    assert json.loads((agent.home / "old.ipynb").read_text()) == old


async def test_errors_of_opening_come_as_errors(agent: Any, connector: Any) -> None:
    (agent.home / "bad.ipynb").write_text('{"cells": [')
    for call in ("documents.open", "documents.close"):
        with pytest.raises(StudioloError, match="out of the project"):
            await connector.call(agent.socket_path, call, {"path": "../x"}, timeout_seconds=9)
    with pytest.raises(NotebookInvalid, match="line 1, column 12"):
        await connector.call(agent.socket_path, "documents.open", {"path": "bad.ipynb"}, timeout_seconds=9)
    with pytest.raises(NotebookInvalid):
        async with connector.channel(
            agent.socket_path, "documents.join", {"path": "bad.ipynb", "can_write": True}, timeout_seconds=9
        ):
            pass
    assert (agent.home / "bad.ipynb").read_text() == '{"cells": ['


async def _gone(pid: int) -> None:
    deadline = time.monotonic() + DEADLINE_SECONDS
    while _is_running(pid) and time.monotonic() < deadline:  # noqa: ASYNC110 - there is nobody who could tell
        await asyncio.sleep(0.02)
    assert not _is_running(pid)


def _is_running(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False
