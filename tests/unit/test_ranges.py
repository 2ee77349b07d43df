"""Parts of files and conditions on them."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.datastructures import Headers

from studiolo.core.errors import RangeNotSatisfiable
from studiolo.web.streams.ranges import http_date, is_not_modified, part_of

ETAG = '"abc"'
NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)
sizes = st.integers(0, 10_000)
positions = st.integers(0, 12_000)


def ask(size: int, **headers: str):
    return part_of(Headers({name.replace("_", "-"): value for name, value in headers.items()}), size, ETAG, NOW)


@given(sizes, positions, positions)
def test_range_is_what_a_slice_would_be(size: int, first: int, last: int) -> None:
    content = bytes(number % 251 for number in range(size))
    if first > last:
        assert ask(size, Range=f"bytes={first}-{last}") is None
    elif first >= size:
        with pytest.raises(RangeNotSatisfiable):
            ask(size, Range=f"bytes={first}-{last}")
    else:
        part = ask(size, Range=f"bytes={first}-{last}")
        assert part is not None
        assert content[part.start : part.start + part.length] == content[first : last + 1]
        assert part.content_range == f"bytes {first}-{min(last, size - 1)}/{size}"


@given(sizes, positions)
def test_open_range_goes_to_the_end(size: int, first: int) -> None:
    if first >= size:
        with pytest.raises(RangeNotSatisfiable):
            ask(size, Range=f"bytes={first}-")
    else:
        part = ask(size, Range=f"bytes={first}-")
        assert part is not None
        assert (part.start, part.start + part.length) == (first, size)


@given(sizes, positions)
def test_last_bytes_are_the_last(size: int, wanted: int) -> None:
    if size == 0 or wanted == 0:
        with pytest.raises(RangeNotSatisfiable):
            ask(size, Range=f"bytes=-{wanted}")
    else:
        part = ask(size, Range=f"bytes=-{wanted}")
        assert part is not None
        assert (part.start, part.length) == (max(0, size - wanted), min(size, wanted))


@given(sizes, st.text(max_size=40))
def test_no_text_breaks_it(size: int, text: str) -> None:
    raw = text.encode("latin-1", "ignore").decode("latin-1")
    for given_text in (raw, f"bytes={raw}"):
        try:
            part = ask(size, Range=given_text)
        except RangeNotSatisfiable:
            continue
        assert part is None or (part.length > 0 and part.start + part.length <= size)


@given(st.text(max_size=40))
def test_no_condition_breaks_it(text: str) -> None:
    raw = text.encode("latin-1", "ignore").decode("latin-1")
    headers = Headers({"if-none-match": raw})
    assert is_not_modified(headers, ETAG, NOW) == (
        raw.strip() == "*" or ETAG in [one.strip().removeprefix("W/") for one in raw.split(",")]
    )
    assert is_not_modified(Headers({"if-modified-since": raw}), ETAG, NOW) in (True, False)
    assert ask(10, Range="bytes=0-0", If_Range=raw) is None or raw.strip() == ETAG or ":" in raw


@given(st.integers(-100_000, 100_000))
def test_date_tells_whether_it_has_changed(seconds: int) -> None:
    headers = Headers({"if-modified-since": http_date(NOW + timedelta(seconds=seconds))})
    assert is_not_modified(headers, ETAG, NOW) == (seconds >= 0)
