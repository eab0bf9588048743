"""Every way in which a request names its file: none of them refuses the image, and the receipt tells what was kept."""

from __future__ import annotations

import io
import json
from base64 import b64encode
from contextlib import closing
from http.client import HTTPConnection
from urllib.parse import quote

import pytest
from flask.testing import FlaskClient

from tests.cast import register
from tests.processes import Served

BOUNDARY = "b"
MULTIPART = f"multipart/form-data; boundary={BOUNDARY}"
AS_JSON = {"Accept": "application/json"}
LATIN_1 = "Kätzchen.jpg".encode("latin-1")


def part(disposition: bytes, body: bytes, end: str = "--") -> bytes:
    head = f"--{BOUNDARY}\r\nContent-Disposition: form-data; ".encode() + disposition + b"\r\n\r\n"
    return head + body + f"\r\n--{BOUNDARY}{end}\r\n".encode()


NAMES = [
    ("../cat.jpg", "cat.jpg"),
    ("C:\\cat.jpg", "cat.jpg"),
    ("..", "image.jpg"),
    ("cat\0.jpg", "cat.jpg"),
    ("cat\r\nSet-Cookie: a=b", "catSet-Cookie: a=b"),
    ("gpj.\u202eexe", "gpj.exe.jpg"),
    ("evil.html", "evil.html.jpg"),
    (".curlrc", "curlrc.jpg"),
    ("a" * 10_000, "a" * 255),
    ("🐈" * 64 + ".jpg", "🐈" * 62 + ".jpg"),
]


@pytest.mark.parametrize(("name", "kept"), NAMES)
def test_no_name_refuses_an_image(client: FlaskClient, flower: bytes, name: str, kept: str) -> None:
    field = {"file": (io.BytesIO(flower), "other.jpg"), "filename": name}
    account = register(client)
    encoded = {"data": b64encode(flower).decode(), "filename": name}
    link = client.post("/api/images", json=encoded, headers=account).get_json()["id"]
    listed = client.get("/images", headers=account).get_json()["data"]
    assert [(image["image_id"], image["filename"]) for image in listed] == [(link, kept)]
    for answer in (
        client.post("/upload", data=field),
        client.post("/upload", data=flower, query_string={"filename": name}),
        client.put(f"/{quote(name, safe='')}", data=flower, headers=AS_JSON),
    ):
        assert (answer.status_code, answer.get_json()["filename"]) == (201, kept)


@pytest.mark.parametrize(
    "disposition",
    [
        b'name="file"; filename="' + LATIN_1 + b'"',
        b'name="file"; filename="' + "Kätzchen.jpg".encode() + b'"',
        b'name="file"; filename="C:\\Alice\\' + LATIN_1 + b'"',
        b"name=\"file\"; filename*=UTF-8''K%C3%A4tzchen.jpg",
        b'name="file"; filename*=utf-8\'de\'K%C3%A4tzchen.jpg; filename="Katzchen.jpg"',
        b'name="file"; filename="Katzchen.jpg"; filename*=iso-8859-1\'\'K%E4tzchen.jpg',
        b"name=\"file\"; filename*=UTF-8''K%E4tzchen.jpg",
        b"name=\"file\"; filename*=nonsense''K%C3%A4tzchen.jpg",
        b'name="file"; filename="=?UTF-8?Q?K=C3=A4tzchen.jpg?="',
    ],
)
def test_the_name_of_a_part_is_read_as_well_as_can_be(
    client: FlaskClient, flower: bytes, disposition: bytes
) -> None:
    answer = client.post("/upload", data=part(disposition, flower), content_type=MULTIPART)
    assert (answer.status_code, answer.get_json()["filename"]) == (201, "Kätzchen.jpg")


@pytest.mark.parametrize(
    ("written", "kept"),
    [
        ("写真.jpg".encode("cp932"), "写真.jpg"),
        ("ソフト一覧表.jpg".encode("cp932"), "ソフト一覧表.jpg"),
        ("さくら 2024.jpg".encode("cp932"), "さくら 2024.jpg"),
        ("ｶﾒﾗの写真.jpg".encode("cp932"), "ｶﾒﾗの写真.jpg"),
        ("C:\\写真\\猫と犬.jpg".encode("cp932"), "猫と犬.jpg"),
        *(
            (name.encode("cp1252"), name)
            for name in (
                "Kätzchen.jpg",
                "Größenübersicht.jpg",
                "l’été.jpg",
                "Bob’s “naïve” cat – 2.jpg",
                "ÉÈÊ.jpg",
            )
        ),
        ("さくら.jpg".encode()[:-5] + b".jpg", "さく��.jpg"),
    ],
)
def test_the_bytes_of_an_old_encoding_are_read(
    client: FlaskClient, flower: bytes, written: bytes, kept: str
) -> None:
    body = part(b'name="file"; filename="' + written + b'"', flower)
    answer = client.post("/upload", data=body, content_type=MULTIPART)
    assert (answer.status_code, answer.get_json()["filename"]) == (201, kept)


def test_lines_that_end_in_lf_alone_are_told(client: FlaskClient, flower: bytes) -> None:
    body = (
        part(b'name="file"; filename="cat.jpg"', b"IMAGE").replace(b"\r\n", b"\n").replace(b"IMAGE", flower)
    )
    answer = client.post("/upload", data=body, content_type=MULTIPART)
    assert (answer.status_code, answer.get_json()["error"]) == (400, "bad_multipart")
    assert "CR LF" in answer.get_json()["message"]


@pytest.mark.parametrize("empty_first", [True, False])
def test_a_file_input_that_was_left_empty_is_nothing(
    client: FlaskClient, flower: bytes, empty_first: bool
) -> None:
    empty, full = (b'name="image"; filename=""', b""), (b'name="file"; filename="cat.jpg"', flower)
    first, second = (empty, full) if empty_first else (full, empty)
    body = part(*first, end="")[: -len("--b\r\n")] + part(*second)
    answer = client.post("/upload", data=body, content_type=MULTIPART)
    assert (answer.status_code, answer.get_json()["filename"]) == (201, "cat.jpg")


def test_a_name_that_is_not_utf8_is_read_in_a_field_and_a_query(client: FlaskClient, flower: bytes) -> None:
    field = part(b'name="filename"', LATIN_1, end="") + part(b'name="file"', flower)
    for answer in (
        client.post("/upload", data=field.replace(b"--b\r\n--b", b"--b"), content_type=MULTIPART),
        client.post(f"/upload?filename={quote(LATIN_1)}", data=flower),
    ):
        assert (answer.status_code, answer.get_json()["filename"]) == (201, "Kätzchen.jpg")


@pytest.mark.parametrize(
    ("path", "kept"),
    [
        ("/folder/cat.jpg", "cat.jpg"),
        ("/folder%2Fcat.jpg", "cat.jpg"),
        ("/..%2F..%5Ccat.jpg", "cat.jpg"),
        ("//cat.jpg", "cat.jpg"),
        ("/cat.jpg/", "cat.jpg"),
        ("/cat%00%0D%0A.jpg", "cat.jpg"),
        ("/K%C3%A4tzchen.jpg", "Kätzchen.jpg"),
        ("/K%E4tzchen.jpg", "Kätzchen.jpg"),
        ("/%2E%2E", "image.jpg"),
    ],
)
def test_of_a_path_the_last_part_counts_however_it_is_written(
    server: Served, flower: bytes, path: str, kept: str
) -> None:
    with closing(HTTPConnection("127.0.0.1", server.port, timeout=20)) as connection:
        connection.request("PUT", path, flower, AS_JSON)
        answer = connection.getresponse()
        told = json.loads(answer.read())
    assert (answer.status, told.get("filename")) == (201, kept)


def test_the_kept_name_is_handed_on_and_a_conversion_gives_it_its_own_ending(
    client: FlaskClient, flower: bytes
) -> None:
    link = client.post("/upload?filename=evil.html", data=flower).get_json()["hash"]
    assert client.get(f"/image/{link}").headers["Content-Disposition"] == 'inline; filename="evil.html.jpg"'
    converted = client.get(f"/image/{link}.png")
    assert converted.headers["Content-Disposition"] == 'inline; filename="evil.html.png"'


def test_the_plain_form_of_a_name_hides_no_file(client: FlaskClient, flower: bytes) -> None:
    for name in ("🐈.curlrc", "…bashrc.jpg", "\u2024netrc"):
        link = client.post("/upload", data=flower, query_string={"filename": name}).get_json()["hash"]
        assert 'filename=".' not in client.get(f"/image/{link}").headers["Content-Disposition"]
