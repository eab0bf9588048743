"""A worker killed at any step of an upload leaves the whole image or none, and the service goes on."""

from __future__ import annotations

import os
import random
import signal
import threading
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from crypto import ImageKey
from tests.cast import SERVER_KEY, noise
from tests.databases import MIGRATED, empty_database
from tests.faults.doomed_steps import STEPS, STORED
from tests.faults.figures import FULL, note
from tests.faults.load import halves
from tests.faults.wire import once, upload
from tests.processes import Served, serving, until

WORKERS = 3
ROUNDS = 6 if FULL else 1
KILLS = 60 if FULL else 4
IMAGE = noise(700, 600)  # over a megabyte, so that storing takes more than one piece


@pytest.fixture(scope="module")
def orders(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("orders")


@pytest.fixture(scope="module")
def own_url(database_url: str) -> Iterator[str]:
    """A database of its own: halves of what other tests left would be counted."""
    with empty_database(database_url, "doomed", MIGRATED) as url:
        yield url


@pytest.fixture(scope="module")
def doomed(own_url: str, orders: Path) -> Iterator[Served]:
    """A server whose workers can be told to die at a step; purging would hide what a crash leaves."""
    with serving(
        command=("-m", "tests.faults.doomed"),
        DATABASE_URL=own_url,
        SECRET_KEYS=SERVER_KEY,
        FAULT_FOLDER=str(orders),
        WORKERS=str(WORKERS),
        PURGE_INTERVAL="off",
        MAX_STORED_BYTES="10GiB",
        MAX_IMAGES_PER_CLIENT="100000",  # all of them come from one address
    ) as server:
        yield server


def kill_at(server: Served, orders: Path, step: str) -> tuple[int, int]:
    """Have one worker die at a step of an upload; return the status of its upload, and its process id."""
    victim = server.workers()[0]  # the oldest: a server whose fresh workers die gives up
    (orders / step).write_text(str(victim))
    for _ in range(100):
        answer = upload(server.port, IMAGE, lifetime="10m")
        if answer.status != 201:
            # Only then its last thread ended, and with it the socket it listened on.
            assert until(lambda: not Path(f"/proc/{victim}").exists())
            return answer.status, victim
    raise AssertionError(f"no upload reached worker {victim}")


def outcome(server: Served, orders: Path, victim: int) -> int:
    """Ask for the image of a worker that died: 200 when it is there whole, 404 when it is not, 0 for anything else."""
    left = orders / f"key {victim}"
    if not left.exists():
        return 404
    image_key = ImageKey.parse(left.read_text())
    answer = once(server.port, "GET", f"/image/{image_key.link.text}")
    left.unlink()
    return answer.status if answer.status != 200 or answer.body == IMAGE else 0


@pytest.mark.timeout(300)
def test_a_worker_killed_at_any_step_leaves_the_whole_image_or_none(
    doomed: Served, orders: Path, own_url: str
) -> None:
    wrong: list[tuple[str, int, int]] = []
    for step in STEPS * ROUNDS:
        assert until(lambda: len(doomed.workers()) == WORKERS == doomed.serving(), 60), doomed.log
        for key in orders.glob("key *"):
            key.unlink()
        status, victim = kill_at(doomed, orders, step)
        found = outcome(doomed, orders, victim)
        if (status, found) != (0, 200 if step in STORED else 404):
            wrong.append((step, status, found))
        assert upload(doomed.port, IMAGE).status == 201, "the next upload works"
    left = halves(own_url)
    seen = f"{len(STEPS)} steps, a worker each time; the next upload worked"
    note(
        "`kill -9` of a worker at a step of an upload",
        tried=len(STEPS) * ROUNDS,
        wrong=len(wrong) + left,
        seen=seen,
    )
    assert (wrong, left) == ([], 0)


@pytest.mark.timeout(300)
def test_workers_killed_at_any_moment_lose_nothing_that_was_confirmed(
    doomed: Served, own_url: str, flower: bytes
) -> None:
    done = threading.Event()

    def uploader(_: int) -> list[tuple[int, str]]:
        made: list[tuple[int, str]] = []
        while not done.is_set():
            answer = upload(doomed.port, flower, lifetime="30m")
            made.append((answer.status, answer.told["hash"] if answer.status == 201 else ""))
        return made

    with ThreadPoolExecutor(4) as pool:
        running = [pool.submit(uploader, number) for number in range(4)]
        try:
            for _ in range(KILLS):
                done.wait(random.uniform(0.1, 0.6))
                victim = doomed.workers()[0]
                os.kill(victim, signal.SIGKILL)
                assert until(lambda: replaced(doomed, victim), 60), doomed.log  # noqa: B023
        finally:
            done.set()
        made = [upload for uploads in running for upload in uploads.result()]
    statuses = Counter(status for status, _ in made)
    lost = [link for status, link in made if status == 201 and not opens(doomed, link, flower)]
    odd = [status for status in statuses if status not in {0, 201, 503}]
    left = halves(own_url)
    seen = f"{statuses[201]} uploads confirmed, {statuses[0]} connections broke"
    note("`kill -9` of a worker at any moment", tried=KILLS, lost=len(lost), wrong=len(odd) + left, seen=seen)
    assert (lost, odd, left) == ([], [], 0)


def replaced(server: Served, victim: int) -> bool:
    workers = server.workers()
    return victim not in workers and len(workers) == WORKERS == server.serving()


def opens(server: Served, link: str, image: bytes) -> bool:
    answer = once(server.port, "GET", f"/image/{link}")
    return answer.status == 200 and answer.body == image
