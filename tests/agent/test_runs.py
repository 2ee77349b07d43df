"""Code run outside documents, in the real agent."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from studiolo.core.errors import KernelDied, NotFound

pytestmark = pytest.mark.anyio
Call = Callable[..., Awaitable[dict[str, Any]]]
LIMITS = {"total_seconds": 45, "cell_seconds": 30, "total_bytes": 5 * 2**20, "cell_bytes": 2**20}


async def outputs(call: Call, code: str, **params: Any) -> list[dict[str, Any]]:
    answer = await call("kernels.execute", kernel="python3", input=code, **{**LIMITS, **params})
    return answer["output"]


async def test_code_runs_after_its_history_which_says_nothing(call: Call) -> None:
    answer = await call(
        "kernels.execute", kernel="python3", input="sum(range(a + 1))", history=["a = 100; print(a)"], **LIMITS
    )
    assert answer["output"] == [{"data": {"text/plain": "5050"}}]
    assert answer["is_complete"] is True
    assert answer["total_seconds"] > 0


async def test_nothing_is_left_for_the_next_code(call: Call) -> None:
    await outputs(call, "left = 1")
    said = await outputs(call, "left")
    assert said[0]["ename"] == "NameError"
    assert set(said[0]) == {"ename", "evalue", "traceback"}


async def test_streams_are_joined_and_told_apart(call: Call) -> None:
    code = "import sys\nprint(1)\nprint(2)\nprint('no', file=sys.stderr)"
    assert await outputs(call, code) == [{"name": "stdout", "text": "1\n2\n"}, {"name": "stderr", "text": "no\n"}]


async def test_code_runs_beside_its_file(call: Call, shared_agent: Any) -> None:
    (shared_agent.home / "week1").mkdir()
    said = await outputs(call, "import os; print(os.getcwd())", path="week1/sheet.ipynb")
    assert said == [{"name": "stdout", "text": f"{shared_agent.home}/week1\n"}]


async def test_code_that_takes_too_long_is_ended(call: Call) -> None:
    answer = await call(
        "kernels.execute",
        kernel="python3",
        input="print('begun', flush=True)\nimport time; time.sleep(100)",
        **{**LIMITS, "cell_seconds": 1},
    )
    assert answer["is_complete"] is False
    assert answer["output"][0] == {"name": "stdout", "text": "begun\n"}
    assert answer["output"][-1]["ename"] == "TimeoutError"


async def test_output_is_cut(call: Call) -> None:
    answer = await call(
        "kernels.execute",
        kernel="python3",
        input="for i in range(100): print('x' * 100)",
        **{**LIMITS, "cell_bytes": 1000},
    )
    assert answer["is_complete"] is False
    assert sum(len(one["text"]) for one in answer["output"]) < 1200
    assert "larger than 1000 bytes" in answer["output"][-1]["text"]


async def test_code_that_asks_fails_instead_of_waiting(call: Call) -> None:
    said = await outputs(call, "input('name? ')")
    assert said[-1]["ename"] == "StdinNotImplementedError"


async def test_displays_are_updated_and_cleared(call: Call) -> None:
    code = (
        "from IPython.display import clear_output, display\n"
        "print('gone'); clear_output()\n"
        "shown = display('one', display_id=True); shown.update('two')"
    )
    assert [one["data"]["text/plain"] for one in await outputs(call, code)] == ["'two'"]


async def test_a_kernel_that_dies_is_an_error(call: Call) -> None:
    with pytest.raises(KernelDied):
        await outputs(call, "import os; os._exit(3)")


async def test_an_unknown_kernel_is_refused(call: Call) -> None:
    with pytest.raises(NotFound):
        await call("kernels.execute", kernel="cobol", input="1", **LIMITS)
    with pytest.raises(NotFound):
        await call("kernels.pool", kernel="cobol", size=1)


async def test_a_pool_has_kernels_ready_and_fills_itself_again(call: Call) -> None:
    await call("kernels.pool", kernel="python3", size=2)
    assert (await call("usage"))["pooled_kernels"] == 2
    said = await asyncio.gather(*(outputs(call, "6 * 7") for _ in range(3)))
    assert said == [[{"data": {"text/plain": "42"}}]] * 3
    assert (await call("usage"))["pooled_kernels"] == 2
    await call("kernels.pool", kernel="python3", size=0)
    assert (await call("usage"))["pooled_kernels"] == 0


async def test_kernels_that_run_are_listed_and_stopped_by_their_numbers(call: Call) -> None:
    await call("kernels.pool", kernel="python3", size=1)
    (kernel,) = (await call("kernels.running"))["kernels"]
    assert kernel["name"] == "python3"
    assert kernel["connection_file"].endswith(".json")
    assert await call("kernels.stop", pid=kernel["pid"]) == {"is_stopped": True}
    assert (await call("kernels.running"))["kernels"] == []
    assert await call("kernels.stop", pid=kernel["pid"]) == {"is_stopped": False}
    assert await outputs(call, "1 + 1") == [{"data": {"text/plain": "2"}}]
    await call("kernels.pool", kernel="python3", size=0)
