"""The share page: what there is, opened at a click where opening counts, and gone at the end."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import requests
from playwright.sync_api import Page, expect

from tests.browser.conftest import LOADS, Open, Watched, deposit, slow_line
from tests.cast import noise
from tests.processes import Served


@pytest.fixture
def bob(window: Open) -> Watched:
    return window()


def heading(page: Page, text: str) -> None:
    expect(page.locator("section:not([hidden]) h1")).to_have_text(text)


def test_an_image_without_limits_opens_at_once(bob: Watched, server: Served, picture: Path) -> None:
    page = bob.open(f"/s#{deposit(server, picture)}")
    expect(page.locator(".picture")).to_be_visible()
    expect(page.locator("[data-state=open] .left")).to_have_text(re.compile(r"[45]:\d\d left"))
    expect(page.locator(".after")).to_be_hidden()
    bob.state(page, "share-open")


def test_a_link_stands_in_no_url(bob: Watched, server: Served, picture: Path) -> None:
    link = deposit(server, picture, views=1, password="x")
    urls: list[str] = []
    bob.context.on("request", lambda request: urls.append(request.url))
    page = bob.open(f"/s#{link}")
    page.fill("[name=password]", "x")
    page.click("#open button")
    expect(page.locator(".picture")).to_be_visible()
    assert len(urls) > 5
    # What comes after # stays in the browser; everything else is what a log could hold.
    assert not any(link in url.partition("#")[0] for url in urls)
    assert link not in server.log


def test_one_view_is_used_up_by_a_click_and_by_nothing_else(
    bob: Watched, server: Served, picture: Path
) -> None:
    link = deposit(server, picture, views=1)
    page = bob.open(f"/s#{link}")
    for _ in range(2):
        heading(page, "There is an image for you")
        expect(page.locator(".views-left")).to_have_text("1")
        expect(page.locator("[data-state=ready] .left")).to_have_text(re.compile(r"[45]:\d\d"))
        page.reload()
    bob.state(page, "share-once")
    page.click("#open button")
    expect(page.locator(".picture")).to_be_visible()
    expect(page.locator(".after")).to_have_text("That was its last view: the link opens nothing any more.")
    bob.state(page, "share-last-view")
    bob.allow("status of 404")
    page.reload()
    heading(page, "There is no image here")


def test_a_password_is_asked_for(bob: Watched, server: Served, picture: Path) -> None:
    bob.allow("status of 4(03|29)")
    page = bob.open(f"/s#{deposit(server, picture, password='sesame', views=3)}")
    bob.state(page, "share-password")
    page.fill("[name=password]", "wrong")
    page.keyboard.press("Enter")
    expect(page.locator("#open .problem")).to_have_text("That password is wrong. No view was counted.")
    expect(page.locator("[name=password]")).to_be_focused()
    bob.state(page, "share-password-wrong")
    page.fill("[name=password]", "sesame")
    page.keyboard.press("Enter")
    expect(page.locator(".picture")).to_be_visible()
    expect(page.locator(".after")).to_have_text("Views left: 2")


def test_too_many_guesses_are_told_to_wait(bob: Watched, server: Served, picture: Path) -> None:
    bob.allow("status of 4(03|29)")
    page = bob.open(f"/s#{deposit(server, picture, password='sesame')}")
    for _ in range(6):
        page.fill("[name=password]", "wrong")
        with page.expect_response("**/s/open"):
            page.keyboard.press("Enter")
        expect(page.locator("#open")).to_be_visible()
    expect(page.locator("#open .problem")).to_have_text("Too many attempts. Wait 10 seconds.")


@pytest.mark.parametrize("link", ["x" * 32, "short", "<script>alert(1)</script>"])
def test_a_link_to_nothing_is_told_kindly_and_nothing_more(bob: Watched, link: str) -> None:
    bob.allow("status of 404")
    page = bob.open(f"/s#{link}")
    heading(page, "There is no image here")
    bob.state(page, "share-gone")


def test_the_image_leaves_the_page_when_its_time_is_over(bob: Watched, server: Served, picture: Path) -> None:
    bob.context.add_init_script("const real = Date.now; Date.now = () => real() - 7200_000")
    page = bob.open(f"/s#{deposit(server, picture, lifetime=6)}")
    expect(page.locator(".picture")).to_be_visible()
    shown = page.locator(".picture").get_attribute("src")
    heading(page, "Gone")
    expect(page.locator(".picture")).to_have_count(0)
    assert page.locator(".save").get_attribute("href") is None
    assert page.evaluate(LOADS, shown) is False
    bob.allow("ERR_FILE_NOT_FOUND")
    bob.state(page, "share-over")


def test_time_that_ends_before_it_was_opened(bob: Watched, server: Served, picture: Path) -> None:
    page = bob.open(f"/s#{deposit(server, picture, lifetime=4, views=1)}")
    heading(page, "Gone")


def test_zoom_save_and_copy(bob: Watched, server: Served, picture: Path) -> None:
    link = deposit(server, picture, filename="Blüte.jpg")
    page = bob.open(f"/s#{link}")
    page.context.grant_permissions(["clipboard-write"])
    expect(page.locator(".picture")).to_be_visible()
    width = page.locator(".picture").evaluate("async (image) => (await image.decode(), image.clientWidth)")
    page.click(".in")
    page.focus(".frame")
    page.keyboard.press("+")
    assert page.locator(".picture").evaluate("(image) => image.clientWidth") == round(
        round(width * 1.5) * 1.5
    )
    expect(page.locator("#news")).to_have_text("Zoom: 225%")
    bob.state(page, "share-zoomed")
    page.keyboard.press("0")
    assert page.locator(".picture").evaluate("(image) => image.clientWidth") == width
    with page.expect_download() as download:
        page.click(".save")
    assert download.value.suggested_filename == "Blüte.jpg"
    assert (
        download.value.path().read_bytes() == requests.get(f"{server.url}/image/{link}", timeout=10).content
    )
    page.click(".bar .copy")
    expect(page.locator(".bar .copy")).to_have_text("Copied")


def test_opening_shows_how_far_it_is(bob: Watched, server: Served, tmp_path: Path) -> None:
    (tmp_path / "noise.png").write_bytes(noise(700, 500))
    link = deposit(server, tmp_path / "noise.png", views=1)
    page = bob.open(f"/s#{link}")
    expect(page.locator("#open")).to_be_visible()
    slow_line(page, 500)
    page.click("#open button")
    expect(page.locator("[data-state=opening] .state")).to_have_text(re.compile(r"of 1 MB opened"))
    bob.state(page, "share-opening")
    expect(page.locator(".picture")).to_be_visible()


def test_a_connection_that_fails_can_be_tried_again(bob: Watched, server: Served, picture: Path) -> None:
    bob.allow("ERR_INTERNET_DISCONNECTED")
    link = deposit(server, picture, views=1)
    page = bob.open("/s")
    bob.state(page, "share-ask")
    bob.context.set_offline(True)
    page.fill("[name=link]", f"https://example.org/s#{link}")
    page.keyboard.press("Enter")
    heading(page, "That did not work")
    expect(page.locator(".why")).to_have_text("The connection failed. Nothing was opened.")
    bob.state(page, "share-failed")
    bob.context.set_offline(False)
    page.click(".again")
    heading(page, "There is an image for you")
    bob.context.set_offline(True)
    page.click("#open button")
    expect(page.locator(".why")).to_have_text(re.compile("one may be used up"))
    bob.context.set_offline(False)
    page.click(".again")
    page.click("#open button")
    expect(page.locator(".picture")).to_be_visible()


def test_another_link_in_the_same_tab(bob: Watched, server: Served, picture: Path) -> None:
    page = bob.open(f"/s#{deposit(server, picture)}")
    expect(page.locator(".picture")).to_be_visible()
    link = deposit(server, picture, views=1)
    page.evaluate(f"location.hash = '{link}'")
    heading(page, "There is an image for you")
    expect(page.locator(".picture")).to_have_count(0)


def test_a_limited_image_s_own_address_leads_here(bob: Watched, server: Served, picture: Path) -> None:
    page = bob.open(f"/image/{deposit(server, picture, views=1)}")
    heading(page, "There is an image for you")
    assert "/s#" in page.url
