"""Attacks of one request each: a false Host, an image read past its end, a view used up by a refusal."""

from __future__ import annotations

import asyncio
import base64
import json
import os

from tests.attack import pictures
from tests.attack.aim import Aim
from tests.attack.dear import DOT
from tests.attack.registry import attack
from tests.attack.slow import SMALL_BUFFER
from tests.attack.wire import HOST, Answer, connected, head, raw, read_answer

FOREIGN = ("evil.example", "evil.example/path", 'a"b', "", "evil.example:80@x", "a b", "[::1", "127.0.0.1:x")
OURS = (HOST, "localhost:5000", "[::1]", "drop.local", "drop")
NAMED_ORIGIN = "http://[::1]:3000"
STRANGE_ORIGINS = (
    "http://1:3000",
    "http://:3000",
    "http://1:3000.evil.example",
    "http://[::1]:3000.evil.example",
)
STORED_BYTES = 64 * 1024
LIFETIME_SECONDS = 2
LATE_SECONDS = 2


@attack("view", "a refused conversion of an image with one view")
async def view(aim: Aim) -> None:
    aim.begin()
    link = await aim.upload(pictures.wide(), "lifetime=10m&views=1")
    await aim.ask("POST", f"/image/{link}?format=webp")
    answer = await aim.ask("POST", f"/image/{link}")
    if answer.status != 200:
        aim.wrong.append(f"the refused conversion used up the view: {answer.status}")


@attack("hosts", "a Host that is foreign, missing, doubled or malformed", OPEN_CATALOG="true")
async def hosts(aim: Aim) -> None:
    aim.begin()
    heads = {f"Host {name!r}": f"Host: {name}\r\n" for name in FOREIGN}
    heads["no Host"] = ""
    heads["two Hosts"] = f"Host: {HOST}\r\nHost: evil.example\r\n"
    believed = []
    for told, line in heads.items():
        answers = [await _with_host(aim, asked, line) for asked in ("PUT /cat.png", "GET /images")]
        if not {answer.status for answer in answers} <= {400, 421}:
            believed.append(told)
    if believed:
        aim.wrong.append(f"believed, with the whole catalog: {', '.join(believed)}")
    for name in OURS:
        answer = await _with_host(aim, "PUT /cat.png", f"Host: {name}\r\n")
        if answer.status != 201 or name not in answer.body.decode():
            aim.wrong.append(f"our own Host {name!r} got {answer.status}")


async def _with_host(aim: Aim, asked: str, line: str) -> Answer:
    aim.tried += 1
    body = DOT if asked.startswith("PUT") else b""
    begin = f"{asked} HTTP/1.1\r\n{line}Connection: close\r\nContent-Length: {len(body)}\r\n\r\n"
    answer = await raw(aim.port, begin.encode(), body)
    aim.statuses[str(answer.status or "broken")] += 1
    return answer


@attack("origins", "origins that resemble one of CORS_ORIGINS", CORS_ORIGINS=NAMED_ORIGIN)
async def origins(aim: Aim) -> None:
    aim.begin()
    for origin in (NAMED_ORIGIN, *STRANGE_ORIGINS):
        answer = await aim.ask("GET", "/healthz", headers={"Origin": origin})
        allowed = answer.headers.get("access-control-allow-origin")
        if allowed != (origin if origin == NAMED_ORIGIN else None):
            aim.wrong.append(f"Origin {origin} is told {allowed}")


@attack("expiry", "a slow reader, past the end of the image", short=True)
async def expiry(aim: Aim) -> None:
    image = pictures.noise(2450)
    aim.begin()
    await asyncio.gather(*(_read_late(aim, image) for _ in range(2)))


async def _read_late(aim: Aim, image: bytes) -> None:
    link = await aim.upload(image, f"lifetime={LIFETIME_SECONDS}")
    aim.tried += 1
    async with connected(aim.port, receive=SMALL_BUFFER) as (reader, writer):
        writer.write(head("GET", f"/image/{link}", aim.port, 0))
        await asyncio.sleep(LIFETIME_SECONDS + LATE_SECONDS)
        answer = await read_answer(reader)
    aim.statuses[str(answer.status or "broken")] += 1
    if answer.size == len(image):
        aim.wrong.append(f"all of it was sent {LATE_SECONDS} s after its end")


@attack(
    "uncounted",
    "details of 32 KB with images of 70 bytes, up to MAX_STORED_BYTES",
    others=False,
    MAX_STORED_BYTES=str(STORED_BYTES),
)
async def uncounted(aim: Aim) -> None:
    aim.begin()
    stored = 0
    for _ in range(100):
        body = _with_details()
        answer = await aim.ask("POST", "/upload", body, {"Content-Type": "multipart/form-data; boundary=b"})
        stored += len(body) if answer.status == 201 else 0
    if not stored:
        aim.wrong.append("nothing was stored at all")
    if stored > STORED_BYTES:
        aim.wrong.append(f"{stored // 1024} KiB were stored, {STORED_BYTES // 1024} KiB are allowed")


def _with_details() -> bytes:
    noise = base64.b64encode(os.urandom(12_000)).decode()
    fields = {"lifetime": "10m", "description": "\U0001f98b" * 4000, "metadata": json.dumps({"a": noise})}
    part = "--b\r\nContent-Disposition: form-data; name="
    texts = "".join(f'{part}"{name}"\r\n\r\n{value}\r\n' for name, value in fields.items())
    return f'{texts}{part}"file"; filename="a.png"\r\n\r\n'.encode() + DOT + b"\r\n--b--\r\n"
