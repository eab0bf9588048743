"""A client that sends too much sees why it is refused, and can't send for ever."""

from __future__ import annotations

import http.client
import socket
from collections.abc import Iterator

import pytest

from front.linger import LINGER_BYTES
from tests.cast import SERVER_KEY
from tests.front.clients import HEAD
from tests.processes import Served, serving

MIB = 2**20
ON_THE_WAY = 16 * MIB
"""What the buffers of both ends hold."""


@pytest.fixture(scope="module")
def server(database_url: str) -> Iterator[Served]:
    with serving(DATABASE_URL=database_url, SECRET_KEYS=SERVER_KEY, WORKERS="1") as served:
        yield served


@pytest.mark.parametrize("chunked", [False, True], ids=["announced", "in chunks"])
def test_a_client_that_sends_all_before_it_listens_sees_the_refusal(server: Served, chunked: bool) -> None:
    pieces = (bytes(MIB) for _ in range(40))
    for _ in range(3):
        connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=30)
        connection.request(
            "PUT", "/a.jpg", body=pieces if chunked else bytes(40 * MIB), encode_chunked=chunked
        )
        answer = connection.getresponse()
        assert answer.status == 413
        assert b"too_large" in answer.read()
        connection.close()
        pieces = (bytes(MIB) for _ in range(40))


def test_nobody_reads_on_for_ever(server: Served) -> None:
    with socket.create_connection(("127.0.0.1", server.port), timeout=30) as client:
        client.sendall(HEAD + b"Content-Length: %d\r\n\r\n" % (1 << 40))
        sent = sending_until_refused(client, LINGER_BYTES + 2 * ON_THE_WAY)
    assert LINGER_BYTES <= sent <= LINGER_BYTES + ON_THE_WAY


def sending_until_refused(client: socket.socket, most: int) -> int:
    sent = 0
    try:
        while sent <= most:
            sent += client.send(bytes(MIB))
    except (BrokenPipeError, ConnectionResetError):
        pass
    return sent
