"""The sockets of this process's connections: granian shows none, and only they tell what a client has taken.

Where the system has no /proc or tells nothing of a connection, every answer here is None.
"""

from __future__ import annotations

import ctypes
import fcntl
import os
import socket
import struct
import sys
import termios
from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import NamedTuple

USER_TIMEOUT_SECONDS = 30
"""After so long without a byte that the peer took, the kernel ends a connection that has something to send."""
LINUX = sys.platform == "linux"
BYTES_ACKED = (
    120  # the place of tcpi_bytes_acked in struct tcp_info, linux/tcp.h; tcpi_bytes_received follows
)
INFO_BYTES = 136
_connect = ctypes.CDLL(None, use_errno=True).connect if LINUX else None


class State(NamedTuple):
    """What the kernel tells of a connection."""

    taken: int
    """Bytes that the peer's system has taken since the connection began."""
    received: int
    """Bytes that have come from the peer since the connection began."""
    waiting: int
    """Bytes that wait in the kernel for the peer to take them."""


class Sockets:
    """Finds connections by the addresses of their peers, written as granian writes them."""

    def __init__(self) -> None:
        self._numbers: dict[str, int] = {}
        self._states: dict[str, State | None] = {}
        self._looked = False

    def look_again(self) -> None:
        """Forget what was seen; the open files are looked through once until the next time."""
        self._looked = False
        self._states.clear()

    def state(self, peer: str) -> State | None:
        """Tell how far a peer has read, as of the first time since ``look_again``; None for one that is gone."""
        if peer not in self._states:
            with self._open(peer) as found:
                self._states[peer] = None if found is None else _state(found)
        return self._states[peer]

    def abort(self, peer: str) -> None:
        """Reset a connection: what waits in the kernel is thrown away, so that it reaches nobody any more."""
        with self._open(peer) as found:
            if found is not None and _connect is not None:
                # tcp(7): connecting to an address of the family AF_UNSPEC dissolves a connection.
                _connect(found.fileno(), struct.pack("=H14x", socket.AF_UNSPEC), 16)

    @contextmanager
    def _open(self, peer: str) -> Iterator[socket.socket | None]:
        """Lend a second handle, so that a file number which is used anew meanwhile can't be meant."""
        found = self._found(peer)
        if found is None:
            yield None
            return
        with closing(found):
            yield found

    def _found(self, peer: str) -> socket.socket | None:
        for _ in range(2):
            if (number := self._numbers.get(peer)) is not None:
                if (found := _duplicate(number)) is not None:
                    if _peer(found) == peer:
                        return found
                    found.close()
                del self._numbers[peer]
            if self._looked:
                break
            self._looked = True
            self._numbers = dict(_connections())
        return None


def set_user_timeout() -> None:
    """Let the kernel end connections of peers that take nothing; those accepted from here on inherit it."""
    for number in _file_numbers():
        with _borrowed(number) as one:
            if one is not None and one.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN):
                one.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, USER_TIMEOUT_SECONDS * 1000)


def _state(one: socket.socket) -> State:
    info = one.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, INFO_BYTES)
    waiting = fcntl.ioctl(one, termios.TIOCOUTQ, bytes(4))
    return State(*struct.unpack_from("=QQ", info, BYTES_ACKED), *struct.unpack("i", waiting))


def _connections() -> Iterator[tuple[str, int]]:
    for number in _file_numbers():
        with _borrowed(number) as one:
            if one is not None and (peer := _peer(one)):
                yield peer, number


def _file_numbers() -> list[int]:
    return [int(name) for name in os.listdir("/proc/self/fd")] if LINUX else []  # noqa: PTH208


@contextmanager
def _borrowed(number: int) -> Iterator[socket.socket | None]:
    """Look at a file that somebody else may close at any time; None where it is no TCP socket."""
    try:
        one = socket.socket(socket.AF_INET, socket.SOCK_STREAM, fileno=number)
    except OSError:
        yield None
        return
    try:
        yield one if _is_tcp(one) else None
    finally:
        one.detach()


def _is_tcp(one: socket.socket) -> bool:
    try:
        one.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
    except OSError:
        return False
    return True


def _duplicate(number: int) -> socket.socket | None:
    try:
        return socket.fromfd(number, socket.AF_INET, socket.SOCK_STREAM)
    except OSError:
        return None


def _peer(one: socket.socket) -> str | None:
    try:
        address = one.getpeername()
    except OSError:
        return None
    if not isinstance(address, tuple):
        return None
    host, port = address[:2]
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
