"""Honest clients in a process of their own: ``python -m tests.attack.others PORT SECONDS WHAT``.

Five times a second one of them uploads an image and opens it, so they ask ten times a second in all; each comes when
it is due, whether or not those before it were served. Beside them /healthz is asked five times a second.
"""

from __future__ import annotations

import asyncio
import io
import json
import sys
import time
from collections.abc import Awaitable, Callable

from PIL import Image

from tests.attack.wire import BROKEN, HONEST, Answer, ask
from tests.cast import noise

PATIENCE_SECONDS = 10.0
TOO_LATE = -1
"""The status that stands for an answer that did not come in time."""
EVERY_SECONDS = 0.2

Seen = list[tuple[float, int]]
"""Seconds and status of each request."""


def images() -> list[bytes]:
    """A small PNG, a small GIF, and a PNG of 1 MB: one that is looked at, one that needs a decoder, a large one."""
    written = io.BytesIO()
    Image.new("P", (16, 16)).save(written, "GIF")
    return [noise(16, 16), written.getvalue(), noise(590, 590)]


async def timed(seen: Seen, asking: Awaitable[Answer]) -> Answer:
    """Note how long an answer took; one that never came took as long as the patience lasted."""
    began = time.monotonic()
    try:
        answer = await asyncio.wait_for(asking, PATIENCE_SECONDS)
    except TimeoutError:
        answer = Answer(TOO_LATE)
    if answer.status > 0 and not answer.whole:
        answer = Answer(BROKEN)
    seen.append((time.monotonic() - began, answer.status))
    return answer


async def visit(port: int, image: bytes, seen: Seen) -> None:
    """Upload an image and open it."""
    source = HONEST[0]
    uploaded = await timed(seen, ask(port, "POST", "/upload?lifetime=60", image, source=source))
    if uploaded.status == 201:
        link = uploaded.body.decode().strip().rsplit("/", 1)[1]
        await timed(seen, ask(port, "GET", f"/image/{link}", source=source))


async def regularly(seconds: float, act: Callable[[int], Awaitable[object]]) -> None:
    """Begin something at each of its times, and wait for all of it in the end."""
    began, under_way = time.monotonic(), []
    for turn in range(max(1, round(seconds / EVERY_SECONDS))):
        await asyncio.sleep(began + turn * EVERY_SECONDS - time.monotonic())
        under_way.append(asyncio.ensure_future(act(turn)))
    await asyncio.gather(*under_way)


async def both(port: int, seconds: float, *, visits: bool) -> dict[str, Seen]:
    """Run honest clients and return what they measured."""
    pictures, others, healthz = images(), list[tuple[float, int]](), list[tuple[float, int]]()
    asked = [
        regularly(seconds, lambda _: timed(healthz, ask(port, "GET", "/healthz", source=HONEST[0]))),
    ]
    if visits:
        asked.append(regularly(seconds, lambda turn: visit(port, pictures[turn % 3], others)))
    await asyncio.gather(*asked)
    return {"others": others, "healthz": healthz}


if __name__ == "__main__":
    told = asyncio.run(both(int(sys.argv[1]), float(sys.argv[2]), visits=sys.argv[3] == "visits"))
    sys.stdout.write(json.dumps(told))
