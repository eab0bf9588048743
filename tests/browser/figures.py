"""Measure the pages as docs/measurements/pages.md tells: ``python -m tests.browser.figures``."""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from PIL import Image
from playwright.sync_api import Browser, Page, Request, expect

from tests.browser.conftest import deposit, slow_line
from tests.browser.gallery import FLOWER, started
from tests.browser.test_in_sight import IN_SIGHT, SHIFTS, SIZES
from tests.cast import IMAGES, noise
from tests.processes import Served

SPEEDS = {"9 Mbit/s": 9_000_000, "0.75 Mbit/s": 750_000, "not limited": 0}
OTHERS = [IMAGES / name for name in ("hopper.png", "hopper.gif", "hopper.webp")]
HOLD = 200
"""Milliseconds in which what still moves is counted too."""


@contextmanager
def opened(browser: Browser, width: int, height: int) -> Iterator[Page]:
    """A window that nobody has used before."""
    phone: dict[str, Any] = {"is_mobile": True, "has_touch": True} if width < 600 else {}
    context = browser.new_context(viewport={"width": width, "height": height}, locale="en-GB", **phone)
    context.add_init_script(SHIFTS)
    yield context.new_page()
    context.close()


def yes(page: Page, selector: str) -> str:
    """Whether an element is in sight."""
    return "yes" if page.locator(selector).evaluate(IN_SIGHT) else "no"


def drop(server: Served, browser: Browser, size: tuple[int, int], number: int, large: Path) -> list[str]:
    """What is in sight and what moves while links are made."""
    with opened(browser, *size) as page:
        page.goto(server.url)
        page.set_input_files("#file", [large, *OTHERS[: number - 1]])
        expect(page.locator(".item")).to_have_count(number)
        button, load = yes(page, "#send"), page.evaluate("shift")
        slow_line(page, 90)
        page.click("#send")
        expect(page.locator(".send-bar progress")).to_be_visible()
        page.wait_for_timeout(1000)
        progress, before = yes(page, ".send-bar progress"), page.evaluate("shift")
        expect(page.locator("#cards .card")).to_have_count(number, timeout=60_000)
        page.wait_for_timeout(HOLD)
        return [button, progress, f"{load:.3f}", f"{page.evaluate('shift') - before:.3f}"]


def share(server: Served, browser: Browser, size: tuple[int, int]) -> str:
    """What moves on the share page until the image is there."""
    with opened(browser, *size) as page:
        page.goto(f"{server.url}/s#{deposit(server, FLOWER)}")
        expect(page.locator(".picture")).to_be_visible()
        page.wait_for_timeout(HOLD)
        return f"{page.evaluate('shift'):.3f}"


def first_link(server: Served, browser: Browser, bits: int, photo: Path) -> str:
    """Seconds from the address to the link, on a line of so many bits a second; nothing is cached."""
    with opened(browser, 390, 844) as page:
        if bits:
            slow_line(page, bits // 8 // 1024)
        start = time.monotonic()
        page.goto(server.url)
        page.set_input_files("#file", photo)
        page.click("#send")
        expect(page.locator("#cards .card")).to_be_visible(timeout=90_000)
        return f"{time.monotonic() - start:.1f} s"


def weight(server: Served, browser: Browser, path: str) -> str:
    """Requests and bytes, headers too, of a page that is opened for the first time."""
    with opened(browser, 390, 844) as page:
        asked: list[Request] = []
        page.on("requestfinished", lambda request: asked.append(request))
        page.goto(server.url + path, wait_until="networkidle")
        sizes = [request.sizes() for request in asked]
        body, heads = (
            sum(size[part] for size in sizes) for part in ("responseBodySize", "responseHeadersSize")
        )
        return f"| {path} | {len(asked)} | {body:,} | {heads:,} |"


def main() -> None:
    """Print the tables."""
    with tempfile.TemporaryDirectory() as folder, started(Path(folder)) as (server, browser):
        large, photo = Path(folder) / "large.png", Path(folder) / "photo.jpg"
        large.write_bytes(noise(500, 300))
        Image.effect_noise((2000, 1500), 80).convert("RGB").save(photo, quality=80)
        out = sys.stdout.write
        for size in SIZES:
            for number in (1, 4):
                row = drop(server, browser, size, number, large)
                out(
                    f"| {size[0]}×{size[1]}, {number} | {' | '.join(row)} | {share(server, browser, size)} |\n"
                )
        for name, bits in SPEEDS.items():
            out(f"| {name} | {photo.stat().st_size:,} | {first_link(server, browser, bits, photo)} |\n")
        for path in ("/", "/s"):
            out(f"{weight(server, browser, path)}\n")


if __name__ == "__main__":
    main()
