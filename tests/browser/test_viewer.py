"""The share page's viewer: what an image begins with, and every way to another size."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from PIL import Image
from playwright.sync_api import Page, expect

from tests.browser.conftest import Open, deposit
from tests.processes import Served

PHONE = {"viewport": {"width": 390, "height": 844}, "has_touch": True, "is_mobile": True}
POINT = """([x, y]) => {
    const box = document.querySelector(".picture").getBoundingClientRect();
    return [(x - box.left) / box.width, (y - box.top) / box.height];
}"""
"""What part of the picture, from its left and from its top, is at a point of the window."""


def drawn(folder: Path, width: int, height: int, color: str = "teal") -> Path:
    path = folder / f"{width}x{height}.png"
    Image.new("RGBA" if color == "none" else "RGB", (width, height), 0 if color == "none" else color).save(
        path
    )
    return path


def width(page: Page) -> int:
    return int(page.locator(".picture").evaluate("(image) => image.clientWidth"))


def opened(page: Page) -> Page:
    expect(page.locator(".picture")).to_be_visible()
    return page


def test_a_tall_image_begins_at_its_width(window: Open, server: Served, tmp_path: Path) -> None:
    link = deposit(server, drawn(tmp_path, 300, 6000))
    seen = window("viewer")
    assert width(opened(seen.open(f"/s#{link}"))) == 300
    phone = window("viewer-phone", **PHONE)
    page = opened(phone.open(f"/s#{link}"))
    assert width(page) == 300
    phone.state(page, "tall")
    wider = opened(phone.open(f"/s#{deposit(server, drawn(tmp_path, 1000, 5000))}"))
    frame = wider.locator(".frame")
    assert width(wider) == frame.evaluate("(frame) => frame.clientWidth") > 300
    expect(wider.locator("[data-size=width][aria-pressed=true]")).to_be_visible()


def test_fit_width_and_its_own_size(window: Open, server: Served, tmp_path: Path) -> None:
    seen = window("viewer")
    page = opened(seen.open(f"/s#{deposit(server, drawn(tmp_path, 2000, 1500))}"))
    fit = width(page)
    assert page.locator(".picture").evaluate("(image) => image.clientHeight") < 800
    page.get_by_role("button", name="100 %").click()
    assert width(page) == 2000
    expect(page.locator("#news")).to_have_text("Zoom: 100%")
    seen.state(page, "own-size")
    page.get_by_role("button", name="Width").click()
    assert width(page) == page.locator(".frame").evaluate("(frame) => frame.clientWidth") > fit
    page.get_by_role("button", name="Fit").click()
    assert width(page) == fit
    page.focus(".frame")
    page.keyboard.press("1")
    assert width(page) == 2000
    page.keyboard.press("2")
    page.keyboard.press("0")
    assert width(page) == fit


def test_zoom_is_about_the_pointer_or_the_centre(window: Open, server: Served, tmp_path: Path) -> None:
    page = opened(window("viewer").open(f"/s#{deposit(server, drawn(tmp_path, 2000, 1500))}"))
    page.get_by_role("button", name="100 %").click()
    box = page.locator(".frame").bounding_box()
    assert box
    at = [box["x"] + 200, box["y"] + 150]
    before = page.evaluate(POINT, at)
    page.mouse.move(*at)
    page.keyboard.down("Control")
    page.mouse.wheel(0, -100)
    page.keyboard.up("Control")
    assert page.evaluate("visualViewport.scale") == 1
    assert width(page) == pytest.approx(2000 * 1.49, abs=10)
    assert page.evaluate(POINT, at) == pytest.approx(before, abs=0.003)
    centre = [box["x"] + box["width"] / 2, box["y"] + box["height"] / 2]
    before = page.evaluate(POINT, centre)
    page.click(".in")
    assert page.evaluate(POINT, centre) == pytest.approx(before, abs=0.003)


def test_two_fingers_pinch(window: Open, server: Served, tmp_path: Path) -> None:
    page = opened(window("viewer-phone", **PHONE).open(f"/s#{deposit(server, drawn(tmp_path, 2000, 1500))}"))
    fit = width(page)
    box = page.locator(".picture").bounding_box()
    assert box
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    before = page.evaluate(POINT, [x, y])
    touch = page.context.new_cdp_session(page)
    for kind, apart in [("touchStart", 40), *(("touchMove", 40 + step) for step in range(20, 101, 20))]:
        points = [{"x": x - apart, "y": y, "id": 0}, {"x": x + apart, "y": y, "id": 1}]
        touch.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})
    touch.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})
    assert width(page) == pytest.approx(fit * 3.5, abs=10)
    assert page.evaluate(POINT, [x, y])[0] == pytest.approx(before[0], abs=0.02)
    assert page.evaluate("visualViewport.scale") == 1, "the page stays as it is"


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_behind_what_is_transparent_are_white_chequers(
    window: Open, server: Served, tmp_path: Path, scheme: str
) -> None:
    seen = window(f"viewer-{scheme}", color_scheme=scheme)
    page = opened(seen.open(f"/s#{deposit(server, drawn(tmp_path, 200, 100, 'none'))}"))
    seen.look(page, "transparent")
    page.locator(".picture").screenshot(path=tmp_path / "seen.png")
    with Image.open(tmp_path / "seen.png") as shown:
        inner = shown.convert("L").crop((20, 20, 180, 80))  # without the frame's round corners
    assert min(inner.tobytes()) >= 0xE4


def test_name_and_description_stand_above_and_the_time_in_the_title(
    window: Open, server: Served, picture: Path
) -> None:
    told = "Blick über den See,\nam Abend: 50 % <b>Nebel</b>"
    seen = window("viewer")
    link = deposit(server, picture, filename="See.jpg", description=told, views=1, password="x")
    page = seen.open(f"/s#{link}")
    page.fill("[name=password]", "x")
    page.click("#open button")
    opened(page)
    expect(page.locator(".file-name")).to_have_text("See.jpg")
    assert page.locator(".description").text_content() == told
    expect(page).to_have_title(re.compile(r"^[45]:\d\d · Mayfly: an image for you$"))
    seen.state(page, "described")
    other = deposit(server, picture, lifetime=4)
    page.evaluate(f"location.hash = '{other}'")
    expect(page.locator(".file-name")).to_have_text("flower.jpg")
    expect(page.locator(".description")).to_be_hidden()
    expect(page.locator("section:not([hidden]) h1")).to_have_text("Gone")
    expect(page).to_have_title("Mayfly: an image for you")
