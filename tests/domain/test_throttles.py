import pytest

from studiolo.domain.throttles import Throttle
from studiolo.storage.database import Database
from studiolo.testing.clock import MovingClock

pytestmark = pytest.mark.anyio
TWICE_A_MINUTE = Throttle("test", limit=2, window_seconds=60)


async def take(database: Database, clock: MovingClock, subject: str = "somebody") -> int:
    return await database.write(lambda tx: TWICE_A_MINUTE.take(tx, subject, clock.now()))


async def test_tries_over_the_limit_wait_for_the_end_of_the_window(database: Database, clock: MovingClock) -> None:
    assert [await take(database, clock) for _ in range(3)] == [0, 0, 60]
    clock.move(45.2)
    assert await take(database, clock) == 15
    clock.move(14.8)
    assert await take(database, clock) == 0


async def test_subjects_are_counted_each_for_itself(database: Database, clock: MovingClock) -> None:
    assert [await take(database, clock, subject) for subject in ("a", "a", "b", "a")] == [0, 0, 0, 60]


async def test_a_try_given_back_does_not_count(database: Database, clock: MovingClock) -> None:
    for _ in range(5):
        assert await take(database, clock) == 0
        await database.write(lambda tx: TWICE_A_MINUTE.give_back(tx, "somebody"))


async def test_who_is_forgotten_starts_anew(database: Database, clock: MovingClock) -> None:
    for _ in range(3):
        await take(database, clock)
    await database.write(lambda tx: TWICE_A_MINUTE.forget(tx, "somebody"))
    assert await database.read(lambda tx: TWICE_A_MINUTE.seconds_to_wait(tx, "somebody", clock.now())) == 0
    assert await take(database, clock) == 0


async def test_a_subject_may_be_long(database: Database, clock: MovingClock) -> None:
    assert [await take(database, clock, "x" * 10_000) for _ in range(3)] == [0, 0, 60]
