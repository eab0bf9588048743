"""What helps whoever sent something else than an image: it is named for what it is, with what to do."""

from __future__ import annotations

import base64
import gzip

import pytest
from flask.testing import FlaskClient

from tests.cast import FLOWER, IMAGES

FTYP = b"\0\0\0\x18ftyp%s\0\0\0\0mif1%s"
SVG = b"<svg xmlns='http://www.w3.org/2000/svg'/>"
FOREIGN = [
    (FTYP % (b"heic", b"heic"), "HEIC photo"),
    (FTYP % (b"mif1", b"heix"), "HEIC photo"),
    (FTYP % (b"isom", b"mp42"), "a video"),
    (FTYP % (b"qt  ", b"qt  "), "a video"),
    (b"\x1aE\xdf\xa3\x9fB\x86\x81\x01", "a video"),
    (b"RIFF\0\0\0\0AVI LIST", "a video"),
    (b"BM\x46\0\0\0\0\0\0\0", "BMP"),
    (b"II*\0\x08\0\0\0", "TIFF"),
    (b"MM\0*\0\0\0\x08", "TIFF"),
    (b"\0\0\1\0\1\0\x10\x10", "icon"),
    (b"\xff\x0a\xfa\x7f", "JPEG XL"),
    (b"%PDF-1.7\n", "PDF"),
    (b"PK\3\4\x14\0", "ZIP"),
    (SVG, "SVG"),
    (b"\xef\xbb\xbf<?xml version='1.0'?>\n<!-- a -->\n" + SVG, "SVG"),
    (b"<!doctype html><title>a</title>", "web page"),
    (b"@cat.jpg", "put an @ before"),
    ("Kätzchen.jpg".encode(), "put an @ before"),
    (base64.b64encode(FLOWER), "base64"),
    (b"data:image/jpeg;base64," + base64.b64encode(FLOWER), "base64"),
    (gzip.compress(FLOWER), "gzip"),
    (b"\x89PNG\n\x1a\n\0\0\0\rIHDR", "line ends"),
    (b"\x80\x81nothing", "PNG, JPEG, GIF, WebP or AVIF"),
]


@pytest.mark.parametrize(
    ("data", "told"), FOREIGN, ids=[f"{told}-{at}" for at, (_, told) in enumerate(FOREIGN)]
)
def test_what_is_no_image_is_named_for_what_it_is(client: FlaskClient, data: bytes, told: str) -> None:
    answer = client.post("/upload", data=data)
    assert (answer.status_code, answer.get_json()["error"]) == (415, "not_an_image")
    assert told in answer.get_json()["message"]


@pytest.mark.parametrize("name", ["flower.jpg", "hopper.png", "hopper.gif", "hopper.webp", "hopper.avif"])
def test_curl_d_is_told_that_it_takes_line_ends_out(client: FlaskClient, name: str) -> None:
    whole = FLOWER if name == "flower.jpg" else (IMAGES / name).read_bytes()
    form = "application/x-www-form-urlencoded"
    assert client.post("/upload", data=whole, content_type=form).status_code == 201
    answer = client.post("/upload", data=whole.translate(None, b"\r\n\0"), content_type=form)
    assert answer.status_code == 415
    assert "--data-binary" in answer.get_json()["message"]


@pytest.mark.parametrize(
    "path", ["/nothing", "/nothing/at/all", "/image/", "/static/", "/.env", "/wp-login.php"]
)
def test_an_address_that_is_nothing_is_a_404(client: FlaskClient, path: str) -> None:
    for answer in (client.get(path), client.post(path), client.delete(path)):
        assert (answer.status_code, answer.get_json()["error"]) == (404, "not_found")
    assert client.head(path).status_code == 404
    assert client.put(path, data=FLOWER).status_code == 201


def test_the_icon_and_the_word_to_search_engines_are_where_they_always_were(client: FlaskClient) -> None:
    icon = client.get("/favicon.ico")
    assert (icon.status_code, icon.mimetype) == (200, "image/svg+xml")
    assert b"<svg" in icon.data
    robots = client.get("/robots.txt")
    assert (robots.status_code, robots.mimetype) == (200, "text/plain")
    assert robots.text == "User-agent: *\nAllow: /$\nAllow: /s$\nAllow: /static/\nDisallow: /\n"


def test_an_upload_to_the_host_alone_works(client: FlaskClient) -> None:
    posted = client.post("/", data=FLOWER)
    assert (posted.status_code, posted.get_json()["filename"]) == (201, "image.jpg")
    put = client.put("/", data=FLOWER)
    assert (put.status_code, put.mimetype) == (201, "text/plain")


def test_the_share_page_bears_a_slash(client: FlaskClient) -> None:
    assert client.get("/s/", headers={"Accept": "text/html"}).status_code == 200
