import pytest

from studiolo.web.targets import own_path


@pytest.mark.parametrize(
    "text",
    [
        "/",
        "/app",
        "/projects/1/files/a%20b.ipynb?fullscreen=kiosk&session=#id=3",
        "/app?next=https://other.test/",
        "/a:b",
    ],
)
def test_a_path_of_ours_is_kept(text: str):
    assert own_path(text, "/app") == text


@pytest.mark.parametrize(
    "text",
    [
        None,
        "",
        "app",
        "https://evil.test/",
        "//evil.test",
        "///evil.test",
        "/\\evil.test",
        "\\\\evil.test",
        "/\t/evil.test",
        "/\n/evil.test",
        "/a\r\nSet-Cookie: x=1",
        " //evil.test",
        "javascript:alert(1)",
        "/.//evil.test",
        "/a/..//evil.test",
        "/\x00",
        "/" + "a" * 5000,
    ],
)
def test_everything_else_becomes_the_default(text: str | None):
    assert own_path(text, "/app") == "/app"
