"""On a phone, in the dark, on a wide screen, in German, from right to left: axe and a screenshot of each."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import Open, deposit
from tests.browser.proxy import proxying
from tests.cast import IMAGES, SERVER_KEY
from tests.processes import Served, free_port, serving

PHONE = {"viewport": {"width": 360, "height": 700}, "has_touch": True, "is_mobile": True}
LOOKS: dict[str, dict[str, Any]] = {
    "phone": PHONE,
    "phone-dark-german": PHONE | {"color_scheme": "dark", "locale": "de-DE"},
    "dark": {"color_scheme": "dark"},
    "wide": {"viewport": {"width": 1800, "height": 1000}},
    "forced-colors": {"forced_colors": "active"},
}


@pytest.mark.parametrize("look", LOOKS)
def test_each_state_looks_right(window: Open, server: Served, picture: Path, look: str) -> None:
    seen = window(look, **LOOKS[look])
    page = seen.open()
    if "phone" in look:
        expect(page.locator(".camera")).to_be_visible()
    page.set_input_files("#file", [picture, IMAGES / "hopper.png"])
    seen.state(page, "drop-chosen")
    page.click("#send")
    expect(page.locator(".card")).to_have_count(2)
    page.locator("#cards .qr summary").first.click()
    page.locator(".lines summary").first.click()
    expect(page.locator(".squares img")).to_be_visible()
    seen.state(page, "drop-cards")
    page.locator(".delete button").first.click()
    expect(page.locator(".card.over")).to_be_visible()
    page.goto(f"{server.url}/s#{deposit(server, picture, views=2, password='x')}")
    expect(page.locator("#open")).to_be_visible()
    seen.state(page, "share-ready")
    page.fill("[name=password]", "x")
    page.click("#open button")
    expect(page.locator(".picture")).to_be_visible()
    seen.state(page, "share-open")


def test_below_a_path_and_without_a_clipboard(window: Open, database_url: str, picture: Path) -> None:
    """Behind a proxy that takes a path away; and where there is no HTTPS, so that a browser gives no clipboard."""
    port = free_port()
    public = f"http://127.0.0.1:{port}/drop"
    with (
        serving(DATABASE_URL=database_url, SECRET_KEYS=SERVER_KEY, BASE_URL=public) as served,
        proxying(port, "/drop", served.port),
    ):
        seen = window("below-a-path", url=public)
        seen.context.add_init_script("Object.defineProperty(navigator, 'clipboard', {value: undefined})")
        page = seen.open("/")
        page.set_input_files("#file", picture)
        page.click("#send")
        expect(page.locator(".card .left")).to_contain_text("left")
        page.click(".card .copy")
        expect(page.locator(".card .copy")).to_have_text("Copied")
        page.focus("[name=password]")
        page.keyboard.press("Control+v")
        expect(page.locator("[name=password]")).to_have_value(page.locator(".url").input_value())
        page.click(".qr summary")
        expect(page.locator(".squares img")).to_be_visible()
        url = page.locator(".url").input_value()
        assert url.startswith(f"{public}/s#")
        page.goto(url)
        expect(page.locator(".picture")).to_be_visible()
        expect(page.locator(".bar .copy")).to_be_hidden()
        seen.state(page, "share-open")
        seen.context.close()


def test_from_right_to_left_nothing_sticks_out(window: Open, server: Served, picture: Path) -> None:
    seen = window("right-to-left", **PHONE)
    page = seen.open()
    page.evaluate("document.documentElement.dir = 'rtl'")
    page.set_input_files("#file", picture)
    page.click("#send")
    expect(page.locator(".card")).to_be_visible()
    seen.state(page, "drop-card")
    left = page.locator(".card .left").bounding_box()
    name = page.locator(".card .name").bounding_box()
    assert left
    assert name
    assert left["x"] < name["x"]
    page.goto(f"{server.url}/s#{deposit(server, picture)}")
    page.evaluate("document.documentElement.dir = 'rtl'")
    expect(page.locator(".picture")).to_be_visible()
    seen.state(page, "share-open")


def test_a_text_twice_as_large_still_fits(window: Open, picture: Path) -> None:
    seen = window("large-text", **PHONE)
    page = seen.open()
    page.evaluate("document.documentElement.style.fontSize = '200%'")
    page.set_input_files("#file", picture)
    page.click("#send")
    expect(page.locator(".card")).to_be_visible()
    seen.state(page, "drop-card")
