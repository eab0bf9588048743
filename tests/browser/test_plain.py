"""Both pages without scripts: forms, plain answers, and nothing that needs more."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import requests
from playwright.sync_api import expect

from tests.browser.conftest import Open, Watched, deposit
from tests.cast import FLOWER, IMAGES
from tests.processes import Served


@pytest.fixture
def plain(window: Open) -> Watched:
    return window("plain", java_script_enabled=False)


def test_an_image_goes_in_and_the_page_shows_its_link_once(plain: Watched, picture: Path) -> None:
    page = plain.open()
    for hidden in (".needs-script", ".camera", "#links", "#items"):
        for element in page.locator(hidden).all():
            expect(element).to_be_hidden()
    plain.look(page, "drop")
    page.set_input_files("#file", picture)
    page.select_option("[name=views]", label="2 times")
    page.click("#send")
    expect(page.locator("h1")).to_have_text("Your link")
    plain.look(page, "receipt")
    expect(page.locator(".terms")).to_have_text(re.compile(r"Views left: 2 · until \d\d:\d\d:\d\d UTC"))
    page.click(".qr summary")
    page.click(".lines summary")
    expect(page.locator(".squares svg")).to_be_visible()
    plain.look(page, "receipt-open")
    image_url = page.locator(".url").input_value().replace("/s#", "/image/")
    assert page.locator(".open-line").inner_text() == f"curl -X POST -o image.jpeg {image_url}"
    assert requests.post(image_url, timeout=10).ok
    page.click(".delete button")
    expect(page.locator("h1")).to_have_text("Deleted")
    plain.look(page, "deleted")
    assert requests.post(image_url, timeout=10).status_code == 404


def test_a_link_is_opened(plain: Watched, server: Served, picture: Path) -> None:
    plain.allow("status of 403")
    # The image is a document of its own then, and the browser's frame around it may not style itself or run either.
    plain.allow("Applying inline style violates|Blocked script execution in .*/s/open")
    link = deposit(server, picture, views=1, password="sesame")
    page = plain.open(f"/s#{link}")
    expect(page.locator("noscript")).to_be_visible()
    plain.look(page, "share")
    page.fill("[name=link]", f"{server.url}/s#{link}")
    with page.expect_navigation():
        page.keyboard.press("Enter")
    expect(page.locator("h1")).to_have_text("There is an image for you")
    plain.look(page, "found")
    page.fill("[name=password]", "wrong")
    page.keyboard.press("Enter")
    expect(page.locator(".problem")).to_have_text("That password is wrong. No view was counted.")
    plain.look(page, "password-wrong")
    page.fill("[name=password]", "sesame")
    with page.expect_response("**/s/open") as answer:
        page.keyboard.press("Enter")
    assert answer.value.headers["content-type"] == "image/jpeg"
    assert answer.value.headers["views-left"] == "0"


def test_what_went_wrong_is_a_page(plain: Watched, picture: Path) -> None:
    plain.allow("status of 4")
    page = plain.open("/s")
    page.fill("[name=link]", "nothing")
    with page.expect_navigation():
        page.keyboard.press("Enter")
    expect(page.locator("h1")).to_have_text("There is nothing here")
    plain.look(page, "gone")
    page = plain.open()
    page.set_input_files("#file", IMAGES / "broken.png")
    page.click("#send")
    expect(page.locator("h1")).to_have_text("That did not work")
    plain.look(page, "broken")


def test_a_form_keeps_the_name_and_says_what_is_refused(
    plain: Watched, server: Served, tmp_path: Path
) -> None:
    plain.allow("status of 41[35]")
    image, other, large = (tmp_path / name for name in ("Kätzchen 1.jpg", "other.jpg", "large.jpg"))
    image.write_bytes(FLOWER)
    other.write_bytes(b"%PDF-1.7\n")
    large.write_bytes(FLOWER + bytes(30 * 2**20))
    page = plain.open()
    page.set_input_files("#file", image)
    page.click("#send")
    kept = requests.post(page.locator(".url").input_value().replace("/s#", "/image/"), timeout=20)
    assert kept.content == FLOWER
    assert "filename*=UTF-8''K%C3%A4tzchen%201.jpg" in kept.headers["Content-Disposition"]
    for refused, told in ((other, "This is a PDF"), (large, "larger than the server takes")):
        page = plain.open()
        page.set_input_files("#file", refused)
        page.click("#send")
        expect(page.locator("h1")).to_have_text("That did not work")
        expect(page.locator("main")).to_contain_text(told)


def test_axe_finds_nothing_on_the_plain_pages(window: Open, server: Served, picture: Path) -> None:
    """The same pages with their first script empty, since axe is a script itself."""
    plain = window("plain-axe")
    plain.allow("status of 40[45]")
    for name in ("drop/page.js", "receipt/page.js", "share/page.js"):
        plain.context.route(
            f"**/{name}", lambda route: route.fulfill(body="", content_type="text/javascript")
        )
    page = plain.open()
    plain.state(page, "drop")
    page.set_input_files("#file", picture)
    page.fill("[name=password]", "x")
    page.click("#send")
    plain.state(page, "receipt")
    page.click(".delete button")
    plain.state(page, "deleted")
    page = plain.open("/s")
    page.fill("[name=link]", deposit(server, picture, password="x"))
    page.click("#ask button")
    plain.state(page, "found")
    plain.state(plain.open("/nothing"), "error")
