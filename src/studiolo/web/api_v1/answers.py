"""Answers that several calls give."""

from typing import Literal

from studiolo.web.api_v1.parameters import Answer


class Success(Answer):
    """It was done; there is nothing to tell."""

    event: Literal["success"] = "success"
