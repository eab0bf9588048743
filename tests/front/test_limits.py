"""Requests wait up to a limit, and one more gets a 503 at once."""

from __future__ import annotations

import resource
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import psycopg2
import pytest
import requests

from front.asgi import MOST_WAITING
from front.transfers import MOST_TRANSFERS
from services import SMALL_BYTES
from tests import memory_formula
from tests.attack.peaks import in_memory
from tests.cast import SERVER_KEY, noise
from tests.front.clients import HEAD, asking_for, connections, upload
from tests.processes import Served, serving

SMALL = noise(16, 16)


@pytest.fixture(autouse=True)
def many_files() -> Iterator[None]:
    before, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(most, 8192), most))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (before, most))


@pytest.fixture
def server(database_url: str) -> Iterator[Served]:
    settings: dict[str, Any] = {"DATABASE_URL": database_url, "SECRET_KEYS": SERVER_KEY, "WORKERS": "1"}
    with serving(**settings, MAX_BYTES_IN_FLIGHT="20MiB") as served:
        upload(served, SMALL)
        yield served


@contextmanager
def locked(database_url: str) -> Iterator[None]:
    """Let every question about an image wait."""
    connection = psycopg2.connect(database_url.replace("+psycopg2", ""))
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT oid::regclass::text FROM pg_class WHERE relkind = 'r' AND relname LIKE '%image%'"
        )
        for (table,) in cursor.fetchall():
            cursor.execute(f"LOCK TABLE {table} IN ACCESS EXCLUSIVE MODE")
        yield
    connection.close()


def test_too_many_that_wait_for_a_thread_are_refused_at_once(server: Served, database_url: str) -> None:
    asked = asking_for(b"/image/" + b"A" * 32)
    with connections(server, b"", MOST_WAITING + 40) as waiting:
        with locked(database_url):
            for each in waiting:
                each.sendall(asked)
            time.sleep(2)
            began = time.monotonic()
            refused = requests.get(f"{server.url}/image/{'A' * 32}", timeout=20)
            assert refused.status_code == 503
            assert refused.headers["Retry-After"] == "1"
            assert requests.get(f"{server.url}/healthz", timeout=20).ok
            assert time.monotonic() - began < 5, "nobody waited for the database"
        assert waiting[0].recv(100).startswith(b"HTTP/1.1 404 "), "those who came in time have their turn"


def test_where_too_many_bodies_are_under_way_the_most_silent_makes_place(server: Served) -> None:
    """Each is as large as it may be without asking for memory, and lacks a byte."""
    (worker,) = server.workers()
    before = in_memory(worker, "VmRSS")
    first = HEAD + b"Content-Length: %d\r\n\r\n" % SMALL_BYTES + bytes(SMALL_BYTES - 1)
    with connections(server, first, MOST_TRANSFERS) as bodies:
        time.sleep(1)
        assert upload(server, SMALL).status_code == 201
        assert in_memory(worker, "VmHWM") - before < memory_formula.BODIES + memory_formula.KEPT
        ended = 0
        for each in bodies:
            each.setblocking(False)
            try:
                ended += each.recv(100).startswith(b"HTTP/1.1 408 ")
            except BlockingIOError:
                continue
        assert ended == 1


def test_large_bodies_in_chunks_do_not_wait_for_one_another(server: Served) -> None:
    """Each would take all the memory there is: the second one begins when the first is through."""
    large = noise(2400, 2400)  # 17 MB

    def pieces() -> Iterator[bytes]:
        for start in range(0, len(large), 1 << 16):
            yield large[start : start + (1 << 16)]

    def put(_: int) -> int:
        return requests.put(f"{server.url}/a.png", data=pieces(), timeout=60).status_code

    with ThreadPoolExecutor(3) as clients:
        assert list(clients.map(put, range(3))) == [201] * 3
