"""News of finished copies."""

from studiolo.domain.copy_notices import CopyNotices


def test_news_wakes_whoever_waits_for_that_copy_only():
    notices = CopyNotices()
    with notices.awaited("a") as one, notices.awaited("a") as same, notices.awaited("b") as other:
        notices.take(["a"])
        assert (one.is_set(), same.is_set(), other.is_set()) == (True, True, False)


def test_news_that_came_before_the_wish_is_not_lost():
    notices = CopyNotices()
    notices.take(["a"])
    with notices.awaited("a") as notice:
        assert notice.is_set()


def test_old_news_and_old_orders_are_forgotten():
    notices = CopyNotices()
    notices.take(["a"])
    notices.expect("a")
    for number in range(1000):
        notices.take([str(number)])
        notices.expect(str(number))
    with notices.awaited("a") as notice:
        assert not notice.is_set()
    assert not notices.is_new("a")


def test_a_copy_is_new_once():
    notices = CopyNotices()
    notices.expect("a")
    assert [notices.is_new("a"), notices.is_new("a"), notices.is_new("b")] == [True, False, False]
