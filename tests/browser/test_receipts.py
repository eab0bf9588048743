"""A card tells that its image was opened, and when; nobody asks who doesn't look."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import requests
from playwright.sync_api import Page, Route, expect

from tests.browser.conftest import Open, Watched
from tests.browser.test_drop import image_url, send
from tests.cast import IMAGES

HIDE = """(state) => {
    Object.defineProperty(document, "visibilityState", {value: state, configurable: true});
    document.dispatchEvent(new Event("visibilitychange"));
}"""
MOST_SECONDS = 6


@pytest.fixture
def alice(window: Open) -> Watched:
    return window(timezone_id="Asia/Kolkata")


class Asked:
    """How often a page asked for receipts; its time is moved on by hand."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.times = 0
        page.on("request", lambda request: self._count(request.url))

    def _count(self, url: str) -> None:
        self.times += url.endswith("/s/receipts")

    def within(self, seconds: int) -> int:
        """Let so many seconds go by for the page, one after the other, and tell how often it asked."""
        before = self.times
        for _ in range(seconds):
            self.page.clock.run_for(1000)
            self.page.wait_for_timeout(20)
        self.page.wait_for_timeout(100)
        return self.times - before


def dropped(alice: Watched, views: str, *files: Path) -> tuple[Page, Asked]:
    page = alice.context.new_page()
    page.clock.install()
    page.goto(alice.url)
    page.select_option("[name=views]", label=views)
    send(page, *files)
    expect(page.locator(".card")).to_have_count(len(files))
    page.locator(".card").first.scroll_into_view_if_needed()
    return page, Asked(page)


def test_a_card_tells_within_seconds_that_it_was_opened_and_when(alice: Watched, picture: Path) -> None:
    page, asked = dropped(alice, "2 times", picture)
    url, terms, news = image_url(page), page.locator(".card .terms"), page.locator("#news")
    expect(terms).to_have_text("Views left: 2")
    assert requests.post(url, timeout=10).ok
    asked.within(MOST_SECONDS)
    expect(terms).to_have_text(re.compile(r"^Opened at \d\d:\d\d, 1 view left$"))
    key = page.locator("[name=image_key]").get_attribute("value")
    (moment,) = requests.get(url.partition("/image/")[0] + f"/images/{key}", timeout=10).json()["opened_at"]
    shown = page.evaluate(
        "(at) => new Date(at).toLocaleTimeString('en-GB', {hour: '2-digit', minute: '2-digit'})", moment
    )
    assert shown in terms.inner_text()
    assert shown != moment[11:16], "the time is that of the place where the browser is"
    expect(news).to_have_text(f"flower.jpg: Opened at {shown}, 1 view left")
    alice.state(page, "drop-opened")

    page.evaluate(HIDE, "hidden")
    assert asked.within(30) == 0
    assert requests.post(url, timeout=10).ok
    page.evaluate(HIDE, "visible")
    last = re.compile(r"^Its last view was used at \d\d:\d\d\. Nobody can open it any more\.$")
    expect(terms).to_have_text(last)
    asked.within(1)
    expect(news).to_have_text(re.compile(r"^flower\.jpg: Its last view was used at "))
    alice.state(page, "drop-used-up")
    assert page.evaluate("sessionStorage.length") == 0
    assert asked.within(30) == 0


def test_one_question_is_for_all_cards_in_sight_and_none_for_the_others(alice: Watched) -> None:
    files = [IMAGES / name for name in ("hopper.png", "hopper.gif", "hopper.webp")]
    page, asked = dropped(alice, "5 times", *files)
    began = page.evaluate("Date.now()")
    questions = asked.within(20)
    seconds = (page.evaluate("Date.now()") - began) / 1000  # more than 20 on a slow machine
    assert 2 <= questions <= seconds / 4 + 1
    page.reload()
    expect(page.locator(".card .terms").first).to_have_text("Views left: 5")
    expect(page.locator(".open-line").first).to_contain_text("curl -X POST")
    page.set_viewport_size({"width": 1000, "height": 200})
    page.evaluate("document.documentElement.style.paddingBlockEnd = '3000px'; scrollTo(0, 1e6)")
    page.wait_for_timeout(200)
    assert asked.within(20) == 0


def test_a_server_that_refuses_is_asked_less_and_less(alice: Watched, picture: Path) -> None:
    alice.allow("status of (429|503)")
    page, asked = dropped(alice, "5 times", picture)
    answers = {"status": 503, "headers": {}}

    def refuse(route: Route) -> None:
        route.fulfill(status=answers["status"], headers=answers["headers"], body="")  # type: ignore[arg-type]

    page.route("**/s/receipts", refuse)
    assert asked.within(70) <= 4
    answers.update(status=429, headers={"Retry-After": "300"})
    assert asked.within(60) <= 1
    page.evaluate(HIDE, "visible")
    assert asked.within(100) == 0


def test_an_image_without_a_limit_of_views_is_not_asked_for(alice: Watched, picture: Path) -> None:
    _, asked = dropped(alice, "No limit", picture)
    assert asked.within(20) == 0
