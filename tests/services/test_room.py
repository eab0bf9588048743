"""The storage limit: counted without scanning, exact within one image, and nothing but uploads feels it."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest
from flask.testing import FlaskClient
from sqlalchemy import Engine, text

from app import Mayfly
from models import db
from tests.conftest import MakeApp
from tests.services.test_purge import kill


def engine_of(app: Mayfly) -> Engine:
    with app.app_context():
        return db.engine.execution_options(isolation_level="READ COMMITTED")


def counted(app: Mayfly) -> int:
    with engine_of(app).connect() as connection:
        return int(connection.execute(text("SELECT sum(bytes) FROM stored")).scalar_one())


def upload(client: FlaskClient, flower: bytes, **query: str) -> tuple[int, dict[str, str]]:
    answer = client.post("/upload", data=flower, query_string=query)
    return answer.status_code, answer.get_json()


@pytest.fixture
def limited(make_app: MakeApp, flower: bytes) -> Mayfly:
    app = make_app(max_stored_bytes=2 * len(flower), threads=8)
    app.room.count()
    return app


def test_over_the_limit_uploads_are_refused_and_everything_else_goes_on(
    limited: Mayfly, flower: bytes
) -> None:
    client = limited.test_client()
    kept = [upload(client, flower)[1] for _ in range(2)]
    answer = client.post("/upload", data=flower)
    assert (answer.status_code, answer.get_json()["error"]) == (507, "storage_full")
    assert int(answer.headers["Retry-After"]) > 0
    assert client.get(f"/image/{kept[0]['hash']}").status_code == 200
    assert client.get("/cleanup").status_code == 200
    assert client.delete(f"/images/{kept[0]['image_key']}").status_code == 200
    assert upload(client, flower)[0] == 201
    assert counted(limited) == 2 * len(flower)


def test_a_last_view_gives_its_room_back(limited: Mayfly, flower: bytes) -> None:
    client = limited.test_client()
    _, told = upload(client, flower, views="1")
    client.post(f"/image/{told['hash']}")
    assert counted(limited) == 0


def test_a_purge_gives_room_back(limited: Mayfly, flower: bytes) -> None:
    client = limited.test_client()
    links = [upload(client, flower)[1]["hash"] for _ in range(2)]
    kill(engine_of(limited), *links)
    with engine_of(limited).begin() as connection:
        connection.execute(text("UPDATE stored SET until = now() WHERE bytes > 0"))
    assert limited.purge() == 2
    assert counted(limited) == 0
    assert upload(client, flower)[0] == 201


def test_what_failed_leaves_no_room_taken(limited: Mayfly, flower: bytes, engine: Engine) -> None:
    client = limited.test_client()
    with engine.begin() as connection:
        connection.execute(text("ALTER TABLE images ADD CONSTRAINT never CHECK (size < 0) NOT VALID"))
    try:
        assert client.post("/upload", data=flower).status_code == 500
    finally:
        with engine.begin() as connection:
            connection.execute(text("ALTER TABLE images DROP CONSTRAINT never"))
    assert counted(limited) == 0


def test_what_a_crash_left_reserved_is_forgotten_when_its_time_is_over(limited: Mayfly) -> None:
    with engine_of(limited).begin() as connection:
        connection.execute(text("UPDATE stored SET bytes = 99, until = now() WHERE slot = 5"))
        connection.execute(
            text("UPDATE stored SET bytes = 7, until = now() + interval '1 minute' WHERE slot = 6")
        )
    limited.purge()
    assert counted(limited) == 7


def test_many_at_once_never_pass_the_limit_by_a_byte(make_app: MakeApp, flower: bytes) -> None:
    app = make_app(max_stored_bytes=5 * len(flower) + 1, threads=16)
    app.room.count()

    def one(_: int) -> int:
        return upload(app.test_client(), flower)[0]

    with ThreadPoolExecutor(16) as pool:
        statuses = list(pool.map(one, range(48)))
    assert statuses.count(201) == 5
    assert statuses.count(507) == 43
    assert counted(app) == 5 * len(flower)


def test_a_start_counts_what_is_there(make_app: MakeApp, flower: bytes) -> None:
    upload(make_app().test_client(), flower)
    app = make_app(max_stored_bytes=len(flower))
    app.room.count()
    assert counted(app) == len(flower)
    assert upload(app.test_client(), flower)[0] == 507


def test_without_a_limit_nothing_is_counted(app: Mayfly, client: FlaskClient, flower: bytes) -> None:
    upload(client, flower)
    assert counted(app) == 0
