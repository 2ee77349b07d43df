"""Signing in at API v2, and what other sites cannot do with a sign-in."""

import httpx
import pytest

pytestmark = pytest.mark.anyio
OWN = {"Origin": "https://studiolo.test", "Sec-Fetch-Site": "same-origin", "X-Studiolo-Request": "1"}
ENTRY = {"email": "owner@example.edu", "password": "owner-password"}


async def signed_in(browser: httpx.AsyncClient) -> None:
    response = await browser.post("/api/v2/auth/sign-in", json=ENTRY, headers=OWN)
    assert "account_id" in response.json()
    assert "HttpOnly; SameSite=Lax; Secure" in response.headers["set-cookie"]


async def test_a_browser_signs_in_and_out(browser: httpx.AsyncClient, as_owner):
    await signed_in(browser)
    assert (await browser.post("/api/v2/projects/get", json={}, headers=OWN)).json() == []
    response = await browser.post("/api/v2/accounts/sign-out", json={}, headers=OWN)
    assert response.json() == {"status": "success"}
    assert "Max-Age=0" in response.headers["set-cookie"]
    assert (await browser.post("/api/v2/projects/get", json={}, headers=OWN)).json()["code"] == "unauthenticated"


async def test_signing_out_everywhere_ends_every_sign_in(browser: httpx.AsyncClient, services, as_owner):
    _, elsewhere = await services.sign_ins.sign_in(ENTRY["email"], ENTRY["password"])
    await signed_in(browser)
    await browser.post("/api/v2/accounts/sign-out", json={"all": True}, headers=OWN)
    browser.cookies.set("__Host-studiolo-sign-in", elsewhere)
    assert (await browser.post("/api/v2/projects/get", json={}, headers=OWN)).json()["code"] == "sign_in_expired"


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://studiolo.test", "Sec-Fetch-Site": "same-origin"},
        {"X-Studiolo-Request": "1"},
        {"Origin": "https://evil.test", "X-Studiolo-Request": "1"},
        {"Sec-Fetch-Site": "cross-site", "X-Studiolo-Request": "1"},
        {"Origin": "null", "X-Studiolo-Request": "1"},
        {},
    ],
)
async def test_the_cookie_alone_is_not_enough(browser: httpx.AsyncClient, as_owner, headers):
    await signed_in(browser)
    answer = (await browser.post("/api/v2/projects/create", json={}, headers=headers)).json()
    assert answer["code"] in ("forbidden", "unauthenticated")


async def test_another_site_cannot_sign_a_browser_in(browser: httpx.AsyncClient, as_owner):
    response = await browser.post("/api/v2/auth/sign-in", json=ENTRY, headers={"Origin": "https://evil.test"})
    assert response.json()["code"] == "forbidden"
    form = await browser.post("/api/v2/auth/sign-in", data=ENTRY)
    assert form.json()["code"] == "invalid_request"
    assert "set-cookie" not in response.headers
    assert "set-cookie" not in form.headers


async def test_a_wrong_password_signs_nobody_in(browser: httpx.AsyncClient, as_owner):
    response = await browser.post("/api/v2/auth/sign-in", json={**ENTRY, "password": "wrong"}, headers=OWN)
    assert response.json()["code"] == "password_incorrect"
    assert "set-cookie" not in response.headers


async def test_a_stranger_sends_no_large_bodies(browser: httpx.AsyncClient):
    response = await browser.post("/api/v2/auth/sign-in", json={**ENTRY, "more": "x" * 70_000}, headers=OWN)
    assert response.json()["code"] == "body_too_large"
