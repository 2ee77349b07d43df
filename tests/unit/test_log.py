"""What the log never shows."""

import pytest

from studiolo.core.log import redact


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
