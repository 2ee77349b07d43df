import time

import pytest

from studiolo.domain.passwords import Passwords
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
