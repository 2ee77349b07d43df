"""Which pages may frame us and speak to us: exact origins, one list for both."""

import re
from dataclasses import dataclass
from urllib.parse import urlsplit

_LABEL = r"[a-z0-9]([a-z0-9-]*[a-z0-9])?"
_HOST = re.compile(rf"{_LABEL}(\.{_LABEL})*")
_DEFAULT_PORT = {"https": 443, "http": 80}
_LOCAL_HOSTS = ("localhost", "127.0.0.1")


@dataclass(frozen=True, slots=True)
class OriginRule:
    """One allowed origin: a scheme, a host (with `is_wildcard`, every host below it) and a port."""

    scheme: str
    host: str
    port: int
    is_wildcard: bool

    @property
    def source(self) -> str:
        """Return the rule as a source expression of a Content-Security-Policy."""
        port = "" if self.port == _DEFAULT_PORT[self.scheme] else f":{self.port}"
        return f"{self.scheme}://{'*.' if self.is_wildcard else ''}{self.host}{port}"


def parse_origin_rule(text: str) -> OriginRule:
    """Read `https://host[:port]` or `https://*.host[:port]`; raise ValueError with what is wrong.

    http is accepted for the local hosts only.
    """
    parts = urlsplit(text)
    host = (parts.hostname or "").lower()
    is_wildcard = host.startswith("*.")
    host = host[2:] if is_wildcard else host
    if parts.scheme not in _DEFAULT_PORT or not _HOST.fullmatch(host):
        raise ValueError(f"{text!r} is not an origin such as https://portal.example.edu or https://*.example.edu")
    if parts.path or parts.query or parts.fragment or parts.username is not None:
        raise ValueError(f"{text!r} is more than an origin: leave out everything after host and port")
    if parts.scheme == "http" and host not in _LOCAL_HOSTS:
        raise ValueError(f"{text!r} must use https; http is possible for localhost only")
    if is_wildcard and "." not in host:
        raise ValueError(f"{text!r} would allow a whole top-level domain")
    return OriginRule(parts.scheme, host, parts.port or _DEFAULT_PORT[parts.scheme], is_wildcard)


class Origins:
    """The allowed origins of this server."""

    def __init__(self, rules: tuple[str, ...], *, is_development: bool = False) -> None:
        self._rules = tuple(parse_origin_rule(rule) for rule in rules)
        self._is_development = is_development

    def allows(self, origin: str) -> bool:
        """Tell whether a page of this origin (as a browser writes it) may frame us and send messages."""
        try:
            asked = parse_origin_rule(origin)
        except ValueError:
            return False
        if asked.is_wildcard:
            return False
        if self._is_development and asked.scheme == "http":
            return True  # parse_origin_rule lets http through for the local hosts only
        return any(_matches(rule, asked) for rule in self._rules)

    @property
    def frame_ancestors(self) -> str:
        """Return the value of the `frame-ancestors` directive."""
        local = [f"http://{host}:*" for host in _LOCAL_HOSTS] if self._is_development else []
        return " ".join(["'self'", *[rule.source for rule in self._rules], *local])

    @property
    def rules(self) -> tuple[str, ...]:
        """Return the rules as the frame's own check reads them; a table test holds both checks together."""
        local = tuple(f"http://{host}:*" for host in _LOCAL_HOSTS) if self._is_development else ()
        return tuple(rule.source for rule in self._rules) + local


def _matches(rule: OriginRule, asked: OriginRule) -> bool:
    same_host = asked.host.endswith("." + rule.host) if rule.is_wildcard else asked.host == rule.host
    return same_host and asked.scheme == rule.scheme and asked.port == rule.port
