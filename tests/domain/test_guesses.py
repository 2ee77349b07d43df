from datetime import timedelta

import pytest

from studiolo.domain.guesses import KNOWN_FOR, Guesses, Sources
from studiolo.storage.database import Database
from studiolo.testing.clock import MovingClock

pytestmark = pytest.mark.anyio
GUESSES = Guesses("test", per_account=3)


async def guess(database: Database, clock: MovingClock, account: str, source: str, *, is_right: bool = False) -> int:
    wait = await database.write(lambda tx: GUESSES.take(tx, account, source, clock.now()))
    if is_right and not wait:
        await database.write(lambda tx: GUESSES.succeeded(tx, account, source, clock.now()))
    return wait


async def test_guesses_for_one_account_are_counted_from_wherever_they_come(database: Database, clock: MovingClock):
    waits = [await guess(database, clock, "sofia", f"192.0.2.{number}") for number in range(4)]
    assert waits == [0, 0, 0, 300]


async def test_a_source_may_be_wrong_so_often_and_again_little_by_little(clock: MovingClock):
    sources = Sources(clock, 5)
    assert [sources.take("192.0.2.1") for _ in range(6)] == [0] * 5 + [60]
    assert sources.take("192.0.2.2") == 0
    clock.move(60)
    assert [sources.take("192.0.2.1") for _ in range(2)] == [0, 60]


async def test_a_right_password_does_not_count(clock: MovingClock):
    sources = Sources(clock, 2)
    for _ in range(10):
        assert sources.take("192.0.2.1") == 0
        sources.give_back("192.0.2.1")


async def test_addresses_of_one_ipv6_network_are_one_source(clock: MovingClock):
    sources = Sources(clock, 5)
    assert [sources.take(f"2001:db8:1:2::{number:x}") for number in range(6)] == [0] * 5 + [60]
    assert sources.take("2001:db8:1:3::1") == 0


async def test_an_ipv4_address_in_the_form_of_ipv6_is_the_same_source(clock: MovingClock):
    sources = Sources(clock, 2)
    assert [sources.take(source) for source in ("192.0.2.1", "::ffff:192.0.2.1", "192.0.2.1")] == [0, 0, 150]


async def test_who_has_no_address_is_not_counted(clock: MovingClock):
    sources = Sources(clock, 1)
    assert [sources.take("") for _ in range(3)] == [0, 0, 0]


async def test_right_passwords_are_not_counted(database: Database, clock: MovingClock):
    assert [await guess(database, clock, "sofia", "192.0.2.1", is_right=True) for _ in range(10)] == [0] * 10


async def test_guesses_from_elsewhere_do_not_keep_out_who_comes_from_where_they_always_come_from(
    database: Database, clock: MovingClock
):
    await guess(database, clock, "sofia", "192.0.2.1", is_right=True)
    for _ in range(10):  # again and again, as soon as a window is over
        attack = [await guess(database, clock, "sofia", f"198.51.100.{number}") for number in range(4)]
        assert attack == [0, 0, 0, 300]
        assert await guess(database, clock, "sofia", "192.0.2.1", is_right=True) == 0
        clock.move(300)


async def test_a_known_source_may_not_guess_without_end_either(database: Database, clock: MovingClock):
    await guess(database, clock, "sofia", "192.0.2.1", is_right=True)
    assert [await guess(database, clock, "sofia", "192.0.2.1") for _ in range(4)] == [0, 0, 0, 300]


async def test_a_source_is_known_for_a_while_only(database: Database, clock: MovingClock):
    await guess(database, clock, "sofia", "192.0.2.1", is_right=True)
    clock.move(KNOWN_FOR / timedelta(seconds=1))
    for number in range(3):
        await guess(database, clock, "sofia", f"198.51.100.{number}")
    assert await guess(database, clock, "sofia", "192.0.2.1") == 300
