"""The call that says: I am here."""

from typing import Literal

from studiolo.web.api_v1.parameters import Answer, Moment, Parameters
from studiolo.web.api_v1.registry import Call, CallContext, Example


class PingParameters(Parameters):
    """`ping` takes nothing."""


class Pong(Answer):
    """The answer, with the server's time."""

    event: Literal["pong"] = "pong"
    now: Moment


async def ping(context: CallContext, _parameters: PingParameters) -> Pong:
    """Return the server's time."""
    return Pong(now=context.clock.now())


CALLS = (
    Call(
        name="ping",
        noun="server",
        summary="Test that the server answers, and learn its time.",
        permission="Anybody; the key may be blank.",
        parameters=PingParameters,
        answers=(Pong,),
        handler=ping,
        needs_key=False,
        examples=(
            Example(
                "Ask for a sign of life",
                {"id": "8ec4ac73-2595-42d2-ad47-0b9641043b46"},
                {"event": "pong", "id": "8ec4ac73-2595-42d2-ad47-0b9641043b46", "now": "2026-05-01T09:30:00.125Z"},
            ),
        ),
    ),
)
