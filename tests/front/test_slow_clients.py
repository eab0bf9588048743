"""Clients that are slow, silent or greedy keep nobody else from being served."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import requests

from tests.cast import SERVER_KEY, noise
from tests.front.clients import answer_of, connected, open_for_now, rest_of, stalled_reader, upload_head
from tests.processes import Served, serving, until

ONE_MB = noise(600, 550)
FIVE_MB = noise(1300, 1300)
TEN_MB = noise(1800, 1800)
MIB = 2**20
LIMIT = 20 * MIB
PATIENCE = 10
"""Seconds after which a request that waits for memory would have been refused."""


@pytest.fixture(scope="module")
def narrow(database_url: str) -> Iterator[Served]:
    """One process, with memory for two of the largest images."""
    settings: dict[str, Any] = {"DATABASE_URL": database_url, "SECRET_KEYS": SERVER_KEY, "WORKERS": "1"}
    with serving(**settings, PURGE_INTERVAL="off") as served:
        yield served


def upload(server: Served, image: bytes, query: str = "") -> str:
    answer = requests.post(f"{server.url}/upload{query}", data=image, timeout=60)
    assert answer.status_code == 201, answer.text
    return str(answer.json()["hash"])


def others_are_served(server: Served) -> None:
    """Upload and open images of 1 MB, as many as would not get in beside what is held."""
    began = time.monotonic()
    for _ in range(3):
        link = upload(server, ONE_MB)
        assert requests.get(f"{server.url}/image/{link}", timeout=60).content == ONE_MB
        assert requests.get(f"{server.url}/healthz", timeout=60).json() == {"status": "ok"}
    assert time.monotonic() - began < PATIENCE


@pytest.mark.parametrize(
    ("count", "sent"),
    [
        (12, upload_head(LIMIT) + bytes(1024)),
        (8, upload_head(LIMIT) + bytes(300 * 1024)),
        (200, upload_head(200_000) + b"x"),
        (40, upload_head(100, "/s", "Content-Type: application/x-www-form-urlencoded\r\n")),
        (300, b""),
        (300, b"GET / HTTP/1.1\r\nHost: a\r\nX-"),
        (1100, upload_head(100)),
    ],
    ids=["claims", "claims, begun", "small bodies", "forms", "silent", "unfinished heads", "over the count"],
)
def test_what_is_announced_and_does_not_come_keeps_nobody_out(
    narrow: Served, count: int, sent: bytes
) -> None:
    clients = [connected(narrow, sent) for _ in range(count)]
    with open_for_now(clients):
        time.sleep(1)
        others_are_served(narrow)


@pytest.mark.parametrize("image", [TEN_MB, ONE_MB], ids=["10 MB", "1 MB"])
def test_readers_that_stall_make_room_for_others(narrow: Served, image: bytes) -> None:
    link = upload(narrow, image)
    with ThreadPoolExecutor(50) as together:
        readers = list(together.map(lambda _: connected(narrow, ask(link), 4096), range(50)))
    with open_for_now(readers):
        others_are_served(narrow)


def ask(link: str) -> bytes:
    return f"GET /image/{link} HTTP/1.1\r\nHost: a\r\n\r\n".encode()


def test_a_reader_who_is_cut_off_does_not_take_a_part_for_the_whole(narrow: Served) -> None:
    link = upload(narrow, TEN_MB)
    readers = [stalled_reader(narrow, link) for _ in range(4)]
    with open_for_now(readers):
        upload(narrow, TEN_MB)
        assert until(lambda: requests.get(f"{narrow.url}/image/{link}", timeout=60).ok)
        assert min(rest_of(reader) for reader in readers) < len(TEN_MB)


def test_half_come_bodies_that_all_want_more_do_not_block_one_another(narrow: Served) -> None:
    """Eight without a length grow until they hold all the memory there is; not all are refused when patience ends."""
    bodies = [connected(narrow, CHUNKED) for _ in range(8)]
    began = time.monotonic()
    with open_for_now(bodies), ThreadPoolExecutor(len(bodies)) as together:
        statuses = list(together.map(send_in_chunks, bodies))
    assert set(statuses) <= {201, 503}
    assert statuses.count(201) >= 3
    assert time.monotonic() - began < PATIENCE
    others_are_served(narrow)


CHUNKED = b"POST /upload HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"


def send_in_chunks(body: socket.socket) -> int:
    """Send an image of 10 MB in chunks, all of the clients at about one pace; return the status."""
    try:
        for start in range(0, len(TEN_MB), MIB // 2):
            chunk = TEN_MB[start : start + MIB // 2]
            body.sendall(b"%x\r\n%b\r\n" % (len(chunk), chunk))
            time.sleep(0.05)
        body.sendall(b"0\r\n\r\n")
        return answer_of(body)[0]
    except (ConnectionError, IndexError):  # refused while it was still sending
        return 503


def test_bodies_that_pause_make_room_and_go_on(narrow: Served) -> None:
    """What they have announced and not sent is others' meanwhile, and they are not ended for it."""
    begun = upload_head(LIMIT) + bytes(2 * MIB)
    bodies = [connected(narrow, begun) for _ in range(2)]
    with open_for_now(bodies):
        time.sleep(2)
        others_are_served(narrow)
        for body in bodies:
            body.sendall(bytes(LIMIT - 2 * MIB))
            assert answer_of(body)[0] == 415


def test_who_stays_under_the_least_rate_is_ended(narrow: Served) -> None:
    """Where nobody waits for what they hold: a body gets its 408, a reader's connection is reset."""
    link = upload(narrow, TEN_MB, "?lifetime=300")
    reader = stalled_reader(narrow, link)
    large, small = connected(narrow, upload_head(MIB)), connected(narrow, upload_head(100))
    steady = connected(narrow, upload_head(len(ONE_MB)))
    began, sent = time.monotonic(), 0
    while time.monotonic() - began < 13:
        steady.sendall(ONE_MB[sent : sent + 4096])
        sent += 4096
        time.sleep(0.25)
    with open_for_now([reader, large, small, steady]):
        for slow in (large, small):
            status, body = answer_of(slow)
            assert status == 408
            assert b"too_slow" in body
        assert rest_of(reader) < len(TEN_MB)
        steady.sendall(ONE_MB[sent:])
        assert answer_of(steady)[0] == 201, "slow, but not too slow"


@pytest.mark.parametrize("image", [TEN_MB, noise(200, 200)], ids=["10 MB", "in the kernel's buffers"])
def test_an_answer_ends_with_its_image(narrow: Served, image: bytes) -> None:
    """A byte that a reader's system has not taken by ``expires_at`` reaches it no more."""
    link = upload(narrow, image, "?lifetime=3")
    reader = connected(narrow, ask(link), 4096)
    time.sleep(4)
    with open_for_now([reader]):
        assert rest_of(reader) < min(len(image), 90_000)
    assert requests.get(f"{narrow.url}/image/{link}", timeout=60).status_code == 404


def test_an_image_that_was_read_in_time_leaves_its_connection_alone(narrow: Served) -> None:
    link, other = upload(narrow, ONE_MB, "?lifetime=2"), upload(narrow, ONE_MB)
    client = connected(narrow)
    with open_for_now([client]):
        for _ in range(6):
            client.sendall(ask(link))
            assert answer_of(client)[0] in {200, 404}
            client.sendall(ask(other))
            assert answer_of(client) == (200, ONE_MB)
            time.sleep(0.5)


def test_a_request_that_waits_for_memory_counts_one_view(narrow: Served) -> None:
    link, counted = upload(narrow, TEN_MB), upload(narrow, TEN_MB, "?views=3")
    readers = [stalled_reader(narrow, link) for _ in range(4)]
    with open_for_now(readers):
        answer = requests.post(f"{narrow.url}/image/{counted}", timeout=60)
        assert (answer.status_code, answer.headers["Views-Left"]) == (200, "2")
        assert answer.content == TEN_MB


def test_a_client_that_leaves_gives_back_what_it_held(narrow: Served) -> None:
    leave: list[Callable[[], None]] = []
    for _ in range(6):
        body = connected(narrow, upload_head(len(TEN_MB)) + TEN_MB[: 9 * MIB])
        leave.append(body.close)
    for close in leave:
        close()
    others_are_served(narrow)
