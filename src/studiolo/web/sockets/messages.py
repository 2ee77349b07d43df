"""Messages of the frame's socket, as types: what a browser may say, and what an agent may say to it.

Neither side is trusted. What is not one of these is refused (browser) or dropped (agent), never passed on.
"""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

MAX_CHANNELS = 32
MAX_TEXT_BYTES = 1024 * 1024
MAX_UPDATE_BYTES = 16 * 1024 * 1024
MAX_AWARENESS_BYTES = 64 * 1024
MAX_AGENT_BYTES = 72 * 1024 * 1024

Channel = Annotated[int, Field(ge=0, le=255)]
CellId = Annotated[str, Field(min_length=1, max_length=128)]
Code = Annotated[str, Field(max_length=64, pattern=r"^[a-z0-9_]*$")]


class _Message(BaseModel):
    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)


class Hello(_Message):
    """Say who this is; the first message, and only the first."""

    type: Literal["hello"]
    bearer: str = Field(min_length=1, max_length=256)


class Renew(_Message):
    """Hand in the next bearer of the same sign-in before the last one ends."""

    type: Literal["renew"]
    bearer: str = Field(min_length=1, max_length=256)


class Join(_Message):
    """Open a document on a free channel; who is fresh has nothing of it and is sent all of it at once."""

    type: Literal["join"]
    channel: Channel
    is_fresh: bool = False
    project_id: str = Field(max_length=64)
    path: str = Field(min_length=1, max_length=4096)


class Leave(_Message):
    """Close a channel."""

    type: Literal["leave"]
    channel: Channel


class Ping(_Message):
    """Ask for a sign of life; `t` comes back."""

    type: Literal["ping"]
    t: float | int | None = None


class _Command(_Message):
    channel: Channel

    def frame(self) -> dict[str, Any]:
        """Return the frame for the agent: the message without its channel."""
        return self.model_dump(exclude={"channel"})


class Run(_Command):
    """Run one cell."""

    type: Literal["run"]
    cell_id: CellId


class Plain(_Command):
    """A command without more to it."""

    type: Literal["run_all", "interrupt", "restart", "save"]


class InputReply(_Command):
    """Answer a cell that waits for input."""

    type: Literal["input_reply"]
    cell_id: CellId
    value: str = Field(max_length=100_000)


ClientMessage = Annotated[Hello | Renew | Join | Leave | Ping | Run | Plain | InputReply, Field(discriminator="type")]


class _AgentMessage(BaseModel):
    model_config = ConfigDict(strict=True, extra="ignore", frozen=True)


class Ack(_AgentMessage):
    """So many updates of this client are kept for good."""

    type: Literal["ack"]
    count: int = Field(ge=0, le=2**53)


class Saved(_AgentMessage):
    """Whether the file holds what the document shows."""

    type: Literal["saved"]
    is_saved: bool


class Kernel(_AgentMessage):
    """What the kernel does."""

    type: Literal["kernel"]
    state: Literal["none", "starting", "idle", "busy", "restarting", "dead"]
    name: str | None = Field(None, max_length=256)


class Input(_AgentMessage):
    """A cell waits for input."""

    type: Literal["input"]
    cell_id: CellId
    prompt: str = Field(max_length=10_000)
    is_password: bool


class InputDone(_AgentMessage):
    """A cell no longer waits for input."""

    type: Literal["input_done"]
    cell_id: CellId


class Notice(_AgentMessage):
    """Something the person should read."""

    type: Literal["notice"]
    level: Literal["info", "warning", "error"]
    code: Code
    message: str = Field(max_length=4000)


class Closed(_AgentMessage):
    """The document is closed; the channel ends with this."""

    type: Literal["closed"]
    code: Code
    message: str = Field(max_length=4000)


AgentMessage = Annotated[Ack | Saved | Kernel | Input | InputDone | Notice | Closed, Field(discriminator="type")]

_CLIENT: TypeAdapter[Any] = TypeAdapter(ClientMessage)
_AGENT: TypeAdapter[Any] = TypeAdapter(AgentMessage)


def read_client_message(text: str) -> Any:
    """Return the message a browser sent; raise ValueError with a reason for it."""
    try:
        return _CLIENT.validate_json(text)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"])
        raise ValueError(f"{place}: {first['msg']}" if place else first["msg"]) from error


def read_agent_message(frame: dict[str, Any]) -> dict[str, Any] | None:
    """Return an agent's message with nothing in it but what is known, or None if it is not one."""
    try:
        return _AGENT.validate_python(frame).model_dump(exclude_none=True)
    except ValidationError:
        return None
