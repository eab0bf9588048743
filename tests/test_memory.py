"""Memory is bounded by the settings, whatever the number of clients and however slowly they read."""

from __future__ import annotations

import contextlib
import socket
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import requests

from tests.cast import SERVER_KEY, noise
from tests.processes import serving

TEN_MB = noise(1800, 1800)
IN_FLIGHT = 24 * 2**20
SMALL = 32 * 2**20
KEPT = 48 * 2**20
"""What the allocator keeps free to use again: the formula is that of docs/operations.md."""


def peak(pid: int) -> int:
    """The most bytes that a process ever had in memory."""
    status = Path(f"/proc/{pid}/status").read_text()
    return int(status.partition("VmHWM:")[2].split()[0]) * 1024


def test_many_large_uploads_and_slow_readers_stay_within_the_bound(database_url: str) -> None:
    settings: dict[str, Any] = {
        "DATABASE_URL": database_url,
        "SECRET_KEYS": SERVER_KEY,
        "WORKERS": "1",
        "MAX_BYTES_IN_FLIGHT": str(IN_FLIGHT),
    }
    with serving(**settings) as server:
        assert requests.put(f"{server.url}/a.png", data=noise(200, 200), timeout=60).status_code == 201
        (worker,) = server.workers()
        before = peak(worker)
        with ThreadPoolExecutor(24) as clients:
            answers = list(clients.map(lambda _: upload(server.url), range(24)))
        stored = [link for status, link in answers if status == 201]
        assert {status for status, _ in answers} <= {201, 503}
        assert len(stored) >= 4
        readers = [slow_reader(server.port, link) for link in stored[:2]]  # as many as get in
        assert requests.get(f"{server.url}/healthz", timeout=20).status_code == 200
        assert peak(worker) - before < 2 * IN_FLIGHT + SMALL + KEPT
        for reader in readers:
            reader.close()
        assert requests.get(stored[0], timeout=60).content == TEN_MB, "what they held was given back"


def test_many_bodies_that_stall_half_way_stay_within_the_bound(database_url: str) -> None:
    settings: dict[str, Any] = {
        "DATABASE_URL": database_url,
        "SECRET_KEYS": SERVER_KEY,
        "WORKERS": "1",
        "MAX_BYTES_IN_FLIGHT": str(IN_FLIGHT),
    }
    with serving(**settings) as server:
        link = upload(server.url)[1]
        (worker,) = server.workers()
        before = peak(worker)
        clients = [stalled_body(server.port) for _ in range(300)]
        time.sleep(2)
        assert requests.get(link, timeout=60).content == TEN_MB
        assert peak(worker) - before < 2 * IN_FLIGHT + SMALL + KEPT
        for client in clients:
            client.close()


def stalled_body(port: int) -> socket.socket:
    """Announce 20 MB and send 1 MB of it, or as much of that as the server takes."""
    client = socket.create_connection(("127.0.0.1", port), timeout=30)
    client.sendall(b"POST /upload HTTP/1.1\r\nHost: a\r\nContent-Length: 20000000\r\n\r\n")
    client.setblocking(False)
    with contextlib.suppress(BlockingIOError):
        client.send(TEN_MB[: 2**20])
    return client


def upload(url: str) -> tuple[int, str]:
    answer = requests.put(f"{url}/noise.png", data=TEN_MB, timeout=120)
    return answer.status_code, answer.text.strip()


def slow_reader(port: int, link: str) -> socket.socket:
    """Ask for an image and read no more than the beginning of its answer."""
    reader = socket.socket()
    reader.settimeout(30)
    reader.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    reader.connect(("127.0.0.1", port))
    path = "/" + link.split("/", 3)[3]
    reader.sendall(f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nAccept: */*\r\n\r\n".encode())
    assert reader.recv(8).startswith(b"HTTP/1.1")
    return reader
