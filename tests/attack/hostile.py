"""Hostile files: AVIF that makes a parser allocate, and files of very many of the smallest pieces of a format."""

from __future__ import annotations

from tests.attack import bombs, pictures
from tests.attack.aim import Aim
from tests.attack.registry import attack

FLOOD_BYTES = 18 << 20
AT_ONCE = 2
"""Two bodies of 18 MiB leave room for others under MAX_BYTES_IN_FLIGHT, so what is judged is the parser."""


async def _send(aim: Aim, body: bytes) -> None:
    await aim.flood(AT_ONCE, "POST", "/upload?lifetime=60", lambda: body)


@attack("avif-samples", "AVIF: 300 bytes that name 30 million samples", short=True)
async def samples(aim: Aim) -> None:
    await _send(aim, bombs.samples(30_000_000))


@attack("avif-references", "AVIF: a chain of 6,000 references")
async def references(aim: Aim) -> None:
    await _send(aim, bombs.references(6_000))


@attack("avif-tracks", "AVIF: 50 tracks that share 50,000 samples")
async def tracks(aim: Aim) -> None:
    await _send(aim, bombs.tracks(50))


@attack("png-flood", "PNG: 18 MiB in 49,000 chunks")
async def png(aim: Aim) -> None:
    await _send(aim, pictures.png_flood(FLOOD_BYTES))


@attack("jpeg-flood", "JPEG: 18 MiB of stuffed bytes")
async def jpeg(aim: Aim) -> None:
    await _send(aim, pictures.jpeg_flood(FLOOD_BYTES))


@attack("gif-flood", "GIF: 18 MiB of empty comments")
async def gif(aim: Aim) -> None:
    await _send(aim, pictures.gif_flood(FLOOD_BYTES))


@attack("webp-flood", "WebP: 18 MiB in 49,000 chunks")
async def webp(aim: Aim) -> None:
    await _send(aim, pictures.webp_flood(FLOOD_BYTES))
