"""Whatever is wrong gets its own 4xx with words that help, and leaves no row."""

from __future__ import annotations

import io
from collections.abc import Iterator
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import Engine, text

from models import ciphertexts
from storage import RowStore
from tests.conftest import MakeApp
from web.pages.texts import ERRORS

BOUNDARY = "limit"
MULTIPART = f"multipart/form-data; boundary={BOUNDARY}"


@pytest.fixture(autouse=True)
def _leaves_no_row(engine: Engine) -> Iterator[None]:
    yield
    with engine.connect() as connection:
        assert connection.scalar(text("SELECT count(*) FROM images")) == 0
        for slot in RowStore().filled(connection):
            assert connection.scalar(text(f"SELECT count(*) FROM {ciphertexts(slot)}")) == 0


def refused(answer: Any, status: int, code: str) -> None:
    assert answer.status_code == status, answer.text
    assert answer.get_json()["status"] == "error"
    assert answer.get_json()["error"] == code
    message = answer.get_json()["message"]
    assert message.endswith(".")
    assert 20 <= len(message) <= 200


def part(headers: str, body: bytes = b"x", end: str = "--") -> bytes:
    return f"--{BOUNDARY}\r\n{headers}\r\n\r\n".encode() + body + f"\r\n--{BOUNDARY}{end}\r\n".encode()


FILE = 'Content-Disposition: form-data; name="file"; filename="cat.jpg"'


def test_no_image(client: FlaskClient) -> None:
    refused(client.post("/upload", data={"lifetime": "5m"}, content_type=MULTIPART), 400, "no_image")
    refused(client.post("/upload"), 400, "empty_image")
    refused(client.put("/cat.jpg"), 400, "empty_image")


def test_an_empty_image(client: FlaskClient) -> None:
    refused(client.post("/upload", data=part(FILE, b""), content_type=MULTIPART), 400, "empty_image")


def test_a_wrong_field(client: FlaskClient, flower: bytes) -> None:
    refused(client.post("/upload", data={"picture": (io.BytesIO(flower), "a.jpg")}), 400, "wrong_field")


@pytest.mark.parametrize(
    "body",
    [
        b"no multipart at all",
        part(FILE, b"abc")[:-8],
        part(FILE, b"abc", end=""),
        part("Content-Type: image/jpeg", b"abc"),
        part(FILE + "\r\nX: " + "y" * 20_000, b"abc"),
    ],
    ids=["none", "cut", "no end", "no name", "huge header"],
)
def test_a_broken_multipart_body(client: FlaskClient, body: bytes) -> None:
    refused(client.post("/upload", data=body, content_type=MULTIPART), 400, "bad_multipart")


def test_a_multipart_body_without_a_boundary(client: FlaskClient) -> None:
    refused(client.post("/upload", data=b"x", content_type="multipart/form-data"), 400, "bad_multipart")


def test_too_many_fields(client: FlaskClient) -> None:
    many = "".join(
        f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="n{n}"\r\n\r\n1\r\n' for n in range(100)
    )
    refused(
        client.post("/upload", data=f"{many}--{BOUNDARY}--", content_type=MULTIPART), 400, "bad_multipart"
    )


def test_more_bytes_than_the_server_takes(make_app: MakeApp, flower: bytes) -> None:
    client = make_app(max_image_bytes=1000).test_client()
    refused(client.post("/upload", data=flower), 413, "too_large")
    refused(client.put("/a.jpg", data=flower), 413, "too_large")
    refused(client.post("/upload", data={"file": (io.BytesIO(flower), "a.jpg")}), 413, "too_large")


@pytest.mark.parametrize(
    "lifetime", ["0", "-5", "1e99", "five", "", "5 m", "1.5", "٥", "9" * 400, "0s", "nan", "5M"]
)
def test_a_lifetime_that_is_none(client: FlaskClient, flower: bytes, lifetime: str) -> None:
    body = part('Content-Disposition: form-data; name="lifetime"', lifetime.encode(), end="") + part(
        FILE, flower
    )
    refused(
        client.post("/upload", data=body.replace(b"--limit\r\n--limit", b"--limit"), content_type=MULTIPART),
        400,
        "bad_lifetime",
    )
    refused(client.post("/upload", data=flower, query_string={"lifetime": lifetime}), 400, "bad_lifetime")


@pytest.mark.parametrize("lifetime", ["3601", "2h", "999999999"])
def test_a_lifetime_over_the_limit(client: FlaskClient, flower: bytes, lifetime: str) -> None:
    answer = client.post("/upload", data=flower, query_string={"lifetime": lifetime})
    refused(answer, 400, "bad_lifetime")
    assert "3600" in answer.get_json()["message"]


@pytest.mark.parametrize(
    "metadata",
    ["x", "[1]", '"a"', "1", "null", "{", "{'a': 1}", '{"a": NaN}', '{"a": Infinity}', "[" * 20_000]
    + [
        '{"a": "\\u0000"}',
        '{"a\\u0000": 1}',
        '{"a": "\\ud800"}',
        '{"a": "\0"}',
        '{"a": "' + "x" * 17_000 + '"}',
    ],
)
def test_metadata_that_is_no_json_object(client: FlaskClient, flower: bytes, metadata: str) -> None:
    data = {"file": (io.BytesIO(flower), "a.jpg"), "metadata": metadata}
    refused(client.post("/upload", data=data), 400, "bad_metadata")


@pytest.mark.parametrize("name", ["lifetme", "ttl", "view", "", "a" * 1000, "<script>", "\0"])
def test_an_unknown_option_is_refused_by_name(client: FlaskClient, flower: bytes, name: str) -> None:
    answer = client.post("/upload", data={"file": (io.BytesIO(flower), "a.jpg"), name: "1"})
    refused(answer, 400, "unknown_option")
    assert "lifetime" in answer.get_json()["message"]
    assert (name in answer.get_json()["message"]) is (name.isidentifier() and len(name) < 40) or name == ""
    if name:
        refused(client.post("/upload", data=flower, query_string={name: "1"}), 400, "unknown_option")


def test_an_option_given_twice(client: FlaskClient, flower: bytes) -> None:
    refused(client.post("/upload?lifetime=5&lifetime=6", data=flower), 400, "repeated_option")
    data = {"file": (io.BytesIO(flower), "a.jpg"), "lifetime": "5"}
    refused(client.post("/upload?lifetime=5", data=data), 400, "repeated_option")
    twice = {"file": (io.BytesIO(flower), "a.jpg"), "lifetime": ["5", "6"]}
    refused(client.post("/upload", data=twice), 400, "repeated_option")


def test_an_option_longer_than_any_can_be(client: FlaskClient, flower: bytes) -> None:
    data = {"file": (io.BytesIO(flower), "a.jpg"), "description": "x" * 70_000}
    refused(client.post("/upload", data=data), 400, "option_too_long")


def test_a_description_that_is_none(client: FlaskClient, flower: bytes) -> None:
    for description in ("x" * 4001, "\0", "\x07"):
        data = {"file": (io.BytesIO(flower), "a.jpg"), "description": description}
        refused(client.post("/upload", data=data), 400, "bad_description")


def test_text_that_is_not_utf8(client: FlaskClient, flower: bytes) -> None:
    option = f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="description"\r\n\r\n'.encode()
    body = option + b"\xff\r\n" + part(FILE, flower)
    refused(client.post("/upload", data=body, content_type=MULTIPART), 400, "bad_text")


def test_what_is_no_image(client: FlaskClient) -> None:
    refused(client.post("/upload", data=b"<svg xmlns='http://www.w3.org/2000/svg'/>"), 415, "not_an_image")


def test_methods_that_an_address_does_not_answer(client: FlaskClient) -> None:
    answer = client.delete("/upload")
    refused(answer, 405, "method_not_allowed")
    assert "POST" in answer.headers["Allow"]


def test_errors_as_text_and_as_a_page(client: FlaskClient) -> None:
    path = "/image/" + "a" * 32
    words = client.get(path).get_json()["message"]
    as_text = client.get(path, headers={"Accept": "text/plain"})
    assert (as_text.status_code, as_text.mimetype, as_text.text) == (404, "text/plain", f"{words}\n")
    browser = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"
    as_page = client.get(path, headers={"Accept": browser})
    assert (as_page.status_code, as_page.mimetype) == (404, "text/html")
    assert ERRORS["not_found"] in as_page.text
