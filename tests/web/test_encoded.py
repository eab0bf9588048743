"""Images as base64 in JSON: the options of every other upload, each refused by its name."""

from __future__ import annotations

from base64 import b64encode, urlsafe_b64encode
from typing import Any

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from tests.cast import FLOWER, IMAGES, register
from tests.conftest import MakeApp

DATA = b64encode(FLOWER).decode()


@pytest.fixture
def header(client: FlaskClient) -> dict[str, str]:
    return register(client)


def send(client: FlaskClient, header: dict[str, str], **fields: Any) -> TestResponse:
    return client.post("/api/images", json={"data": DATA} | fields, headers=header)


def test_the_options_are_those_of_an_upload(client: FlaskClient, header: dict[str, str]) -> None:
    metadata = {"album": "spring", "n": [1, None]}
    given = {"description": "A flower", "filename": "a.jpg", "metadata": metadata, "model_id": "chair"}
    answer = send(client, header, **given, lifetime="1m", views=2, keep_metadata=False)
    assert (answer.status_code, answer.headers["Location"]) == (201, answer.get_json()["source"])
    assert answer.headers["Image-Key"] == answer.get_json()["image_key"]
    (image,) = client.get("/images", headers=header).get_json()["data"]
    assert {name: image[name] for name in given} == given
    assert (image["views_left"], image["expires_at"]) == (2, answer.get_json()["expires_at"])


def test_its_password_is_one(client: FlaskClient, header: dict[str, str]) -> None:
    source = send(client, header, password="secret").get_json()["source"]
    assert client.get(source).status_code == 405
    assert client.post(source).status_code == 401
    assert client.post(source, data={"password": "secret"}).data == FLOWER


def test_metadata_stays_only_if_it_is_to(client: FlaskClient, header: dict[str, str]) -> None:
    tagged = (IMAGES / "tagged.jpg").read_bytes()
    for keep in (True, False):
        sent = send(client, header, data=b64encode(tagged).decode(), keep_metadata=keep).get_json()
        assert (client.get(sent["source"]).data == tagged) is keep


@pytest.mark.parametrize(
    ("field", "value"),
    [("data", value) for value in ["", None, 1, "!", DATA[:-2], DATA + "=", "data:image/png,x", "\ud800"]]
    + [("data", urlsafe_b64encode(b"\xff\xff\xff").decode()), ("description", 1), ("description", "x" * 4001)]
    + [("lifetime", value) for value in ["soon", "", -1, 1.5, True, "2h"]]
    + [("views", value) for value in [0, 101, "2", 1.5, True]]
    + [("password", value) for value in ["", 1, "x" * 1025, "a\0"]]
    + [("filename", 1), ("metadata", "{}"), ("metadata", [1]), ("model_id", "a/b")]
    + [("keep_metadata", "yes"), ("keep_metadata", 2)],
)
def test_a_bad_field_is_named(client: FlaskClient, header: dict[str, str], field: str, value: object) -> None:
    answer = send(client, header, **{field: value})
    assert (answer.status_code, answer.get_json()["error"]) == (400, f"bad_{field}"), answer.text
    assert field in answer.get_json()["message"]
    assert client.get("/images", headers=header).get_json()["data"] == []


def test_what_is_no_image_gets_what_every_upload_gets(client: FlaskClient, header: dict[str, str]) -> None:
    for data, status in ((b"plain text", 415), (FLOWER[:2000], 422)):
        assert send(client, header, data=b64encode(data).decode()).status_code == status
    unknown = send(client, header, lifetme="1m")
    assert (unknown.status_code, unknown.get_json()["error"]) == (400, "unknown_field")


def test_the_limit_is_the_image_s_own_not_its_base64_s(make_app: MakeApp) -> None:
    for limit, status in ((len(FLOWER), 201), (len(FLOWER) - 1, 413)):
        client = make_app(max_image_bytes=limit).test_client()
        header = register(client, f"alice-{status}")
        assert send(client, header).status_code == status
