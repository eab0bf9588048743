"""The figures of the service's state are those of its tables."""

from __future__ import annotations

import re
import threading

import pytest
from sqlalchemy import Engine, text

from app import Mayfly
from database import newest_schema
from models import SLOTS, ciphertexts, slot_of, span_of
from services import PurgeClock, Shards, Status
from storage import RowStore
from tests.cast import deposit, register
from tests.conftest import MakeApp
from tests.processes import until

LIFE = 3600
SPAN = span_of(LIFE)
AHEAD = LIFE // SPAN
"""How many spans from now the last image that may be uploaded expires."""


def status_of(engine: Engine) -> Status:
    return Status(Shards.one(engine), PurgeClock([RowStore()], LIFE), None)


def lag_of_slots(engine: Engine) -> float:
    return status_of(engine)()["home"].oldest_dead_slot


def test_it_counts_what_lives_and_what_is_stored(app: Mayfly, engine: Engine) -> None:
    status, client = status_of(engine), app.test_client()
    before = status()["home"]
    assert (before.living_images, before.stored_bytes, before.uploads_last_minute) == (0, 0, 0)
    deposit(client)
    deposit(client)
    register(client)
    after = status()["home"]
    assert (after.living_images, after.uploads_last_minute, after.accounts) == (2, 2, before.accounts + 1)
    assert after.stored_bytes > 0
    assert (after.oldest_dead_row, after.oldest_dead_slot) == (0, 0)
    assert after.postgresql[0].isdigit()
    assert after.schema == newest_schema()


def test_a_scrape_counts_anew(app: Mayfly, engine: Engine) -> None:
    """Once what a count took is a fiftieth of the time since."""
    stored, client = status_of(engine).stored, app.test_client()

    def counted(living: int) -> bool:
        return until(lambda: stored().living == living)

    for living in range(3):
        assert counted(living)
        deposit(client)


def test_a_scrape_tells_the_last_count_if_that_took_long(app: Mayfly, engine: Engine) -> None:
    stored = status_of(engine).stored
    with engine.connect() as connection:
        connection.execute(text("LOCK TABLE images"))
        release = threading.Timer(1, connection.commit)
        release.start()
        assert stored().living == 0
        release.join()
    deposit(app.test_client())
    assert stored().living == 0, "it took a second, so it is kept for fifty"


def test_the_bytes_are_those_that_the_quota_counts(make_app: MakeApp, engine: Engine) -> None:
    client = make_app(max_stored_bytes=2**30).test_client()
    deposit(client, description="of a flower")
    deposit(client)
    with engine.connect() as connection:
        counted = connection.execute(text("SELECT sum(bytes) FROM stored")).scalar_one()
    assert status_of(engine)()["home"].stored_bytes == counted


def test_a_dead_row_lags_until_it_is_purged(app: Mayfly, engine: Engine) -> None:
    deposit(app.test_client())
    with engine.begin() as connection:
        connection.execute(
            text("UPDATE images SET created_at = now() - interval '3h', expires_at = now() - interval '90s'")
        )
    told = status_of(engine)()["home"]
    assert told.living_images == 0
    assert 90 <= told.oldest_dead_row < 300
    app.purge()
    assert status_of(engine)()["home"].oldest_dead_row == 0


def moment(engine: Engine) -> int:
    with engine.connect() as connection:
        return int(connection.execute(text("SELECT extract(epoch FROM now())::float8")).scalar_one())


def fill(engine: Engine, slot: int) -> None:
    """Leave sealed bytes in a slot that have no row."""
    with engine.begin() as connection:
        connection.execute(text(f"INSERT INTO {ciphertexts(slot)} VALUES ('\\x00', 0, '\\x00')"))


@pytest.mark.parametrize("spans_ago", [1, 3, SLOTS - AHEAD - 3])
def test_a_dead_slot_lags_from_the_end_of_its_span(app: Mayfly, engine: Engine, spans_ago: int) -> None:
    at = moment(engine)
    fill(engine, slot_of(at - spans_ago * SPAN, LIFE))
    assert lag_of_slots(engine) == pytest.approx(at % SPAN + (spans_ago - 1) * SPAN, abs=20)


@pytest.mark.parametrize("spans_ahead", [0, 1, AHEAD])
def test_a_slot_of_the_present_or_of_what_comes_never_lags(
    app: Mayfly, engine: Engine, spans_ahead: int
) -> None:
    """An upload may be copying into it whose row nobody sees yet, or its only image was deleted a moment ago."""
    fill(engine, slot_of(moment(engine) + spans_ahead * SPAN, LIFE))
    assert lag_of_slots(engine) < SPAN, "not the hour since it came last"


def test_a_slot_that_can_t_be_emptied_is_told(app: Mayfly, engine: Engine) -> None:
    deposit(app.test_client(), lifetime=60)
    with engine.begin() as connection:
        at = connection.execute(text("SELECT extract(epoch FROM now())::float8")).scalar_one()
        dead, was = slot_of(int(at) - 3 * SPAN, LIFE), connection.execute(text("SELECT slot FROM images"))
        connection.execute(text(f"INSERT INTO {ciphertexts(dead)} TABLE {ciphertexts(was.scalar_one())}"))
    assert status_of(engine)()["home"].oldest_dead_slot >= 2 * SPAN
    with engine.connect() as reader:
        reader.execute(text(f"LOCK TABLE {ciphertexts(dead)} IN ACCESS SHARE MODE"))
        app.purge()
        assert status_of(engine)()["home"].oldest_dead_slot >= 2 * SPAN, "a reader holds it"
    app.purge()
    assert status_of(engine)()["home"].oldest_dead_slot == 0


def test_the_command_the_probe_and_the_metrics_tell_one_lag(app: Mayfly, engine: Engine) -> None:
    fill(engine, slot_of(moment(engine) - 4 * SPAN, LIFE))
    with engine.connect() as connection:
        lag = app.purge_clock(connection).slots  # what the metrics ask
    assert lag >= 3 * SPAN
    assert app.status()["home"].oldest_dead_slot == pytest.approx(lag, abs=20)
    found = re.search(r"(\d+) s behind", app.readiness()["purge"].message)
    assert found
    assert int(found[1]) == pytest.approx(lag, abs=20)
