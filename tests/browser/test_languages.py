"""Every language on a narrow phone: nothing sticks out of the window or of its box, and Arabic stands mirrored."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Open, Watched, deposit
from tests.cast import IMAGES
from tests.processes import Served
from web.pages.languages import languages

NARROW = {"viewport": {"width": 360, "height": 740}, "has_touch": True, "is_mobile": True}
STICKS_OUT = """() => {
    const cut = (element) => {
        const {overflowX} = getComputedStyle(element);
        return overflowX === "visible" && element.scrollWidth > element.clientWidth + 1;
    };
    const text = "button, .button, a, p, h1, h2, h3, summary, label, legend, dt, dd, li, span";
    const blocks = [...document.querySelectorAll(text)].filter((element) => element.clientWidth > 1);
    const wide = document.documentElement.scrollWidth > document.documentElement.clientWidth;
    return (wide ? ["the page"] : []).concat(
        blocks.filter(cut).map((element) => `${element.tagName} ${element.className}: ${element.textContent.trim()}`),
    );
}"""


def fits(seen: Watched, page: Page, state: str, *, look: bool = False) -> None:
    """Nothing is wider than the window, and no text wider than what it stands in; with ``look``, take a picture."""
    if look:
        seen.look(page, state)
    assert page.evaluate(STICKS_OUT) == [], state


@pytest.mark.parametrize("language", sorted(set(languages().values())))
def test_a_language_fits_on_a_narrow_phone(
    window: Open, server: Served, picture: Path, language: str
) -> None:
    seen = window(f"language-{language}", **NARROW, locale=language)
    seen.allow("status of 404")
    page = seen.open()
    assert page.evaluate("document.documentElement.lang") == language
    page.click(".foot summary")
    page.set_input_files("#file", [picture, IMAGES / "hopper.png"])
    page.click("#set")
    expect(page.locator("[name=password]")).to_be_visible()
    fits(seen, page, "drop-chosen", look=True)
    page.locator(".item .edit").first.click()
    expect(page.locator(".editor .add")).to_be_focused()
    fits(seen, page, "drop-editor")
    page.click(".editor [value=discard]")
    page.select_option("[name=views]", index=2)
    page.click("#send")
    expect(page.locator("#cards .card")).to_have_count(2)
    page.locator(".lines summary").first.click()
    page.locator(".delete button").last.click()
    expect(page.locator(".leaving").last).to_be_visible()
    fits(seen, page, "drop-cards", look=True)
    page.goto(f"{server.url}/s#{deposit(server, picture, views=2, password='x')}")
    expect(page.locator("#open")).to_be_visible()
    fits(seen, page, "share-ready")
    page.fill("[name=password]", "x")
    page.click("#open button")
    expect(page.locator(".picture")).to_be_visible()
    fits(seen, page, "share-open")
    page = seen.open(f"/s#{deposit(server, picture)}.{deposit(server, picture, views=1)}.{'a' * 32}")
    expect(page.locator(".picture")).to_be_visible()
    fits(seen, page, "share-album", look=True)
    page = seen.open(f"/s#{'a' * 32}")
    expect(page.locator("[data-state=gone]")).to_be_visible()
    fits(seen, page, "share-gone")


def test_arabic_stands_mirrored(window: Open, server: Served, picture: Path) -> None:
    """What comes first stands at the right; links, command lines and file names keep their own direction."""
    seen = window("arabic", locale="ar-EG", color_scheme="dark")
    page = seen.open()
    assert page.evaluate("document.documentElement.dir") == "rtl"
    page.set_input_files("#file", picture)
    seen.state(page, "drop-chosen")
    page.click("#send")
    expect(page.locator(".card")).to_be_visible()
    page.locator(".lines summary").click()
    seen.state(page, "drop-card")
    left, name = page.locator(".card .left").bounding_box(), page.locator(".card .name").bounding_box()
    assert left
    assert name
    assert left["x"] < name["x"]
    assert page.locator(".card .name").evaluate("(one) => getComputedStyle(one).textAlign") == "right"
    bar = page.locator(".life span").evaluate(
        "(bar) => bar.parentElement.getBoundingClientRect().right - bar.getBoundingClientRect().right"
    )
    assert bar == 0, "the life that is left shrinks towards the right, where reading begins"
    for element in (".url", ".open-line", ".delete-line"):
        assert page.locator(element).evaluate("(one) => getComputedStyle(one).direction") == "ltr"
    page.goto(f"{server.url}/s#{deposit(server, picture, views=2)}")
    expect(page.locator("#open")).to_be_visible()
    seen.state(page, "share-ready")
    page.click("#open button")
    expect(page.locator(".picture")).to_be_visible()
    seen.state(page, "share-open")
