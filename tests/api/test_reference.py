"""What needs no key: the document, the page, the figures, the health."""

import re

import pytest

from studiolo.web import openapi
from studiolo.web.calls import every_call
from studiolo.web.content_security import source_hash

pytestmark = pytest.mark.anyio


async def test_document_is_served(http):
    assert (await http.get("/api/openapi.json")).json() == openapi.document(every_call())


async def test_page_is_served_and_loads_nothing(http):
    response = await http.get("/api")
    assert response.headers["content-type"] == "text/html; charset=utf-8"
    assert "default-src 'none'" in response.headers["content-security-policy"]
    assert "src=" not in response.text
    assert "copy_path_between_projects" in response.text
    assert "<code>POST /api/v1/NAME</code>" in response.text


async def test_address_where_nothing_is_says_so_in_a_page_that_loads_nothing(http):
    response = await http.get("/no-such-page", headers={"accept": "text/html"})
    assert response.status_code == 404
    assert "There is nothing at this address." in response.text
    style = re.search("<style>(.*?)</style>", response.text, re.DOTALL)
    assert style is not None
    assert source_hash(style[1]) in response.headers["content-security-policy"]


async def test_figures_and_health_are_served(http, as_owner):
    await as_owner.call("ping")
    assert 'studiolo_requests_total{call="ping",status="200"} 1.0' in (await http.get("/metrics")).text
    assert (await http.get("/healthz")).status_code == 200
