"""The purge: it frees space, removes no living image, and never waits for another transaction."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise

import pytest
from flask.testing import FlaskClient
from sqlalchemy import Connection, Engine, event, text

from app import Mayfly
from config import Config
from crypto import Link
from models import (
    PURGE_LOCK,
    SLOTS,
    ciphertexts,
    dead_slots,
    delete_dead,
    forget_counted,
    forget_guesses,
    slot_of,
)
from services import purge as purge_module
from storage import RowStore
from tests.cast import deposit
from tests.conftest import MakeApp


def count(engine: Engine, table: str = "images") -> int:
    with engine.connect() as connection:
        return int(connection.execute(text(f"SELECT count(*) FROM {table}")).scalar_one())


def filled(engine: Engine) -> list[int]:
    with engine.connect() as connection:
        statement = text("SELECT pg_relation_size(:name)")
        return [slot for slot in range(SLOTS) if connection.scalar(statement, {"name": ciphertexts(slot)})]


def kill(engine: Engine, *links: str) -> None:
    """Have images expire now; only their rows are moved, as their bytes' slot would be by the time."""
    with engine.begin() as connection:
        for link in links:
            connection.execute(
                text(
                    "UPDATE images SET expires_at = now(), created_at = now() - interval '9s' WHERE row_key = :key"
                ),
                {"key": Link.parse(link).row_key},
            )


def until(true: Callable[[], bool], seconds: float = 10) -> bool:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if true():
            return True
        time.sleep(0.05)
    return False


MANY_ROWS = text(
    """
    INSERT INTO images (row_key, manage_tag, store, slot, size, created_at, expires_at, details)
    SELECT sha256(n::text::bytea), sha256(n::text::bytea), 'rows', n % 11, 1, now() - interval '1 hour',
        now() + (n - 300) * interval '1 second', repeat('x', 300)::bytea
    FROM generate_series(1, 10000) AS n
    """
)
READ_IN_ORDER = text("SELECT seq_tup_read FROM pg_stat_xact_user_tables WHERE relname = 'images'")


def test_a_purge_reads_no_row_of_what_lives(engine: Engine) -> None:
    """With rows as five minutes of uploads leave them, PostgreSQL once read all of them to find the dead."""
    with engine.connect() as connection:
        connection.execute(MANY_ROWS)
        connection.execute(text("ANALYZE images"))
        before = connection.execute(READ_IN_ORDER).scalar_one()
        assert 300 <= delete_dead(connection, 1000) < 600
        assert dead_slots(connection, range(12)) == {11}
        assert connection.execute(READ_IN_ORDER).scalar_one() == before
        connection.rollback()


@pytest.mark.parametrize(
    ("table", "values", "forget"), [("counted", "1, 1, ", forget_counted), ("guesses", "", forget_guesses)]
)
def test_a_purge_reads_none_that_is_not_over(
    engine: Engine, table: str, values: str, forget: Callable[[Connection, int], object]
) -> None:
    read = text(
        "SELECT seq_tup_read + coalesce(idx_tup_fetch, 0) FROM pg_stat_xact_user_tables WHERE relname = :table"
    )
    with engine.connect() as connection:
        rows = f"SELECT sha256(n::text::bytea), {values} now() + (n - 300) * interval '1 second'"
        connection.execute(text(f"INSERT INTO {table} {rows} FROM generate_series(1, 10000) AS n"))
        connection.execute(text(f"ANALYZE {table}"))
        before = connection.execute(read, {"table": table}).scalar_one()
        forget(connection, 1000)
        assert connection.execute(read, {"table": table}).scalar_one() - before < 1000
        assert connection.execute(text(f"SELECT count(*) FROM {table}")).scalar_one() < 10_000
        connection.rollback()


def test_a_purge_asks_no_more_beside_images_in_many_slots(
    app: Mayfly, client: FlaskClient, engine: Engine
) -> None:
    asked: list[str] = []
    event.listen(app.shards.home.engine, "before_cursor_execute", lambda *said: asked.append(said[2]))

    def questions() -> int:
        asked.clear()
        app.purge()
        return len(asked)

    deposit(client, lifetime=600)
    questions()  # the first has a new connection's
    beside_one = questions()
    for lifetime in range(700, 1500, 100):
        deposit(client, lifetime=lifetime)
    assert len(filled(engine)) > 6
    assert questions() == beside_one > 0


def test_it_removes_rows_and_bytes_of_the_dead_alone(
    app: Mayfly, client: FlaskClient, engine: Engine
) -> None:
    dead, alive = deposit(client, lifetime=60), deposit(client, lifetime=600)
    kill(engine, dead)
    assert app.purge() == 1
    assert count(engine) == 1
    assert len(filled(engine)) == 1
    assert client.get(f"/image/{alive}").status_code == 200
    assert app.purge() == 0


def test_a_slot_is_not_emptied_while_anything_in_it_lives(
    app: Mayfly, client: FlaskClient, engine: Engine
) -> None:
    dead, alive = deposit(client, lifetime=600), deposit(client, lifetime=600)
    if len(filled(engine)) == 2:  # the two fell on either side of a slot's end
        dead = alive
        alive = deposit(client, lifetime=600)
    kill(engine, dead)
    assert app.purge() == 1
    assert client.get(f"/image/{alive}").status_code == 200


def test_a_slot_that_came_to_life_meanwhile_is_left(app: Mayfly, client: FlaskClient, engine: Engine) -> None:
    """An upload may commit between the purge's first look at a slot and its lock: it looks again under the lock."""
    link = deposit(client)
    (slot,) = filled(engine)
    app.purge._empty(app.shards.home, RowStore(), slot)
    assert client.get(f"/image/{link}").status_code == 200


@pytest.mark.parametrize("path", ["get", "post"])
def test_cleanup_purges_and_says_how_many(client: FlaskClient, engine: Engine, path: str) -> None:
    kill(engine, deposit(client), deposit(client))
    assert getattr(client, path)("/cleanup").get_json() == {"status": "success", "deleted": 2}
    assert (count(engine), filled(engine)) == (0, [])


def test_the_command_purges(app: Mayfly, client: FlaskClient, engine: Engine) -> None:
    kill(engine, deposit(client))
    result = app.test_cli_runner().invoke(args=["purge"])
    assert (result.exit_code, result.output) == (0, "deleted 1\n")
    assert filled(engine) == []


def test_the_scheduled_job_purges(make_app: MakeApp) -> None:
    app = make_app(purge_interval=1)
    client = app.test_client()
    link = deposit(client, lifetime=1)
    app.schedule.start()
    engine = purge_engine(app)
    assert link
    assert until(lambda: count(engine) == 0 and not filled(engine))


def purge_engine(app: Mayfly) -> Engine:
    return app.shards.home.engine.execution_options(isolation_level="READ COMMITTED")


def spans(max_lifetime: int) -> list[range]:
    """The expiries that share a slot, span after span, for nearly two turns of the ring; to the second for an hour."""
    begin, step = 1_800_000_000, max_lifetime // 3600
    ends = range(begin, begin + 2 * max_lifetime, step)
    slots = [slot_of(end, max_lifetime) for end in ends]
    turns = [ends[at] for at in range(1, len(slots)) if slots[at] != slots[at - 1]]
    return [range(first, next_first) for first, next_first in pairwise(turns)]


def test_by_default_bytes_are_removed_within_a_minute_of_the_expiry() -> None:
    """A slot is emptied by the first purge after the last expiry in it, and its first image waits the longest."""
    config = Config()
    longest = max(len(span) for span in spans(config.max_lifetime))
    assert longest + config.purge_interval <= 60


@pytest.mark.parametrize("max_lifetime", [3600, 86_400, 2_592_000])
def test_no_slot_is_filled_again_before_it_could_be_emptied(max_lifetime: int) -> None:
    """An upload that came too soon would keep the bytes of the dead in its slot for as long as it lives."""
    ends: dict[int, int] = {}
    for span in spans(max_lifetime):
        slot = slot_of(span.start, max_lifetime)
        first_upload = span.start - max_lifetime
        assert first_upload - ends.get(slot, 0) >= 60 + max_lifetime // 3600
        ends[slot] = span.stop
    assert len(ends) == SLOTS


def test_a_request_wakes_the_purge_and_does_not_wait_for_it(make_app: MakeApp) -> None:
    app = make_app(purge_interval=600)
    client = app.test_client()
    engine = purge_engine(app)
    app.schedule.start()
    link = deposit(client)  # the first request spends the nudge of its interval
    time.sleep(0.5)
    kill(engine, link)
    client.get("/healthz")
    time.sleep(0.3)
    assert count(engine) == 1, "throttled: one nudge an interval"
    app.schedule._nudged_at = float("-inf")
    with holding(engine, "LOCK TABLE images IN ACCESS EXCLUSIVE MODE"):
        began = time.monotonic()
        assert client.get("/healthz").status_code == 200
        assert time.monotonic() - began < 2, "the answer waited for a purge that could not begin"
    assert until(lambda: count(engine) == 0)


def test_a_worker_may_rest_once_nothing_is_left_and_nothing_but_purges_used_a_connection(
    make_app: MakeApp,
) -> None:
    app = make_app(
        max_images_per_client=None, max_bytes_per_client=None
    )  # what is counted is kept for minutes
    client, rests = app.test_client(), list[str]()
    app.schedule._rest = lambda: rests.append("now")

    def asks_after_a_purge() -> bool:
        rests.clear()
        app.schedule._run()
        return rests != []

    asks_after_a_purge()
    assert asks_after_a_purge()
    link = deposit(client)
    assert [asks_after_a_purge() for _ in range(3)] == [False] * 3, "the image lives"
    kill(purge_engine(app), link)
    assert [asks_after_a_purge() for _ in range(2)] == [False, True]
    assert app.shards.home.engine.pool.checkedin() == 0  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    "row",
    [
        "INSERT INTO guesses (tag, until) VALUES (sha256('a'), now() + interval '1 minute')",
        "INSERT INTO counted VALUES (sha256('a'), 1, 1, now() + interval '1 minute')",
        "UPDATE stored SET bytes = 1 WHERE slot = 3",
        "INSERT INTO owners (id, login_tag, email_tag, account, token_version, created_at, used_on) VALUES"
        " (gen_random_uuid(), sha256('a'), sha256('b'), '', 0, now(), NULL)",
        "INSERT INTO ciphertexts_003 VALUES (sha256('a'), 0, '')",
    ],
)
def test_what_a_purge_will_delete_is_not_forgotten(app: Mayfly, engine: Engine, row: str) -> None:
    assert app.purge.done()
    with engine.begin() as connection:
        connection.execute(text(row))
    assert not app.purge.done()


def test_with_the_interval_off_nothing_runs(make_app: MakeApp) -> None:
    app = make_app(purge_interval=0)
    app.schedule.start()
    engine = purge_engine(app)
    kill(engine, deposit(app.test_client()))
    app.schedule.nudge()
    time.sleep(0.3)
    assert count(engine) == 1


class holding:  # noqa: N801 - reads as a phrase
    """Hold a lock in a transaction of one's own."""

    def __init__(self, engine: Engine, statement: str) -> None:
        self._connection = engine.connect()
        self._statement = statement

    def __enter__(self) -> None:
        self._connection.execute(text(self._statement))

    def __exit__(self, *_: object) -> None:
        self._connection.rollback()
        self._connection.close()


def test_a_second_purge_returns_at_once_while_one_works(
    app: Mayfly, client: FlaskClient, engine: Engine
) -> None:
    kill(engine, deposit(client))
    with holding(engine, f"SELECT pg_advisory_xact_lock({PURGE_LOCK})"):
        assert app.purge() == 0
    assert app.purge() == 1


def test_a_slot_that_somebody_uses_is_left_for_the_next_time(
    app: Mayfly, client: FlaskClient, engine: Engine
) -> None:
    kill(engine, deposit(client))
    (slot,) = filled(engine)
    with holding(engine, f"LOCK TABLE {ciphertexts(slot)} IN ACCESS SHARE MODE"):
        assert app.purge() == 1
        assert filled(engine) == [slot]
    assert app.purge() == 0
    assert filled(engine) == []


def test_a_purge_is_bounded_in_rows_a_transaction(
    app: Mayfly, client: FlaskClient, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(purge_module, "BATCH_ROWS", 2)
    kill(engine, *(deposit(client) for _ in range(5)))
    assert app.purge() == 5
    assert (count(engine), filled(engine)) == (0, [])


def test_a_purge_is_bounded_in_time(
    app: Mayfly, client: FlaskClient, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(purge_module, "BUDGET_SECONDS", 0.0)
    kill(engine, deposit(client))
    assert app.purge() == 0
    monkeypatch.undo()
    assert app.purge() == 1


def test_many_purgers_and_an_uploader_lose_nothing_that_lives(make_app: MakeApp) -> None:
    app = make_app(threads=8)
    client = app.test_client()
    engine = purge_engine(app)
    stop = threading.Event()

    def purge() -> int:
        removed = 0
        while not stop.is_set():
            removed += app.purge()
        return removed

    with ThreadPoolExecutor(4) as pool:
        purgers = [pool.submit(purge) for _ in range(4)]
        links: list[str] = []
        dead = 0
        for turn in range(60):
            links.append(deposit(client, lifetime=30 + turn % 3))
            if turn % 3 == 2:
                kill(engine, links.pop(0))
                dead += 1
        stop.set()
        removed = sum(purger.result() for purger in purgers) + app.purge()
    assert removed == dead
    assert all(client.get(f"/image/{link}").status_code == 200 for link in links)


def test_connections_are_closed_after_a_purge_before_which_nothing_else_used_one(make_app: MakeApp) -> None:
    app = make_app()
    shard = app.shards.home

    def kept_after_a_purge() -> int:
        app.schedule._run()
        return int(shard.engine.pool.checkedin())  # type: ignore[attr-defined]

    for _ in range(2):
        with shard.connection():
            pass
        assert kept_after_a_purge() == 1
        assert kept_after_a_purge() == 0
