"""What the log never shows."""

import pytest

from studiolo.core.log import on_one_line, redact


@pytest.mark.parametrize(
    "name", ["password", "auth_token", "api_key", "Authorization", "bearer", "cookie", "secret_hash"]
)
def test_a_field_named_like_a_secret_is_hidden(name: str) -> None:
    assert redact(None, "info", {name: "value"}) == {name: "(hidden)"}


def test_a_token_inside_an_address_is_hidden_and_the_rest_kept() -> None:
    event = {"path": "/projects/x?auth_token=SECRET&fullscreen=kiosk"}
    assert redact(None, "info", event) == {"path": "/projects/x?auth_token=(hidden)&fullscreen=kiosk"}


def test_ordinary_fields_stay() -> None:
    assert redact(None, "info", {"event": "started", "port": 80}) == {"event": "started", "port": 80}


@pytest.mark.parametrize("text", ["a\nforged line", "\x1b[2Jgone", "a\rb", "\u2028", "\ud800"])
def test_what_a_stranger_chose_neither_begins_a_line_nor_speaks_to_the_terminal(text: str) -> None:
    written = str(on_one_line(None, "info", {"path": text})["path"])
    assert written.isascii()
    assert written.isprintable()


def test_readable_text_stays_as_it_is() -> None:
    assert on_one_line(None, "info", {"path": "/grüße.ipynb", "status": 200}) == {"path": "/grüße.ipynb", "status": 200}
