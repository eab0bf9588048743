"""Several hosts of one database, of which one is dead: it accepts connections and says nothing."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import psycopg2
import pytest
from sqlalchemy import make_url

from services.hosts import DatabaseHosts, places


@pytest.fixture
def dead() -> Iterator[socket.socket]:
    with socket.create_server(("127.0.0.1", 0), backlog=50) as door:
        door.settimeout(0)
        yield door


@pytest.fixture
def given(database_url: str, dead: socket.socket) -> dict[str, Any]:
    """What libpq is told: the dead host first, then one that takes writes."""
    url = make_url(database_url)
    port = dead.getsockname()[1]
    hosts = f"127.0.0.1,{url.query['host']}"
    return {
        "host": hosts,
        "port": f"{port},5432",
        "user": url.username,
        "dbname": url.database,
        "connect_timeout": 2,
    }


def knocked(dead: socket.socket) -> int:
    """How many connections were made since it was asked last."""
    number = 0
    while True:
        try:
            dead.accept()[0].close()
        except BlockingIOError:
            return number
        number += 1


def test_a_dead_host_is_waited_for_once_and_not_by_each_new_connection(
    given: dict[str, Any], dead: socket.socket
) -> None:
    hosts = DatabaseHosts(psycopg2, pause=600)
    for _ in range(6):
        hosts.connect(given).close()
    assert knocked(dead) == 1


def test_it_is_asked_again_after_the_pause(given: dict[str, Any], dead: socket.socket) -> None:
    hosts = DatabaseHosts(psycopg2, pause=0)
    for _ in range(2):
        hosts.connect(given).close()
    assert knocked(dead) == 2


def test_then_one_asks_it_and_the_others_do_not_wait(given: dict[str, Any], dead: socket.socket) -> None:
    hosts = DatabaseHosts(psycopg2, pause=600)
    hosts.connect(given).close()
    for place in hosts._ask_at:
        hosts._ask_at[place] = 0  # the pause is over
    with ThreadPoolExecutor(6) as pool:
        for connection in pool.map(hosts.connect, [given] * 6):
            connection.close()
    assert knocked(dead) == 2


def test_where_none_takes_writes_each_says_why(given: dict[str, Any]) -> None:
    hosts = DatabaseHosts(psycopg2, pause=600)
    standby = {**given, "target_session_attrs": "standby"}  # which the other one refuses to be
    for first in ("timeout expired", "did not answer when it was tried last"):
        with pytest.raises(psycopg2.OperationalError) as raised:
            hosts.connect(standby)
        assert first in str(raised.value)
        assert "server is not in hot standby mode" in str(raised.value)


@pytest.mark.parametrize(
    ("host", "port", "expected"),
    [
        ("one,two", "1,2", [("one", "1"), ("two", "2")]),
        ("one,two", "5", [("one", "5"), ("two", "5")]),
        ("one,two", None, [("one", None), ("two", None)]),
        ("one,two", ",2", [("one", None), ("two", "2")]),
        ("one,two,three", "1,2", []),
    ],
)
def test_ports_are_read_as_libpq_reads_them(
    host: str, port: str | None, expected: list[tuple[str, str | None]]
) -> None:
    assert places({"host": host, "port": port}) == expected
