"""What projects may use."""

from typing import Literal

from pydantic import Field

from studiolo.core.ids import ProjectId
from studiolo.domain.project_limits import ALWAYS_RUNNING, NAMES, NETWORK, LimitsChange, LimitsOf
from studiolo.web.api_v1.parameters import Answer, Flag, Number, Parameters, Text, Texts
from studiolo.web.api_v1.registry import Call, CallContext, Example

_NAMES = {"network": NETWORK, "always_running": ALWAYS_RUNNING}


class GetProjectLimitsParameters(Parameters):
    """What `get_project_limits` takes."""

    project_id: Text


class SetProjectLimitsParameters(Parameters):
    """What `set_project_limits` takes; what is not given stays as it is."""

    project_id: Text
    memory_mb: Number = Field(default=None, description="Memory, in MiB.")
    cpu_cores: Number = Field(default=None, description="Processor share, in cores.")
    processes: Number = Field(default=None, description="Processes and threads.")
    disk_mb: Number = Field(default=None, description="Space of the home directory, in MiB; from the next start.")
    idle_timeout_seconds: Number = Field(
        default=None, description="After how long without use it is stopped; 0: never."
    )
    network: Flag | None = Field(default=None, description="Whether it reaches the network; from the next start.")
    always_running: Flag | None = Field(
        default=None, description="Whether it is kept running: not stopped for being idle, started again if it ended."
    )
    reset: Texts = Field(
        default=[], description="Limits by name that are to be as the server's settings say, also when these change."
    )


class ProjectLimits(Answer):
    """What holds for the project; null would be no limit, and is left out."""

    event: Literal["project_limits"] = "project_limits"
    project_id: str
    memory_mb: float | None = None
    cpu_cores: float | None = None
    processes: float | None = None
    disk_mb: float | None = None
    idle_timeout_seconds: float | None = None
    network: bool
    always_running: bool
    own: list[str] = Field(description="The limits that were set for this project and are not the server's.")
    is_at_once: bool | None = Field(
        default=None,
        description="After a change: whether the running project lives with its new memory, processor share and "
        "processes already; false: it does from its next start.",
    )


async def get_project_limits(context: CallContext, parameters: GetProjectLimitsParameters) -> ProjectLimits:
    """Tell what a project may use."""
    found = await context.services.project_limits.get(context.principal, ProjectId(parameters.project_id))
    return _answer(parameters.project_id, found)


async def set_project_limits(context: CallContext, parameters: SetProjectLimitsParameters) -> ProjectLimits:
    """Set what a project may use."""
    given = {
        **{name: getattr(parameters, name) for name in NAMES if name not in _NAMES.values()},
        **{name: getattr(parameters, given) for given, name in _NAMES.items()},
    }
    values = {name: value for name, value in given.items() if value is not None}
    reset = [_NAMES.get(name, name) for name in parameters.reset]
    change = LimitsChange(values, reset)
    found = await context.services.project_limits.set(context.principal, ProjectId(parameters.project_id), change)
    return _answer(parameters.project_id, found)


def _answer(project_id: str, found: LimitsOf) -> ProjectLimits:
    names = {name: given for given, name in _NAMES.items()}
    values = {names.get(name, name): value for name, value in found.values.items()}
    own = [names.get(name, name) for name in found.own]
    return ProjectLimits.model_validate(
        {**values, "project_id": project_id, "own": own, "is_at_once": found.is_at_once}
    )


_PROJECT = "2f5b3c4e-6d1a-4a4e-9c0d-7b8f6a5e4d3c"
_HELD = {
    "event": "project_limits",
    "id": "d2f6bac4-8e30-4c5d-9f7b-90bc3e5d7f91",
    "project_id": _PROJECT,
    "memory_mb": 4096,
    "cpu_cores": 1,
    "processes": 512,
    "disk_mb": 10240,
    "idle_timeout_seconds": 1800,
    "network": False,
    "always_running": False,
    "own": ["memory_mb"],
}

CALLS = (
    Call(
        name="get_project_limits",
        noun="projects",
        summary="Tell what a project may use.",
        permission="Who may read the project.",
        parameters=GetProjectLimitsParameters,
        answers=(ProjectLimits,),
        handler=get_project_limits,
        examples=(Example("How much memory is there?", {"project_id": _PROJECT}, _HELD),),
    ),
    Call(
        name="set_project_limits",
        noun="projects",
        summary="Set what a project may use: at once where the system can, else from its next start.",
        permission="Administrators.",
        parameters=SetProjectLimitsParameters,
        answers=(ProjectLimits,),
        handler=set_project_limits,
        examples=(
            Example(
                "Give a project more memory", {"project_id": _PROJECT, "memory_mb": 4096}, {**_HELD, "is_at_once": True}
            ),
        ),
    ),
)
