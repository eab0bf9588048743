"""The socket under a connection, which the HTTP server keeps to itself: found by the address of its client."""

from __future__ import annotations

import contextlib
import os
import socket
from pathlib import Path

OWN_DESCRIPTORS = Path("/proc/self/fd")
Address = tuple[str, int]
USER_TIMEOUT_MILLISECONDS = 30_000


def shut(client: Address) -> None:
    """Shut this process's connection with a client both ways, so that the server lets go of what it has yet to send."""
    for descriptor in OWN_DESCRIPTORS.iterdir():
        with contextlib.suppress(OSError), _socket(int(descriptor.name)) as found:
            if found.family in (socket.AF_INET, socket.AF_INET6) and found.getpeername()[:2] == client:
                found.shutdown(socket.SHUT_RDWR)


def set_user_timeout() -> None:
    """Let the kernel end connections whose client takes nothing for so long: those accepted from now on inherit it.

    This is TCP_USER_TIMEOUT of tcp(7), set on the sockets of this process that listen.
    """
    for descriptor in OWN_DESCRIPTORS.iterdir():
        with contextlib.suppress(OSError), _socket(int(descriptor.name)) as found:
            if found.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN):
                found.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, USER_TIMEOUT_MILLISECONDS)


def _socket(descriptor: int) -> socket.socket:
    copy = os.dup(descriptor)
    try:
        return socket.socket(fileno=copy)
    except OSError:  # it is another kind of file
        os.close(copy)
        raise
