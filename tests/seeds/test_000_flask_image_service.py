"""Seed 000, Flask Image Service: the calls of its document, as its users write them."""

from __future__ import annotations

import re
from pathlib import Path

import requests

from tests.cast import IMAGES, cleaned
from tests.processes import Served


def test_upload_and_retrieve(server: Served, tmp_path: Path) -> None:
    url = f"{server.url}/upload"
    with (IMAGES / "flower.jpg").open("rb") as cat:
        response = requests.post(url, files={"image": cat}, timeout=20)
    assert response.status_code == 201
    image_id = response.json()["image_id"]

    response = requests.get(f"{server.url}/image/{image_id}", stream=True, timeout=20)
    assert response.status_code == 200
    retrieved = tmp_path / "retrieved_image.png"
    with retrieved.open("wb") as file:
        for chunk in response.iter_content(1024):
            file.write(chunk)
    assert retrieved.read_bytes() == cleaned("flower.jpg")


def test_an_error_is_json(server: Served) -> None:
    response = requests.get(
        f"{server.url}/image/123e4567-e89b-12d3-a456-426614174000", stream=True, timeout=20
    )
    assert response.status_code == 404
    assert re.match("There is no image", response.json()["message"])


def test_the_png_that_the_service_promised(server: Served) -> None:
    with (IMAGES / "flower.jpg").open("rb") as cat:
        image_id = requests.post(f"{server.url}/upload", files={"image": cat}, timeout=20).json()["image_id"]
    response = requests.get(f"{server.url}/image/{image_id}.png", timeout=30)
    assert response.headers["Content-Type"] == "image/png"
    assert response.content.startswith(b"\x89PNG\r\n")
