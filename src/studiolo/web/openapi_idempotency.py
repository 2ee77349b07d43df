"""How the OpenAPI document tells of the header `Idempotency-Key`, which calls take that make something."""

from typing import Any

IDEMPOTENCY_KEY: dict[str, Any] = {
    "name": "Idempotency-Key",
    "in": "header",
    "description": "Made up by the client: the same request with the same key makes nothing a second time, and is "
    "answered as the first one was, with the header `Idempotency-Replayed`. A secret is told the first time only.",
    "schema": {"type": "string", "pattern": "^[!-~]{1,255}$"},
}
REPEATED = {
    "409": "The request with this Idempotency-Key is still on its way.",
    "422": "This Idempotency-Key was another request's.",
}
