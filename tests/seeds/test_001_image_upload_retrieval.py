"""Seed 001, Image Upload & Retrieval: images by model id, in an open catalog and with an account."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import requests

from tests.cast import IMAGES, SERVER_KEY, cleaned
from tests.processes import Served, serving

HOPPER = (IMAGES / "hopper.png").read_bytes()
JPEG = b"\xff\xd8\xff"


@pytest.fixture(scope="module")
def open_server(database_url: str) -> Iterator[Served]:
    """A server in a private network, as the seed's was; every test takes models of its own."""
    with serving(DATABASE_URL=database_url, SECRET_KEYS=SERVER_KEY, OPEN_CATALOG="true") as served:
        assert "OPEN_CATALOG is on" in served.log
        yield served


def test_upload_list_and_retrieve(open_server: Served) -> None:
    for name in ("flower.jpg", "hopper.png"):
        with (IMAGES / name).open("rb") as image:
            files, data = {"file": image}, {"model_id": "chair-001"}
            response = requests.post(f"{open_server.url}/upload", files=files, data=data, timeout=20)
        assert response.status_code == 201
    newest = response.json()["image_id"]

    listed = requests.get(f"{open_server.url}/images", timeout=20).json()
    mine = [image for image in listed["data"] if image["model_id"] == "chair-001"]
    assert [image["filename"] for image in mine] == ["hopper.png", "flower.jpg"]
    assert mine[0]["image_id"] == newest
    assert mine[0]["content_type"] == "image/png"

    got = requests.get(f"{open_server.url}/image/chair-001", timeout=20)
    assert (got.headers["Content-Type"], got.content) == ("image/png", cleaned("hopper.png"))


def test_binary_jpegs_as_its_readme_promises(open_server: Served) -> None:
    with (IMAGES / "hopper.png").open("rb") as image:
        data = {"model_id": "chair-002"}
        requests.post(f"{open_server.url}/upload", files={"image": image}, data=data, timeout=20)
    for path in ("chair-002.jpg", "chair-002?format=jpeg"):
        got = requests.get(f"{open_server.url}/image/{path}", timeout=20)
        assert got.headers["Content-Type"] == "image/jpeg"
        assert got.content.startswith(JPEG)


def test_a_model_without_an_image_is_an_error_in_json(open_server: Served) -> None:
    response = requests.get(f"{open_server.url}/image/nothing-here", timeout=20)
    assert (response.status_code, response.json()["error"]) == (404, "not_found")


def test_pagination_and_filtering_which_it_recommends(open_server: Served) -> None:
    for number in range(5):
        with (IMAGES / "flower.jpg").open("rb") as image:
            data = {"model_id": "lamp", "filename": f"lamp{number}.jpg"}
            requests.post(f"{open_server.url}/upload", files={"file": image}, data=data, timeout=20)
    names, cursor = [], None
    while True:
        query = {"model_id": "lamp", "limit": "2"} | ({"cursor": cursor} if cursor else {})
        page = requests.get(f"{open_server.url}/images", params=query, timeout=20).json()
        assert len(page["data"]) <= 2
        names += [image["filename"] for image in page["data"]]
        cursor = page["next"]
        if cursor is None:
            break
    assert names == [f"lamp{number}.jpg" for number in (4, 3, 2, 1, 0)]


def test_types_are_checked_which_it_recommends(open_server: Served) -> None:
    response = requests.post(f"{open_server.url}/upload", files={"file": b"no image"}, timeout=20)
    assert (response.status_code, response.json()["error"]) == (415, "not_an_image")


def test_with_accounts_the_same_calls_take_a_header(server: Served) -> None:
    account = {"login": "seed001", "email": "seed001@example.org", "password": "secret"}
    requests.post(f"{server.url}/api/registration", json=account, timeout=20)
    session = requests.Session()
    credentials = {"login": "seed001", "password": "secret"}
    session.headers.update(requests.post(f"{server.url}/api/login", json=credentials, timeout=20).json())
    session.post(f"{server.url}/upload", files={"file": HOPPER}, data={"model_id": "chair-001"}, timeout=20)
    assert [
        image["model_id"] for image in session.get(f"{server.url}/images", timeout=20).json()["data"]
    ] == ["chair-001"]
    assert session.get(f"{server.url}/image/chair-001", timeout=20).status_code == 200
    assert requests.get(f"{server.url}/image/chair-001", timeout=20).status_code == 404
    assert requests.get(f"{server.url}/images", timeout=20).status_code == 401
