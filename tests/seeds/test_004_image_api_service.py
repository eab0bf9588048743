"""Seed 004, Image API Service: its curl lines as they are printed, against an open catalog."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import create_engine, text

import embedded
from tests.cast import FLOWER, IMAGES, SERVER_KEY
from tests.clusters import Fill
from tests.object_store import Service
from tests.processes import Served, serving


@pytest.fixture(scope="module")
def in_the_bucket(object_store: Service) -> dict[str, str]:
    """Its own settings, with a real S3 in the place of LocalStack; its picture is small, so no size is too small."""
    env = object_store.env("image-storage-bucket")
    endpoint = env.pop("S3_ENDPOINT_URL")
    return {**env, "LOCALSTACK_ENDPOINT_URL": endpoint, "AWS_REGION": "us-east-1", "S3_FROM_BYTES": "1"}


@pytest.fixture(scope="module", params=["rows", "s3"])
def open_server(
    request: pytest.FixtureRequest, fill: Fill, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Served]:
    """A server with a database of its own: its document begins with an empty list."""
    bucket = request.getfixturevalue("in_the_bucket") if request.param == "s3" else {}
    with (
        embedded.running(fill(tmp_path_factory.mktemp("seed004")), durable=False) as url,
        serving(DATABASE_URL=url, SECRET_KEYS=SERVER_KEY, OPEN_CATALOG="true", **bucket) as served,
    ):
        yield served
        engine = create_engine(url)
        with engine.connect() as connection:
            dump = str(connection.execute(text("SELECT * FROM images")).all())
        engine.dispose()
        assert "sample" not in dump


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Where its user works; the document's /path/to/image.jpg is path/to/image.jpg here."""
    (tmp_path / "path" / "to").mkdir(parents=True)
    shutil.copy(IMAGES / "flower.jpg", tmp_path / "path" / "to" / "image.jpg")
    return tmp_path


def run(line: str, server: Served, folder: Path) -> bytes:
    line = line.replace("http://localhost:5000", server.url).replace("@/path", "@path")
    line = line.replace("curl ", "curl -sS --max-time 20 ")
    return subprocess.run(line, shell=True, cwd=folder, check=True, capture_output=True).stdout


def told(line: str, server: Served, folder: Path) -> dict[str, Any]:
    return dict(json.loads(run(line, server, folder)))


UPLOAD = """curl -F "file=@/path/to/image.jpg" \\
     -F 'metadata={"description":"sample image"}' \\
     http://localhost:5000/images/upload"""


def test_its_lines_from_first_to_last(open_server: Served, folder: Path) -> None:
    assert told("curl http://localhost:5000/images", open_server, folder) == {
        "status": "success",
        "data": [],
        "next": None,
    }
    image_key = told(UPLOAD, open_server, folder)["image_key"]
    listed = told("curl http://localhost:5000/images", open_server, folder)["data"]
    assert [image["image_key"] for image in listed] == [image_key]
    assert listed[0]["metadata"] == {"description": "sample image"}

    viewed = told(f"curl http://localhost:5000/images/{image_key}", open_server, folder)
    assert viewed["metadata"] == {"description": "sample image"}
    assert viewed["filename"] == "image.jpg"

    run(f'curl -O "http://localhost:5000/images/{image_key}?mode=download"', open_server, folder)
    assert (folder / image_key).read_bytes() == FLOWER

    deleted = told(f"curl -X DELETE http://localhost:5000/images/{image_key}", open_server, folder)
    assert deleted["status"] == "success"
    assert told("curl http://localhost:5000/images/", open_server, folder)["data"] == []


def test_prefix_and_limit(open_server: Served, folder: Path) -> None:
    keys = [told(UPLOAD, open_server, folder)["image_key"] for _ in range(3)]
    limited = told('curl "http://localhost:5000/images/?limit=2"', open_server, folder)["data"]
    assert [image["image_key"] for image in limited] == [keys[2], keys[1]]
    for prefix, expected in ((keys[0], [keys[0]]), ("image.", keys[::-1]), ("nothing", [])):
        found = told(f'curl "http://localhost:5000/images/?prefix={prefix}"', open_server, folder)["data"]
        assert [image["image_key"] for image in found] == expected
    for key in keys:
        told(f"curl -X DELETE http://localhost:5000/images/{key}", open_server, folder)


def test_errors_are_json(open_server: Served, folder: Path) -> None:
    for line, code in (
        (f"curl http://localhost:5000/images/{'x' * 32}", "not_found"),
        (f"curl -X DELETE http://localhost:5000/images/{'x' * 32}", "not_found"),
        ("curl -F metadata={} http://localhost:5000/images/upload", "no_image"),
        ('curl "http://localhost:5000/images?limit=many"', "bad_limit"),
        ('curl "http://localhost:5000/images/x?mode=show"', "bad_mode"),
    ):
        assert told(line, open_server, folder)["error"] == code
