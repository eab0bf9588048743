"""An image in another form or size, and an upload without what its camera wrote into it."""

from __future__ import annotations

import io
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from flask.testing import FlaskClient
from PIL import Image

from app import Mayfly
from imaging import conversion
from services.expensive import CONVERSIONS
from tests.cast import FLOWER, IMAGES, deposit, noise
from tests.conftest import MakeApp
from tests.processes import Served, until


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
    own = {"Content-Length", "X-Request-Id"}
    assert {(name, value) for name, value in head.headers if name not in own} == {
        (name, value) for name, value in got.headers if name not in own
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
    for path in (f"/image/{link}.bmp", f"/image/{link}x", f"/image/{link}.png.jpg"):
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


def wide() -> bytes:
    """A picture that is wider than a WebP can be."""
    written = io.BytesIO()
    Image.new("RGB", (20_000, 4)).save(written, "PNG")
    return written.getvalue()


@pytest.mark.parametrize(
    ("settings", "data", "query", "status", "code"),
    [
        ({}, wide(), "format=webp", 422, "too_many_pixels"),
        ({"max_conversion_pixels": 480 * 360 - 1}, FLOWER, "format=png", 422, "too_many_pixels"),
        (
            {"max_image_bytes": 100_000, "max_bytes_in_flight": 100_000},
            FLOWER,
            "format=png",
            422,
            "too_many_pixels",
        ),
    ],
    ids=["by its form", "by its pixels", "by its bytes"],
)
def test_a_conversion_that_is_refused_costs_no_view(
    make_app: MakeApp, settings: dict[str, Any], data: bytes, query: str, status: int, code: str
) -> None:
    client = make_app(**settings).test_client()
    link = client.post("/upload?views=1", data=data).get_json()["hash"]
    for _ in range(2):
        answer = client.post(f"/image/{link}?{query}")
        assert (answer.status_code, answer.get_json()["error"]) == (status, code)
    answer = client.post(f"/image/{link}")
    assert (answer.status_code, answer.data) == (200, data)


def test_head_refuses_what_has_too_many_pixels_to_convert(make_app: MakeApp) -> None:
    client = make_app(max_conversion_pixels=480 * 360 - 1).test_client()
    link = deposit(client)
    for method in (client.get, client.head):
        assert method(f"/image/{link}.png").status_code == 422
        assert method(f"/image/{link}").status_code == 200


def test_a_conversion_that_finds_no_memory_costs_no_view(app: Mayfly, client: FlaskClient) -> None:
    link = client.post("/upload?views=1", data=noise(800, 700)).get_json()["hash"]
    for budget in app.memory.budgets:
        budget.patience = 0.05
    others = [(budget, budget.units) for budget in app.memory.budgets if budget.take(budget.units)]
    answer = client.post(f"/image/{link}.jpg")
    assert (answer.status_code, answer.get_json()["error"]) == (503, "too_busy")
    for budget, units in others:
        budget.give_back(units)
    assert opened(client.post(f"/image/{link}.jpg")).size == (800, 700)


def test_many_who_convert_the_last_view_get_it_once(make_app: MakeApp) -> None:
    app = make_app(threads=4)
    link = deposit(app.test_client(), views=1)

    def convert() -> int:
        return app.test_client().post(f"/image/{link}.png?width=40").status_code

    with ThreadPoolExecutor(4) as clients:
        statuses = [each.result(60) for each in [clients.submit(convert) for _ in range(4)]]
    assert sorted(statuses) == [200, 404, 404, 404]


def slow() -> bytes:
    """A picture that takes a second and more to be converted: few bytes, and many pixels with something in each."""
    written = io.BytesIO()
    Image.effect_noise((500, 500), 60).resize((5000, 5000)).save(written, "JPEG", quality=50)
    return written.getvalue()


def test_an_image_that_ends_while_it_is_converted_is_not_shown(app: Mayfly, client: FlaskClient) -> None:
    told = client.post("/upload", data=slow()).get_json()
    with ThreadPoolExecutor(1) as others:
        asked = others.submit(app.test_client().get, f"/image/{told['hash']}.webp")
        assert until(lambda: app.memory.taken == told["size"])
        time.sleep(0.2)  # it is read by then
        assert client.delete(f"/images/{told['image_key']}").status_code == 200
        assert CONVERSIONS.taken == 1, "it is still converted"
        assert asked.result(60).status_code == 404


def test_a_converted_image_is_counted_until_its_answer_is_out(app: Mayfly, client: FlaskClient) -> None:
    picture = noise(800, 700)
    link = client.post("/upload", data=picture).get_json()["hash"]
    answer = client.get(f"/image/{link}.webp", buffered=False)
    size = int(answer.headers["Content-Length"])
    assert size > 100_000
    assert app.memory.taken == len(picture) + size, "the answer is not read yet"
    answer.close()
    assert app.memory.taken == 0
