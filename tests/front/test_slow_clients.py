"""Clients that are slow, silent or greedy keep nobody else from being served."""

from __future__ import annotations

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from select import select
from typing import Any

import pytest
import requests

from tests.cast import SERVER_KEY, noise
from tests.front.clients import HEAD, asking_for, connections, path, rest, upload
from tests.processes import Served, serving, until

SMALL = noise(16, 16)
FORM = b"POST /s HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/x-www-form-urlencoded\r\n"
ATTACKS = {
    "silent connections": (b"", 600),
    "unfinished headers": (b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n", 500),
    "trickling uploads": (HEAD + b"Content-Length: 200000\r\n\r\nx", 40),
    "forms without their body": (FORM + b"Content-Length: 100\r\n\r\n", 40),
    "uploads that announce and don't send": (HEAD + b"Content-Length: 20971520\r\n\r\n" + bytes(1024), 12),
    "the same in chunks": (HEAD + b"Transfer-Encoding: chunked\r\n\r\n400\r\n" + bytes(1024), 12),
}
LONGEST = 5.0
"""Seconds that an answer may take on a machine that others use; without the front some take for ever."""


@pytest.fixture(scope="module")
def ten_mb() -> bytes:
    return noise(1800, 1800)


@pytest.fixture(scope="module")
def server(database_url: str) -> Iterator[Served]:
    """One process with room for one large image, and a quarter of that for medium ones."""
    settings: dict[str, Any] = {"DATABASE_URL": database_url, "SECRET_KEYS": SERVER_KEY, "WORKERS": "1"}
    with serving(**settings, MAX_BYTES_IN_FLIGHT="20MiB") as served:
        yield served


@pytest.mark.parametrize("attack", ATTACKS)
def test_others_are_served_meanwhile(server: Served, attack: str) -> None:
    with connections(server, *ATTACKS[attack]):
        began = time.monotonic()
        for _ in range(5):
            assert requests.get(f"{server.url}/healthz", timeout=20).ok
            link = upload(server, SMALL).text.strip()
            assert requests.get(link, timeout=20).content == SMALL
        assert upload(server, noise(600, 500)).status_code == 201
        assert time.monotonic() - began < LONGEST


def test_a_body_that_stops_is_ended_when_others_wait_for_what_it_holds(server: Served, ten_mb: bytes) -> None:
    first = HEAD + b"Content-Length: 20000000\r\n\r\n" + ten_mb[: 1 << 20]
    with connections(server, first, 1) as (stalled,):
        assert until(lambda: upload(server, ten_mb).ok and bool(select([stalled], [], [], 0)[0]), 30)
        assert stalled.recv(100).startswith(b"HTTP/1.1 408 ")
        rest(stalled)  # the connection is closed


def test_a_body_that_stops_and_goes_on_is_taken_while_nobody_waits(server: Served) -> None:
    image = noise(800, 700)
    head = HEAD + b"Accept: text/plain\r\nContent-Length: %d\r\n\r\n" % len(image)
    with connections(server, head + image[: 1 << 20], 1) as (slow,):
        time.sleep(1.5)
        slow.sendall(image[1 << 20 :])
        assert slow.recv(100).startswith(b"HTTP/1.1 201 ")


def test_readers_who_stall_are_ended_when_others_wait_for_what_they_hold(
    server: Served, ten_mb: bytes
) -> None:
    asked = asking_for(path(upload(server, ten_mb)))
    with connections(server, asked, 4, buffer=65536) as readers:
        time.sleep(1)  # until they have filled the buffers on their way
        began = time.monotonic()
        assert upload(server, ten_mb).status_code == 201
        assert time.monotonic() - began < 2 * LONGEST
        assert min(map(rest, readers)) < len(ten_mb), "no half that passes for the whole"


def test_an_answer_under_way_ends_with_its_image(server: Served, ten_mb: bytes) -> None:
    asked = asking_for(path(upload(server, ten_mb, "?lifetime=3")))
    with connections(server, asked, 1, buffer=4096) as (reader,):
        time.sleep(4)
        assert requests.get(server.url + asked.split()[1].decode(), timeout=20).status_code == 404
        assert rest(reader) < len(ten_mb)


def test_a_connection_goes_on_after_a_refusal(server: Served) -> None:
    with requests.Session() as session:
        for _ in range(3):
            assert session.put(f"{server.url}/a.png", data=b"no image", timeout=20).status_code == 415
            assert session.get(f"{server.url}/image/{'A' * 32}", timeout=20).status_code == 404
            assert session.put(f"{server.url}/a.png", data=SMALL, timeout=20).status_code == 201


def test_a_field_with_an_underscore_does_not_pass_for_one_with_a_dash(server: Served) -> None:
    asked = (
        b"GET /sharex.sxcu HTTP/1.1\r\nHost: 127.0.0.1\r\nX_Forwarded_Host: evil\r\nConnection: close\r\n\r\n"
    )
    with connections(server, asked, 1) as (client,):
        answer = b"".join(iter(lambda: client.recv(1 << 16), b""))
    assert b"evil" not in answer


def test_a_request_that_waits_for_its_turn_keeps_its_body(server: Served) -> None:
    """It is run again from its beginning, and finds what it had read."""
    login = {"login": "nobody", "password": "secret"}
    with ThreadPoolExecutor(12) as clients:
        logins = [
            clients.submit(requests.post, f"{server.url}/api/login", json=login, timeout=60)
            for _ in range(12)
        ]
        uploads = [
            clients.submit(requests.put, f"{server.url}/a.png", data=SMALL, auth=("", "secret"), timeout=60)
            for _ in range(12)
        ]
    assert {each.result().status_code for each in logins} <= {401, 429, 503}
    assert {each.result().status_code for each in uploads} == {201}
