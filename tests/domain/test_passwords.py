import asyncio
import threading
import time
from collections.abc import AsyncIterator
from typing import Any

import pytest

from studiolo.core.errors import RateLimited
from studiolo.domain.passwords import MOST_WAITING, THREADS, Passwords
from studiolo.testing.factories import cheap_passwords

pytestmark = pytest.mark.anyio


async def test_a_password_fits_its_hash_only() -> None:
    passwords = cheap_passwords()
    stored = await passwords.hash("correct horse")
    assert await passwords.verify(stored, "correct horse")
    assert not await passwords.verify(stored, "wrong horse")
    assert await passwords.hash("correct horse") != stored


@pytest.mark.parametrize("stored", [None, "", "nonsense", "$argon2id$v=19$m=8,t=1,p=1$broken"])
async def test_no_hash_or_a_broken_one_fits_no_password(stored: str | None) -> None:
    for password in ("", "correct horse", "studiolo"):
        assert not await cheap_passwords().verify(stored, password)


async def test_an_unknown_account_costs_the_time_of_a_known_one() -> None:
    passwords = Passwords()
    stored = await passwords.hash("correct horse")
    seconds: dict[str | None, list[float]] = {stored: [], None: []}
    for _ in range(5):
        for known, spent in seconds.items():
            started = time.process_time()
            await passwords.verify(known, "wrong horse")
            spent.append(time.process_time() - started)
    assert min(seconds[None]) == pytest.approx(min(seconds[stored]), rel=0.5)


async def test_a_hash_of_other_costs_is_outdated() -> None:
    stored = await cheap_passwords().hash("correct horse")
    assert Passwords().is_outdated(stored)
    assert not cheap_passwords().is_outdated(stored)


class HeldPasswords(Passwords):
    """Verifies when it is let, and tells in which order it worked."""

    def __init__(self) -> None:
        super().__init__(time_cost=1, memory_kib=8)
        self.let = threading.Event()
        self.done: list[str] = []

    def _verify(self, password_hash: str, password: bytes) -> bool:
        self.let.wait()
        self.done.append(password.decode())
        return super()._verify(password_hash, password)


async def all_wait(waiting: list[asyncio.Task[Any]]) -> None:
    for _ in range(3):
        await asyncio.sleep(0)
    assert not any(task.done() for task in waiting)


@pytest.fixture
async def held() -> AsyncIterator[HeldPasswords]:
    passwords = HeldPasswords()
    yield passwords
    passwords.let.set()


async def test_only_so_many_wait_and_the_next_is_told_when_to_come_back(held: HeldPasswords) -> None:
    most = THREADS + MOST_WAITING["verify"]
    waiting = [asyncio.create_task(held.verify(None, "x")) for _ in range(most)]
    await all_wait(waiting)
    with pytest.raises(RateLimited) as refused:
        await held.verify(None, "one too many")
    assert refused.value.details["retry_after_seconds"] >= 1
    held.let.set()
    assert await asyncio.gather(*waiting) == [False] * most
    assert not await held.verify(None, "later")


async def test_making_accounts_does_not_wait_behind_everybody_who_signs_in(held: HeldPasswords) -> None:
    waiting: list[asyncio.Task[Any]] = [asyncio.create_task(held.verify(None, f"{n}")) for n in range(50)]
    await all_wait(waiting)
    hashing = asyncio.create_task(held.hash("new"))
    await all_wait([*waiting, hashing])
    held.let.set()
    await hashing
    assert len(held.done) < 50
    await asyncio.gather(*waiting)


async def test_who_goes_away_gives_the_place_to_the_next(held: HeldPasswords) -> None:
    waiting = [asyncio.create_task(held.verify(None, f"{n}")) for n in range(THREADS + 3)]
    await all_wait(waiting)
    for task in waiting[:-1]:  # two of them are at work, which goes on
        task.cancel()
    held.let.set()
    assert await waiting[-1] is False
    assert not await held.verify(None, "later")
