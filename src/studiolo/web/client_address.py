"""Who is really asking, when proxies stand in between: only trusted proxies are believed."""

from collections.abc import Iterable
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

from starlette.datastructures import Headers
from starlette.types import Scope

Network = IPv4Network | IPv6Network
Address = IPv4Address | IPv6Address


class Networks:
    """Addresses and networks that an operator named."""

    def __init__(self, named: Iterable[str]) -> None:
        """Take addresses and networks (`10.0.0.0/8`); raise ValueError for anything else."""
        self._networks: tuple[Network, ...] = tuple(ip_network(name, strict=False) for name in named)

    def __contains__(self, address: str) -> bool:
        """Tell whether `address` is one of them."""
        asked = _parsed(address)
        return asked is not None and any(asked in network for network in self._networks)


class TrustedProxies:
    """The proxies whose `X-Forwarded-For` and `X-Forwarded-Proto` are believed."""

    def __init__(self, proxies: tuple[str, ...]) -> None:
        """Take addresses and networks; raise ValueError for anything else."""
        self._networks = Networks(proxies)

    def trusts(self, address: str) -> bool:
        """Tell whether `address` is one of the trusted proxies."""
        return address in self._networks

    def correct(self, scope: Scope) -> None:
        """Set the scope's `client` and `scheme` to what the trusted proxies say; change nothing otherwise."""
        client = scope.get("client")
        if client is None or not self.trusts(client[0]):
            return
        scope.setdefault("state", {})["is_forwarded"] = True
        headers = Headers(scope=scope)
        scope["client"] = (self._first_untrusted(headers.getlist("x-forwarded-for"), client[0]), 0)
        forwarded = headers.getlist("x-forwarded-proto")
        scheme = forwarded[-1].rpartition(",")[2].strip().lower() if forwarded else ""
        if scheme in ("http", "https"):
            is_socket = scope["type"] == "websocket"
            scope["scheme"] = {"http": "ws", "https": "wss"}[scheme] if is_socket else scheme

    def _first_untrusted(self, forwarded: list[str], peer: str) -> str:
        """Walk from the nearest proxy outwards: what stands before the first stranger was written by the stranger."""
        nearest_first = [part.strip() for line in forwarded for part in line.split(",")][::-1]
        address = peer
        for hop in nearest_first:
            if _parsed(hop) is None:
                break
            address = hop
            if not self.trusts(hop):
                break
        return address


def client_address(scope: Scope) -> str:
    """Return the address of who asks, after correction; empty if it is not known (a Unix socket)."""
    client = scope.get("client")
    return client[0] if client else ""


def is_own_address(address: str) -> bool:
    """Tell whether an address is this machine's own, which behind an unnamed proxy is everybody's."""
    try:
        return ip_address(address).is_loopback
    except ValueError:
        return not address  # a Unix socket has none


def is_address_certain(scope: Scope) -> bool:
    """Tell whether the address is that of who asks, and not that of a proxy which nobody named as trusted."""
    headers = Headers(scope=scope)
    is_through_proxy = "x-forwarded-for" in headers or "forwarded" in headers
    return not is_through_proxy or bool(scope.get("state", {}).get("is_forwarded"))


def _parsed(text: str) -> Address | None:
    try:
        address = ip_address(text)
    except ValueError:
        return None
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return mapped or address
