"""`log_client_error`."""

import pytest

pytestmark = pytest.mark.anyio


async def test_error_is_taken(as_owner):
    assert await as_owner.call("log_client_error", id="x", error="it broke") == {"event": "success", "id": "x"}
    assert (await as_owner.form("log_client_error", {"error": "it broke"}))["event"] == "success"


async def test_error_is_needed(as_owner):
    assert "property 'error' must be specified" in (await as_owner.refused("log_client_error"))["error"]
