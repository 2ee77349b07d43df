"""Names of files as text, and back."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from studiolo.core import file_names

BYTES = st.binary(min_size=1) | st.text(st.characters(min_codepoint=0xEF00, max_codepoint=0xF0FF)).map(str.encode)


@given(BYTES)
def test_every_name_leads_back_to_its_bytes(name: bytes) -> None:
    text = file_names.to_text(name)
    assert text.encode().decode() == text
    assert file_names.to_bytes(text) == name


@given(st.text(st.characters(max_codepoint=0xEEFF, exclude_categories=("Cs",))))
def test_ordinary_name_is_itself(text: str) -> None:
    assert file_names.to_text(text.encode()) == text


@given(st.lists(BYTES, min_size=2, max_size=2, unique=True))
def test_no_two_names_look_alike(names: list[bytes]) -> None:
    assert file_names.to_text(names[0]) != file_names.to_text(names[1])


@given(st.text(st.characters(min_codepoint=0xEF80, max_codepoint=0xEFFF)))
def test_spelled_out_byte_is_never_a_slash_or_a_dot(text: str) -> None:
    assert all(byte >= 0x80 for byte in file_names.to_bytes(text))


def test_half_of_a_surrogate_pair_names_nothing() -> None:
    with pytest.raises(ValueError, match="surrogates not allowed"):
        file_names.to_bytes("\ud800")
