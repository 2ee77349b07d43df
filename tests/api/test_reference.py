"""What needs no key: the document, the page, the figures, the health."""

import pytest

from studiolo.web import openapi
from studiolo.web.calls import every_call

pytestmark = pytest.mark.anyio


async def test_document_is_served(http):
    assert (await http.get("/api/openapi.json")).json() == openapi.document(every_call())


async def test_page_is_served_and_loads_nothing(http):
    response = await http.get("/api")
    assert response.headers["content-type"] == "text/html; charset=utf-8"
    assert "default-src 'none'" in response.headers["content-security-policy"]
    assert "src=" not in response.text
    assert "copy_path_between_projects" in response.text


async def test_figures_and_health_are_served(http, as_owner):
    await as_owner.call("ping")
    assert 'studiolo_requests_total{call="ping",status="200"} 1.0' in (await http.get("/metrics")).text
    assert (await http.get("/healthz")).status_code == 200
