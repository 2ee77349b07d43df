from contextlib import ExitStack

import pytest

from studiolo.core.errors import RateLimited
from studiolo.domain.places import Places


@pytest.fixture
def places() -> Places:
    return Places("sockets", most=4, limits={"account": 2, "sign_in": 1})


def test_a_subject_has_so_many_places_and_gets_one_again_when_it_leaves(places: Places):
    with places.hold(account="a"):
        with places.hold(account="a"), pytest.raises(RateLimited, match="2 sockets of this account"):
            places.check(account="a")
        with places.hold(account="a"):
            pass


def test_every_subject_of_a_thing_counts(places: Places):
    with places.hold(account="a", sign_in="x"), pytest.raises(RateLimited, match="sign-in") as caught:
        places.hold(account="a", sign_in="x").__enter__()
    assert caught.value.details["retry_after_seconds"] > 0


def test_the_hub_has_so_many_places_for_all(places: Places):
    with ExitStack() as held:
        for number in range(4):
            held.enter_context(places.hold(account=f"{number}", sign_in=None))
        with pytest.raises(RateLimited, match="This server"):
            places.check()
    places.check()


def test_nobody_is_remembered_who_has_left(places: Places):
    for number in range(100):
        with places.hold(account=f"{number}"):
            pass
    assert places.taken == 0
    assert not places._by_subject
