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
from studiolo.domain.throttles import subject_of
from studiolo.web import csrf
from studiolo.web.client_address import client_address, is_own_address
from studiolo.web.sockets.connection import TOO_BIG, FrameConnection, SocketTooBig, close_code, origin_refused

MAX_SILENT = 500  # sockets of one address that have not yet said who they are: else it could take everybody's places

_log = structlog.get_logger("studiolo.socket")


def routes(services: Services, settings: Settings, clock: Clock) -> list[BaseRoute]:
    """Return the route of WS /frame/socket."""
    limits = {"account": settings.max_sockets_per_account, "sign_in": settings.max_sockets_per_sign_in}
    everybody = Places("sockets", most=settings.max_sockets, limits={})  # also who has not yet said who they are
    silent = Places("sockets without a bearer", most=settings.max_sockets, limits={"address": MAX_SILENT})
    places = Places("sockets", most=settings.max_sockets, limits=limits)

    async def frame_socket(websocket: WebSocket) -> None:
        await websocket.accept()
        connection = FrameConnection(websocket, services.sign_ins, services.access, services.documents, clock, places)
        with suppress(WebSocketDisconnect, WebSocketDisconnected):
            try:
                if not csrf.has_own_origin(settings, websocket):
                    raise origin_refused(websocket.headers.get("origin", ""))
                address = client_address(dict(websocket.scope))
                whose = None if is_own_address(address) else subject_of(address)
                with everybody.hold():
                    with silent.hold(address=whose):
                        await connection.greet()
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
