"""Many clients over several server processes race for the last places of their address and of their account."""

from __future__ import annotations

import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import requests
from sqlalchemy import create_engine, text

from tests.cast import PASSWORD, SERVER_KEY
from tests.faults.figures import FULL, note
from tests.processes import serving

ROUNDS = 60 if FULL else 3
CLIENTS = 24
MOST = 7
ADDRESSES = "192.0.2.1", "2001:db8:1:2::3"


@pytest.mark.timeout(200)
def test_as_many_uploads_as_there_are_places_get_in(database_url: str, flower: bytes) -> None:
    env: dict[str, Any] = {
        "DATABASE_URL": database_url,
        "SECRET_KEYS": SERVER_KEY,
        "TRUSTED_PROXIES": "1",
        "MAX_IMAGES_PER_CLIENT": str(MOST),
        "MAX_IMAGES_PER_OWNER": str(MOST - 2),
        "RATE_LIMITS": "off",
    }
    wrong: list[Counter[int]] = []
    line = threading.Barrier(CLIENTS)
    engine = create_engine(database_url)

    def send(url: str, address: str, headers: dict[str, str]) -> int:
        line.wait(60)
        sent = requests.post(
            f"{url}/upload", data=flower, timeout=60, headers={**headers, "X-Forwarded-For": address}
        )
        return sent.status_code

    with serving(**env) as one, serving(**env) as other, ThreadPoolExecutor(CLIENTS) as pool:
        account = register(one.url)
        for turn in range(ROUNDS):
            with engine.begin() as connection:
                connection.execute(text("DELETE FROM images"))
            headers = account if turn % 3 == 2 else {}
            urls = [(one.url, other.url)[number % 2] for number in range(CLIENTS)]
            addresses = [ADDRESSES[number // 2 % 2] for number in range(CLIENTS)]
            statuses = Counter(pool.map(send, urls, addresses, [headers] * CLIENTS))
            places = MOST - 2 if headers else 2 * MOST
            if statuses != Counter({201: places, 429: CLIENTS - places}):
                wrong.append(statuses)
    engine.dispose()
    seen = f"{CLIENTS} clients of two addresses or of one account, 4 processes"
    note("race for the last places of a quota", tried=ROUNDS, wrong=len(wrong), seen=seen)
    assert not wrong


def register(url: str) -> dict[str, str]:
    asked = {"login": "racer", "email": "racer@example.org", "password": PASSWORD}
    requests.post(f"{url}/api/registration", json=asked, timeout=60)
    return dict(
        requests.post(
            f"{url}/api/login", json={name: asked[name] for name in ("login", "password")}, timeout=60
        ).json()
    )
