"""PostgreSQL ends or crashes under load: 503s meanwhile, and what was confirmed is there afterwards."""

from __future__ import annotations

import os
import random
import signal
import threading
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

import embedded
from app import create_app, migrate
from config import Config
from tests.cast import SERVER_KEY
from tests.faults.figures import FULL, note
from tests.faults.wire import once, upload
from tests.processes import Served, alive, serving, until

ROUNDS = 10 if FULL else 1
LOADERS = 4


@dataclass
class Database:
    """An embedded PostgreSQL that keeps what it confirms, and can be ended in several ways."""

    folder: Path
    url: str = ""
    _running: object = None

    def start(self) -> None:
        self._running = embedded.running(self.folder)
        self.url = self._running.__enter__()

    def stop(self) -> None:
        self._running.__exit__(None, None, None)  # type: ignore[attr-defined]

    @property
    def postmaster(self) -> int:
        return int((self.folder / "postgres" / "postmaster.pid").read_text().split()[0])

    def backends(self) -> list[int]:
        """The processes that work for the servers' connections."""
        tasks = Path(f"/proc/{self.postmaster}/task/{self.postmaster}/children").read_text().split()
        return [int(pid) for pid in tasks if b"mayfly mayfly" in _title(int(pid))]


def _title(pid: int) -> bytes:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except (FileNotFoundError, ProcessLookupError):
        return b""


def restart(database: Database) -> None:
    """An orderly end in the middle of everything, and a new start."""
    database.stop()
    database.start()


def crash_a_backend(database: Database) -> None:
    """One backend dies: the postmaster ends all of them and recovers from the WAL."""
    os.kill(random.choice(database.backends()), signal.SIGKILL)


def crash_the_postmaster(database: Database) -> None:
    """The postmaster dies: nothing goes on until somebody starts it anew."""
    victim = database.postmaster
    os.kill(victim, signal.SIGKILL)
    assert until(lambda: not alive(victim))
    database.stop()
    database.start()


WAYS = (restart, crash_a_backend, crash_the_postmaster)


@dataclass
class Load:
    """Clients that upload and read what was confirmed, and what they saw."""

    server: Served
    image: bytes
    uploads: Counter[int] = field(default_factory=Counter)
    reads: Counter[int] = field(default_factory=Counter)
    confirmed: list[str] = field(default_factory=list)
    done: threading.Event = field(default_factory=threading.Event)

    @contextmanager
    def running(self) -> Iterator[None]:
        with ThreadPoolExecutor(LOADERS) as pool:
            loaders = [pool.submit(self._run) for _ in range(LOADERS)]
            try:
                yield
            finally:
                self.done.set()
            for loader in loaders:
                loader.result()

    def _run(self) -> None:
        while not self.done.is_set():
            answer = upload(self.server.port, self.image, lifetime="50m")
            self.uploads[answer.status] += 1
            if answer.status == 201:
                self.confirmed.append(answer.told["hash"])
            if self.confirmed:
                self.reads[self._read(random.choice(self.confirmed))] += 1

    def _read(self, link: str) -> int:
        answer = once(self.server.port, "GET", f"/image/{link}")
        return answer.status if answer.status != 200 or answer.body == self.image else -1

    def goes_on(self) -> bool:
        before = self.uploads[201]
        return until(lambda: self.uploads[201] > before + 10 * LOADERS, 60)

    def lost(self) -> list[str]:
        return [link for link in self.confirmed if self._read(link) != 200]


def wrongs(log: str) -> str:
    """The part of a log that tells of errors nobody expected."""
    return log[log.find("unexpected") :][:5000]


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Database]:
    database = Database(tmp_path_factory.mktemp("restart"))
    database.start()
    app = create_app(Config(database_url=database.url, secret_keys=(SERVER_KEY,)))
    migrate(app)
    yield database
    database.stop()


@pytest.mark.timeout(300)
def test_postgresql_ends_under_load_and_no_answer_was_a_lie(database: Database, flower: bytes) -> None:
    with serving(DATABASE_URL=database.url, SECRET_KEYS=SERVER_KEY, MAX_IMAGES_PER_CLIENT="100000") as server:
        load = Load(server, flower)
        with load.running():
            for way in WAYS * ROUNDS:
                assert load.goes_on(), f"no upload before {way.__name__}"
                way(database)
            assert load.goes_on(), "no upload after the last"
        lost, log = load.lost(), server.log
    odd = {s: n for s, n in load.uploads.items() if s not in {201, 503}}
    odd |= {s: n for s, n in load.reads.items() if s not in {200, 503}}
    away = load.uploads[503] + load.reads[503]
    seen = f"{len(load.confirmed)} uploads confirmed, {away} answers of 503"
    note(
        "PostgreSQL restarted or killed under load",
        tried=len(WAYS) * ROUNDS,
        lost=len(lost),
        wrong=sum(odd.values()),
        seen=seen,
    )
    assert (lost, odd) == ([], {}), wrongs(log)
    assert away > 0
