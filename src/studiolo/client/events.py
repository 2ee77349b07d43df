"""What a job says, read from server-sent events."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal, cast

import httpx

from studiolo.client import wire
from studiolo.client.errors import AgentUnavailable, AnswerMalformed, kind_of

KINDS = ("stdout", "stderr", "truncated", "exit")
HEARTBEAT_SECONDS = 45.0  # a silent job says so more often than this

Kind = Literal["stdout", "stderr", "truncated", "exit"]


@dataclass(frozen=True, slots=True, kw_only=True)
class OutputEvent:
    """Something that a job said, or its end; `number` counts them from 1."""

    number: int
    kind: Kind
    """`truncated` stands for what is no longer kept."""
    text: str = ""
    """Of `stdout` and `stderr`."""
    status: str | None = None
    """At the end: `completed`, `killed` or `timed_out`."""
    exit_code: int | None = None
    signal: int | None = None


class Listening:
    """One job that is listened to, over as many connections as it takes."""

    def __init__(self, project_id: str, job_id: str, after: int) -> None:
        self._parameters = {"project_id": project_id, "job_id": job_id}
        self._after = after
        self._buffer = b""
        self.is_over = False

    def asked(self) -> wire.Asked:
        """Return the request for what was not heard yet."""
        self._buffer = b""
        path = f"api/v1/exec_output?{httpx.QueryParams(self._parameters)}"
        headers = {"Accept": "text/event-stream", "Last-Event-ID": str(self._after)}
        return wire.Asked(
            "exec_output", path, headers, method="GET", is_repeatable=True, silence_seconds=HEARTBEAT_SECONDS
        )

    def begin(self, response: httpx.Response) -> None:
        """Note that there is nothing more to hear, if the answer says so."""
        self.is_over = self.is_over or response.status_code == 204

    def heard(self, piece: bytes) -> Iterator[OutputEvent]:
        """Give the events that are whole now; raise what the server tells of."""
        self._buffer += piece.replace(b"\r\n", b"\n")
        *whole, self._buffer = self._buffer.split(b"\n\n")
        for block in whole:
            fields = _fields(block)
            if "event" in fields:
                event = self._event(fields)
                if event is not None:
                    yield event

    def _event(self, fields: dict[str, str]) -> OutputEvent | None:
        try:
            data = json.loads(fields.get("data", "{}"))
            number = int(fields.get("id", "0"))
        except ValueError as error:
            raise AnswerMalformed("An event is not what this version knows.", call="exec_output") from error
        data = cast("dict[str, Any]", data) if isinstance(data, dict) else {}
        kind = fields["event"]
        if kind == "gone":
            raise AgentUnavailable("The project was stopped, and the job with it.", call="exec_output")
        if kind == "refused":
            code = str(data.get("code", ""))
            raise kind_of(code, 200)(str(data.get("error", "")), code=code, call="exec_output")
        if kind not in KINDS:
            return None  # of a newer server
        self._after = max(self._after, number)
        self.is_over = self.is_over or kind == "exit"
        known = {name: data[name] for name in ("text", "status", "exit_code", "signal") if name in data}
        return OutputEvent(number=number, kind=kind, **known)


def _fields(block: bytes) -> dict[str, str]:
    lines = block.decode(errors="replace").split("\n")
    pairs = [line.partition(":") for line in lines if line and not line.startswith(":")]
    return {name: value.removeprefix(" ") for name, _, value in pairs}
