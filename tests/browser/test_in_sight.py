"""The button and the progress are always in sight, nothing hides what has the focus, and nothing jumps."""

from __future__ import annotations

import re
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Open, Watched, deposit, slow_line
from tests.cast import IMAGES, noise
from tests.processes import Served

SIZES = [(360, 740), (390, 844), (375, 553), (1440, 900)]
OTHERS = [IMAGES / name for name in ("hopper.png", "hopper.gif", "hopper.webp")]
SHIFTS = """
window.shift = 0;
new PerformanceObserver((list) => list.getEntries().forEach((entry) => {
    if (!entry.hadRecentInput) window.shift += entry.value;
})).observe({type: "layout-shift", buffered: true});
"""
IN_SIGHT = """(element) => {
    const box = element.getBoundingClientRect();
    const x = box.left + box.width / 2, y = box.top + box.height / 2;
    const there = box.height > 0 && box.top >= 0 && box.bottom <= innerHeight;
    return there && element.contains(document.elementFromPoint(x, y));
}"""
COVERED = """() => {
    const bar = document.querySelector(".send-bar");
    const [over, box] = [bar, document.activeElement].map((element) => element.getBoundingClientRect());
    if (document.activeElement.contains(bar) || bar.contains(document.activeElement)) return false;
    return box.bottom > over.top + 1 && box.top < over.bottom - 1;
}"""
MOST_SHIFT = 0.1
"""https://web.dev/articles/cls: up to here people are not disturbed."""


def sized(window: Open, width: int, height: int, **options: Any) -> Watched:
    phone = {"is_mobile": True, "has_touch": True} if width < 600 else {}
    seen = window(f"{width}x{height}", viewport={"width": width, "height": height}, **phone, **options)
    seen.context.add_init_script(SHIFTS)
    return seen


def in_sight(page: Page, selector: str) -> bool:
    return bool(page.locator(selector).evaluate(IN_SIGHT))


@pytest.mark.parametrize("size", SIZES, ids=lambda size: "x".join(map(str, size)))
@pytest.mark.parametrize("number", [1, 4])
def test_the_button_and_the_progress_are_in_sight(
    window: Open, tmp_path: Path, size: tuple[int, int], number: int
) -> None:
    (tmp_path / "noise.png").write_bytes(noise(500, 300))
    seen = sized(window, *size)
    page = seen.open()
    expect(page.locator("body")).to_have_class(re.compile("scripted"))
    page.set_input_files("#file", [tmp_path / "noise.png", *OTHERS[: number - 1]])
    expect(page.locator(".item")).to_have_count(number)
    assert in_sight(page, "#send")
    seen.look(page, f"chosen-{number}")
    assert page.evaluate("shift") < MOST_SHIFT
    slow_line(page, 90)
    page.click("#send")
    expect(page.locator("#sum")).to_have_text(re.compile(r"about \d+ sec"))
    assert in_sight(page, ".send-bar progress")
    assert in_sight(page, "#stop")
    seen.look(page, f"sending-{number}")
    before = page.evaluate("shift")
    expect(page.locator(".card")).to_have_count(number, timeout=30_000)
    page.wait_for_timeout(200)
    assert page.evaluate("shift") - before < MOST_SHIFT
    seen.look(page, f"links-{number}")


@pytest.mark.parametrize("size", SIZES, ids=lambda size: "x".join(map(str, size)))
@pytest.mark.parametrize("limits", [{}, {"views": 2}], ids=["at-once", "at-a-click"])
def test_nothing_jumps_on_the_share_page(
    window: Open, server: Served, picture: Path, size: tuple[int, int], limits: dict[str, int]
) -> None:
    page = sized(window, *size).open(f"/s#{deposit(server, picture, **limits)}")
    expect(page.locator("[data-state=ready], [data-state=open]").filter(visible=True)).to_have_count(1)
    page.wait_for_timeout(200)
    assert page.evaluate("shift") < MOST_SHIFT
    if limits:
        page.click("#open button")
        expect(page.locator(".picture")).to_be_visible()
        page.wait_for_timeout(200)
        assert page.evaluate("shift") < MOST_SHIFT


@pytest.mark.parametrize("size", SIZES, ids=lambda size: "x".join(map(str, size)))
def test_the_bar_hides_nothing_that_has_the_focus(window: Open, size: tuple[int, int]) -> None:
    """WCAG 2.4.11, forwards and backwards through the page."""
    page = sized(window, *size).open()
    page.set_input_files("#file", OTHERS)
    if page.locator("#set").is_visible():
        page.click("#set")
    for key in ("Tab", "Shift+Tab"):
        for _ in range(30):
            page.keyboard.press(key)
            assert not page.evaluate(COVERED)


def test_a_phone_folds_the_options_into_one_line_that_says_what_is_set(window: Open, picture: Path) -> None:
    seen = sized(window, 360, 740)
    page = seen.open()
    expect(page.locator("#set")).to_have_text("5 minutes · any number of views")
    expect(page.locator("[name=password]")).to_be_hidden()
    page.click("#set")
    page.get_by_label("15 minutes").check()
    page.select_option("[name=views]", label="Once")
    page.fill("[name=password]", "x")
    page.check("[name=keep_metadata]")
    expect(page.locator("#set")).to_have_text("15 minutes · Once · with a password · with camera data")
    page.click("#set")
    page.set_input_files("#file", picture)
    seen.state(page, "folded")
    page.set_viewport_size({"width": 1000, "height": 800})
    expect(page.locator("[name=password]")).to_be_visible()
    expect(page.locator("#set")).to_be_hidden()


def test_on_a_slow_line_something_changes_every_second(window: Open, tmp_path: Path) -> None:
    (tmp_path / "noise.png").write_bytes(noise(500, 300))
    page = sized(window, 390, 844).open()
    page.set_input_files("#file", tmp_path / "noise.png")
    slow_line(page, 90)
    page.evaluate(
        """() => {
            window.changes = [];
            const note = () => window.changes.push(performance.now());
            new MutationObserver(note).observe(document.querySelector("#sum"), {childList: true, characterData: true});
        }"""
    )
    page.click("#send")
    expect(page.locator("#sum")).to_have_text("Sent. Sealing…", timeout=30_000)
    changes = page.evaluate("changes")
    assert changes[-1] - changes[0] > 3000
    assert max(after - before for before, after in pairwise(changes)) < 1500


def test_the_bar_s_cancel_stops_them_all_and_the_button_sends_them_again(
    window: Open, tmp_path: Path
) -> None:
    (tmp_path / "noise.png").write_bytes(noise(800, 500))
    seen = sized(window, 390, 844)
    page = seen.open()
    page.set_input_files("#file", [tmp_path / "noise.png", *OTHERS[:2]])
    slow_line(page, 90)
    page.focus("#send")
    page.keyboard.press("Enter")
    expect(page.locator("#sum")).to_have_text(re.compile("Sending 1 of 3, "))
    expect(page.locator("#sum")).to_be_focused()
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    expect(page.locator("#stop")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator(".item .state")).to_have_text(["Cancelled; nothing was stored."] * 3)
    expect(page.locator("#send")).to_be_focused()
    expect(page.locator("#send")).to_have_text("Make 3 links")
    seen.state(page, "cancelled")
    page.locator(".item .remove").first.click()
    slow_line(page, 4000)
    page.click("#send")
    expect(page.locator(".card .name")).to_have_text(["hopper.png", "hopper.gif"])
