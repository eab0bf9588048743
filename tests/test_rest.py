"""Workers of a server that nobody uses rest: they end, and the next connection starts one. No request is lost."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
import requests
from sqlalchemy import Engine, text

from config import Config
from http_server import sockets_for
from tests.cast import SERVER_KEY, noise
from tests.metrics_of import watched
from tests.processes import ROOT, Served, alive, children_of, free_port, name_of, serving, until

SMALL = noise(16, 16)
IDLE = 2.5
"""After so many seconds without a request a worker of ``tests.resting`` rests, if its purges have little to do."""


def settings(database_url: str, **more: str) -> dict[str, Any]:
    command = ("-m", "tests.resting")
    return {
        "command": command,
        "DATABASE_URL": database_url,
        "SECRET_KEYS": SERVER_KEY,
        "PURGE_INTERVAL": "1s",
        **more,
    }


@pytest.fixture
def server(database_url: str, engine: Engine) -> Iterator[Served]:
    with serving(**settings(database_url)) as served:
        yield served


def rests(served: Served) -> bool:
    return until(lambda: served.workers() == [])


def origin_of(served: Served) -> int:
    (found,) = (pid for pid in children_of(served.process.pid) if name_of(pid) == "mayfly-origin")
    return found


def test_a_server_that_nobody_uses_has_no_worker_and_the_next_request_starts_one(server: Served) -> None:
    assert until(lambda: server.serving() == 2)
    assert rests(server)
    assert requests.get(f"{server.url}/docs", timeout=20).status_code == 200
    assert server.serving() == 1
    assert rests(server), "again"
    assert "ERROR" not in server.log


def test_a_worker_stays_until_nothing_is_left_to_purge(server: Served, engine: Engine) -> None:
    link = requests.put(f"{server.url}/a.png?lifetime=8", data=SMALL, timeout=20).text.strip()
    time.sleep(2 * IDLE)
    assert server.workers() != []
    assert requests.get(link, timeout=20).content == SMALL
    assert rests(server)
    with engine.connect() as connection:
        assert connection.execute(text("SELECT count(*) FROM images")).scalar_one() == 0
        sizes = text("SELECT sum(pg_relation_size(oid)) FROM pg_class WHERE relname ~ '^ciphertexts_'")
        assert connection.execute(sizes).scalar_one() == 0, "the sealed bytes are gone, too"


def test_a_worker_with_an_open_connection_stays(server: Served) -> None:
    with connected(server) as kept:
        ask(kept)
        assert until(lambda: len(server.workers()) == 1)
        time.sleep(3)
        ask(kept)


def ask(kept: socket.socket) -> None:
    kept.sendall(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n")
    assert kept.recv(4096).startswith(b"HTTP/1.1 200")


@pytest.mark.usefixtures("engine")
def test_who_connects_in_the_moment_in_which_workers_begin_to_rest_is_answered(
    database_url: str, tmp_path: Path
) -> None:
    about_to = tmp_path / "about to"
    with serving(**settings(database_url, BEFORE_REST=str(about_to))) as served, ExitStack() as stack:
        assert until(about_to.exists)
        early = [stack.enter_context(connected(served)) for _ in range(12)]
        time.sleep(1)  # by now these are accepted, and no more are
        late = [stack.enter_context(connected(served)) for _ in range(12)]
        for client in (*early, *late):
            ask(client)
        assert until(lambda: served.serving() > 2, 5), (
            "those that rest are still answering, others took their places"
        )


def connected(served: Served) -> socket.socket:
    return socket.create_connection(("127.0.0.1", served.port), 20)


def test_a_server_whose_origin_was_killed_still_starts_workers(server: Served) -> None:
    assert until(lambda: server.serving() == 2)
    os.kill(origin_of(server), signal.SIGKILL)
    assert rests(server)
    assert requests.put(f"{server.url}/a.png", data=SMALL, timeout=30).status_code == 201
    assert "was killed; a worker loads it itself" in server.log


def test_a_resting_server_ends_at_once_and_refuses_connections(server: Served) -> None:
    assert rests(server)
    origin = origin_of(server)
    began = time.monotonic()
    assert server.stop(signal.SIGTERM) == 0
    assert time.monotonic() - began < 5
    assert not alive(origin)
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", server.port))


@pytest.mark.usefixtures("engine")
def test_a_resting_server_announces_its_end(database_url: str) -> None:
    with serving(**settings(database_url, DRAIN_NOTICE="4s")) as served:
        assert rests(served)
        served.process.send_signal(signal.SIGTERM)
        time.sleep(0.5)
        assert requests.get(f"{served.url}/readyz", timeout=20).status_code == 503
        answer = requests.get(f"{served.url}/healthz", timeout=20)
        assert (answer.status_code, answer.headers.get("Connection")) == (200, "close")
        assert served.process.wait(30) == 0


def test_with_metrics_all_workers_stay(database_url: str) -> None:
    with watched(**settings(database_url)) as mayfly:
        assert until(lambda: mayfly.server.serving() == 2)
        time.sleep(2 * IDLE)
        assert mayfly.server.serving() == 2


def test_who_waits_for_a_worker_that_is_killed_is_answered_by_the_next(database_url: str) -> None:
    with serving(**settings(database_url, WORKERS="1")) as served, ExitStack() as stack:
        (worker,) = served.workers()
        os.kill(worker, signal.SIGSTOP)
        assert until(lambda: ") T " in Path(f"/proc/{worker}/stat").read_text())
        waiting = [stack.enter_context(connected(served)) for _ in range(8)]
        os.kill(worker, signal.SIGKILL)
        for client in waiting:
            ask(client)


def test_connections_send_without_delay_whichever_worker_has_them() -> None:
    """The HTTP server sets this for sockets of its own, and not for those that it is given."""
    for listener in sockets_for(Config(bind=("127.0.0.1", free_port()), workers=2)):
        with listener:
            listener.listen()
            with socket.create_connection(listener.getsockname(), 5), accepted(listener) as connection:
                assert connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)


def accepted(listener: socket.socket) -> socket.socket:
    listener.setblocking(True)
    return listener.accept()[0]


def test_pages_of_files_that_were_only_read_are_given_back_and_come_again() -> None:
    script = """
import re
from pathlib import Path
import worker
from imaging import unmap_read_files

def of_files():
    size = dict(re.findall(r"(\\w+): +(\\d+) kB", Path("/proc/self/smaps_rollup").read_text()))
    return int(size["Rss"]) - int(size["Anonymous"])

before = of_files()
unmap_read_files()
print(before > 2 * of_files())
from cryptography.fernet import Fernet
seal = Fernet(Fernet.generate_key())
print(seal.decrypt(seal.encrypt(b"still works")).decode())
"""
    ran = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True)
    assert ran.stdout == "True\nstill works\n"
