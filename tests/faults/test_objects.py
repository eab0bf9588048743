"""A server killed between an object and its row, or in a sweep, leaves nothing for longer than is stated."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from services.sweep import SPARE_SECONDS
from storage import ObjectStore, open_object_store
from storage.objects import SPAN_SECONDS
from tests.cast import SERVER_KEY, noise
from tests.databases import MIGRATED, empty_database, value
from tests.faults.figures import note
from tests.faults.wire import once, upload
from tests.object_store import Service
from tests.processes import Served, serving, until

IMAGE = noise(400, 300)
LIFETIME = 3
INTERVAL = 1
STATED = SPAN_SECONDS + SPARE_SECONDS + INTERVAL
"""For how long an object may outlive its image, and a purge's own time (docs/operations.md)."""
PATIENCE = 20
STEPS = ("before emptying a slot of objects", "after emptying a slot of objects")


@pytest.fixture
def orders(tmp_path: Path) -> Path:
    return tmp_path


@pytest.fixture
def bucket() -> str:
    return f"faults-{uuid4().hex[:12]}"


@pytest.fixture
def store(object_store: Service, bucket: str) -> ObjectStore:
    return open_object_store(object_store.settings(bucket), lambda *_: None)


@pytest.fixture
def url(database_url: str) -> Iterator[str]:
    with empty_database(database_url, f"objects_{uuid4().hex[:8]}", MIGRATED) as url:
        yield url


@pytest.fixture
def doomed(url: str, orders: Path, object_store: Service, bucket: str) -> Iterator[Served]:
    settings: dict[str, Any] = {
        "DATABASE_URL": url,
        "SECRET_KEYS": SERVER_KEY,
        "FAULT_FOLDER": str(orders),
        "PURGE_INTERVAL": f"{INTERVAL}s",
        **object_store.env(bucket),
    }
    with serving(command=("-m", "tests.faults.doomed"), **settings) as server:
        yield server


def count(store: ObjectStore) -> int:
    return len(store._bucket.keys("mayfly/", 1000))


def kill_at(server: Served, orders: Path, step: str, *, deletes: bool) -> str:
    """Have the worker die that comes to a step first, while images come and go.

    Returns the last link of an image that was to be deleted.
    """
    assert until(lambda: server.serving() == 2)  # a server whose fresh workers die gives up
    workers, link = server.workers(), ""
    (orders / step).write_text(" ".join(map(str, workers)))
    end = time.monotonic() + 90
    while (orders / step).exists() and time.monotonic() < end:
        answer = upload(server.port, IMAGE, lifetime=f"{LIFETIME}s")
        if answer.status == 201 and deletes:
            link = answer.told["hash"]
            once(server.port, "DELETE", f"/images/{answer.told['image_key']}")
    assert not (orders / step).exists(), f"nobody came to {step}"
    # Only when the process is gone its last thread has ended, and with it the socket it listened on.
    assert until(lambda: not all(Path(f"/proc/{worker}").exists() for worker in workers), 30)
    return link


@pytest.mark.timeout(300)
def test_a_server_killed_beside_an_object_leaves_nothing(
    doomed: Served, orders: Path, url: str, store: ObjectStore
) -> None:
    kill_at(doomed, orders, "after putting an object", deletes=True)
    assert count(store) == 1, "of an upload that died"
    assert value(url, "SELECT count(*) FROM images") == 0
    link = kill_at(doomed, orders, "before deleting an object", deletes=True)
    assert until(lambda: once(doomed.port, "GET", f"/image/{link}").status == 404), doomed.log
    for step in STEPS:
        kill_at(doomed, orders, step, deletes=False)
    began = time.monotonic()
    stays = not until(lambda: count(store) == 0, LIFETIME + STATED + PATIENCE)
    took = time.monotonic() - began
    note(
        "`kill -9` between an object and its row, at its deletion, and in a sweep",
        tried=2 + len(STEPS),
        wrong=int(stays),
        seen=f"all objects were gone after {took:.0f} s; {LIFETIME + STATED} s and a sweep were allowed",
    )
    assert not stays
