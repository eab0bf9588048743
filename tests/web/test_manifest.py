"""The manifest and its icons: what a phone is told of Mayfly, in which language, below which path, and for how long."""

from __future__ import annotations

import io
from typing import Any

import pytest
from flask.testing import FlaskClient
from PIL import Image

from tests.cast import deposit
from tests.conftest import MakeApp
from tests.web.test_limits import rates

PATH = "/manifest.webmanifest"
MOST_BYTES = 16_000
"""Of all icons together."""


def manifest(client: FlaskClient, **headers: str) -> dict[str, Any]:
    answer = client.get(PATH, headers=headers)
    assert (answer.status_code, answer.mimetype) == (200, "application/manifest+json")
    return dict(answer.get_json(force=True))


def test_a_phone_s_gallery_hands_pictures_to_the_form_s_address(client: FlaskClient) -> None:
    told = manifest(client)
    assert told["share_target"] == {
        "action": "/upload",
        "method": "POST",
        "enctype": "multipart/form-data",
        "params": {"files": [{"name": "file", "accept": ["image/*"]}]},
    }
    assert (told["start_url"], told["scope"], told["display"]) == ("/", "/", "standalone")


@pytest.mark.parametrize(
    ("mode", "there"), [("open", True), ("code", True), ("account", False), ("closed", False)]
)
def test_where_nobody_uploads_by_the_pages_there_is_no_share_target(
    make_app: MakeApp, mode: str, there: bool
) -> None:
    codes = (("friends", "friends-0123456789"),) if mode == "code" else ()
    app = make_app(uploads=mode, upload_codes=codes)
    assert ("share_target" in manifest(app.test_client())) == there


def test_it_speaks_the_reader_s_language(client: FlaskClient) -> None:
    german = manifest(client, **{"Accept-Language": "de-AT"})
    assert (german["lang"], german["dir"]) == ("de", "ltr")
    assert german["description"] != manifest(client)["description"]
    assert "Accept-Language" in client.get(PATH).headers["Vary"]


def test_the_operator_s_name_tells_one_mayfly_from_another(make_app: MakeApp) -> None:
    assert manifest(make_app().test_client())["name"] == "Mayfly"
    told = manifest(make_app(operator_name='The "Ärzte" of X').test_client())
    assert (told["name"], told["short_name"]) == ('Mayfly (The "Ärzte" of X)', "Mayfly")


def test_all_of_it_stands_below_the_base_url(make_app: MakeApp) -> None:
    told = manifest(make_app(base_url="https://drop.example.org/mayfly").test_client())
    places = [told["start_url"], told["scope"], told["id"], told["share_target"]["action"]]
    assert all(path.startswith("/mayfly/") for path in (*places, *(icon["src"] for icon in told["icons"])))
    assert "example.org" not in str(told), "it is kept by caches, and repeats no address"


def test_the_icons_are_as_large_as_they_say_and_small_to_load(client: FlaskClient) -> None:
    size = 0
    for icon in manifest(client)["icons"]:
        answer = client.get(icon["src"])
        assert (answer.status_code, answer.mimetype) == (200, icon["type"])
        size += len(answer.data)
        if icon["type"] == "image/png":
            picture = Image.open(io.BytesIO(answer.data))
            assert "{}x{}".format(*picture.size) == icon["sizes"]
            corner = picture.convert("RGBA").getpixel((0, 0))
            assert corner == ((10, 99, 83, 255) if icon["purpose"] == "maskable" else (0, 0, 0, 0))
    assert size < MOST_BYTES
    assert {icon["purpose"] for icon in manifest(client)["icons"]} == {"any", "maskable"}


def test_both_are_kept_for_a_while_and_count_as_nothing(make_app: MakeApp) -> None:
    client = make_app(rate_limits=rates("uploads", 1, None)).test_client()
    for _ in range(3):
        for path, seconds in ((PATH, 3600), ("/icons/192.png", 86400)):
            answer = client.get(path)
            assert answer.status_code == 200
            assert answer.headers["Cache-Control"] == f"public, max-age={seconds}"
            assert "RateLimit" not in answer.headers
    deposit(client)
    assert client.get("/icons/../page.css").status_code == 404
