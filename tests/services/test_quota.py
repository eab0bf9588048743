"""The storage limit: counted without scanning, exact to one image, and only uploads are refused by it."""

from __future__ import annotations

import base64
import io
import json
import os
from concurrent.futures import ThreadPoolExecutor

import pytest
from flask.testing import FlaskClient
from sqlalchemy import Engine, text

from app import Mayfly
from models.image import VIEW_BYTES
from tests.cast import register
from tests.conftest import MakeApp
from tests.services.test_purge import kill

RECEIPT_BYTES = 1024 + VIEW_BYTES
"""What is counted for an image that had one view, once it is used up: its row, and when it was opened."""


def engine_of(app: Mayfly) -> Engine:
    return app.shards.home.engine.execution_options(isolation_level="READ COMMITTED")


def counted(app: Mayfly) -> int:
    with engine_of(app).connect() as connection:
        return int(connection.execute(text("SELECT sum(bytes) FROM stored")).scalar_one())


def upload(client: FlaskClient, flower: bytes, **query: str) -> tuple[int, dict[str, str]]:
    answer = client.post("/upload", data=flower, query_string=query)
    return answer.status_code, answer.get_json()


@pytest.fixture
def one(make_app: MakeApp, flower: bytes) -> int:
    """What the flower takes: its bytes and its sealed details, a sixteenth more, and 1 KiB for its row and indexes."""
    app = make_app()
    image_key = upload(app.test_client(), flower)[1]["image_key"]
    with engine_of(app).connect() as connection:
        details = connection.execute(text("SELECT octet_length(details) FROM images")).scalar_one()
    app.test_client().delete(f"/images/{image_key}")
    return (len(flower) + int(details)) * 17 // 16 + 1024


@pytest.fixture
def limited(make_app: MakeApp, one: int) -> Mayfly:
    app = make_app(max_stored_bytes=2 * one, threads=8)
    app.quota.count()
    return app


def test_over_the_limit_uploads_are_refused_and_everything_else_goes_on(
    limited: Mayfly, flower: bytes, one: int
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
    assert counted(limited) == 2 * one


def test_a_last_view_gives_its_room_back(limited: Mayfly, flower: bytes) -> None:
    client = limited.test_client()
    _, told = upload(client, flower, views="1")
    client.post(f"/image/{told['hash']}")
    assert counted(limited) == RECEIPT_BYTES


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


def test_many_at_once_never_pass_the_limit_by_a_byte(make_app: MakeApp, flower: bytes, one: int) -> None:
    app = make_app(max_stored_bytes=6 * one - 1, threads=16)
    app.quota.count()

    def send(_: int) -> int:
        return upload(app.test_client(), flower)[0]

    with ThreadPoolExecutor(16) as pool:
        statuses = list(pool.map(send, range(48)))
    assert statuses.count(201) == 5
    assert statuses.count(507) == 43
    assert counted(app) == 5 * one


def test_a_start_counts_what_is_there(make_app: MakeApp, flower: bytes, one: int) -> None:
    upload(make_app().test_client(), flower)
    app = make_app(max_stored_bytes=2 * one - 1)
    app.quota.count()
    assert counted(app) == one
    assert upload(app.test_client(), flower)[0] == 507


def test_what_was_counted_by_less_is_given_back_to_nothing_and_no_further(
    limited: Mayfly, flower: bytes
) -> None:
    """A process of an earlier version counted the image's bytes alone."""
    client = limited.test_client()
    image_key = upload(client, flower)[1]["image_key"]
    with engine_of(limited).begin() as connection:
        connection.execute(text("UPDATE stored SET bytes = :size WHERE bytes > 0"), {"size": len(flower)})
    assert client.delete(f"/images/{image_key}").status_code == 200
    with engine_of(limited).connect() as connection:
        assert connection.execute(text("SELECT min(bytes) FROM stored")).scalar_one() == 0
    assert counted(limited) == 0


@pytest.mark.parametrize("end", ["last view", "image key", "account"])
def test_the_end_of_an_image_gives_back_all_that_it_took(make_app: MakeApp, flower: bytes, end: str) -> None:
    app = make_app(max_stored_bytes=10 * len(flower))
    client = app.test_client()
    account = register(client)
    stays = {"file": (io.BytesIO(flower), "a.jpg"), "description": "stays" * 100}
    client.post("/upload", data=stays)
    before = counted(app)
    goes = {"file": (io.BytesIO(flower), "a.jpg"), "description": "goes" * 900, "model_id": "m", "views": "2"}
    told = client.post("/upload", data=goes, headers=account).get_json()
    assert counted(app) > before + len(flower) + 3600
    if end == "last view":
        assert [client.post(f"/image/{told['hash']}").status_code for _ in range(2)] == [200, 200]
    elif end == "image key":
        client.delete(f"/images/{told['image_key']}")
    else:
        client.delete("/api/me", headers=account)
    assert counted(app) == before + (RECEIPT_BYTES + VIEW_BYTES if end == "last view" else 0)


PIXEL = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAQAAAC1HAwCAAAAC0lEQVR42mNk+A8AAQUBAScY42YAAAAASUVORK5CYII="
)


@pytest.mark.parametrize(
    ("options", "owned"),
    [({}, False), ({"model_id": "m"}, True), ({"description": "\U0001f98b" * 4000, "password": "x"}, True)],
    ids=["bare", "owned", "with many words"],
)
def test_what_is_counted_is_what_the_database_takes(
    make_app: MakeApp, options: dict[str, str], owned: bool
) -> None:
    """An image of 68 bytes is nearly all details, row and indexes; their pages are not always full."""
    app = make_app(max_stored_bytes=10**7)
    client = app.test_client()
    header = register(client) if owned else None
    if "password" in options:
        options = {
            **options,
            "metadata": json.dumps({"noise": base64.b64encode(os.urandom(12_000)).decode()}),
        }
    number = 12 if "password" in options else 150
    before = database_size(app)
    for _ in range(number):
        sent = {"file": (io.BytesIO(PIXEL), "a.png"), **options}
        assert client.post("/upload", data=sent, headers=header).status_code == 201
    grown = database_size(app) - before
    assert grown <= counted(app) + FIRST_PAGES


FIRST_PAGES = 12 * 8192
"""Each table and index that is used at all has a page begun, and the owner's row and its indexes are no image's."""


def database_size(app: Mayfly) -> int:
    with engine_of(app).connect() as connection:
        found = connection.execute(
            text(
                "SELECT sum(pg_total_relation_size(oid)) FROM pg_class"
                " WHERE relkind = 'r' AND (relname = 'images' OR relname LIKE 'ciphertexts%')"
            )
        )
        return int(found.scalar_one())


def test_without_a_limit_nothing_is_counted(app: Mayfly, client: FlaskClient, flower: bytes) -> None:
    upload(client, flower)
    assert counted(app) == 0
