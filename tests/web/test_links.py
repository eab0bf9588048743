"""Links as they come back from chats, documents and old clients: with something behind them."""

from __future__ import annotations

import pytest
from flask.testing import FlaskClient

from tests.cast import FLOWER, IMAGES, deposit

BEHIND = [
    "/",
    "/cat.jpg",
    "/folder/K%C3%A4tzchen.png",
    *[".", ",", ")", ").", "%3E", "…", "%22", "**", "_", "%0A", "%E2%80%8B"],
    *[".JPG", ".Jpeg", ".jpg)", ".jpg/", ".JPG,"],
    *["?fbclid=IwAR1x", "?utm_source=mail&utm_medium=x", ".jpg?gclid=1&gclid=2", "/?igsh=x", "?"],
]


@pytest.mark.parametrize("behind", BEHIND)
def test_what_stands_behind_a_link_changes_nothing(client: FlaskClient, behind: str) -> None:
    path = f"/image/{deposit(client)}{behind}"
    for answer in (client.get(path), client.post(path)):
        assert (answer.status_code, answer.data) == (200, FLOWER)
    assert client.head(path).headers["Content-Length"] == str(len(FLOWER))


@pytest.mark.parametrize("behind", ["/", ".", "/cat.jpg", "?fbclid=x"])
def test_an_image_with_limited_views_opens_so_too_and_not_by_looking(
    client: FlaskClient, behind: str
) -> None:
    link = deposit(client, views=1)
    looked = client.get(f"/image/{link}{behind}", headers={"Accept": "text/html"})
    assert (looked.status_code, looked.headers["Location"]) == (303, f"/s#{link}")
    assert client.post(f"/image/{link}{behind}").data == FLOWER
    assert client.post(f"/image/{link}{behind}").status_code == 404


def test_an_end_in_capitals_converts(client: FlaskClient) -> None:
    link = deposit(client)
    assert client.get(f"/image/{link}.PNG").data == client.get(f"/image/{link}.png").data


@pytest.mark.parametrize("query", ["?colour=red", "?utm=x", "?width=1&width=2&fbclid=x"])
def test_an_option_that_is_not_known_is_still_refused(client: FlaskClient, query: str) -> None:
    answer = client.get(f"/image/{deposit(client)}{query}")
    assert (answer.status_code, answer.get_json()["error"]) == (400, "unknown_option")


@pytest.mark.parametrize("name", ["hopper.avif", "hopper.gif"])
def test_gif_and_avif_are_ends_of_such_images_alone(client: FlaskClient, name: str) -> None:
    data, end = (IMAGES / name).read_bytes(), name.partition(".")[2]
    link = client.post("/upload", data=data).get_json()["hash"]
    stored = client.get(f"/image/{link}")
    for path in (f"/image/{link}.{end}", f"/image/{link}.{end.upper()}", f"/image/{link}?format={end}"):
        assert client.get(path).data == stored.data
    once = deposit(client, views=1)
    for path in (f"/image/{once}.{end}", f"/image/{once}?format={end}"):
        answer = client.post(path)
        assert (answer.status_code, answer.get_json()["error"]) == (400, "bad_format")
    assert client.get(f"/image/{link}.{end}?width=1").get_json()["error"] == "bad_format"
    assert client.post(f"/image/{once}").data == FLOWER


def test_a_name_that_a_link_takes_is_no_model_s(client: FlaskClient) -> None:
    for name in ("chair.PNG", "chair.avif", "x" * 32 + "."):
        answer = client.post("/upload", data=FLOWER, query_string={"model_id": name})
        assert answer.get_json()["error"] == "bad_model_id"
