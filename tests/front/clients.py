"""Clients on bare sockets, as slow as a test wants them."""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Iterator

from tests.processes import Served

ADDRESS = "127.0.0.1"


def connected(server: Served, sent: bytes = b"", buffer: int | None = None) -> socket.socket:
    """Connect, with a receive buffer of so many bytes, and send something."""
    client = socket.socket()
    client.settimeout(60)
    if buffer is not None:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, buffer)
    client.connect((ADDRESS, server.port))
    client.sendall(sent)
    return client


def upload_head(length: int, path: str = "/upload", more: str = "") -> bytes:
    """The head of an upload that announces so many bytes."""
    return f"POST {path} HTTP/1.1\r\nHost: a\r\nContent-Length: {length}\r\n{more}\r\n".encode()


def stalled_reader(server: Served, link: str) -> socket.socket:
    """Ask for an image and read the beginning of its answer."""
    reader = connected(
        server, f"GET /image/{link} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n".encode(), 4096
    )
    assert reader.recv(12) == b"HTTP/1.1 200"
    return reader


def answer_of(client: socket.socket) -> tuple[int, bytes]:
    """Read one answer; return its status and its body. Raises ConnectionError where it is cut off."""
    with client.makefile("rb") as stream:
        status, length = int((stream.readline() or b"0 0").split()[1]), 0
        while (line := stream.readline()) not in {b"\r\n", b""}:
            name, _, value = line.partition(b":")
            if name.lower() == b"content-length":
                length = int(value)
        body = stream.read(length)
    if len(body) < length:
        raise ConnectionError("the answer is cut off")
    return status, body


def rest_of(client: socket.socket) -> int:
    """Read whatever still comes, and count it."""
    count = 0
    with contextlib.suppress(ConnectionError):
        while piece := client.recv(1 << 20):
            count += len(piece)
    return count


@contextlib.contextmanager
def open_for_now(clients: list[socket.socket]) -> Iterator[None]:
    """Close the clients when the block ends."""
    try:
        yield
    finally:
        for client in clients:
            client.close()
