"""Connections that break where a test wants them to."""

import socket
import threading
from contextlib import suppress


class CuttingProxy:
    """Passes connections on to a server; ends each of the next ones after so many bytes from one side."""

    def __init__(self, address: str) -> None:
        host, _, port = address.removeprefix("http://").partition(":")
        self._server = (host, int(port))
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        self.cuts_of_requests: list[int] = []
        self.cuts_of_answers: list[int] = []
        self.connections = 0
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        """Take no more connections."""
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                self.connections += 1
                server = socket.create_connection(self._server)
                sides = ((client, server, self.cuts_of_requests), (server, client, self.cuts_of_answers))
                pair = [(one, other, cuts.pop(0) if cuts else None) for one, other, cuts in sides]
                threading.Thread(target=self._serve, args=(pair,), daemon=True).start()

    def _serve(self, pair: list[tuple[socket.socket, socket.socket, int | None]]) -> None:
        threads = [threading.Thread(target=self._pass_on, args=one, daemon=True) for one in pair]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        for one, _, _ in pair:
            one.close()

    def _pass_on(self, source: socket.socket, target: socket.socket, left: int | None) -> None:
        with suppress(OSError):
            while piece := source.recv(65536 if left is None else min(65536, left)):
                target.sendall(piece)
                left = None if left is None else left - len(piece)
                if left == 0:
                    break
        for one in (source, target):
            with suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
