"""Measure the pages as docs/measurements/pages.md tells: ``python -m tests.browser.figures``."""

from __future__ import annotations

import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
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
LINKED = """addEventListener('click', () => window.pressed ??= performance.now(), true);
new MutationObserver(() => { if (document.querySelector('#cards .card')) window.linked ??= performance.now(); })
  .observe(document, { childList: true, subtree: true });"""
"""When somebody first pressed a button, and when the first link stood in the page, in milliseconds from the address."""
SENT = """bytes => new Promise(resolve => {
  const request = new XMLHttpRequest(), form = new FormData(), start = performance.now();
  form.append('file', new Blob([new Uint8Array(bytes)]));
  request.onload = () => resolve(performance.now() - start);
  request.open('POST', '/');
  request.send(form);
})"""
HOLD = 200
"""Milliseconds in which what still moves is counted too."""


@contextmanager
def opened(browser: Browser, width: int, height: int) -> Iterator[Page]:
    """A window that nobody has used before."""
    phone: dict[str, Any] = {"is_mobile": True, "has_touch": True} if width < 600 else {}
    context = browser.new_context(viewport={"width": width, "height": height}, locale="en-GB", **phone)
    context.add_init_script(SHIFTS)
    try:
        yield context.new_page()
    finally:
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


@contextmanager
def line() -> Iterator[str]:
    """The address of a server that takes bodies and does nothing with them: what a line takes by itself."""

    class Sink(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.end_headers()

        def do_POST(self) -> None:
            left = int(self.headers["Content-Length"])
            while left:
                left -= len(self.rfile.read(min(left, 65536)))
            self.do_GET()

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Sink) as sink:
        threading.Thread(target=sink.serve_forever).start()
        try:
            yield f"http://127.0.0.1:{sink.server_port}/"
        finally:
            sink.shutdown()


def line_alone(sink: str, browser: Browser, bits: int, photo: Path) -> float:
    """Seconds that a form with so many bytes takes on a line, with nothing around it."""
    with opened(browser, 390, 844) as page:
        page.goto(sink)
        limit(page, bits)
        return float(page.evaluate(SENT, photo.stat().st_size)) / 1000


def first_link(
    server: Served, browser: Browser, bits: int, photo: Path, smaller: bool = False
) -> list[float]:
    """Seconds from the first press of a button to the link, and from the address; nothing is cached.

    With ``smaller`` the first press is on the button that makes a smaller picture, and Enter sends it.
    """
    with opened(browser, 390, 844) as page:
        page.add_init_script(LINKED)
        limit(page, bits)
        page.goto(server.url)
        page.set_input_files("#file", photo)
        if smaller:
            page.click(".item .smaller")
        page.click("#send")
        expect(page.locator("#cards .card")).to_be_visible(timeout=90_000)
        pressed, linked = page.evaluate("[pressed, linked]")
        return [(linked - pressed) / 1000, linked / 1000]


def limit(page: Page, bits: int) -> None:
    """Let a page send and receive so many bits a second; 0 is no limit."""
    if bits:
        slow_line(page, bits // 8 // 1024)


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
    with tempfile.TemporaryDirectory() as folder, started(Path(folder)) as (server, browser), line() as sink:
        large, photo = Path(folder) / "large.png", Path(folder) / "photo.jpg"
        large.write_bytes(noise(500, 300))
        Image.effect_noise((2100, 1600), 80).convert("RGB").save(photo, quality=80)
        camera = Path(folder) / "camera.jpg"
        flower = Image.open(FLOWER).convert("RGB").resize((4000, 3000))
        grain = Image.effect_noise(flower.size, 80).convert("RGB")
        Image.blend(flower, grain, 0.06).save(camera, quality=85)
        out = sys.stdout.write
        for size in SIZES:
            for number in (1, 4):
                row = drop(server, browser, size, number, large)
                out(
                    f"| {size[0]}×{size[1]}, {number} | {' | '.join(row)} | {share(server, browser, size)} |\n"
                )
        for name, bits in SPEEDS.items():
            alone = line_alone(sink, browser, bits, photo)
            pressed, address = first_link(server, browser, bits, photo)
            out(f"| {name} | {alone:.2f} s | {pressed:.2f} s | {address:.2f} s | {pressed / alone:.2f} |\n")
        for smaller in (False, True):
            seconds = first_link(server, browser, SPEEDS["0.75 Mbit/s"], camera, smaller)[0]
            out(f"| {'2048 px' if smaller else 'as it is'} | {camera.stat().st_size:,} | {seconds:.1f} s |\n")
        for path in ("/", "/s"):
            out(f"{weight(server, browser, path)}\n")


if __name__ == "__main__":
    main()
