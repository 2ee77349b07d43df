"""Histories of documents."""

from typing import Literal

from pydantic import Field

from studiolo.web.api_v1.parameters import Answer, Flag, Moment, Parameters, Shape, Text
from studiolo.web.api_v1.registry import Call, CallContext, Example


class GetSyncdocHistoryParameters(Parameters):
    """What `get_syncdoc_history` takes."""

    string_id: Text = Field(description="The document: 40 hexadecimal digits, the SHA-1 of project_id and path.")
    patches: Flag = Field(default=False, description="Answer with the updates themselves, too.")


class HistoryEntry(Shape):
    """One update."""

    time_utc: Moment
    patch_length: int = Field(description="Bytes.")
    patch: str | None = Field(default=None, description="The Yjs update in base64.")


class SyncdocHistory(Answer):
    """The updates, the oldest first; what is older than the log goes back is in its first one."""

    event: Literal["syncdoc_history"] = "syncdoc_history"
    history: list[HistoryEntry]


async def get_syncdoc_history(context: CallContext, parameters: GetSyncdocHistoryParameters) -> SyncdocHistory:
    """Return how a document became what it is."""
    found = await context.services.histories.by_id(
        context.principal, parameters.string_id, with_patches=parameters.patches
    )
    history = [HistoryEntry(time_utc=one.at, patch_length=one.patch_length, patch=one.patch) for one in found]
    return SyncdocHistory(history=history)


CALLS = (
    Call(
        name="get_syncdoc_history",
        noun="documents",
        summary="Learn when a document was edited, and with `patches` how, as far back as its log goes.",
        permission="Owners and collaborators of the project, administrators, the project's own key.",
        parameters=GetSyncdocHistoryParameters,
        answers=(SyncdocHistory,),
        handler=get_syncdoc_history,
        examples=(
            Example(
                "When was the sheet edited?",
                {"string_id": "0f3c7a1e5b9d2c4f6a8e0b1d3c5f7a9e2b4d6c80"},
                {
                    "event": "syncdoc_history",
                    "id": "7e6a5f4b-3c2d-4e1f-8a0b-9c8d7e6f5a4b",
                    "history": [{"time_utc": "2026-05-01T09:30:00.125Z", "patch_length": 117}],
                },
            ),
        ),
    ),
)
