"""Whom to write to about an image: in security.txt, on every page, and in refusals; and never with the link."""

from __future__ import annotations

import hashlib
import io
import re
from datetime import UTC, datetime, timedelta

import pytest
from flask.testing import FlaskClient

from tests.cast import FLOWER, deposit
from tests.conftest import MakeApp

BROWSER = {"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"}
MAIL, FORM = "mailto:abuse@example.org", "https://example.org/abuse?about=images"
SECURITY = "/.well-known/security.txt"
every_contact = pytest.mark.parametrize("contact", [MAIL, FORM])


def fields(text: str) -> dict[str, str]:
    return dict(line.split(": ", 1) for line in text.splitlines())


@every_contact
def test_security_txt_is_as_rfc_9116_has_it(make_app: MakeApp, contact: str) -> None:
    app = make_app(abuse_contact=contact, base_url="https://drop.example.org", trusted_hosts=("localhost",))
    answer = app.test_client().get(SECURITY)
    assert answer.content_type == "text/plain; charset=utf-8"
    told = fields(answer.text)
    assert set(told) == {"Contact", "Expires", "Canonical"}
    assert told["Contact"] == contact
    assert told["Canonical"] == "https://drop.example.org/.well-known/security.txt"
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", told["Expires"])
    ahead = datetime.fromisoformat(told["Expires"]) - datetime.now(UTC)
    assert timedelta(days=1) < ahead < timedelta(days=365)


@pytest.mark.parametrize("base_url", [None, "http://drop.example.org"])
def test_it_names_no_address_of_its_own_but_one_by_https(make_app: MakeApp, base_url: str | None) -> None:
    app = make_app(abuse_contact=MAIL, base_url=base_url)
    assert "Canonical" not in fields(app.test_client().get(SECURITY).text)


def test_without_a_contact_there_is_neither_the_file_nor_a_word(client: FlaskClient) -> None:
    link = deposit(client)
    assert client.get(SECURITY).status_code == 404
    for answer in pages(client, link).values():
        assert "mailto:" not in answer
        assert "Report" not in answer


def pages(client: FlaskClient, link: str) -> dict[str, str]:
    """Every kind of page, as a browser without scripts gets it too."""
    data = {"file": (io.BytesIO(FLOWER), "flower.jpg")}
    return {
        "drop": client.get("/", headers=BROWSER).text,
        "share": client.get("/s", headers=BROWSER).text,
        "found": client.post("/s", data={"link": link}, headers=BROWSER).text,
        "receipt": client.post("/upload", data=data, headers=BROWSER).text,
        "error": client.get("/nothing", headers=BROWSER).text,
    }


@every_contact
def test_it_stands_on_every_page(make_app: MakeApp, contact: str) -> None:
    client = make_app(abuse_contact=contact).test_client()
    link = deposit(client)
    for name, page in pages(client, link).items():
        found = re.findall(r'<a href="([^"?]+)[^"]*"', page)
        assert contact.partition("?")[0] in found, name
        assert contact.removeprefix("mailto:") in page
        assert ("Report this image" in page) == (name in {"share", "found"})


def test_a_report_never_has_the_link_in_it(make_app: MakeApp) -> None:
    """A browser may hand a mailto: address to a site, in whose logs it stands before the person has seen it."""
    client = make_app(abuse_contact=MAIL).test_client()
    link = deposit(client)
    for name in ("share", "found"):
        addresses = re.findall(r'href="(mailto:[^"]*)"', pages(client, link)[name])
        assert addresses == ["mailto:abuse@example.org?subject=Report%20of%20an%20image"]


@every_contact
def test_a_refusal_by_the_operator_s_will_names_it(make_app: MakeApp, contact: str) -> None:
    app = make_app(abuse_contact=contact)
    app.shards.home.clock.age = 0.0
    client, words = app.test_client(), contact.removeprefix("mailto:")
    app.operator.block([hashlib.sha256(FLOWER).digest()])
    blocked = client.post("/upload", data=FLOWER)
    app.operator.switch_uploads(on=False)
    off = client.post("/upload", data=FLOWER, headers={"Accept": "text/plain"})
    assert (blocked.status_code, off.status_code) == (403, 503)
    assert blocked.get_json()["message"].endswith(f"Questions about it go to {words}.")
    assert off.text.endswith(f"Questions about it go to {words}.\n")
    page = client.post("/upload", data=FLOWER, headers=BROWSER)
    assert "Uploads are turned off" in page.text
    assert words in page.text
    assert words not in client.get("/image/x").text


def test_in_a_language_too(make_app: MakeApp) -> None:
    client = make_app(abuse_contact=MAIL).test_client()
    page = client.get("/s", headers={**BROWSER, "Accept-Language": "de"}).text
    assert "Dieses Bild melden" in page
    assert "?subject=Meldung%20eines%20Bildes" in page
