"""The drop, as its clients meet it."""

from __future__ import annotations

import hashlib
import io
import json
import re
from datetime import datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from tests.conftest import MakeApp

SECRET = re.compile(r"[A-Za-z0-9_-]{32}")


def upload(client: FlaskClient, data: bytes, name: str = "cat.jpg", **options: Any) -> TestResponse:
    return client.post("/upload", data={"file": (io.BytesIO(data), name), **options})


@pytest.mark.parametrize("field", ["file", "image"])
def test_an_image_comes_in_by_either_field_and_out_byte_for_byte(
    client: FlaskClient, flower: bytes, field: str
) -> None:
    answer = client.post("/upload", data={field: (io.BytesIO(flower), "flower.jpg")})
    assert answer.status_code == 201
    opened = client.get(f"/image/{answer.get_json()['hash']}")
    assert opened.status_code == 200
    assert opened.data == flower


def test_the_answer_tells_everything_about_the_image(client: FlaskClient, flower: bytes) -> None:
    answer = upload(client, flower, "flower.jpg")
    told = answer.get_json()
    assert told["status"] == "success"
    assert SECRET.fullmatch(told["hash"])
    assert SECRET.fullmatch(told["image_key"])
    assert told["image_id"] == told["hash"] != told["image_key"]
    assert told["url"] == f"http://localhost/s#{told['hash']}"
    assert told["image_url"] == f"http://localhost/image/{told['hash']}"
    assert told["content_type"] == "image/jpeg"
    assert told["size"] == len(flower)
    assert (told["width"], told["height"]) == (480, 360)
    assert told["sha256"] == hashlib.sha256(flower).hexdigest()
    created, expires = (datetime.fromisoformat(told[name]) for name in ("created_at", "expires_at"))
    assert told["created_at"].endswith("+00:00")
    assert expires - created == timedelta(seconds=told["expires_in"]) == timedelta(minutes=5)
    assert told["views_left"] is None
    assert answer.headers["Image-Key"] == told["image_key"]
    assert parsedate_to_datetime(answer.headers["Sunset"]) == expires
    assert answer.headers["Cache-Control"] == "no-store"


def test_a_raw_body_is_an_image_too(client: FlaskClient, hopper: bytes) -> None:
    for content_type in ("image/png", "application/octet-stream", "application/x-www-form-urlencoded", None):
        answer = client.post("/upload?filename=hopper.png", data=hopper, content_type=content_type)
        assert answer.status_code == 201
        assert client.get(f"/image/{answer.get_json()['hash']}").data == hopper


def test_put_answers_with_the_url_alone(client: FlaskClient, hopper: bytes) -> None:
    answer = client.put("/hopper.png", data=hopper)
    assert answer.status_code == 201
    assert answer.mimetype == "text/plain"
    link = re.fullmatch(r"http://localhost/image/([\w-]{32})\n", answer.text)
    assert link
    assert SECRET.fullmatch(answer.headers["Image-Key"])
    opened = client.get(f"/image/{link[1]}")
    assert opened.data == hopper
    assert 'filename="hopper.png"' in opened.headers["Content-Disposition"]


def test_accept_decides_between_json_and_text(client: FlaskClient, hopper: bytes) -> None:
    text = {"Accept": "text/plain"}
    assert client.post("/upload", data=hopper, headers=text).text.startswith("http://localhost/image/")
    assert (
        client.put("/a.png", data=hopper, headers={"Accept": "application/json"}).get_json()["status"]
        == "success"
    )


def test_the_base_url_of_the_settings_stands_in_links(make_app: MakeApp, hopper: bytes) -> None:
    client = make_app(base_url="https://drop.example.org").test_client()
    assert (
        client.post("/upload", data=hopper)
        .get_json()["image_url"]
        .startswith("https://drop.example.org/image/")
    )


def test_a_trusted_proxy_tells_the_scheme_and_host_and_a_stranger_does_not(
    make_app: MakeApp, hopper: bytes
) -> None:
    told = {"X-Forwarded-Proto": "https", "X-Forwarded-Host": "drop.example.org"}
    behind = (
        make_app(trusted_proxies=1, trusted_hosts=("drop.example.org",))
        .test_client()
        .post("/upload", data=hopper, headers=told)
    )
    assert behind.get_json()["image_url"].startswith("https://drop.example.org/")
    before = make_app().test_client().post("/upload", data=hopper, headers=told)
    assert before.get_json()["image_url"].startswith("http://localhost/")


def test_every_image_answer_has_its_headers(client: FlaskClient, flower: bytes) -> None:
    told = upload(client, flower, "flower.jpg").get_json()
    for method in (client.get, client.head):
        headers = method(f"/image/{told['hash']}").headers
        assert headers["Content-Type"] == "image/jpeg"
        assert headers["Content-Length"] == str(len(flower))
        assert headers["Content-Disposition"] == 'inline; filename="flower.jpg"'
        assert parsedate_to_datetime(headers["Sunset"]) == datetime.fromisoformat(told["expires_at"])
        assert headers["Cache-Control"] == "no-store"
        assert headers["Accept-Ranges"] == "none"
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert headers["Referrer-Policy"] == "no-referrer"
        assert headers["X-Robots-Tag"] == "noindex"


def test_head_sends_no_byte(client: FlaskClient, flower: bytes) -> None:
    assert client.head(f"/image/{upload(client, flower).get_json()['hash']}").data == b""


@pytest.mark.parametrize(
    "path", ["/image/" + "a" * 32, "/image/short", "/image/" + "a" * 33, "/image/%00", "/image/ä"]
)
def test_there_is_one_404_for_everything_that_is_not_there(client: FlaskClient, path: str) -> None:
    answer = client.get(path)
    assert answer.status_code == 404
    assert answer.get_json()["error"] == "not_found"
    assert answer.data == client.get("/image/" + "b" * 32).data


def test_the_image_key_is_no_link(client: FlaskClient, flower: bytes) -> None:
    assert client.get(f"/image/{upload(client, flower).get_json()['image_key']}").status_code == 404


def test_a_lifetime_is_what_was_asked_for(client: FlaskClient, flower: bytes) -> None:
    for asked, seconds in (("90", 90), ("90s", 90), ("2m", 120), ("1h", 3600), (" 5m ", 300)):
        assert upload(client, flower, lifetime=asked).get_json()["expires_in"] == seconds
    assert client.put("/a.jpg?lifetime=7", data=flower).headers["Sunset"]


@pytest.mark.parametrize(
    ("name", "header"),
    [
        ("cat.jpg", 'inline; filename="cat.jpg"'),
        ("my cat (1).jpg", 'inline; filename="my cat (1).jpg"'),
        ("Kätzchen.jpg", "inline; filename=\"Katzchen.jpg\"; filename*=UTF-8''K%C3%A4tzchen.jpg"),
        ("🐈.jpg", "inline; filename=\"image.jpg\"; filename*=UTF-8''%F0%9F%90%88.jpg"),
        ('a"b.jpg', "inline; filename=\"a_b.jpg\"; filename*=UTF-8''a%22b.jpg"),
        ("a;b%.jpg", "inline; filename=\"a_b_.jpg\"; filename*=UTF-8''a%3Bb%25.jpg"),
    ],
)
def test_a_file_name_comes_back_safely(client: FlaskClient, flower: bytes, name: str, header: str) -> None:
    told = upload(client, flower, filename=name).get_json()
    assert told["filename"] == name
    assert client.get(f"/image/{told['hash']}").headers["Content-Disposition"] == header


def test_without_a_file_name_it_is_named_by_its_type(client: FlaskClient, flower: bytes) -> None:
    assert client.post("/upload", data=flower).get_json()["filename"] == "image.jpg"


def test_description_and_metadata_are_taken(client: FlaskClient, flower: bytes) -> None:
    metadata = json.dumps({"album": "spring", "n": [1, {"ü": None}]})
    assert upload(client, flower, description="A flower\nin spring 🌷", metadata=metadata).status_code == 201


def test_the_limit_is_met_exactly(make_app: MakeApp, flower: bytes) -> None:
    fits = make_app(max_image_bytes=len(flower)).test_client()
    over = make_app(max_image_bytes=len(flower) - 1).test_client()
    for send in (upload, lambda client, data: client.post("/upload", data=data)):
        assert send(fits, flower).status_code == 201
        assert send(over, flower).status_code == 413


def test_cleanup_answers_get_and_post_and_may_be_repeated(client: FlaskClient) -> None:
    for answer in (client.get("/cleanup"), client.post("/cleanup")):
        assert answer.get_json() == {"status": "success", "deleted": 0}


def test_the_first_page_tells_curl_how(client: FlaskClient) -> None:
    assert "curl -F file=@cat.jpg http://localhost/upload" in client.get("/").text


def test_the_service_is_alive(client: FlaskClient) -> None:
    assert client.get("/healthz").get_json() == {"status": "ok"}
