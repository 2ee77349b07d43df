import pytest
from starlette.requests import Request

from studiolo.core.settings import Settings
from studiolo.web import csrf


def _request(headers: dict[str, str], *, scheme: str = "https", host: str = "hub.test") -> Request:
    given = [(name.encode(), value.encode()) for name, value in {"host": host, **headers}.items()]
    return Request(
        {"type": "http", "method": "POST", "scheme": scheme, "path": "/", "query_string": b"", "headers": given}
    )


def _settings(**given: object) -> Settings:
    return Settings(**given)  # pyright: ignore[reportArgumentType]


@pytest.mark.parametrize(
    "headers",
    [
        {"origin": "https://hub.test"},
        {"origin": "https://hub.test:443"},
        {"sec-fetch-site": "same-origin"},
        {"origin": "https://hub.test", "sec-fetch-site": "same-origin"},
    ],
)
def test_our_own_page_is_believed(headers: dict[str, str]):
    assert csrf.has_own_origin(_settings(), _request(headers))


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"origin": "null"},
        {"origin": "https://evil.test"},
        {"origin": "https://hub.test.evil.test"},
        {"origin": "http://hub.test"},
        {"origin": "https://hub.test:8443"},
        {"origin": "https://hub.test:x"},
        {"origin": "https://hub.test", "sec-fetch-site": "cross-site"},
        {"origin": "https://hub.test", "sec-fetch-site": "same-site"},
        {"origin": "https://hub.test", "sec-fetch-site": "none"},
        {"origin": "https://evil.test", "sec-fetch-site": "same-origin"},
    ],
)
def test_everything_else_is_not(headers: dict[str, str]):
    assert not csrf.has_own_origin(_settings(), _request(headers))


def test_a_request_without_host_is_nobodys():
    assert not csrf.has_own_origin(_settings(), _request({"origin": "null"}, host=""))


def test_the_public_address_counts_not_the_host_that_a_proxy_uses():
    settings = _settings(public_url="https://studiolo.example.edu/")
    request = _request({"origin": "https://studiolo.example.edu"}, scheme="http", host="10.0.0.7:8000")
    assert csrf.has_own_origin(settings, request)


def test_a_websocket_has_the_origin_of_its_page():
    assert csrf.own_origin(_settings(), _request({}, scheme="wss", host="hub.test:8443")) == "https://hub.test:8443"


@pytest.mark.parametrize(
    ("scheme", "host", "is_development", "expected"),
    [
        ("https", "hub.test", False, True),
        ("https", "localhost:8000", True, True),
        ("http", "localhost:8000", False, True),
        ("http", "127.0.0.1:8000", False, True),
        ("http", "[::1]:8000", False, True),
        ("http", "localhost:8000", True, False),
        ("http", "hub.test", False, False),
    ],
)
def test_where_browsers_keep_secure_cookies(scheme: str, host: str, is_development: bool, expected: bool):
    settings = _settings(development=is_development)
    assert csrf.is_served_securely(settings, _request({}, scheme=scheme, host=host)) is expected


def test_a_form_token_belongs_to_one_sign_in():
    token = csrf.form_token("secret-one")
    assert csrf.is_form_token(token, "secret-one")
    assert not csrf.is_form_token(token, "secret-two")
    assert not csrf.is_form_token("", "secret-one")
    assert not csrf.is_form_token("ünïcode", "secret-one")
    assert "secret-one" not in token


@pytest.mark.parametrize("host", ["a.test; script-src *", "a.test'", "a b", "a.test\\@b", "<x>", "a,b"])
def test_a_host_that_is_none_gives_no_origin_and_so_never_becomes_part_of_a_policy(host: str):
    assert csrf.normal_origin(f"https://{host}") == ""
