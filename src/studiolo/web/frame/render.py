"""POST /frame/render: markdown, HTML and LaTeX to clean HTML, by the one renderer there is."""

import asyncio
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from studiolo.core.errors import StudioloError
from studiolo.web.frame.bodies import read_model
from studiolo.web.frame.credentials import Credentials
from studiolo.web.frame.rendering import render_items

MAX_BODY_BYTES = 2 * 1024 * 1024
MAX_ITEMS = 200


class RenderItem(BaseModel):
    """One text and what it is written in."""

    model_config = ConfigDict(strict=True)

    kind: Literal["markdown", "html", "latex"]
    text: str
    attachments: dict[str, Any] | None = None


class RenderRequest(BaseModel):
    """Texts to render, answered in the same order."""

    items: list[RenderItem] = Field(max_length=MAX_ITEMS)


class FrameRender:
    """Answers POST /frame/render."""

    def __init__(self, credentials: Credentials) -> None:
        self._credentials = credentials

    async def answer(self, request: Request) -> Response:
        """Render for whoever is signed in; it reads nothing of any project."""
        headers = {"cache-control": "no-store", "x-content-type-options": "nosniff"}
        try:
            await self._credentials.bearer_principal(request)
            asked = await read_model(request, RenderRequest, max_bytes=MAX_BODY_BYTES)
        except StudioloError as error:
            return JSONResponse({"error": error.message, "code": error.code}, error.status, headers)
        html = await asyncio.to_thread(render_items, [item.model_dump() for item in asked.items])
        return JSONResponse({"html": html}, headers=headers)
