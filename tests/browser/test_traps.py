"""Mistakes that people make on the pages, and what the page says then."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import requests
from playwright.sync_api import Page, expect

from tests.browser.conftest import Open, deposit
from tests.cast import IMAGES
from tests.processes import Served

PHONE = {"viewport": {"width": 390, "height": 844}, "has_touch": True, "is_mobile": True}
SMALL_TARGETS = """() => {
    const targets = "a, button, summary, select, .check, .pick, input:not([type=hidden])";
    const within = ".skip, .check input, .pick input, .segments input"; // what is tapped is what they stand in
    return [...document.querySelectorAll(targets)]
        .filter((element) => element.checkVisibility({visibilityProperty: true}) && !element.matches(within))
        .map((element) => [element.outerHTML.slice(0, 80), element.getBoundingClientRect()])
        .filter(([, box]) => Math.min(box.width, box.height) < 44)
        .map(([html, box]) => `${html} ${box.width}x${box.height}`);
}"""
HTML = "<html><h1>nginx</h1></html>"
WIDE = "document.documentElement.scrollWidth > document.documentElement.clientWidth"


@pytest.mark.parametrize(
    ("status", "body", "told"),
    [
        (413, HTML, "The image is larger than the server takes."),
        (502, HTML, "The server doesn't answer at the moment. Try again in a minute."),
        (504, HTML, "The server doesn't answer at the moment. Try again in a minute."),
        (201, HTML, "The server doesn't answer at the moment. Try again in a minute."),
        (201, '{"ok": true}', "The server doesn't answer at the moment. Try again in a minute."),
    ],
)
def test_what_a_proxy_answers_is_told_by_its_status(
    window: Open, picture: Path, status: int, body: str, told: str
) -> None:
    seen = window("traps")
    seen.allow(f"status of {status}")
    page = seen.open()
    page.route("**/upload", lambda route: route.fulfill(status=status, body=body, content_type="text/html"))
    page.set_input_files("#file", [picture, IMAGES / "hopper.png"])
    page.click("#send")
    expect(page.locator(".item .state")).to_have_text([told, told])
    page.unroute("**/upload")
    if status == 413:
        expect(page.locator(".item .retry").first).to_be_hidden()
        return
    expect(page.locator("#send")).to_have_text("Make 2 links")
    page.locator(".item .remove").first.click()
    expect(page.locator("#send")).to_have_text("Try again")
    page.click("#send")
    expect(page.locator(".card .name")).to_have_text(["hopper.png"])


@pytest.mark.parametrize("way", ["address", "field"])
def test_a_link_that_was_cut_off_is_told_so(window: Open, server: Served, picture: Path, way: str) -> None:
    cut = deposit(server, picture)[:-1]
    seen = window("traps")
    page = seen.open(f"/s#{cut}" if way == "address" else "/s")
    if way == "field":
        page.fill("[name=link]", f"{server.url}/s#{cut}")
        page.keyboard.press("Enter")
    expect(page.locator("section:not([hidden]) h1")).to_have_text("This link was cut off")
    seen.state(page, "share-cut")


def card(page: Page, picture: Path) -> None:
    page.set_input_files("#file", picture)
    page.click("#send")
    expect(page.locator(".card .left")).to_be_visible()


def test_delete_can_be_undone(window: Open, picture: Path) -> None:
    seen = window("traps-phone", **PHONE)
    page = seen.open()
    card(page, picture)
    url = page.locator(".url").input_value().replace("/s#", "/image/")
    page.click(".delete button")
    expect(page.locator(".undo")).to_be_focused()
    page.click(".undo")
    expect(page.locator(".delete button")).to_be_focused()
    page.wait_for_timeout(5500)
    expect(page.locator(".url")).to_be_visible()
    assert requests.get(url, timeout=10).ok
    page.click(".delete button")
    seen.state(page, "deleting")  # a look takes longer than the five seconds on a busy machine


def test_leaving_the_page_does_not_keep_what_was_deleted(window: Open, server: Served, picture: Path) -> None:
    page = window("traps").open()
    card(page, picture)
    url = page.locator(".url").input_value().replace("/s#", "/image/")
    page.click(".delete button")
    assert requests.get(url, timeout=10).ok
    page.goto(f"{server.url}/s")
    for _ in range(40):
        if requests.get(url, timeout=10).status_code == 404:
            break
        page.wait_for_timeout(50)
    assert requests.get(url, timeout=10).status_code == 404


def test_a_password_is_made_shown_and_copied_and_not_kept_for_the_next(window: Open, picture: Path) -> None:
    seen = window("traps")
    page = seen.open()
    page.context.grant_permissions(["clipboard-write"])
    page.click("#make-password")
    password = page.locator("[name=password]").input_value()
    assert re.fullmatch(r"[a-z2-9-]{14}", password)
    expect(page.locator("[name=password]")).to_have_attribute("type", "text")
    page.click("#show-password")
    expect(page.locator("[name=password]")).to_have_attribute("type", "password")
    page.select_option("[name=views]", label="Once")
    card(page, picture)
    expect(page.locator("[name=password]")).to_have_value("")
    expect(page.locator("[name=views]")).to_have_value("")
    page.click(".show-password")
    expect(page.locator(".show-password")).to_have_text(password)
    page.click(".show-password")
    expect(page.locator(".show-password")).to_have_text("Show the password")
    page.click(".copy-password")
    expect(page.locator(".copy-password")).to_have_text("Copied")
    page.focus("[name=password]")
    page.keyboard.press("Control+v")
    expect(page.locator("[name=password]")).to_have_value(password)
    assert password not in page.evaluate("JSON.stringify(sessionStorage)")
    seen.state(page, "password-card")
    page.reload()
    expect(page.locator(".card .left")).to_be_visible()
    expect(page.locator(".copy-password")).to_be_hidden()


def test_a_wrong_password_marks_its_field(window: Open, server: Served, picture: Path) -> None:
    seen = window("traps")
    seen.allow("status of 403")
    page = seen.open(f"/s#{deposit(server, picture, password='sesame')}")
    field = page.locator("[name=password]")
    expect(field).not_to_have_attribute("aria-invalid", "true")
    field.fill("wrong")
    page.keyboard.press("Enter")
    expect(field).to_have_attribute("aria-invalid", "true")
    seen.state(page, "share-password-wrong")
    field.fill("sesame")
    page.keyboard.press("Enter")
    expect(page.locator(".picture")).to_be_visible()


def test_without_scripts_nothing_sticks_out_of_a_phone(window: Open, server: Served, picture: Path) -> None:
    """Nor is anything that is tapped smaller than a finger, on any page."""
    seen = window("traps-plain", java_script_enabled=False, **PHONE)
    seen.allow("status of 40[34]|Applying inline style violates|Blocked script execution")
    page = seen.open()

    def fits(name: str) -> None:
        seen.look(page, name)
        assert not page.evaluate(WIDE), name
        assert page.evaluate(SMALL_TARGETS) == [], name

    def press(button: str) -> None:
        with page.expect_navigation():
            page.click(button)

    fits("drop")
    page.set_input_files("#file", picture)
    press("#send")
    page.click(".qr summary")
    page.click(".lines summary")
    fits("receipt")
    press(".delete button")
    fits("deleted")
    page.goto(f"{server.url}/s")
    fits("share")
    page.fill("[name=link]", f"{server.url}/s#{deposit(server, picture, password='x', views=1)}")
    press("#ask button")
    fits("found")
    page.fill("[name=password]", "wrong")
    press("form button")
    fits("password-wrong")
    page.goto(f"{server.url}/s")
    page.fill("[name=link]", f"{server.url}/s#{'a' * 31}")
    press("#ask button")
    expect(page.locator("h1")).to_have_text("This link was cut off")
    fits("cut")
    page.goto(f"{server.url}/nothing")
    fits("error")
    page.goto(f"{server.url}/docs")
    fits("docs")
    page.evaluate("document.querySelectorAll('details').forEach((element) => { element.open = true; })")
    assert not page.evaluate(WIDE)
    assert page.evaluate(SMALL_TARGETS) == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_description_of_the_api_is_linked_and_readable(window: Open, scheme: str) -> None:
    seen = window(f"traps-{scheme}", color_scheme=scheme)
    page = seen.open()
    page.get_by_role("link", name="the API").click()
    expect(page.locator("h1")).to_have_text("The API of Mayfly")
    seen.state(page, "docs")


def test_what_is_tapped_is_as_large_as_a_finger(window: Open, server: Served, picture: Path) -> None:
    """44 pixels in both directions, which is WCAG 2.5.5, in every state of both pages."""
    seen = window("traps-phone", **PHONE)
    seen.allow("status of 404|ERR_FAILED")
    page = seen.open()

    def fits(visible: str) -> None:
        expect(page.locator(visible).first).to_be_visible()
        assert page.evaluate(SMALL_TARGETS) == [], visible

    page.click("#set")
    page.set_input_files("#file", picture)
    fits(".item .remove")
    page.route("**/upload", lambda route: route.abort())
    page.click("#send")
    fits(".item .retry")
    page.unroute("**/upload")
    page.click("#send")
    fits(".card .left:not(:empty)")
    page.click(".lines summary")
    fits(".delete-line")
    seen.state(page, "card")
    page.click(".delete button")
    fits(".undo")
    page.click(".undo")
    url = page.locator(".url").input_value()
    page.goto(url)
    fits(".picture")
    page.goto(f"{server.url}/s#{deposit(server, picture, password='x', views=1)}")
    fits("#open [name=password]")
    page.goto(f"{server.url}/s#{'a' * 32}")
    fits("[data-state=gone]")
    page.goto(f"{server.url}/s#{'a' * 31}")
    fits("[data-state=cut]")
    page.goto(f"{server.url}/s")
    fits("#ask")
    page.goto(server.url)
    expect(page.locator(".card .left")).to_have_text(re.compile("left"))
    requests.post(
        f"{server.url}/s/delete",
        data={"image_key": page.locator("[name=image_key]").input_value()},
        timeout=10,
    )
    page.reload()
    fits(".dismiss")


def test_a_name_in_another_direction_stays_apart_from_its_sentence(window: Open, tmp_path: Path) -> None:
    (tmp_path / "תמונה.bmp").write_bytes(b"anything")
    page = window("traps").open()
    page.set_input_files("#file", tmp_path / "תמונה.bmp")
    expect(page.locator("#problem")).to_contain_text("\u2068תמונה.bmp\u2069 is a kind of image")
