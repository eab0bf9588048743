"""Connections of honest and of hostile clients, to this machine alone."""

from __future__ import annotations

import asyncio
import itertools
import socket
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

HOST = "127.0.0.1"
KEPT_BYTES = 64 * 1024
"""So much of an answer's body is kept; the rest is read and thrown away."""
BROKEN = 0
"""The status of an answer that broke off before its status was told."""
HONEST = ("127.0.0.1",)
HOSTILE = tuple(f"127.0.1.{number}" for number in range(1, 41))
"""Attackers come from many addresses, so that no limit for one address stands in for a bound in all."""

Stream = tuple[asyncio.StreamReader, asyncio.StreamWriter]
_hostile = itertools.cycle(HOSTILE)


@dataclass(frozen=True)
class Answer:
    """What came back; ``size`` counts the bytes of the body that arrived."""

    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    size: int = 0

    @property
    def whole(self) -> bool:
        """Whether as many bytes came as Content-Length had told."""
        return self.status != BROKEN and self.size == int(self.headers.get("content-length", self.size))


@asynccontextmanager
async def connected(
    port: int, *, source: str | None = None, receive: int | None = None
) -> AsyncIterator[Stream]:
    """A connection from an address of the attackers', or from ``source``; ``receive`` bounds the kernel's buffer.

    It is cut at the end of the block. Raises OSError where nobody listens.
    """
    sock = socket.socket()
    sock.setblocking(False)
    if receive:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive)
    try:
        sock.bind((source or next(_hostile), 0))
        await asyncio.get_running_loop().sock_connect(sock, (HOST, port))
        reader, writer = await asyncio.open_connection(sock=sock, limit=KEPT_BYTES)
    except BaseException:
        sock.close()
        raise
    try:
        yield reader, writer
    finally:
        writer.transport.abort()


def head(method: str, path: str, port: int, length: int, headers: Mapping[str, str] | None = None) -> bytes:
    """The first bytes of a request on a connection of its own."""
    fields = {"Host": f"{HOST}:{port}", "Connection": "close", "Accept": "text/plain", **(headers or {})}
    lines = [f"{method} {path} HTTP/1.1", *(f"{name}: {value}" for name, value in fields.items())]
    return "\r\n".join([*lines, f"Content-Length: {length}", "", ""]).encode()


async def ask(
    port: int,
    method: str,
    path: str,
    body: bytes = b"",
    headers: Mapping[str, str] | None = None,
    *,
    source: str | None = None,
) -> Answer:
    """Send a request and read its answer to the end; a connection that breaks is an answer, too."""
    return await raw(port, head(method, path, port, len(body), headers), body, source=source)


async def raw(port: int, begin: bytes, body: bytes = b"", *, source: str | None = None) -> Answer:
    """Send these very bytes and read the answer to the end of the connection."""
    try:
        async with connected(port, source=source) as (reader, writer):
            writer.write(begin)
            if body:
                writer.write(body)
            return await read_answer(reader)
    except OSError:
        return Answer(BROKEN)


async def read_answer(reader: asyncio.StreamReader) -> Answer:
    """Read an answer, and its body until the connection ends."""
    answer = await read_head(reader)
    if answer.status == BROKEN:
        return answer
    kept, size = bytearray(), 0
    try:
        while piece := await reader.read(KEPT_BYTES):
            size += len(piece)
            kept += piece[: KEPT_BYTES - len(kept)]
    except OSError:
        pass  # what came counts
    return Answer(answer.status, answer.headers, bytes(kept), size)


async def read_head(reader: asyncio.StreamReader) -> Answer:
    """Read the status and the headers, without the body; interim answers (RFC 9110, 15.2) are passed over."""
    try:
        lines = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
    except (OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
        return Answer(BROKEN)
    status = int(lines[0][9:12])
    if status < 200:
        return await read_head(reader)
    fields = (line.partition(":") for line in lines[1:] if line)
    return Answer(status, {name.lower(): value.strip() for name, _, value in fields})
