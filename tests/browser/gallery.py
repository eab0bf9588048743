"""Take a picture of every state of the pages, in every look: ``python -m tests.browser.gallery FOLDER [LOOK...]``."""

from __future__ import annotations

import re
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import requests
from PIL import Image
from playwright.sync_api import Browser, Page, expect, sync_playwright

import embedded
from app import create_app, migrate
from config import Config
from tests.browser.conftest import SWITCHES, deposit, slow_line
from tests.cast import IMAGES, SERVER_KEY, noise
from tests.processes import Served, serving

FLOWER = IMAGES / "flower.jpg"
SMALL = {"has_touch": True, "is_mobile": True}
LOOKS: dict[str, dict[str, Any]] = {
    "phone-360": {"viewport": {"width": 360, "height": 740}, **SMALL},
    "phone-390-dark-de": {
        "viewport": {"width": 390, "height": 844},
        "color_scheme": "dark",
        "locale": "de-DE",
        **SMALL,
    },
    "phone-390-ar": {"viewport": {"width": 390, "height": 844}, "locale": "ar", **SMALL},
    "desktop": {"viewport": {"width": 1440, "height": 900}},
    "desktop-dark": {"viewport": {"width": 1440, "height": 900}, "color_scheme": "dark"},
    "plain-390": {"viewport": {"width": 390, "height": 844}, "java_script_enabled": False, **SMALL},
}


class Tour:
    """A walk through the pages in one look; each stop is a picture."""

    def __init__(self, server: Served, page: Page, folder: Path) -> None:
        self.server = server
        self.page = page
        self.folder = folder
        self.number = 0

    def look(self, name: str, *, whole: bool = True) -> None:
        self.number += 1
        self.page.screenshot(path=self.folder / f"{self.number:02}-{name}.png", full_page=whole)

    def open(self, path: str) -> None:
        self.page.goto("about:blank")
        self.page.goto(self.server.url + path)

    def image(self, picture: Path, **options: object) -> None:
        self.open(f"/s#{deposit(self.server, picture, **options)}")

    def section(self, name: str) -> None:
        expect(self.page.locator(f"[data-state={name}]")).to_be_visible()


def drop(tour: Tour, folder: Path) -> None:
    page = tour.page
    tour.open("/")
    expect(page.locator("body")).to_have_class(re.compile("scripted"))
    tour.look("drop-empty")
    tour.look("drop-empty-in-sight", whole=False)
    page.set_input_files("#file", [FLOWER, IMAGES / "hopper.png", IMAGES / "broken.png"])
    expect(page.locator(".item")).to_have_count(3)
    tour.look("drop-chosen")
    page.locator(".item .edit").first.click()
    page.click(".editor .add")
    tour.look("editor", whole=False)
    page.click(".editor [value=keep]")
    expect(page.locator(".item .notes").first).to_be_visible()
    tour.look("drop-edited")
    page.click("#send")
    expect(page.locator("#cards .card")).to_have_count(2)
    expect(page.locator("#send")).to_be_visible()
    tour.look("drop-two-links-and-one-refused")
    page.locator("#cards .lines summary").first.click()
    page.locator("#cards .qr summary").first.click()
    expect(page.locator(".squares img").first).to_be_visible()
    tour.look("drop-card-unfolded")
    page.locator(".delete button").first.click()
    tour.look("drop-deleting")


def opened_once(page: Page) -> None:
    """Make links that open twice; open the first one once, and wait until its card tells it."""
    page.locator("[name=views]").evaluate("(field) => { field.value = '2'; }")
    page.click("#send")
    expect(page.locator("#cards .card .left")).to_have_count(2)
    url = page.locator("#cards .url").first.input_value()
    assert requests.post(url.replace("/s#", "/image/"), timeout=20).ok
    terms = page.locator("#cards .terms").first
    terms.scroll_into_view_if_needed()
    expect(terms).to_contain_text(re.compile(r"\d:\d\d"), timeout=30_000)


def receipts(tour: Tour, folder: Path) -> None:
    page = tour.page
    page.evaluate("sessionStorage.clear()")
    tour.open("/")
    page.set_input_files("#file", [FLOWER, IMAGES / "hopper.png"])
    opened_once(page)
    tour.look("drop-opened")
    page.goto(page.locator("#albums .url").input_value())
    tour.section("ready")
    tour.look("album-ready")
    page.click("#open button")
    tour.section("open")
    tour.look("album-open")


def sending(tour: Tour, folder: Path) -> None:
    page = tour.page
    tour.open("/")
    page.set_input_files("#file", [folder / "large.png", FLOWER])
    slow_line(page, 90)
    page.click("#send")
    expect(page.locator(".send-bar progress")).to_be_visible()
    page.wait_for_timeout(2500)
    tour.look("drop-slow-line", whole=False)
    page.context.set_offline(True)
    page.route("**/upload", lambda route: route.abort())
    expect(page.locator("#send")).to_be_visible(timeout=40_000)
    tour.look("drop-failed")
    page.context.set_offline(False)
    page.unroute("**/upload")
    slow_line(page, 10_000)


def share(tour: Tour, folder: Path) -> None:
    page = tour.page
    tour.open("/s")
    tour.section("ask")
    tour.look("share-ask")
    tour.image(FLOWER, views=2, password="sesame")
    tour.section("ready")
    tour.look("share-ready")
    page.fill("#open [name=password]", "wrong")
    page.click("#open button")
    expect(page.locator("#wrong")).to_be_visible()
    tour.look("share-password-wrong")
    page.fill("#open [name=password]", "sesame")
    page.click("#open button")
    tour.section("open")
    tour.look("share-open")
    for name in ("tall", "transparent"):
        tour.image(folder / f"{name}.png", description="What it shows, in a sentence of the sender.")
        tour.section("open")
        tour.look(f"share-{name}", whole=False)
    tour.open("/s#" + "A" * 32)
    tour.section("gone")
    tour.look("share-gone")
    tour.open("/s#" + "A" * 20)
    tour.section("cut")
    tour.look("share-cut")


def others(tour: Tour, folder: Path) -> None:
    for name, path in {"docs": "/docs", "nothing": "/nothing"}.items():
        tour.open(path)
        tour.look(name, whole=False)


def plain(tour: Tour, folder: Path) -> None:
    page = tour.page
    tour.open("/")
    tour.look("drop")
    page.set_input_files("#file", FLOWER)
    page.select_option("[name=views]", "2")
    page.click("#send")
    tour.look("receipt")
    page.click(".delete button")
    tour.look("deleted")
    tour.open("/s")
    tour.look("ask")
    page.fill("[name=link]", deposit(tour.server, FLOWER, password="x", views=1))
    page.click("#ask button")
    tour.look("found")
    page.fill("[name=password]", "y")
    page.click("form button")
    tour.look("found-password-wrong")


STEPS: tuple[Callable[[Tour, Path], None], ...] = (drop, receipts, sending, share, others)


def pictures(folder: Path) -> None:
    """Make what the photographs at hand are not: large, tall, transparent."""
    (folder / "large.png").write_bytes(noise(900, 700))
    Image.new("RGB", (300, 6000), "teal").save(folder / "tall.png")
    Image.new("RGBA", (400, 300), (0, 0, 0, 0)).save(folder / "transparent.png")


@contextmanager
def started(folder: Path) -> Iterator[tuple[Served, Browser]]:
    """A server on a database of its own, and a browser."""
    with (
        embedded.running(folder / "database", durable=False) as url,
        serving(
            DATABASE_URL=url, SECRET_KEYS=SERVER_KEY, WORKERS="1", ABUSE_CONTACT="mailto:abuse@example.org"
        ) as server,
        sync_playwright() as playwright,
    ):
        migrate(create_app(Config(database_url=url, secret_keys=(SERVER_KEY,))))
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=SWITCHES)
        yield server, browser
        browser.close()


def take(server: Served, browser: Browser, look: str, folder: Path, made: Path) -> None:
    """Walk through all states in one look."""
    folder.mkdir(parents=True, exist_ok=True)
    context = browser.new_context(reduced_motion="reduce", **({"locale": "en-GB"} | LOOKS[look]))
    context.set_default_timeout(20_000)
    tour = Tour(server, context.new_page(), folder)
    for step in (plain,) if look.startswith("plain") else STEPS:
        step(tour, made)
    context.close()


def main(folder: str, *looks: str) -> None:
    """Fill a folder with a folder for each look."""
    with tempfile.TemporaryDirectory() as made:
        pictures(Path(made))
        with started(Path(made)) as (server, browser):
            for look in looks or LOOKS:
                take(server, browser, look, Path(folder) / look, Path(made))


if __name__ == "__main__":
    main(*sys.argv[1:])
