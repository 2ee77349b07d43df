"""When documents were used."""

from pydantic import Field

from studiolo.core.errors import FileNotFound
from studiolo.core.ids import ProjectId
from studiolo.web.api_v1.parameters import Flag, Integer, Text
from studiolo.web.api_v1.registry import Call, CallContext, Example, Form
from studiolo.web.doors.shapes import Given, SparseReply

MAX_TIMES = 10_000


class FileUseTimesGiven(Given):
    """Of which document which times are wanted."""

    project_id: Text
    path: Text
    limit: Integer = Field(default=MAX_TIMES, description="At most so many, the latest ones.")
    edit_times: Flag = Field(default=True, description="When it was edited.")
    access_times: Flag = Field(default=False, description="When it was opened: nobody writes that down.")


class FileUseTimes(SparseReply):
    """Moments in milliseconds since 1970, the oldest first."""

    edit_times: list[int] | None = None
    access_times: list[int] | None = Field(default=None, description="Empty: nobody writes down who reads.")


async def get_file_use_times(context: CallContext, given: FileUseTimesGiven) -> FileUseTimes:
    """Return when a document was edited; one that was never edited together has no history."""
    try:
        found = await context.services.histories.of(
            context.principal, ProjectId(given.project_id), given.path, with_patches=False
        )
    except FileNotFound:
        found = []
    times = [int(one.at.timestamp() * 1000) for one in found]
    limit = MAX_TIMES if given.limit is None else max(0, given.limit)
    return FileUseTimes(
        edit_times=times[len(times) - min(limit, len(times)) :] if given.edit_times else None,
        access_times=[] if given.access_times else None,
    )


FORMS = dict[str, tuple[Form, ...]]()

CALLS = (
    Call(
        name="get_file_use_times",
        noun="documents",
        summary="Return when a document was edited.",
        permission="Who may write to the project.",
        parameters=FileUseTimesGiven,
        handler=get_file_use_times,
        is_over_v1=False,
        forms=(Form(hub="db.fileUseTimes"),),
        examples=(
            Example(
                "When was the sheet edited?",
                {"project_id": "2f5b3c4e-6d1a-4a4e-9c0d-7b8f6a5e4d3c", "path": "sheet.ipynb", "limit": 2},
                {"edit_times": [1777627800125]},
            ),
        ),
    ),
)
