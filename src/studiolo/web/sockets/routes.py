"""The route of the frame's socket."""

from contextlib import suppress

import structlog
from starlette.routing import BaseRoute, WebSocketRoute
from starlette.websockets import WebSocket, WebSocketDisconnect, WebSocketDisconnected

from studiolo.core.clock import Clock
from studiolo.core.errors import StudioloError
from studiolo.core.settings import Settings
from studiolo.domain.places import Places
from studiolo.domain.services import Services
from studiolo.web import csrf
from studiolo.web.sockets.connection import TOO_BIG, FrameConnection, SocketTooBig, close_code, origin_refused

_log = structlog.get_logger("studiolo.socket")


def routes(services: Services, settings: Settings, clock: Clock) -> list[BaseRoute]:
    """Return the route of WS /frame/socket."""
    limits = {"account": settings.max_sockets_per_account, "sign_in": settings.max_sockets_per_sign_in}
    everybody = Places("sockets", most=settings.max_sockets, limits={})  # also who has not yet said who they are
    places = Places("sockets", most=settings.max_sockets, limits=limits)

    async def frame_socket(websocket: WebSocket) -> None:
        await websocket.accept()
        connection = FrameConnection(websocket, services.sign_ins, services.access, services.documents, clock, places)
        with suppress(WebSocketDisconnect, WebSocketDisconnected):
            try:
                if not csrf.has_own_origin(settings, websocket):
                    raise origin_refused(websocket.headers.get("origin", ""))
                with everybody.hold():
                    await connection.run()
            except StudioloError as error:
                _log.info("socket_closed", code=error.code, internal=error.internal)
                await websocket.close(close_code(error), error.code)
            except SocketTooBig:
                await websocket.close(TOO_BIG, "too_large")
            except (WebSocketDisconnect, WebSocketDisconnected):
                raise
            except Exception:  # noqa: BLE001 - the last edge: the browser is told to come again
                _log.exception("socket_broke")
                await websocket.close(1011, "internal_error")

    return [WebSocketRoute("/frame/socket", frame_socket, name="frame_socket")]
