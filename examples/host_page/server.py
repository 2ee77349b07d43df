"""A host page: somebody's course site, on another https origin, that embeds one notebook.

On every visit it gets a fresh auth token for its reader and puts it into the IFrame's address: that is all the
server side of an integration.
"""

import html
import http.server
import ssl
import string
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote, urlsplit

HERE = Path(__file__).parent
STATIC = {"/page.js": "text/javascript", "/style.css": "text/css"}


@dataclass(frozen=True)
class HostPage:
    """What the page shows: a document of a project on a Studiolo server, and how to get a token for its reader."""

    studiolo: str
    project_id: str
    path: str
    fresh_auth_token: Callable[[], str]

    def render(self) -> bytes:
        """Return the page's HTML with a token that was made just now."""
        values = {
            "studiolo": self.studiolo,
            "project_id": self.project_id,
            "path": self.path,
            "quoted_path": quote(self.path),
            "auth_token": self.fresh_auth_token(),
        }
        template = string.Template((HERE / "page.html").read_text(encoding="utf-8"))
        return template.substitute({name: html.escape(value) for name, value in values.items()}).encode()


def serve(page: HostPage, port: int, certificate: Path) -> tuple[http.server.ThreadingHTTPServer, int]:
    """Serve the page over https on 127.0.0.1 in a thread; return the server and its port."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            path = urlsplit(self.path).path
            if path in STATIC:
                self._answer(STATIC[path], (HERE / path.lstrip("/")).read_bytes())
            elif path == "/":
                self._answer("text/html; charset=utf-8", page.render())
            else:
                self.send_error(404)

        def _answer(self, kind: str, body: bytes) -> None:
            self.send_response(200)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            self.send_header("Cache-Control", "no-store")
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name is the library's
            return  # the demo shows the API's calls, not this page's

    class Server(http.server.ThreadingHTTPServer):
        def handle_error(self, request: object, client_address: object) -> None:
            """Say nothing: a browser that does not know the development certificate ends the connection."""

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    server = Server(("127.0.0.1", port), Handler)
    server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server, server.server_address[1]
