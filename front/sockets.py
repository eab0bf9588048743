"""Finds the sockets of connections by their clients' addresses, since the HTTP server gives no access to them."""

from __future__ import annotations

import contextlib
import ctypes
import fcntl
import os
import select
import socket
import struct
import termios
from collections.abc import Container, Iterator
from itertools import product
from pathlib import Path

OWN_DESCRIPTORS = Path("/proc/self/fd")
EPOLL = Path("anon_inode:[eventpoll]")
"""Where the link to a descriptor of an epoll instance leads (proc(5))."""
Address = tuple[str, int]
USER_TIMEOUT_MILLISECONDS = 30_000
"""How long sent bytes may stay unacknowledged before the kernel ends a connection."""
MOST_UNSENT_BYTES = 128 * 1024
"""How much of an answer the kernel buffers before it can send it; its default is up to 4 MB for each connection."""
NO_ADDRESS = struct.pack("H14x", socket.AF_UNSPEC)
SO_ATTACH_FILTER = 26
SO_BINDTOIFINDEX = 62
NO_INTERFACE = 2**31 - 1
INSTRUCTION = struct.Struct("@HBBI")
DROP_SYN = b"".join(
    INSTRUCTION.pack(*instruction)
    for instruction in (
        (0x30, 0, 0, 13),  # load the flags of the TCP header,
        (0x54, 0, 0, 0x12),  # of which SYN and ACK;
        (0x15, 0, 1, 0x02),  # if it is SYN alone,
        (0x06, 0, 0, 0),  # drop the packet,
        (0x06, 0, 0, 0xFFFFFFFF),  # else keep all of it
    )
)
"""A filter for a listening socket (https://docs.kernel.org/networking/filter.html) that drops all new connections."""
_connect = ctypes.CDLL(None).connect


def find(clients: Container[Address]) -> Iterator[tuple[Address, socket.socket]]:
    """Yield this process's connections to these clients; each socket is closed when the next one is requested."""
    for found in _own_sockets():
        with contextlib.suppress(OSError):  # it is not connected
            client = found.getpeername()[:2]
            if client in clients:
                yield client, found


def shut(client: Address) -> None:
    """Shut down the connection to a client in both directions; bytes that the kernel still holds are sent."""
    for _, connection in find({client}):
        with contextlib.suppress(OSError):  # the client has closed it
            connection.shutdown(socket.SHUT_RDWR)


def reset(client: Address) -> None:
    """Reset the connection to a client; bytes that the kernel still holds are discarded.

    connect(2) with AF_UNSPEC does that, even if other descriptors of the socket are open.
    """
    for _, connection in find({client}):
        _connect(connection.fileno(), NO_ADDRESS, len(NO_ADDRESS))


def waiting_bytes(connection: socket.socket) -> int:
    """Return how many bytes in the kernel the client has not acknowledged yet: SIOCOUTQ of tcp(7)."""
    (size,) = struct.unpack("i", fcntl.ioctl(connection.fileno(), termios.TIOCOUTQ, bytes(4)))
    return int(size)


def bound_kernel() -> None:
    """Limit time and memory that the kernel spends on clients that don't read, for all connections of this process.

    This sets TCP_USER_TIMEOUT and TCP_NOTSENT_LOWAT (tcp(7)); connections that are accepted later inherit them.
    """
    ports = {found.getsockname()[1] for found in _own_sockets() if _listens(found)}
    for found in _own_sockets():
        if found.getsockname()[1] in ports:
            found.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, USER_TIMEOUT_MILLISECONDS)
            found.setsockopt(socket.IPPROTO_TCP, socket.TCP_NOTSENT_LOWAT, MOST_UNSENT_BYTES)


def take_no_more() -> None:
    """Have the kernel take no new connection for this process; those that it has already taken are still accepted.

    A filter (socket(7)) makes the listening sockets drop every SYN. A client sends it again after a second, and by then
    the port is closed, or another process listens there. Where the kernel leaves such filters to root (seen with Linux
    6.18), the sockets are bound to a network interface that doesn't exist, and the kernel refuses new connections.
    """
    code = ctypes.create_string_buffer(DROP_SYN)
    program = struct.pack("@HP", len(DROP_SYN) // INSTRUCTION.size, ctypes.addressof(code))
    for found in _own_sockets():
        if _listens(found):
            try:
                found.setsockopt(socket.SOL_SOCKET, SO_ATTACH_FILTER, program)
            except PermissionError:
                found.setsockopt(socket.SOL_SOCKET, SO_BINDTOIFINDEX, NO_INTERFACE)


def connections() -> int:
    """Return how many connections to its listening sockets this process has."""
    found = [(each.getsockname()[1], _listens(each)) for each in _own_sockets()]
    ports = {port for port, listens in found if listens}
    return sum(port in ports for port, listens in found if not listens)


def leave_to_others() -> bool:
    """Have this process accept no new connection; they wait in the kernel for another one that holds the same socket.

    The HTTP server has no function for this: its listening sockets are taken out of its epoll instances (epoll(7)).
    Returns whether any was.
    """
    descriptors = [int(name) for name in os.listdir(OWN_DESCRIPTORS)]  # noqa: PTH208 - as above
    done = False
    for watching, listening in product(filter(_is_epoll, descriptors), filter(_is_listening, descriptors)):
        with contextlib.suppress(OSError):  # it doesn't watch this one
            select.epoll.fromfd(os.dup(watching)).unregister(listening)
            done = True
    return done


def _is_epoll(descriptor: int) -> bool:
    with contextlib.suppress(OSError):  # it is closed already
        return (OWN_DESCRIPTORS / str(descriptor)).readlink() == EPOLL
    return False


def _is_listening(descriptor: int) -> bool:
    with contextlib.suppress(OSError), _socket(descriptor) as found:
        return _listens(found)
    return False


def _listens(found: socket.socket) -> bool:
    return bool(found.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN))


def _own_sockets() -> Iterator[socket.socket]:
    """Yield duplicates of this process's TCP sockets; each is closed when the next one is requested."""
    for name in os.listdir(OWN_DESCRIPTORS):  # noqa: PTH208 - there may be thousands
        with contextlib.suppress(OSError), _socket(int(name)) as found:
            if found.family in (socket.AF_INET, socket.AF_INET6) and found.type == socket.SOCK_STREAM:
                yield found


def _socket(descriptor: int) -> socket.socket:
    copy = os.dup(descriptor)
    try:
        return socket.socket(fileno=copy)
    except OSError:  # it is another kind of file
        os.close(copy)
        raise
