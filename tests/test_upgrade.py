"""An older program goes on beside a newer one that has just brought their database's schema up to date."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Self

import pytest
import requests

from tests.cast import SERVER_KEY, noise
from tests.cluster.program import newer
from tests.databases import empty_database, schema
from tests.processes import Served, serving, until

PICTURE = noise(200, 150)


@pytest.fixture
def shared_database(database_url: str) -> Iterator[str]:
    with empty_database(database_url, "upgraded") as url:
        yield url


class Load:
    """Three clients that upload and open while the block runs, and what they were answered."""

    def __init__(self, server: Served) -> None:
        self.answers: Counter[int] = Counter()
        self._server = server
        self._enough = threading.Event()
        self._clients = [threading.Thread(target=self._run) for _ in range(3)]

    def _run(self) -> None:
        while not self._enough.is_set():
            self.answers[exchange(self._server, self._server)] += 1

    def __enter__(self) -> Self:
        for client in self._clients:
            client.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._enough.set()
        for client in self._clients:
            client.join(60)


def exchange(one: Served, other: Served) -> int:
    """Upload to one and open from the other; the status of what was refused, or of an open that went well."""
    told = requests.post(f"{one.url}/upload", data=PICTURE, timeout=30)
    if told.status_code != 201:
        return told.status_code
    opened = requests.get(f"{other.url}/image/{told.json()['hash']}", timeout=30)
    assert not opened.ok or opened.content == PICTURE
    return opened.status_code


def test_an_older_program_serves_on_beside_a_newer_one(shared_database: str, tmp_path: Path) -> None:
    settings: dict[str, Any] = {"DATABASE_URL": shared_database, "SECRET_KEYS": SERVER_KEY, "WORKERS": "1"}
    with serving(**settings) as old, Load(old) as load:
        assert until(lambda: load.answers.total() > 20, 60)
        with serving(command=(str(newer(tmp_path / "newer") / "app.py"),), **settings) as new:
            assert schema(shared_database) == "9001"
            before = load.answers.total()
            assert until(lambda: load.answers.total() > before + 20, 60)
            assert [exchange(old, new), exchange(new, old), exchange(new, new)] == [200] * 3
            assert "Traceback" not in old.log + new.log
    assert set(load.answers) == {200}
