"""Pages of other sites that embed our frames, each on an https origin of its own."""

import http.server
import ssl
import threading
from pathlib import Path
from types import TracebackType
from typing import Self

PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>A host page</title>
<meta name="viewport" content="width=device-width, initial-scale=1">
<style>
:root { color-scheme: light dark }
body { margin: 0; font: 16px/1.5 system-ui, sans-serif; display: grid; grid-auto-rows: 100vh }
iframe { border: 0; width: 100%; height: 100% }
</style></head><body><script>
// every parameter of the address is a frame: its name is the frame's id
window.received = [];
for (const [id, url] of new URLSearchParams(location.search)) {
  const frame = document.createElement("iframe");
  Object.assign(frame, { id, title: id, src: url });
  document.body.append(frame);
}
window.addEventListener("message", (event) => {
  const frame = [...document.querySelectorAll("iframe")].find((one) => one.contentWindow === event.source);
  if (frame) received.push({ from: frame.id, origin: event.origin, data: event.data });
});
window.send = (id, message, origin) => document.getElementById(id).contentWindow.postMessage(message, origin);
</script></body></html>
"""


class HostPages:
    """A web server on https://127.0.0.1: the page above, one that sets a plain cookie, and `pages` by their paths."""

    def __init__(self, certificate: Path) -> None:
        self.pages: dict[str, str] = {}
        others = self.pages

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                page = others.get(self.path, PAGE).encode()
                self.send_response(200)
                if self.path.startswith("/cookie"):
                    self.send_header("Set-Cookie", "plain=1; Secure; SameSite=None; Path=/; Max-Age=3600")
                self.send_header("Content-Type", "text/html; charset=utf-8")
                self.send_header("Cache-Control", "no-store")
                self.send_header("Content-Length", str(len(page)))
                self.end_headers()
                self.wfile.write(page)

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name is the library's
                return

        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate)
        self._server = _Server(("127.0.0.1", 0), Handler)
        self._server.socket = context.wrap_socket(self._server.socket, server_side=True, do_handshake_on_connect=False)
        self.port: int = self._server.server_address[1]
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)

    @property
    def origin(self) -> str:
        """Return the origin, which is another site than `localhost`."""
        return f"https://127.0.0.1:{self.port}"

    def __enter__(self) -> Self:
        """Start serving."""
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop serving."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


class _Server(http.server.ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False  # a browser keeps connections open that it may never use

    def handle_error(self, request: object, client_address: object) -> None:
        """Say nothing: a browser that ends a connection early is no fault of a test."""
