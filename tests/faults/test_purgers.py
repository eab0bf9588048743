"""Purges of several processes and an uploader meet in the same second: nothing that lives is lost."""

from __future__ import annotations

import random
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from itertools import count
from typing import Any

import pytest

from models import SLOTS, ciphertexts
from tests.cast import SERVER_KEY
from tests.databases import MIGRATED, empty_database, value
from tests.faults.figures import FULL, note
from tests.faults.wire import once, upload
from tests.processes import Served, serving, until

SECONDS = 60 if FULL else 4
LIFETIMES = (60, 120, 180, 240)  # a slot holds 30 seconds: each has one of its own


def purge_until(end: float, server: Served) -> int:
    """Purge without a pause; return how often."""
    for turn in count():
        if time.time() > end:
            return turn
        assert once(server.port, "POST", "/cleanup").status == 200
    raise AssertionError


def replace_until(end: float, server: Served, image: bytes, lifetime: int) -> tuple[int, list[str]]:
    """Upload an image and delete it, over and over in a slot of its own: each time the slot dies and fills again."""
    made, lost = 0, []
    while time.time() < end:
        told = upload(server.port, image, lifetime=lifetime).told
        made += 1
        for _ in range(random.choice((1, 2, 5))):
            answer = once(server.port, "GET", f"/image/{told['hash']}")
            if (answer.status, answer.body) != (200, image):
                lost.append(f"{answer.status}, {lifetime} s before its time")
        deleted = once(server.port, "DELETE", f"/images/{told['image_key']}")
        if deleted.status != 200:
            lost.append(f"{deleted.status} for a deletion")
    return made, lost


def upload_until(end: float, server: Served, image: bytes) -> tuple[int, list[str]]:
    """Upload images that live one or two seconds and read them until they end; return how many, and what was lost."""
    made, lost = 0, []
    while time.time() < end:
        told = upload(server.port, image, lifetime=random.choice((1, 1, 2))).told
        made += 1
        expires_at = datetime.fromisoformat(told["expires_at"]).timestamp()
        while True:
            answer = once(server.port, "GET", f"/image/{told['hash']}")
            if answer.status == 200 and answer.body != image:
                lost.append("other bytes")
            if answer.status != 200 and time.time() < expires_at:
                lost.append(f"{answer.status}, {expires_at - time.time():.3f} s before its time")
            if answer.status != 200 or random.random() < 0.5:
                break
    return made, lost


@pytest.mark.timeout(200)
def test_two_purgers_and_uploaders_on_the_same_second_lose_nothing_that_lives(
    database_url: str, flower: bytes
) -> None:
    env: dict[str, Any] = {"SECRET_KEYS": SERVER_KEY, "WORKERS": "1", "PURGE_INTERVAL": "off"}
    # The slots turn every 30 seconds, so uploads fall all the time into one that is being emptied.
    with (
        empty_database(database_url, "purgers", MIGRATED) as url,
        serving(DATABASE_URL=url, **env) as one,
        serving(DATABASE_URL=url, **env) as other,
        ThreadPoolExecutor(8) as pool,
    ):
        end = time.time() + SECONDS
        purgers = [pool.submit(purge_until, end, server) for server in (one, other)]
        uploaders = [pool.submit(upload_until, end, server, flower) for server in (one, other)]
        for lifetime, server in zip(LIFETIMES, (one, other) * len(LIFETIMES), strict=False):
            uploaders.append(pool.submit(replace_until, end, server, flower, lifetime))
        purged = sum(purger.result() for purger in purgers)
        results = [uploader.result() for uploader in uploaders]
        lost = [loss for _, losses in results for loss in losses]
        assert lost == []
        assert until(lambda: once(one.port, "GET", "/cleanup").status == 200 and rest(url) == (0, 0))
    seen = f"{purged} purges of 2 processes meanwhile; nothing left behind"
    note(
        "purges in the second of an upload", tried=sum(made for made, _ in results), lost=len(lost), seen=seen
    )


def rest(database_url: str) -> tuple[int, int]:
    """Count the dead rows, and the dead rows' sealed bytes: those whose row is gone."""
    bytes_of = " UNION ALL ".join(f"SELECT row_key FROM {ciphertexts(slot)}" for slot in range(SLOTS))
    dead = value(database_url, "SELECT count(*) FROM images WHERE expires_at <= now()")
    with_rows = f"({bytes_of}) AS sealed LEFT JOIN images USING (row_key)"
    return int(dead), int(value(database_url, f"SELECT count(*) FROM {with_rows} WHERE size IS NULL"))
