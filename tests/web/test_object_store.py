"""Images whose sealed bytes are in an object store: every verb, its failures, and a change of the settings."""

from __future__ import annotations

import io
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4

import pytest
from flask.testing import FlaskClient
from sqlalchemy import Engine, text

from app import Mayfly
from models import SLOTS, ciphertexts
from storage import BucketSettings, ObjectStore, open_object_store
from tests.cast import FLOWER, PASSWORD, noise, register
from tests.conftest import MakeApp
from tests.flaky import Flaky, flaky
from tests.object_store import Service

LARGE = noise(400, 300)  # 360,000 bytes
AnyApp = Callable[..., Mayfly]


@pytest.fixture
def way(object_store: Service) -> Iterator[Flaky]:
    with flaky(urlsplit(object_store.endpoint).port or 0) as way:
        yield way


@pytest.fixture
def settings(way: Flaky, object_store: Service) -> dict[str, Any]:
    return {
        "ciphertext_store": "s3",
        "s3_bucket_name": f"web-{uuid4().hex[:12]}",
        "s3_endpoint_url": f"http://127.0.0.1:{way.port}",
        "aws_access_key_id": object_store.access_key,
        "aws_secret_access_key": object_store.secret_key,
    }


@pytest.fixture
def store(object_store: Service, settings: dict[str, Any]) -> ObjectStore:
    """The same bucket, looked at past the way that fails."""
    bucket: BucketSettings = object_store.settings(settings["s3_bucket_name"])
    return open_object_store(bucket, lambda *_: None)


def names(store: ObjectStore) -> list[str]:
    return store._bucket.keys("mayfly/", 1000)


@pytest.fixture
def client(make_app: MakeApp, settings: dict[str, Any]) -> FlaskClient:
    return make_app(**settings).test_client()


def upload(client: FlaskClient, *images: bytes, **options: Any) -> Any:
    files = [(io.BytesIO(image), "picture") for image in images or (LARGE,)]
    header = options.pop("header", None)
    given = {name: str(value) for name, value in options.items()}
    return client.post("/upload", data={"file": files, **given}, headers=header)


def stored(client: FlaskClient, *images: bytes, **options: Any) -> dict[str, Any]:
    answer = upload(client, *images, **options)
    assert answer.status_code == 201, answer.text
    return dict(answer.get_json())


def stores_of_rows(engine: Engine) -> list[str]:
    with engine.connect() as connection:
        return list(connection.scalars(text("SELECT store FROM images ORDER BY size")))


def bytes_in_slots(engine: Engine) -> int:
    every = " UNION ALL ".join(f"SELECT sealed FROM {ciphertexts(slot)}" for slot in range(SLOTS))
    with engine.connect() as connection:
        return int(
            connection.scalar(text(f"SELECT coalesce(sum(octet_length(sealed)), 0) FROM ({every}) AS s"))
        )


def test_large_images_go_to_the_store_and_small_ones_stay_rows(
    client: FlaskClient, engine: Engine, store: ObjectStore
) -> None:
    told = stored(client, FLOWER, LARGE)
    assert stores_of_rows(engine) == ["rows", "s3"]
    assert bytes_in_slots(engine) < len(LARGE)
    (name,) = names(store)
    links = [image["hash"] for image in told["images"]]
    assert [client.get(f"/image/{link}").data for link in links] == [FLOWER, LARGE]
    sealed = store._bucket.get(name, 57 + 16 * (len(LARGE) // 16 + 1))
    assert LARGE[100:200] not in sealed
    with engine.connect() as connection:
        row_key = connection.scalar(text("SELECT row_key FROM images WHERE store = 's3'"))
    assert bytes(row_key).hex() not in name
    assert not any(link in name for link in links)


def test_views_are_claimed_at_most_once_and_the_last_takes_the_object(
    client: FlaskClient, store: ObjectStore
) -> None:
    told = stored(client, views=2)
    assert client.get(f"/image/{told['hash']}").status_code == 405
    for left in (1, 0):
        assert len(names(store)) == 1
        answer = client.post(f"/image/{told['hash']}")
        assert (answer.data, answer.headers["Views-Left"]) == (LARGE, str(left))
    assert names(store) == []
    assert client.post(f"/image/{told['hash']}").status_code == 404
    assert client.get(f"/images/{told['image_key']}").get_json()["views_left"] == 0


def test_a_password_a_conversion_and_a_download(client: FlaskClient) -> None:
    locked = stored(client, password=PASSWORD)
    assert client.post(f"/image/{locked['hash']}", data={"password": "wrong"}).status_code == 403
    assert client.post(f"/image/{locked['hash']}", data={"password": PASSWORD}).data == LARGE
    plain = stored(client)
    assert client.get(f"/image/{plain['hash']}.jpg").content_type == "image/jpeg"
    assert client.get(f"/images/{plain['image_key']}?mode=download").data == LARGE


def test_what_ends_before_its_time_takes_its_object_along(
    make_app: MakeApp, settings: dict[str, Any], store: ObjectStore
) -> None:
    app = make_app(**settings)
    client = app.test_client()
    assert client.delete(f"/images/{stored(client)['image_key']}").status_code == 200
    assert names(store) == []
    with app.app_context():
        assert app.operator.take_down(stored(client)["hash"], and_block=False).removed
    assert names(store) == []
    alice = register(client)
    for lifetime in (100, 200, 200):
        stored(client, header=alice, lifetime=lifetime)
    assert len(names(store)) == 3
    assert client.delete("/api/me", headers=alice).status_code == 200
    assert names(store) == []


def test_an_upload_that_is_refused_at_the_last_moment_leaves_no_object(
    make_app: MakeApp, settings: dict[str, Any], store: ObjectStore
) -> None:
    client = make_app(**settings, max_images_per_client=1).test_client()
    stored(client)
    assert upload(client).get_json()["error"] == "client_quota"
    assert len(names(store)) == 1


def test_while_the_store_is_away_rows_are_served_and_no_view_is_used_up(
    client: FlaskClient, way: Flaky, store: ObjectStore
) -> None:
    small, large, limited = stored(client, FLOWER), stored(client), stored(client, views=1)
    way.fail("refuse")
    for answer in (
        upload(client),
        client.get(f"/image/{large['hash']}"),
        client.post(f"/image/{limited['hash']}"),
    ):
        assert (answer.status_code, answer.get_json()["error"]) == (503, "store_away")
        assert answer.headers["Retry-After"] == "5"
    assert client.get(f"/image/{small['hash']}").data == FLOWER
    assert stored(client, FLOWER)
    ready = client.get("/readyz")
    assert (ready.status_code, ready.get_json()["parts"]["store"]["ok"]) == (200, False)
    assert client.delete(f"/images/{large['image_key']}").status_code == 200
    assert client.get(f"/image/{large['hash']}").status_code == 404
    assert len(names(store)) == 2, "what could not be deleted waits for the end of its time"
    way.way = "through"
    app: Any = client.application
    app.readiness.fresh = 0.0
    _mended(app)
    assert client.post(f"/image/{limited['hash']}").data == LARGE
    assert client.get("/readyz").get_json()["parts"]["store"]["ok"]


def test_an_image_that_ends_while_its_object_is_fetched_is_not_given_out(
    client: FlaskClient, way: Flaky, store: ObjectStore
) -> None:
    told = stored(client, lifetime=2)
    way.fail("late")
    assert client.get(f"/image/{told['hash']}").status_code == 404
    assert len(names(store)) == 1, "its object is still there"


@contextmanager
def lost_at_commit(engine: Engine) -> Iterator[None]:
    """End every transaction that adds or deletes an image at its COMMIT, as a server does that is shut down."""
    statements = (
        "CREATE FUNCTION lost() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RAISE SQLSTATE ''57P01''; END'",
        "CREATE CONSTRAINT TRIGGER lost AFTER INSERT OR DELETE ON images DEFERRABLE INITIALLY DEFERRED"
        " FOR EACH ROW EXECUTE FUNCTION lost()",
    )
    with engine.begin() as connection:
        for statement in statements:
            connection.execute(text(statement))
    try:
        yield
    finally:
        with engine.begin() as connection:
            connection.execute(text("DROP FUNCTION lost CASCADE"))


def test_an_object_stays_where_nobody_knows_whether_its_row_was_committed(
    client: FlaskClient, engine: Engine, store: ObjectStore
) -> None:
    with lost_at_commit(engine):
        assert upload(client).status_code == 503
    assert len(names(store)) == 1


def test_an_object_goes_only_after_its_row_is_gone(
    client: FlaskClient, engine: Engine, store: ObjectStore
) -> None:
    told = stored(client)
    with lost_at_commit(engine):
        assert client.delete(f"/images/{told['image_key']}").status_code == 503
    assert client.get(f"/image/{told['hash']}").data == LARGE
    assert client.delete(f"/images/{told['image_key']}").status_code == 200
    assert names(store) == []


def _mended(app: Any) -> None:
    """End the breaker's pause."""
    app.sweep._store._bucket._breaker._closed_until = 0


def test_objects_go_when_they_are_over_with_a_row_or_without(client: FlaskClient, store: ObjectStore) -> None:
    """Of one the row is still there when its bytes go; another one never had a row."""
    stored(client, lifetime=1)
    living = stored(client, lifetime=600)
    store.put(int(time.time()) // 10 * 10, b"o" * 32, [b"orphan"], 6, 60)
    assert len(names(store)) == 3
    end = time.monotonic() + 30
    while len(names(store)) > 1 and time.monotonic() < end:
        client.get("/cleanup")
        time.sleep(0.5)
    assert len(names(store)) == 1
    assert client.get(f"/image/{living['hash']}").data == LARGE


def test_the_command_sweeps_all_that_is_over(
    make_app: MakeApp, settings: dict[str, Any], store: ObjectStore
) -> None:
    app = make_app(**settings)
    stored(app.test_client())
    for slot in (10, 20, 20):
        store.put(slot, uuid4().bytes * 2, [b"orphan"], 6, 60)
    swept = app.test_cli_runner().invoke(args=["sweep"])
    assert (swept.output, swept.exit_code) == ("removed 3\n", 0)
    assert len(names(store)) == 1
    without = make_app().test_cli_runner().invoke(args=["sweep"])
    assert "S3_BUCKET_NAME" in without.output


def test_a_change_of_the_store_strands_nothing(
    make_app: MakeApp, settings: dict[str, Any], engine: Engine, store: ObjectStore
) -> None:
    first = make_app(**settings).test_client()
    opened, deleted, forgotten = stored(first), stored(first), stored(first)
    back = make_app(**settings | {"ciphertext_store": "rows"}).test_client()
    stored(back)
    assert stores_of_rows(engine).count("rows") == 1
    assert back.get(f"/image/{opened['hash']}").data == LARGE
    assert back.delete(f"/images/{deleted['image_key']}").status_code == 200
    assert len(names(store)) == 2
    without = make_app().test_client()
    answer = without.get(f"/image/{opened['hash']}")
    assert (answer.status_code, answer.get_json()["error"]) == (503, "store_away")
    assert without.delete(f"/images/{forgotten['image_key']}").status_code == 200


def test_without_a_bucket_nothing_is_loaded_for_it() -> None:
    import subprocess
    import sys

    code = "import sys, app; sys.exit('urllib3' in sys.modules or 'storage.bucket' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)
