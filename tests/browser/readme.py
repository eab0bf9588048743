"""Take the README's two pictures, in few colours and thus small: ``python -m tests.browser.readme``."""

from __future__ import annotations

import io
import tempfile
from pathlib import Path

from PIL import Image
from playwright.sync_api import Browser, Page, expect

from tests.browser.gallery import FLOWER, opened_once, started
from tests.cast import IMAGES
from tests.processes import ROOT, Served


def take(server: Served, browser: Browser, folder: Path) -> None:
    """Show two links, the first of which was opened once, and what it opens."""
    page = browser.new_page(viewport={"width": 1180, "height": 860}, locale="en-GB")
    page.goto(server.url)
    page.set_input_files("#file", [FLOWER, IMAGES / "hopper.png"])
    opened_once(page)
    page.evaluate("scrollTo(0, 0)")
    keep(page, folder / "page-drop.png")
    url = page.locator("#cards .url").first.input_value()
    page.set_viewport_size({"width": 760, "height": 560})
    page.goto(url)
    page.click("#open button")
    expect(page.locator(".picture")).to_be_visible()
    keep(page, folder / "page-share.png")
    page.close()


def keep(page: Page, path: Path) -> None:
    """Write what is in sight."""
    taken = Image.open(io.BytesIO(page.screenshot(animations="disabled")))
    taken.convert("RGB").quantize(128).save(path, optimize=True)


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as made, started(Path(made)) as (server, browser):
        take(server, browser, ROOT / "docs")
