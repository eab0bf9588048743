"""The drop page where uploads ask for a code, and where nobody may upload by it; with scripts and without."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
from playwright.sync_api import Page, expect

from tests.browser.conftest import Open
from tests.cast import FLOWER, IMAGES, SERVER_KEY
from tests.processes import Served, serving

CODE, WRONG = "friends-0123456789", "friends-0123456780"
REFUSED = "status of 403"


def gated(database_url: str, **settings: Any) -> Iterator[Served]:
    own = {"DATABASE_URL": database_url, "SECRET_KEYS": SERVER_KEY, "PURGE_INTERVAL": "off", "WORKERS": "1"}
    with serving(**own | settings) as served:
        yield served


@pytest.fixture(scope="module")
def asking(database_url: str) -> Iterator[Served]:
    """A server that asks for a code."""
    yield from gated(database_url, UPLOADS="code", UPLOAD_CODES=f"friends:{CODE}")


def send(page: Page, code: str, *files: Path) -> None:
    page.set_input_files("#file", files)
    page.fill("#code", code)
    page.click("#send")


def image_of(page: Page) -> bytes:
    url = page.locator(".url").first.input_value().replace("/s#", "/image/")
    return requests.get(url, timeout=10).content


def kept(page: Page) -> str | None:
    found: str | None = page.evaluate("sessionStorage.getItem('mayfly.code')")
    return found


def test_a_code_opens_the_way_and_this_tab_alone_remembers_it(
    window: Open, asking: Served, picture: Path
) -> None:
    alice = window("gate", url=asking.url)
    page = alice.open()
    expect(page.get_by_label("Upload code")).to_have_value("")
    alice.state(page, "drop-code")
    send(page, CODE, picture)
    expect(page.locator(".card")).to_have_count(1)
    assert image_of(page) == FLOWER
    page.reload()
    expect(page.locator("#code")).to_have_value(CODE)
    page.set_input_files("#file", picture)
    page.click("#send")
    expect(page.locator(".card")).to_have_count(2)
    other = alice.open()
    expect(other.locator("#code")).to_have_value("")
    assert page.evaluate("localStorage.length") == 0
    assert page.context.cookies() == []
    assert CODE not in page.url


def test_without_a_code_nothing_is_sent(window: Open, asking: Served, picture: Path) -> None:
    alice = window("gate", url=asking.url)
    sent: list[str] = []
    alice.context.on(
        "request", lambda request: sent.append(request.url) if request.method == "POST" else None
    )
    page = alice.open()
    page.set_input_files("#file", picture)
    page.click("#send")
    expect(page.locator("#code")).to_be_focused()
    assert page.locator("#code").evaluate("(field) => field.validity.valueMissing")
    assert sent == []


def test_a_wrong_code_is_said_once_and_the_images_stay(window: Open, asking: Served, picture: Path) -> None:
    alice = window("gate", url=asking.url)
    alice.allow(REFUSED)
    sent: list[str] = []
    alice.context.on(
        "request", lambda request: sent.append(request.url) if request.method == "POST" else None
    )
    page = alice.open()
    send(page, WRONG, picture, IMAGES / "hopper.png")
    expect(page.locator(".item .state").first).to_contain_text("That upload code is not good here")
    expect(page.locator(".item .state").nth(1)).to_contain_text("Not sent yet")
    expect(page.locator("#code")).to_be_focused()
    expect(page.locator("#code")).to_have_attribute("aria-invalid", "true")
    alice.state(page, "drop-code-wrong")
    assert len(sent) == 1
    assert kept(page) is None
    page.fill("#code", CODE)
    page.click("#send")
    expect(page.locator(".card")).to_have_count(2)
    assert kept(page) == CODE


def test_a_code_that_is_taken_back_is_forgotten(window: Open, asking: Served, picture: Path) -> None:
    alice = window("gate", url=asking.url)
    alice.allow(REFUSED)
    page = alice.open()
    page.evaluate(f"sessionStorage.setItem('mayfly.code', '{WRONG}')")
    page.reload()
    expect(page.locator("#code")).to_have_value(WRONG)
    page.set_input_files("#file", picture)
    page.click("#send")
    expect(page.locator("#code")).to_have_attribute("aria-invalid", "true")
    assert kept(page) is None


def test_a_code_goes_along_without_scripts(window: Open, asking: Served, picture: Path) -> None:
    plain = window("gate-plain", url=asking.url, java_script_enabled=False)
    plain.allow(REFUSED)
    page = plain.open()
    send(page, CODE, picture)
    expect(page.locator("h1")).to_have_text("Your link")
    assert image_of(page) == FLOWER
    page.goto(asking.url)
    send(page, WRONG, picture)
    expect(page.locator(".lede")).to_contain_text("That upload code is not good here")
    plain.look(page, "drop-code-wrong")


@pytest.mark.parametrize(
    ("mode", "words"), [("closed", "Nobody can upload here"), ("account", "Only accounts can upload here")]
)
def test_where_nobody_uploads_by_the_page_it_says_so(
    window: Open, server: Served, database_url: str, picture: Path, mode: str, words: str
) -> None:
    """A link that the tab has kept from before is still there, to be deleted."""
    receipt = requests.post(f"{server.url}/upload", data=picture.read_bytes(), timeout=20).json()
    for shut in gated(database_url, UPLOADS=mode):
        alice = window("gate", url=shut.url)
        page = alice.open()
        expect(page.locator(".lede")).to_contain_text(words)
        expect(page.locator("form#drop")).to_have_count(0)
        alice.state(page, f"drop-{mode}")
        kept = "(card) => sessionStorage.setItem('mayfly.cards', JSON.stringify([card]))"
        page.evaluate(kept, receipt | {"asks_password": False, "lifetime": 300})
        page.reload()
        expect(page.locator(".card")).to_have_count(1)
        page.click(".delete button")
        expect(page.locator(".terms")).to_have_text("Deleted. The link opens nothing any more.")
        page.click(".dismiss")
        expect(page.locator("#links")).to_be_hidden()
        assert requests.get(f"{shut.url}/image/{receipt['hash']}", timeout=10).status_code == 404
        german = window("gate", url=shut.url, locale="de-DE").open()
        expect(german.locator(".lede")).to_contain_text("hier")
