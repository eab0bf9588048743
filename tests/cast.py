"""Who and what plays in the tests. Alice uploads, Bob holds her link, Charlie must never see a thing."""

from __future__ import annotations

import io
import os
from pathlib import Path

from flask.testing import FlaskClient
from PIL import Image

from imaging import Limits, clean, recognise

IMAGES = Path(__file__).parent / "images"
SERVER_KEY = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="


def cleaned(name: str) -> bytes:
    """A picture of the folder as Mayfly stores it: without its metadata, so that it comes back byte for byte."""
    data = (IMAGES / name).read_bytes()
    return bytes(clean(data, recognise(data, Limits())))


FLOWER = cleaned("flower.jpg")


def noise(width: int, height: int, form: str = "PNG") -> bytes:
    """A picture of random pixels, which nothing makes smaller: 3 bytes a pixel as PNG."""
    picture = Image.frombytes("RGB", (width, height), os.urandom(width * height * 3))
    written = io.BytesIO()
    picture.save(written, form, compress_level=0)
    return written.getvalue()


def deposit(client: FlaskClient, **options: object) -> str:
    """Upload a photograph as Alice would, and return its link."""
    data = {"file": (io.BytesIO(FLOWER), "flower.jpg")}
    answer = client.post("/upload", data={**data, **{name: str(value) for name, value in options.items()}})
    assert answer.status_code == 201, answer.text
    return str(answer.get_json()["hash"])
