"""An image in another form or size, and an upload without what its camera wrote into it."""

from __future__ import annotations

import io
from typing import Any

import pytest
from flask.testing import FlaskClient
from PIL import Image

from imaging import conversion
from tests.cast import FLOWER, IMAGES, deposit
from tests.processes import Served


def opened(answer: Any) -> Image.Image:
    assert answer.status_code == 200, answer.text
    return Image.open(io.BytesIO(answer.data))


@pytest.mark.parametrize(
    ("end", "form"), [("png", "PNG"), ("jpg", "JPEG"), ("jpeg", "JPEG"), ("webp", "WEBP")]
)
def test_a_path_or_the_query_names_the_form(client: FlaskClient, end: str, form: str) -> None:
    link = deposit(client)
    for path in (f"/image/{link}.{end}", f"/image/{link}?format={end}", f"/image/{link}.{end}?format={end}"):
        answer = client.get(path)
        assert opened(answer).format == form
        assert answer.headers["Content-Type"] == f"image/{form.lower()}"
        assert answer.headers["Content-Length"] == str(len(answer.data))
        name = {"PNG": "flower.png", "JPEG": "flower.jpg", "WEBP": "flower.webp"}[form]
        assert answer.headers["Content-Disposition"] == f'inline; filename="{name}"'
        assert answer.headers["Cache-Control"] == "no-store"
        assert answer.headers["Sunset"]


def test_the_form_it_has_already_is_the_stored_bytes(client: FlaskClient, flower: bytes) -> None:
    link = deposit(client)
    assert client.get(f"/image/{link}.jpg").data == flower
    assert client.get(f"/image/{link}.jpg?width=5000").data == flower


@pytest.mark.parametrize(
    ("query", "size"),
    [
        ("width=120", (120, 90)),
        ("height=90", (120, 90)),
        ("width=120&height=10", (13, 10)),
        ("width=9999", (480, 360)),
    ],
)
def test_it_shrinks_and_never_enlarges(client: FlaskClient, query: str, size: tuple[int, int]) -> None:
    link = deposit(client)
    assert opened(client.get(f"/image/{link}?{query}")).size == size
    assert opened(client.get(f"/image/{link}.png?{query}")).size == size


def test_head_of_a_conversion_tells_what_is_known_without_converting(
    client: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    link = deposit(client)
    got = client.get(f"/image/{link}.png?width=9")
    monkeypatch.setattr(conversion, "_conversions", None)  # whoever converts fails
    head = client.head(f"/image/{link}.png?width=9")
    assert (head.status_code, head.data) == (200, b"")
    assert dict(head.headers) == {
        name: value for name, value in got.headers.items() if name != "Content-Length"
    }
    assert client.head(f"/image/{link}.jpg").headers["Content-Length"] == str(len(FLOWER))


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ("format=gif", "bad_format"),
        ("format=", "bad_format"),
        ("width=0", "bad_width"),
        ("width=-5", "bad_width"),
        ("width=wide", "bad_width"),
        ("height=99999", "bad_height"),
        ("heigth=9", "unknown_option"),
        ("width=1&width=2", "unknown_option"),
    ],
)
def test_what_can_t_be_asked_costs_no_view(client: FlaskClient, query: str, code: str) -> None:
    link = deposit(client, views=1)
    assert client.post(f"/image/{link}?{query}").get_json()["error"] == code
    assert client.post(f"/image/{link}.png?format=webp").get_json()["error"] == "bad_format"
    assert opened(client.post(f"/image/{link}.png?width=9")).size == (9, 7)


def test_an_end_that_names_no_form_is_no_link(client: FlaskClient) -> None:
    link = deposit(client)
    for path in (f"/image/{link}.gif", f"/image/{link}.", f"/image/{link}.png.jpg", f"/image/{link}.PNG"):
        assert client.get(path).status_code == 404


def test_what_the_camera_wrote_goes_unless_it_is_to_stay(client: FlaskClient) -> None:
    original = (IMAGES / "exif_gps.jpg").read_bytes()

    def stored(**options: str) -> bytes:
        told = client.post("/upload", data={"file": (io.BytesIO(original), "a.jpg"), **options}).get_json()
        answer = client.get(f"/image/{told['hash']}")
        assert told["size"] == len(answer.data)
        return bytes(answer.data)

    assert b"Exif" in original
    assert b"Exif" not in stored()
    assert b"Exif" not in stored(keep_metadata="0")
    assert stored(keep_metadata="1") == original


@pytest.mark.parametrize("value", ["yes", "2", "on"])
def test_keep_metadata_that_is_none(client: FlaskClient, flower: bytes, value: str) -> None:
    answer = client.post("/upload", data=flower, query_string={"keep_metadata": value})
    assert (answer.status_code, answer.get_json()["error"]) == (400, "bad_keep_metadata")


@pytest.mark.parametrize("name", ["broken.png", "broken_data_stream.png"])
def test_a_broken_picture_is_told_so(client: FlaskClient, name: str) -> None:
    answer = client.post("/upload", data=(IMAGES / name).read_bytes())
    assert (answer.status_code, answer.get_json()["error"]) == (422, "broken_image")


def test_a_bomb_is_refused(client: FlaskClient) -> None:
    answer = client.post("/upload", data=(IMAGES / "decompression_bomb.gif").read_bytes())
    assert (answer.status_code, answer.get_json()["error"]) == (422, "too_many_pixels")


def test_a_server_that_can_write_no_file_converts(server: Served) -> None:
    """Decoding happens in memory: no image tool's scratch file."""
    import requests

    data = (IMAGES / "hopper.gif").read_bytes()
    link = requests.post(f"{server.url}/upload", data=data, timeout=20).json()["hash"]
    for form in ("png", "jpg", "webp"):
        answer = requests.get(f"{server.url}/image/{link}.{form}?width=50", timeout=60)
        assert answer.status_code == 200
        assert Image.open(io.BytesIO(answer.content)).width == 50
