"""Clients that are slow or silent, and so occupy connections, memory or threads at little cost."""

from __future__ import annotations

import asyncio
import socket

from tests.attack import pictures
from tests.attack.aim import Aim
from tests.attack.registry import attack
from tests.attack.wire import HOST, connected, head, read_head

SMALL_BUFFER = 4096
ESTABLISHED = 1
"""The state of a connection that nobody has closed, first in Linux's tcp_info."""


@attack("idle", "600 connections that say nothing", short=True)
async def idle(aim: Aim) -> None:
    await aim.crowd(600, lambda: _hold(aim, b""))


@attack("headers", "500 headers that never end")
async def headers(aim: Aim) -> None:
    begin = f"GET / HTTP/1.1\r\nHost: {HOST}\r\n".encode()
    await aim.crowd(500, lambda: _hold(aim, begin, b"X-A: b\r\n"))


@attack("trickle", "40 uploads of a byte a second", short=True)
async def trickle(aim: Aim) -> None:
    begin = head("POST", "/upload", aim.port, 200_000)
    await aim.crowd(40, lambda: _hold(aim, begin, b"x"))


@attack("no-body", "40 posts without their body")
async def no_body(aim: Aim) -> None:
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    begin = head("POST", "/s", aim.port, 100, form)
    await aim.crowd(40, lambda: _hold(aim, begin))


@attack("claims", "12 bodies of 20 MiB announced, 1 KiB sent", short=True)
async def claims(aim: Aim) -> None:
    begin = head("POST", "/upload", aim.port, 20 << 20) + b"x" * 1024
    await aim.crowd(12, lambda: _hold(aim, begin))


@attack("readers", "16 readers of 10 MB who stop reading", short=True)
async def readers(aim: Aim) -> None:
    link = await aim.upload(pictures.noise(1826))
    await aim.crowd(16, lambda: hold_reading(aim, f"/image/{link}"))


async def _hold(aim: Aim, begin: bytes, drip: bytes = b"") -> None:
    """Send the beginning of something and, each second, a little more, until the server ends the connection."""
    aim.tried += 1
    async with connected(aim.port) as (reader, writer):
        writer.write(begin)
        said = bytearray()
        while True:
            try:
                piece = await asyncio.wait_for(reader.read(4096), 1)
            except TimeoutError:
                writer.write(drip)
                continue
            except OSError:
                piece = b""
            if not piece:
                break
            said += piece
    aim.statuses[said[9:12].decode() if said.startswith(b"HTTP/") else "closed"] += 1


async def hold_reading(aim: Aim, path: str) -> None:
    """Ask for an image, read the beginning of its answer, and hold the connection until the server ends it."""
    aim.tried += 1
    async with connected(aim.port, receive=SMALL_BUFFER) as (reader, writer):
        writer.write(head("GET", path, aim.port, 0))
        answer = await read_head(reader)
        aim.statuses[str(answer.status or "broken")] += 1
        if answer.status == 200:
            writer.transport.pause_reading()  # type: ignore[attr-defined]
            while _open(writer):
                await asyncio.sleep(1)


def _open(writer: asyncio.StreamWriter) -> bool:
    """Look at a connection without reading from it."""
    sock = writer.get_extra_info("socket")
    return bool(sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 1)[0] == ESTABLISHED)
