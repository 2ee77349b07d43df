"""Requests and answers as HTTP has them; what both ways of waiting share."""

import json
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeVar, cast

import httpx

from studiolo.client.decoding import NotDecodable, one_of
from studiolo.client.errors import AnswerMalformed, ConnectionFailed, ConnectionLost, StudioloError, kind_of

T = TypeVar("T")

_NEVER_SENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.ProxyError, httpx.UnsupportedProtocol)


@dataclass(frozen=True, slots=True)
class Asked:
    """One request, however often it is sent."""

    call: str
    path: str
    headers: Mapping[str, str]
    body: bytes = b""
    method: str = "POST"
    is_repeatable: bool = False
    silence_seconds: float = 0  # for how long a stream may say nothing, if that is more than usual

    def request(self, http: "httpx.Client | httpx.AsyncClient") -> httpx.Request:
        """Return the request."""
        return http.build_request(self.method, self.path, content=self.body or None, headers=dict(self.headers))


def asked(
    call: str, parameters: Mapping[str, Any], *, is_reading: bool = False, idempotency_key: str | None = None
) -> Asked:
    """Write a call down; what is None is left out."""
    given = {name: value for name, value in parameters.items() if value is not None}
    headers = {"Content-Type": "application/json"}
    if idempotency_key is not None:
        headers["Idempotency-Key"] = idempotency_key
    body = json.dumps(given, default=_as_json).encode()
    return Asked(call, f"api/v1/{call}", headers, body, is_repeatable=is_reading or idempotency_key is not None)


def new_key() -> str:
    """Return an Idempotency-Key for a call that the server shall carry out once, however often it is sent."""
    return secrets.token_urlsafe(18)


def headers(key: str, version: str) -> dict[str, str]:
    """Return the headers of every request."""
    return {"Authorization": f"Bearer {key}", "Accept": "application/json", "User-Agent": f"studiolo-python/{version}"}


def base_url(url: str) -> str:
    """Return the server's address with a slash at its end, so that what follows is below it."""
    if not url.startswith(("https://", "http://")):
        raise ValueError("the address of a server begins with https:// or http://")
    return url.rstrip("/") + "/"


def answer_of(call: str, response: httpx.Response) -> dict[str, Any]:
    """Return the answer; raise the error that the server answered with."""
    try:
        answer: Any = response.json()
    except ValueError:
        answer = None
    if not isinstance(answer, dict):
        raise _not_an_answer(call, response)
    fields = cast("dict[str, Any]", answer)
    if response.status_code != 200 or _is_failure(fields):
        raise _error(call, response, fields)
    return fields


def check(call: str, response: httpx.Response) -> None:
    """Raise the error that a door for streams answered with; its body must have been read."""
    if response.status_code < 400:
        return
    try:
        answer: Any = response.json()
    except ValueError:
        answer = {}
    raise _error(call, response, cast("dict[str, Any]", answer) if isinstance(answer, dict) else {})


def typed(call: str, kinds: tuple[type[T], ...], answer: Mapping[str, Any]) -> T:
    """Return the answer as one of these types."""
    try:
        return one_of(kinds, answer)
    except NotDecodable as error:
        raise AnswerMalformed(f"The answer is not what this version of the client knows: {error}", call=call) from error


def from_transport(call: str, error: httpx.TransportError) -> StudioloError:
    """Return our error for a connection's."""
    words = str(error) or type(error).__name__
    if isinstance(error, _NEVER_SENT):
        return ConnectionFailed(words, call=call)
    return ConnectionLost(words, call=call)


def _is_failure(answer: Mapping[str, Any]) -> bool:
    """Tell whether the call failed; some have their own shape for that, always with a code."""
    if answer.get("event") == "error":
        return True
    return isinstance(answer.get("code"), str) and bool(answer.get("error") or answer.get("reason"))


def _error(call: str, response: httpx.Response, answer: dict[str, Any]) -> StudioloError:
    code = answer.get("code")
    said = answer.get("error") or answer.get("reason")
    details = {name: value for name, value in answer.items() if name not in ("event", "id", "error", "code")}
    if isinstance(said, dict):
        details["fields"] = said
        said = " ".join(str(words) for words in cast("dict[str, Any]", said).values())
    kind = kind_of(code if isinstance(code, str) else None, response.status_code)
    return kind(
        str(said or f"HTTP {response.status_code}"),
        code=code if isinstance(code, str) else None,
        call=call,
        status=response.status_code,
        details=details,
        retry_after_seconds=_retry_after(response),
    )


def _not_an_answer(call: str, response: httpx.Response) -> StudioloError:
    kind = AnswerMalformed if response.status_code < 400 else kind_of(None, response.status_code)
    words = f"HTTP {response.status_code} without JSON: {response.text[:200]!r}"
    return kind(words, call=call, status=response.status_code, retry_after_seconds=_retry_after(response))


def _retry_after(response: httpx.Response) -> float | None:
    asked = response.headers.get("Retry-After", "")
    return float(asked) if asked.isascii() and asked.isdigit() else None


def _as_json(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.isoformat()
    raise TypeError(f"{type(value).__name__} cannot be sent")
