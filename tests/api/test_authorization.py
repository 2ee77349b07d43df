"""Reading the Authorization header."""

from base64 import b64encode

import pytest

from studiolo.core.errors import Unauthenticated
from studiolo.web.api_v1.authorization import key_from_header


def basic(credentials: str) -> str:
    return "Basic " + b64encode(credentials.encode()).decode()


@pytest.mark.parametrize(
    ("header", "key"),
    [
        ("Bearer sk-abc", "sk-abc"),
        ("Bearer  sk-abc ", "sk-abc"),
        ("Bearer sk-abc more", "sk-abc"),
        ("Bearer", ""),
        (basic("sk-abc:"), "sk-abc"),
        (basic("sk-abc:ignored"), "sk-abc"),
        (basic("sk-abc:a:b"), "sk-abc"),
        (basic("sk-abc"), "sk-abc"),
        (basic("sk-a:").rstrip("="), "sk-a"),
        (basic(":"), ""),
        (basic(""), ""),
        ("Basic not base64!", ""),
        ("Basic /w==", ""),
    ],
)
def test_key_is_read(header: str, key: str):
    assert key_from_header(header) == key


@pytest.mark.parametrize("header", [None, ""])
def test_header_is_needed(header: str | None):
    with pytest.raises(Unauthenticated) as refused:
        key_from_header(header)
    assert refused.value.message == "You must provide authentication via an API key."


@pytest.mark.parametrize(("header", "scheme"), [("Foo x", "Foo"), ("basic eA==", "basic"), ("bearer x", "bearer")])
def test_other_schemes_are_unknown(header: str, scheme: str):
    with pytest.raises(Unauthenticated) as refused:
        key_from_header(header)
    assert refused.value.message == f"Unknown authorization type '{scheme}'"
