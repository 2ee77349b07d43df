import asyncio
from itertools import pairwise
from types import SimpleNamespace
from typing import Any

import pytest

from studiolo.domain.copying import Share
from studiolo.testing.clock import MovingClock
from studiolo.workers import copies, loop, reaper

pytestmark = pytest.mark.anyio


class Steps:
    """A step that finds work for the first `work` calls."""

    def __init__(self, work: int = 0) -> None:
        self.work = work
        self.calls = 0

    async def __call__(self) -> bool:
        self.calls += 1
        return self.calls <= self.work


async def test_the_loop_takes_all_work_without_a_pause(clock: MovingClock) -> None:
    steps = Steps(work=5)
    running = asyncio.create_task(loop.run(steps, clock))
    await clock.move_past_sleeper()
    assert steps.calls == 6
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)


async def test_the_loop_rests_longer_each_time_but_not_too_long(clock: MovingClock) -> None:
    running = asyncio.create_task(loop.run(Steps(), clock))
    moments = []
    for _ in range(8):
        await clock.move_past_sleeper()
        moments.append(clock.monotonic())
        for _ in range(5):
            await asyncio.sleep(0)
    rests = [round(later - sooner, 3) for sooner, later in pairwise(moments)]
    assert rests == [0.5, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0]
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)


async def test_the_loop_can_be_woken(clock: MovingClock) -> None:
    steps, wake = Steps(), asyncio.Event()
    running = asyncio.create_task(loop.run(steps, clock, wake))
    for _ in range(5):
        await asyncio.sleep(0)
    wake.set()
    for _ in range(10):
        await asyncio.sleep(0)
    assert steps.calls == 2
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)


async def test_the_loop_survives_a_failing_step(clock: MovingClock) -> None:
    calls: list[int] = []

    async def step() -> bool:
        calls.append(1)
        raise ValueError

    running = asyncio.create_task(loop.run(step, clock))
    await clock.move_past_sleeper()
    for _ in range(5):
        await asyncio.sleep(0)
    assert len(calls) == 2
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)


async def test_a_copy_worker_ends_when_it_is_idle(clock: MovingClock) -> None:
    names: list[str] = []

    async def run_some(name: str, most: int, on_claimed: Any = None) -> Share:
        names.append(name)
        return Share(int(len(names) == 1), is_more=False)

    service: Any = SimpleNamespace(run_some=run_some)
    running = asyncio.create_task(copies.run(service, clock, "w1", idle_seconds=3))
    while not running.done():
        await asyncio.sleep(0)
        clock.move(0.05)
    assert set(names) == {"w1"}
    assert 3 <= clock.monotonic() < 6


async def test_one_chore_that_fails_does_not_keep_the_others() -> None:
    done: list[str] = []

    def chore(name: str, *, is_failing: bool = False) -> Any:
        async def run() -> int:
            if is_failing:
                raise ValueError(name)
            done.append(name)
            return 0

        return run

    services: Any = SimpleNamespace(
        sign_ins=SimpleNamespace(reap=chore("sign_ins")),
        ephemeral_accounts=SimpleNamespace(reap=chore("ephemeral_accounts")),
        copy_groups=SimpleNamespace(reap=chore("copy_groups")),
        copies=SimpleNamespace(reap=chore("copies", is_failing=True)),
        invitations=SimpleNamespace(reap=chore("invitations")),
        jupyter=SimpleNamespace(reap=chore("jupyter_results")),
        client_errors=SimpleNamespace(reap=chore("client_errors")),
        audit=SimpleNamespace(reap=chore("audit")),
        idempotency=SimpleNamespace(reap=chore("idempotency")),
        projects=SimpleNamespace(stop_idle=chore("idle")),
        project_limits=SimpleNamespace(start_those_that_always_run=chore("always_running")),
    )
    await reaper.reap(services)
    assert done == [
        "sign_ins",
        "ephemeral_accounts",
        "copy_groups",
        "invitations",
        "jupyter_results",
        "client_errors",
        "audit",
        "idempotency",
        "idle",
        "always_running",
    ]


async def test_the_reaper_works_once_a_minute(clock: MovingClock) -> None:
    calls: list[int] = []

    async def count() -> int:
        calls.append(1)
        return 0

    one: Any = SimpleNamespace(reap=count, stop_idle=count, start_those_that_always_run=count)
    names = (
        "sign_ins",
        "ephemeral_accounts",
        "copies",
        "copy_groups",
        "invitations",
        "jupyter",
        "client_errors",
        "audit",
        "idempotency",
        "projects",
        "project_limits",
    )
    services: Any = SimpleNamespace(**dict.fromkeys(names, one))
    running = asyncio.create_task(reaper.run(services, clock))
    await clock.move_past_sleeper()
    for _ in range(10):
        await asyncio.sleep(0)
    assert (len(calls), clock.monotonic()) == (2 * len(names), reaper.EVERY_SECONDS)
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
