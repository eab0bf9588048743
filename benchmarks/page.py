"""The weight of the pages, and the time to the first link on slow lines: ``python -m benchmarks.page``."""

from __future__ import annotations

import shutil
import tempfile
import time
from pathlib import Path

import requests
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

import embedded
from tests.browser.conftest import SWITCHES
from tests.cast import SERVER_KEY, noise
from tests.processes import Served, serving

MBIT = 1_000_000 / 8
LINES = {  # bytes a second down and up, and milliseconds of delay, as Lighthouse and Chrome's own tools throttle
    "no throttle": None,
    "4G (9 Mbit/s down and up, 85 ms)": (9 * MBIT, 9 * MBIT, 85),
    "slow 4G (1.6 down, 0.75 up, 150 ms)": (1.6 * MBIT, 0.75 * MBIT, 150),
}
PATIENCE = 90_000


class Counted:
    """What one page cost: requests, bytes over the line, and the moments that people notice."""

    def __init__(self, context: BrowserContext, line: tuple[float, float, int] | None) -> None:
        self.page: Page = context.new_page()
        self.page.set_default_timeout(PATIENCE)
        self.requests = 0
        self.bytes = 0.0
        session = context.new_cdp_session(self.page)
        session.send("Network.enable")
        session.on("Network.loadingFinished", self._finished)
        if line:
            down, up, latency = line
            session.send(
                "Network.emulateNetworkConditions",
                {"offline": False, "latency": latency, "downloadThroughput": down, "uploadThroughput": up},
            )

    def _finished(self, event: dict[str, float]) -> None:
        self.requests += 1
        self.bytes += event["encodedDataLength"]

    def moment(self, name: str) -> float:
        """A moment of the page's loading, in milliseconds from the first click."""
        entry = "performance.getEntriesByType('navigation')[0].domContentLoadedEventEnd"
        paint = "performance.getEntriesByName('first-contentful-paint')[0].startTime"
        return float(self.page.evaluate(paint if name == "paint" else entry))


def measure(browser: Browser, served: Served, picture: Path) -> None:
    """Load the drop page, upload, and open the share page, on each line."""
    for name, line in LINES.items():
        context = browser.new_context()
        drop = Counted(context, line)
        drop.page.goto(served.url)
        drop.page.wait_for_selector("body.scripted")
        loaded = (drop.requests, drop.bytes, drop.moment("paint"), drop.moment("ready"))
        drop.page.set_input_files("#file", picture)
        began = time.perf_counter()
        drop.page.click("#send")
        drop.page.wait_for_selector(".card .left:not(:empty)")
        sent = time.perf_counter() - began
        link = drop.page.locator(".url").input_value()
        share = Counted(context, line)
        began = time.perf_counter()
        share.page.goto(link)
        share.page.wait_for_selector(".picture", state="visible")
        opened = time.perf_counter() - began
        context.close()
        print(
            f"{name}: drop page {loaded[0]} requests, {loaded[1]:,.0f} bytes with headers, first paint "
            f"{loaded[2]:.0f} ms, ready {loaded[3]:.0f} ms; first link {sent:.1f} s after the click; "
            f"share page opened {opened:.1f} s after its link was followed"
        )


def main() -> None:
    """Serve for a moment, and measure with a picture of 2 MB."""
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        picture = Path(folder) / "noise.png"
        picture.write_bytes(noise(833, 800))
        with (
            embedded.running(Path(folder) / "database", durable=False) as url,
            serving(DATABASE_URL=url, SECRET_KEYS=SERVER_KEY) as served,
        ):
            for path in ("/", "/s"):
                page = requests.get(served.url + path, headers={"Accept": "text/html"}, timeout=10)
                print(f"{path}: {len(page.content):,} bytes, {page.headers['Content-Length']} compressed")
            browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=SWITCHES)
            measure(browser, served, picture)
            browser.close()


if __name__ == "__main__":
    main()
