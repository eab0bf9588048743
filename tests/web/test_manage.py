"""The image key describes, downloads and deletes; a link can do none of it."""

from __future__ import annotations

import io
import json

import pytest
from flask.testing import FlaskClient
from sqlalchemy import Engine, text

from crypto import Link
from models import SLOTS, ciphertexts
from tests.conftest import MakeApp


def upload(client: FlaskClient, flower: bytes, **options: str) -> tuple[str, str]:
    answer = client.post("/upload", data={"file": (io.BytesIO(flower), "flower.jpg"), **options}).get_json()
    return answer["image_key"], answer["hash"]


def test_it_describes(client: FlaskClient, flower: bytes) -> None:
    metadata = {"album": ["spring"]}
    key, _ = upload(client, flower, description="A flower", metadata=json.dumps(metadata), views="2")
    for path in (f"/images/{key}", f"/images/{key}?mode=view"):
        told = client.get(path).get_json()
        assert (told["filename"], told["content_type"], told["size"]) == (
            "flower.jpg",
            "image/jpeg",
            len(flower),
        )
        assert (told["width"], told["height"], told["views_left"]) == (480, 360, 2)
        assert (told["description"], told["metadata"]) == ("A flower", metadata)
        assert told["image_key"] == key


def test_it_downloads_without_counting_a_view(client: FlaskClient, flower: bytes) -> None:
    key, link = upload(client, flower, views="1")
    for _ in range(2):
        answer = client.get(f"/images/{key}?mode=download")
        assert answer.data == flower
        assert answer.headers["Content-Disposition"] == 'attachment; filename="flower.jpg"'
        assert answer.headers["Cache-Control"] == "no-store"
    assert client.post(f"/image/{link}").status_code == 200
    assert client.get(f"/images/{key}?mode=download").status_code == 404


def test_it_deletes_row_and_bytes_at_once(client: FlaskClient, engine: Engine, flower: bytes) -> None:
    key, link = upload(client, flower)
    answer = client.delete(f"/images/{key}")
    assert (answer.status_code, answer.get_json()) == (200, {"status": "success"})
    assert client.get(f"/image/{link}").status_code == 404
    with engine.connect() as connection:
        tables = ["images", *(ciphertexts(slot) for slot in range(SLOTS))]
        assert all(connection.scalar(text(f"SELECT count(*) FROM {table}")) == 0 for table in tables)
    assert client.delete(f"/images/{key}").status_code == 404


def test_a_link_can_do_none_of_it(client: FlaskClient, flower: bytes) -> None:
    _, link = upload(client, flower)
    nothing = client.get("/images/" + "x" * 32)
    for answer in (client.get(f"/images/{link}"), client.get(f"/images/{link}?mode=download")):
        assert (answer.status_code, answer.data) == (404, nothing.data)
    assert client.delete(f"/images/{link}").status_code == 404
    assert client.get(f"/image/{link}").status_code == 200


def test_an_image_key_needs_its_manage_tag(client: FlaskClient, engine: Engine, flower: bytes) -> None:
    """Whoever puts another tag into the row locks the uploader out, and lets nobody in."""
    key, link = upload(client, flower)
    with engine.begin() as connection:
        statement = text("UPDATE images SET manage_tag = :tag WHERE row_key = :key")
        connection.execute(statement, {"tag": bytes(32), "key": Link.parse(link).row_key})
    assert client.get(f"/images/{key}").status_code == 404
    assert client.delete(f"/images/{key}").status_code == 404


def test_with_a_password_only_what_is_no_secret_is_told_without_it(
    client: FlaskClient, flower: bytes
) -> None:
    key, _ = upload(client, flower, password="secret", description="hush")
    told = client.get(f"/images/{key}").get_json()
    assert told["password"] is True
    assert told["size"] == len(flower)
    assert "hush" not in json.dumps(told)
    assert client.get(f"/images/{key}?mode=download").status_code == 401
    basic = {"Authorization": "Basic OnNlY3JldA=="}
    assert client.get(f"/images/{key}", headers=basic).get_json()["description"] == "hush"
    assert client.get(f"/images/{key}?mode=download", headers=basic).data == flower
    wrong = {"Authorization": "Basic Ondyb25n"}
    assert client.get(f"/images/{key}", headers=wrong).status_code == 403
    assert client.delete(f"/images/{key}").status_code == 200


@pytest.mark.parametrize("query", ["mode=show", "mode=", "mdoe=view", "mode=view&x=1"])
def test_a_mode_that_is_none(client: FlaskClient, flower: bytes, query: str) -> None:
    key, _ = upload(client, flower)
    assert client.get(f"/images/{key}?{query}").get_json()["error"] == "bad_mode"


def test_curl_users_get_key_and_time_in_headers(make_app: MakeApp, flower: bytes) -> None:
    client = make_app().test_client()
    answer = client.put("/a.jpg", data=flower)
    assert client.get(f"/images/{answer.headers['Image-Key']}").status_code == 200
    assert answer.headers["Sunset"]
