"""A proxy that a test can make fail: it refuses, hangs, delays, or answers in the server's place."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Literal

Way = Literal["through", "refuse", "hang", "late", "busy"]
LATE_SECONDS = 2.5
"""More than an image of two seconds lives and than a connection may take, less than a store's answer may."""
BUSY = b"HTTP/1.1 503 Slow Down\r\nContent-Length: 27\r\nConnection: close\r\n\r\n<Code>SlowDown</Code>      "


class Flaky:
    """Passes connections on to a port; ``way`` says what becomes of the next ones, ``only`` of how many of them."""

    def __init__(self, to: int, listener: socket.socket) -> None:
        self.way: Way = "through"
        self.only = 0
        self.connections = 0
        self._to = to
        self._listener = listener
        self._open: list[socket.socket] = []

    @property
    def port(self) -> int:
        return int(self._listener.getsockname()[1])

    def fail(self, way: Way, only: int = 0) -> None:
        """Fail from now on, or ``only`` so often; connections that are open end."""
        self.way, self.only = way, only
        self.close()

    def serve(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                self.connections += 1
                threading.Thread(target=self._take, args=(client, self._next_way()), daemon=True).start()

    def _next_way(self) -> Way:
        way = self.way
        if self.only:
            self.only -= 1
            if not self.only:
                self.way = "through"
        return way

    def _take(self, client: socket.socket, way: Way) -> None:
        self._open.append(client)
        if way == "refuse":
            client.close()
        elif way == "busy":
            with client, suppress(OSError):
                client.recv(65536)
                client.sendall(BUSY)
                client.shutdown(socket.SHUT_WR)
                while client.recv(65536):
                    pass
        elif way in {"through", "late"}:
            time.sleep(LATE_SECONDS if way == "late" else 0)
            server = socket.create_connection(("127.0.0.1", self._to))
            self._open.append(server)
            for one, other in ((client, server), (server, client)):
                threading.Thread(target=_copy, args=(one, other), daemon=True).start()

    def close(self) -> None:
        for each in self._open:
            with suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
            each.close()
        self._open.clear()


def _copy(one: socket.socket, other: socket.socket) -> None:
    with suppress(OSError):
        while piece := one.recv(65536):
            other.sendall(piece)
        other.shutdown(socket.SHUT_WR)


@contextmanager
def flaky(to: int) -> Iterator[Flaky]:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        way = Flaky(to, listener)
        threading.Thread(target=way.serve, daemon=True).start()
        try:
            yield way
        finally:
            way.close()
