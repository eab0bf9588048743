"""Requests that are cheap to send and expensive to answer: conversions, passwords, JSON, headers."""

from __future__ import annotations

import asyncio
import base64
import itertools
import json
from collections.abc import Mapping

from tests.attack import bombs, pictures
from tests.attack.aim import Aim
from tests.attack.registry import attack
from tests.attack.slow import hold_reading
from tests.attack.wire import ask

SIDE = 6300
"""39.7 million pixels: near the most that a conversion may have."""
DOT = pictures.noise(1)
ACCEPT_BYTES = 317_000
_numbers = itertools.count()


def basic(password: str) -> dict[str, str]:
    """The header of HTTP Basic without a user."""
    return {"Authorization": "Basic " + base64.b64encode(f":{password}".encode()).decode()}


def _account() -> dict[str, str]:
    name = f"eve{next(_numbers)}x{id(DOT)}"
    return {"login": name, "email": f"{name}@example.org", "password": "correct horse"}


@attack("conversions", "64 conversions at once", short=True)
async def conversions(aim: Aim) -> None:
    link = await aim.upload(pictures.stripes(SIDE))
    await aim.flood(64, "GET", f"/image/{link}?format=webp&width={SIDE - 300}")


@attack("hold", "40 converted answers that nobody reads")
async def hold(aim: Aim) -> None:
    link = await aim.upload(pictures.stripes(SIDE))
    await aim.crowd(40, lambda: hold_reading(aim, f"/image/{link}?format=jpeg"), apart=0.25)


@attack("head", "64 HEADs of a conversion at once")
async def heads(aim: Aim) -> None:
    link = await aim.upload(pictures.stripes(SIDE))
    await aim.flood(64, "HEAD", f"/image/{link}?format=webp&width={SIDE - 300}")


def _login() -> bytes:
    account = _account()
    return json.dumps({"login": account["login"], "password": account["password"]}).encode()


@attack("logins", "200 logins of nobody at once")
async def logins(aim: Aim) -> None:
    await aim.flood(200, "POST", "/api/login", _login, _json)


@attack("passwords", "200 uploads with a password at once", short=True)
async def passwords(aim: Aim) -> None:
    await aim.flood(200, "POST", "/upload?lifetime=60", lambda: DOT, lambda: basic("secret"))


@attack("registrations", "500 registrations at once")
async def registrations(aim: Aim) -> None:
    await aim.flood(500, "POST", "/api/registration", lambda: json.dumps(_account()).encode(), _json)


@attack("guesses", "64 wrong passwords for one image at once")
async def guesses(aim: Aim) -> None:
    answer = await ask(aim.port, "POST", "/upload?lifetime=10m", DOT, basic("secret"))
    link = answer.body.decode().strip().rsplit("/", 1)[1]
    await aim.flood(64, "POST", f"/image/{link}", headers=lambda: basic(f"wrong{next(_numbers)}"))


def _json() -> Mapping[str, str]:
    return {"Content-Type": "application/json", "Accept": "application/json"}


async def _told(aim: Aim, path: str, asked: dict[str, str]) -> dict[str, str]:
    """Ask until the server, which may still have an earlier attack's passwords in its queue, does it."""
    for _ in range(50):
        answer = await ask(aim.port, "POST", path, json.dumps(asked).encode(), _json())
        if answer.status < 400:
            break
        await asyncio.sleep(0.2)
    return dict(json.loads(answer.body))


async def _json_bomb(aim: Aim, body: bytes) -> None:
    account = _account()
    await _told(aim, "/api/registration", account)
    del account["email"]
    headers = {**_json(), "Authorization": (await _told(aim, "/api/login", account))["Authorization"]}
    await aim.flood(2, "POST", "/api/images", lambda: body, lambda: headers)


@attack("json-lists", "JSON: 27 MB of empty lists, 2 at once", short=True)
async def json_lists(aim: Aim) -> None:
    await _json_bomb(aim, bombs.json_lists())


@attack("json-objects", "JSON: 27 MB of empty objects, 2 at once")
async def json_objects(aim: Aim) -> None:
    await _json_bomb(aim, bombs.json_objects())


@attack("json-wide", "JSON: 27 MB of base64 with one wide character, 2 at once")
async def json_wide(aim: Aim) -> None:
    await _json_bomb(aim, bombs.json_wide())


@attack("accept", "8 requests with 317 KB of Accept at once")
async def accept(aim: Aim) -> None:
    long = ("text/x;q=0.5," * (ACCEPT_BYTES // 13))[:-1]
    await aim.flood(8, "GET", "/image/none", headers=lambda: {"Accept": long})
