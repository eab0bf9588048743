"""What an uploader is told of an image with limited views: when it was opened, until its expiry, and nothing else."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import Engine, text

from app import Mayfly
from crypto import Link
from models import ciphertexts
from tests.cast import PASSWORD, deposit, register, told
from tests.conftest import MakeApp
from tests.services.test_life import change, row_of
from tests.services.test_purge import kill

Told = dict[str, Any]


def receipt(client: FlaskClient, image: Told) -> Told:
    answer = client.get(f"/images/{image['image_key']}")
    assert answer.status_code == 200, answer.text
    return dict(answer.get_json())


def standings(client: FlaskClient, *images: Told) -> list[Told | None]:
    keys = ".".join(image["image_key"] for image in images)
    answer = client.post("/s/receipts", data={"image_keys": keys})
    assert answer.status_code == 200, answer.text
    assert answer.headers["Cache-Control"] == "no-store"
    return list(answer.get_json()["images"])


def open_it(client: FlaskClient, image: Told) -> None:
    assert client.post(f"/image/{image['hash']}").status_code == 200


def test_it_tells_each_opening_until_the_expiry(client: FlaskClient, engine: Engine) -> None:
    image = told(client, views=2, lifetime=5)
    assert (receipt(client, image)["views_left"], receipt(client, image)["opened_at"]) == (2, [])
    began = int(time.time())
    open_it(client, image)
    first = receipt(client, image)
    assert (first["views_left"], first["size"]) == (1, image["size"])
    (moment,) = first["opened_at"]
    assert moment.endswith("+00:00")
    assert began <= datetime.fromisoformat(moment).timestamp() <= time.time()
    open_it(client, image)

    last = receipt(client, image)
    assert last["opened_at"][0] == moment
    assert set(last) == {
        "status", "image_id", "image_key", "created_at", "expires_at", "views_left", "opened_at"
    }  # fmt: skip
    assert (last["views_left"], len(last["opened_at"])) == (0, 2)
    (standing,) = standings(client, image)
    assert standing
    assert (standing["views_left"], standing["opened_at"]) == (0, last["opened_at"])
    assert 0 < standing["expires_in"] <= 5
    for path in (f"/images/{image['image_key']}?mode=download", f"/images/{image['hash']}"):
        assert client.get(path).status_code == 404
    assert client.post("/s", data={"link": image["hash"]}).status_code == 404

    time.sleep(max(0.0, datetime.fromisoformat(image["expires_at"]).timestamp() - time.time()) + 0.05)
    assert client.get(f"/images/{image['image_key']}").status_code == 404
    assert standings(client, image) == [None]
    assert row_of(engine, image["hash"]), "nothing was purged: the question itself found nothing"


def test_without_a_limit_of_views_nothing_is_kept(client: FlaskClient, engine: Engine) -> None:
    image = told(client)
    for method in (client.get, client.post):
        assert method(f"/image/{image['hash']}").status_code == 200
    assert receipt(client, image)["opened_at"] is None
    assert bytes(row_of(engine, image["hash"]).opened) == b""


def test_only_an_opening_is_one(client: FlaskClient) -> None:
    """Neither a look nor a download by the image key, nor a wrong password."""
    image = told(client, views=1, password=PASSWORD)
    client.get(f"/image/{image['hash']}")
    client.post("/s", data={"link": image["hash"]})
    client.get(f"/images/{image['image_key']}?mode=download")
    assert client.post(f"/image/{image['hash']}", data={"password": "wrong"}).status_code == 403
    assert receipt(client, image)["opened_at"] == []
    assert client.post(f"/image/{image['hash']}", data={"password": PASSWORD}).status_code == 200
    assert len(receipt(client, image)["opened_at"]) == 1
    assert "password" not in receipt(client, image)


def test_the_database_tells_neither_when_nor_who(make_app: MakeApp, engine: Engine) -> None:
    app = make_app(max_images_per_client=10)
    client = app.test_client()
    image = told(client, register(client), views=2, description="grandmother", model_id="chair")
    slot = row_of(engine, image["hash"]).slot
    for _ in range(2):
        open_it(client, image)
    moments = [int(datetime.fromisoformat(at).timestamp()) for at in receipt(client, image)["opened_at"]]
    row = row_of(engine, image["hash"])
    assert (row.views_left, row.size, bytes(row.details)) == (0, 0, b"")
    assert (row.client_tag, row.owner_key, row.model_tag) == (None, None, None)
    with engine.connect() as connection:
        assert connection.scalar(text(f"SELECT count(*) FROM {ciphertexts(slot)}")) == 0
    sealed = bytes(row.opened)
    for moment in moments:
        assert moment.to_bytes(8, "big") not in sealed
        assert str(moment).encode() not in sealed
    assert sealed[1:9] == bytes(8)


def test_what_was_moved_or_altered_tells_nothing(client: FlaskClient, engine: Engine) -> None:
    used, other, moved, altered = (told(client, views=1) for _ in range(4))
    for image in (used, other, moved, altered):
        open_it(client, image)
    another = {"opened": bytes(row_of(engine, other["hash"]).opened)}
    change(engine, "UPDATE images SET opened = :opened WHERE row_key = :key", used["hash"], **another)
    for end in ("expires_at + interval '1 hour'", "expires_at + interval '1 microsecond'", "'infinity'"):
        change(engine, f"UPDATE images SET expires_at = {end} WHERE row_key = :key", moved["hash"])
        assert client.get(f"/images/{moved['image_key']}").status_code == 404
    change(engine, "UPDATE images SET opened = substr(opened, 2) WHERE row_key = :key", altered["hash"])
    assert standings(client, used, other, moved, altered)[:1] == [None]
    assert [bool(one) for one in standings(client, used, other, moved, altered)] == [
        False,
        True,
        False,
        False,
    ]


def test_an_older_server_key_still_tells_and_a_removed_one_no_more(make_app: MakeApp) -> None:
    old, new = ("A" * 43 + "=", "B" * 42 + "A=")
    before = make_app(secret_keys=(old,)).test_client()
    image = told(before, views=2)
    open_it(before, image)
    both = make_app(secret_keys=(new, old)).test_client()
    open_it(both, image)
    assert len(receipt(both, image)["opened_at"]) == 2
    newest = make_app(secret_keys=(new,)).test_client()
    assert newest.get(f"/images/{image['image_key']}").status_code == 404


def test_its_uploader_ends_it(client: FlaskClient, engine: Engine) -> None:
    account = register(client)
    deleted, owned, taken, used = (
        told(client, header, views=views)
        for header, views in ((None, 1), (account, 1), (None, 2), (account, 1))
    )
    for image in (deleted, owned, taken, used):
        open_it(client, image)
    listed = client.get("/images", headers=account).get_json()["data"]
    assert listed == [], "a list has what lives"
    assert client.delete(f"/images/{deleted['image_key']}").status_code == 200
    assert client.application.operator.take_down(taken["hash"], and_block=False).removed  # type: ignore[attr-defined]
    assert standings(client, deleted, taken) == [None, None]
    assert client.delete(f"/images/{deleted['image_key']}").status_code == 404
    assert len(receipt(client, owned)["opened_at"]) == 1
    assert client.delete("/api/me", headers=account).status_code == 200
    assert standings(client, owned, used) == [None, None]
    with engine.connect() as connection:
        assert connection.scalar(text("SELECT count(*) FROM images")) == 0


def test_it_takes_no_place_of_a_quota(make_app: MakeApp) -> None:
    client = make_app(max_images_per_client=1).test_client()
    for _ in range(3):
        open_it(client, told(client, views=1))


@pytest.mark.parametrize("views", [1, 5])
def test_as_many_openings_as_views_whoever_races(make_app: MakeApp, views: int) -> None:
    app = make_app(threads=8)
    image = told(app.test_client(), views=views)
    start = threading.Barrier(8)

    def race(_: int) -> None:
        start.wait()
        app.test_client().post(f"/image/{image['hash']}")

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(race, range(8)))
    last = receipt(app.test_client(), image)
    assert (last["views_left"], len(last["opened_at"])) == (0, views)


def test_many_are_asked_for_at_once_in_their_order(client: FlaskClient) -> None:
    one, two = told(client, views=3), told(client)
    open_it(client, one)
    nobodys, link = {"image_key": "x" * 32}, {"image_key": two["hash"]}
    found = standings(client, two, nobodys, one, link, one)
    assert [image and image["views_left"] for image in found] == [None, None, 2, None, 2]
    assert [bool(image) for image in found] == [True, False, True, False, True]
    assert found[0]
    assert found[0]["opened_at"] is None


@pytest.mark.parametrize(
    "keys", ["", "x", "x" * 33, ".".join(["x" * 32] * 101), "x" * 32 + ".", "x" * 32 + "\n"]
)
def test_what_is_no_list_of_image_keys(client: FlaskClient, keys: str) -> None:
    answer = client.post("/s/receipts", data={"image_keys": keys})
    assert (answer.status_code, answer.get_json()["error"]) == (400, "bad_image_keys")


def test_an_older_program_s_openings_are_not_told_and_harm_nothing(
    client: FlaskClient, engine: Engine
) -> None:
    image = told(client, views=3)
    change(engine, "UPDATE images SET views_left = views_left - 1 WHERE row_key = :key", image["hash"])
    open_it(client, image)
    seen = receipt(client, image)
    assert (seen["views_left"], len(seen["opened_at"])) == (1, 1)


def test_a_purge_takes_it_with_the_rest(app: Mayfly, client: FlaskClient, engine: Engine) -> None:
    image = told(client, views=1)
    open_it(client, image)
    assert app.purge() == 0
    kill(engine, image["hash"])
    assert app.purge() == 1
    with engine.connect() as connection:
        key = {"key": Link.parse(image["hash"]).row_key}
        assert not connection.scalar(text("SELECT count(*) FROM images WHERE row_key = :key"), key)
    assert deposit(client)
