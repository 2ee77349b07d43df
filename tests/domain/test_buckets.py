import pytest

from studiolo.domain.buckets import TokenBuckets, whole_seconds


def test_a_burst_passes_and_then_so_many_a_second():
    buckets = TokenBuckets(rate=2, burst=3)
    assert [buckets.take("a", 0.0) for _ in range(4)] == [0, 0, 0, 0.5]
    assert buckets.take("a", 0.5) == 0
    assert buckets.take("a", 0.5) == 0.5


def test_subjects_are_counted_each_for_itself():
    buckets = TokenBuckets(rate=1, burst=1)
    assert [buckets.take(subject, 0.0) for subject in ("a", "b", "a")] == [0, 0, 1]


def test_a_bucket_holds_no_more_than_a_burst():
    buckets = TokenBuckets(rate=1, burst=2)
    assert [buckets.take("a", 1_000_000.0) for _ in range(3)] == [0, 0, 1]


def test_what_is_refused_takes_nothing():
    buckets = TokenBuckets(rate=1, burst=1)
    buckets.take("a", 0.0)
    assert [buckets.take("a", 0.0) for _ in range(5)] == [1] * 5
    assert buckets.take("a", 1.0) == 0


def test_what_costs_more_than_a_full_bucket_waits_for_a_full_one_and_then_longer():
    buckets = TokenBuckets(rate=1, burst=10)
    assert buckets.take("a", 0.0, cost=30) == 0
    assert buckets.take("a", 0.0) == 21
    assert buckets.take("a", 21.0) == 0


def test_what_is_given_back_does_not_count():
    buckets = TokenBuckets(rate=1, burst=1)
    for _ in range(5):
        assert buckets.take("a", 0.0) == 0
        buckets.give_back("a", 0.0)


def test_a_rate_of_0_sets_no_limit_and_remembers_nobody():
    buckets = TokenBuckets(rate=0, burst=1)
    assert [buckets.take("a", 0.0) for _ in range(5)] == [0] * 5
    buckets.give_back("a", 0.0)
    assert len(buckets) == 0


def test_only_so_many_subjects_are_remembered_and_the_quietest_is_forgotten_first():
    buckets = TokenBuckets(rate=1, burst=1, most=3)
    for subject in ("a", "b", "c"):
        buckets.take(subject, 0.0)
    assert buckets.take("a", 0.0) == 1  # not quiet any more
    buckets.take("d", 0.0)
    assert len(buckets) == 3
    assert buckets.take("b", 0.0) == 0  # was forgotten
    assert buckets.take("a", 0.0) == 1


def test_a_clock_that_stands_or_goes_back_gives_no_tokens():
    buckets = TokenBuckets(rate=1, burst=1)
    buckets.take("a", 10.0)
    assert buckets.take("a", 9.0) == 1


@pytest.mark.parametrize(("seconds", "told"), [(0.01, 1), (1.0, 1), (1.01, 2), (59.2, 60)])
def test_who_waits_as_long_as_told_waits_long_enough(seconds: float, told: int):
    assert whole_seconds(seconds) == told
