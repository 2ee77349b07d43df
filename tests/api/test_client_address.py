"""Whose word about the client's address counts."""

from typing import Any

import pytest

from studiolo.web.client_address import TrustedProxies, client_address


def scope(peer: str, *headers: tuple[str, str], kind: str = "http") -> dict[str, Any]:
    raw = [(name.encode(), value.encode()) for name, value in headers]
    scheme = "http" if kind == "http" else "ws"
    return {"type": kind, "client": (peer, 5000), "scheme": scheme, "headers": raw}


@pytest.mark.parametrize(
    ("peer", "forwarded", "address"),
    [
        ("203.0.113.9", ["198.51.100.7"], "203.0.113.9"),
        ("10.0.0.1", [], "10.0.0.1"),
        ("10.0.0.1", ["198.51.100.7"], "198.51.100.7"),
        ("10.0.0.1", ["1.1.1.1, 198.51.100.7"], "198.51.100.7"),
        ("10.0.0.1", ["1.1.1.1, 198.51.100.7, 10.0.0.2"], "198.51.100.7"),
        ("10.0.0.1", ["1.1.1.1", "198.51.100.7"], "198.51.100.7"),
        ("10.0.0.1", ["junk"], "10.0.0.1"),
        ("10.0.0.1", ["198.51.100.7, junk, 10.0.0.2"], "10.0.0.2"),
        ("10.0.0.1", ["2001:db8::1"], "2001:db8::1"),
        ("::ffff:10.0.0.1", ["198.51.100.7"], "198.51.100.7"),
    ],
)
def test_only_trusted_proxies_name_the_client(peer: str, forwarded: list[str], address: str):
    asked = scope(peer, *[("x-forwarded-for", line) for line in forwarded])
    TrustedProxies(("10.0.0.0/8",)).correct(asked)
    assert client_address(asked) == address


@pytest.mark.parametrize(
    ("peer", "kind", "proto", "scheme"),
    [
        ("10.0.0.1", "http", "https", "https"),
        ("10.0.0.1", "websocket", "https", "wss"),
        ("10.0.0.1", "http", "javascript", "http"),
        ("203.0.113.9", "http", "https", "http"),
    ],
)
def test_only_trusted_proxies_name_the_scheme(peer: str, kind: str, proto: str, scheme: str):
    asked = scope(peer, ("x-forwarded-proto", proto), kind=kind)
    TrustedProxies(("10.0.0.0/8",)).correct(asked)
    assert asked["scheme"] == scheme


def test_unix_socket_has_no_address():
    assert client_address({"type": "http", "client": None}) == ""


def test_garbage_is_no_proxy():
    with pytest.raises(ValueError, match="garbage"):
        TrustedProxies(("garbage",))
