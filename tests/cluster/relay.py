"""A PostgreSQL that listens on a socket, reached by TCP: ``python -m tests.cluster.relay ADDRESS PORT SOCKET``."""

from __future__ import annotations

import contextlib
import socket
import sys
import threading


def main() -> None:
    """Forward both directions, each in a thread, until standard input ends, which the starting process holds open."""
    threading.Thread(target=_serve, args=sys.argv[1:], daemon=True).start()
    sys.stdin.read()


def _serve(address: str, port: str, path: str) -> None:
    with socket.create_server((address, int(port))) as door:
        while True:
            near = door.accept()[0]
            far = socket.socket(socket.AF_UNIX)
            far.connect(path)
            for ends in ((near, far), (far, near)):
                threading.Thread(target=_hand_on, args=ends, daemon=True).start()


def _hand_on(source: socket.socket, target: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while data := source.recv(65_536):
            target.sendall(data)
        target.shutdown(socket.SHUT_WR)


if __name__ == "__main__":
    main()
