"""PostgreSQL ends or crashes under load: 503s meanwhile, and what was confirmed is there afterwards."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.cast import SERVER_KEY
from tests.clusters import Fill
from tests.faults.ends import Database, crash_a_backend, crash_the_postmaster, restart
from tests.faults.figures import FULL, note
from tests.faults.load import Load, wrongs
from tests.processes import serving

ROUNDS = 10 if FULL else 1

WAYS = (restart, crash_a_backend, crash_the_postmaster)


@pytest.fixture(scope="module")
def database(fill: Fill, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Database]:
    database = Database(fill(tmp_path_factory.mktemp("restart")))
    database.start()
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
