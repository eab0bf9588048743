"""/readyz: each part red when it should be, and green again by itself."""

from __future__ import annotations

import time
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import Engine, text

from app import create_app
from config import Config
from crypto import ServerKeys
from models import ciphertexts, slot_of
from services import Needs, Orders, PurgeClock, Readiness, Shards
from storage import RowStore
from tests.cast import FLOWER, SERVER_KEY
from tests.conftest import MakeApp

PARTS = {"database", "migrations", "purge", "disk", "sandbox", "uploads"}


def parts(client: FlaskClient) -> dict[str, Any]:
    answer = client.get("/readyz")
    told: dict[str, Any] = answer.get_json()["parts"]
    assert answer.status_code == (200 if all(part["ok"] for part in told.values()) else 503)
    return told


def red(client: FlaskClient) -> set[str]:
    return {name for name, part in parts(client).items() if not part["ok"]}


@pytest.fixture
def watched(make_app: MakeApp) -> FlaskClient:
    """A client of an application that asks anew each time, and whose purge runs only when it is told to."""
    app = make_app()
    app.readiness.fresh = 0.0
    return app.test_client()


def test_it_tells_of_every_part(client: FlaskClient) -> None:
    answer = client.get("/readyz")
    assert answer.status_code == 200
    told = answer.get_json()
    assert told["status"] == "ready"
    assert set(told["parts"]) == PARTS
    assert all(part["ok"] and part["message"] for part in told["parts"].values())
    assert answer.headers["Cache-Control"] == "no-store"


def test_without_a_database_whatever_asks_it_is_red() -> None:
    nowhere = Config(database_url="postgresql+psycopg2://me:hunter2@127.0.0.1:1/x", secret_keys=(SERVER_KEY,))
    client = create_app(nowhere).test_client()
    answer = client.get("/readyz")
    assert answer.status_code == 503
    assert answer.get_json()["status"] == "unready"
    assert red(client) == {"database", "migrations", "purge"}
    assert "hunter2" not in answer.text
    assert client.get("/healthz").status_code == 200


@pytest.mark.parametrize(("dead_for", "late"), [(55, set()), (70, {"purge"})])
def test_a_row_that_is_dead_for_over_a_minute_makes_it_red_until_it_is_purged(
    watched: FlaskClient, engine: Engine, dead_for: int, late: set[str]
) -> None:
    assert watched.post("/upload", data=FLOWER).status_code == 201
    assert red(watched) == set()
    with engine.begin() as connection:
        connection.execute(
            text(
                "UPDATE images SET created_at = now() - interval '1h', expires_at = now() - make_interval(secs => :s)"
            ),
            {"s": dead_for},
        )
    assert red(watched) == late
    assert watched.get("/cleanup").get_json()["deleted"] == 1
    assert red(watched) == set()


def fill(engine: Engine, slot: int) -> None:
    with engine.begin() as connection:
        connection.execute(text(f"INSERT INTO {ciphertexts(slot)} VALUES ('\\x00', 0, '\\x00')"))


@pytest.mark.parametrize(
    ("ends_in", "late"),
    [(-150, {"purge"}), (-30, set()), (60, set())],
    ids=["dead for long", "dead for a moment", "its time is to come"],
)
def test_a_slot_without_a_living_image_is_late_once_its_time_is_over(
    watched: FlaskClient, engine: Engine, ends_in: int, late: set[str]
) -> None:
    fill(engine, slot_of(int(time.time()) + ends_in, 3600))
    assert red(watched) == late
    watched.get("/cleanup")
    assert red(watched) == set()


def test_a_slot_that_was_seen_late_stays_late_when_its_next_turn_has_begun(
    watched: FlaskClient, engine: Engine
) -> None:
    clock = PurgeClock((RowStore(),), max_lifetime=3600)
    fill(engine, slot_of(int(time.time()) - 150, 3600))
    with engine.connect() as connection:
        before = clock(connection).slots
        assert before > 60
        clock._max_lifetime += 100  # as if the time had moved on by so many seconds: the ring has turned
        assert PurgeClock((RowStore(),), clock._max_lifetime)(connection).slots == 0
        assert clock(connection).slots >= before
    watched.get("/cleanup")
    with engine.connect() as connection:
        assert clock(connection) == (0.0, 0.0)


def test_what_the_schedule_allows_is_not_late(make_app: MakeApp, engine: Engine) -> None:
    fill(engine, slot_of(int(time.time()) - 150, 3600))
    app = make_app(purge_interval=600)
    assert red(app.test_client()) == set()


@pytest.mark.parametrize(("schema", "old"), [("0005", {"migrations"}), ("9999", set())])
def test_an_older_schema_is_red_and_a_newer_one_is_not(
    watched: FlaskClient, engine: Engine, schema: str, old: set[str]
) -> None:
    with engine.begin() as connection:
        was = connection.execute(text("SELECT version_num FROM alembic_version")).scalar_one()
    change = text("UPDATE alembic_version SET version_num = :version")
    try:
        with engine.begin() as connection:
            connection.execute(change, {"version": schema})
        assert red(watched) == old
    finally:
        with engine.begin() as connection:
            connection.execute(change, {"version": was})
    assert red(watched) == set()


def test_a_database_without_our_schema_is_told_so(watched: FlaskClient, engine: Engine) -> None:
    rename = "ALTER TABLE {} RENAME TO {}"
    for table, told in (
        ("alembic_version", {"migrations", "purge"}),
        ("images", {"database", "migrations", "purge"}),
    ):
        try:
            with engine.begin() as connection:
                connection.execute(text(rename.format(table, f"away_{table}")))
            assert red(watched) == told
        finally:
            with engine.begin() as connection:
                connection.execute(text(rename.format(f"away_{table}", table)))
        assert red(watched) == set()


def test_a_disk_without_room_is_red_and_green_once_it_has_some(engine: Engine) -> None:
    room = [False]
    needs = Needs("0001", 10, accept_no_jail=False, disk_has_room=lambda: room[0])
    shards = Shards.one(engine)
    orders = Orders(shards, ServerKeys.parse([SERVER_KEY]))
    ready = Readiness(shards, PurgeClock((RowStore(),), 3600), orders, needs)
    assert not ready()["disk"].ok
    room[0] = True
    assert ready()["disk"].ok


def test_the_database_is_asked_once_a_second_whoever_asks(watched: FlaskClient, make_app: MakeApp) -> None:
    app = make_app()
    client = app.test_client()
    told = [app.readiness()["purge"] for _ in range(3)]
    assert told[0] is told[1] is told[2]
    app.readiness.fresh = 0.0
    assert parts(client).keys() == PARTS
    assert app.readiness()["purge"] is not told[0]
