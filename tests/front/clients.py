"""Clients that say exactly what a test wants them to say, over plain sockets."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import contextmanager

import requests

from tests.processes import Served

HEAD = b"POST /upload HTTP/1.1\r\nHost: 127.0.0.1\r\n"


@contextmanager
def connections(
    server: Served, first: bytes, count: int, buffer: int | None = None
) -> Iterator[list[socket.socket]]:
    """Open so many connections that each say ``first``; ``buffer`` is the size of what they receive into."""
    opened = []
    try:
        for _ in range(count):
            one = socket.socket()
            opened.append(one)
            if buffer:
                one.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, buffer)
            one.settimeout(30)
            one.connect(("127.0.0.1", server.port))
            one.sendall(first)
        yield opened
    finally:
        for one in opened:
            one.close()


def upload(server: Served, image: bytes, query: str = "") -> requests.Response:
    """Upload an image."""
    return requests.put(f"{server.url}/a.png{query}", data=image, timeout=30)


def path(answer: requests.Response) -> bytes:
    """Return the path of what was uploaded."""
    assert answer.status_code == 201, answer.text
    return b"/" + answer.text.strip().split("/", 3)[3].encode()


def asking_for(path: bytes) -> bytes:
    """Return a request for a path, the only one of its connection."""
    return b"GET %s HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n" % path


def rest(reader: socket.socket) -> int:
    """Read to the end, and tell how many bytes came."""
    size = 0
    try:
        while piece := reader.recv(1 << 16):
            size += len(piece)
    except ConnectionResetError:
        pass
    return size
