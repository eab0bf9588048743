"""Small answers that nobody reads: they are counted, make place for others, and end with their image."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import pytest
import requests

from services.allowance import UNREAD_BYTES
from tests import memory_formula
from tests.attack.peaks import in_memory
from tests.cast import SERVER_KEY, noise
from tests.front.clients import asking_for, connections, path, rest, upload
from tests.processes import Served, serving, until

IMAGE = noise(290, 290)
"""About 250 KB."""
READERS = 900


@pytest.fixture
def server(database_url: str) -> Iterator[Served]:
    settings: dict[str, Any] = {"DATABASE_URL": database_url, "SECRET_KEYS": SERVER_KEY, "WORKERS": "1"}
    with serving(**settings) as served:
        upload(served, IMAGE)
        yield served


def test_readers_who_stop_hold_a_bounded_part_of_the_memory(server: Served) -> None:
    (worker,) = server.workers()
    asked = asking_for(path(upload(server, IMAGE)))
    before = in_memory(worker, "VmRSS")
    link = server.url + asked.split()[1].decode()
    with connections(server, asked, READERS, buffer=4096):
        # While the readers' requests wait for a thread, one more may get a 503.
        assert until(lambda: requests.get(link, timeout=20).ok, 60)
        for _ in range(5):
            assert requests.get(link, timeout=20).content == IMAGE
        assert in_memory(worker, "VmHWM") - before < memory_formula.UNREAD + memory_formula.KEPT


def test_a_small_answer_ends_with_its_image(server: Served) -> None:
    asked = asking_for(path(upload(server, IMAGE, "?lifetime=3")))
    stays = asked.replace(b"Connection: close\r\n", b"")
    with (
        connections(server, asked, 1, buffer=4096) as (last,),
        connections(server, stays, 1, buffer=4096) as (reader,),
    ):
        time.sleep(4)
        assert requests.get(server.url + asked.split()[1].decode(), timeout=20).status_code == 404
        assert rest(reader) < len(IMAGE) // 4, "what waited in the kernel was thrown away"
        assert rest(last) < len(IMAGE), "no half that passes for the whole"


def test_whoever_reads_keeps_nothing_and_is_never_cut(server: Served) -> None:
    """Far more is answered than may be unread at once, over connections that stay and over new ones."""
    link = upload(server, IMAGE).text.strip()
    with ExitStack() as stack:
        sessions = [stack.enter_context(requests.Session()) for _ in range(4)]
        for _ in range(UNREAD_BYTES // len(IMAGE) // 2):
            for session in sessions:
                assert session.get(link, timeout=20).content == IMAGE
            assert requests.get(link, timeout=20).content == IMAGE
