"""Runs a real browser against a real server. Any error in its console fails the test."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import urljoin

import pytest
import requests
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, expect, sync_playwright

from tests.cast import IMAGES
from tests.clusters import memory_has_room
from tests.processes import Served

SCREENSHOTS = Path(__file__).parent / "screenshots"
SWITCHES = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    *(() if memory_has_room() else ("--disable-dev-shm-usage",)),
]
PATIENCE = 10_000
REPORTS = "document.addEventListener('securitypolicyviolation', (e) => console.error(`CSP ${e.effectiveDirective}`))"
DARK = "matchMedia('(prefers-color-scheme: dark)').matches"
FORCED = "matchMedia('(forced-colors: active)').matches"
LOADS = """(src) => new Promise((done) => {
    Object.assign(new Image(), {src, onload: () => done(true), onerror: () => done(false)});
})"""
"""Whether a blob is still there: a page may show it, but the content security policy lets nothing fetch it."""

expect.set_options(timeout=PATIENCE)


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """Debian's Chromium, built without windows and menus: they took half of the processor time of these tests."""
    path = shutil.which("chromium-headless-shell")
    assert path, "install it: scripts/install chromium-headless-shell"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=SWITCHES)
        yield browser
        browser.close()


class Watched:
    """A browser window of its own; what goes wrong in it is gathered."""

    def __init__(self, context: BrowserContext, url: str, name: str, *, pictures: bool) -> None:
        self.context = context
        self.url = url
        self.name = name
        self.pictures = pictures
        self.complaints: list[str] = []
        self.allowed: list[str] = []
        context.set_default_timeout(PATIENCE)
        context.add_init_script(REPORTS)
        context.on("console", self._console)
        context.on("weberror", lambda error: self.complaints.append(str(error.error)))
        context.on("request", lambda request: self._request(request.url))

    def _console(self, message: ConsoleMessage) -> None:
        if message.type in {"error", "warning"}:
            self.complaints.append(message.text)

    def _request(self, url: str) -> None:
        if not url.startswith((f"{self.url}/", f"blob:{urljoin(self.url, '/')}")):
            self.complaints.append(f"a request to elsewhere: {url}")

    def allow(self, pattern: str) -> None:
        """Expect the console message that the browser writes for an answer that is an error."""
        self.allowed.append(pattern)

    def check(self) -> None:
        """Fail if there was an error that the test did not expect."""
        left = [text for text in self.complaints if not any(re.search(ok, text) for ok in self.allowed)]
        assert left == []

    def open(self, path: str = "/") -> Page:
        """Open a page in a new tab."""
        page = self.context.new_page()
        page.goto(self.url + path)
        return page

    def look(self, page: Page, name: str) -> None:
        """Take a picture of a state, for people to look at, if the tests run with ``--pictures``."""
        if not self.pictures:
            return
        folder = SCREENSHOTS / self.name
        folder.mkdir(parents=True, exist_ok=True)
        page.screenshot(path=folder / f"{name}.png", full_page=True)

    def state(self, page: Page, name: str) -> None:
        """Take a picture of a state and let axe judge it, its contrast in both themes; nothing may stick out."""
        self.look(page, name)
        _judge(page, name)
        if not page.evaluate(FORCED):
            dark = page.evaluate(DARK)
            page.emulate_media(color_scheme="light" if dark else "dark")
            _judge(page, f"{name} in the other theme", runOnly=["color-contrast"])
            page.emulate_media(color_scheme="dark" if dark else "light")
        wide = "document.documentElement.scrollWidth > document.documentElement.clientWidth"
        assert not page.evaluate(wide), f"{name}: wider than the window"


def _judge(page: Page, name: str, **options: object) -> None:
    found = Axe().run(page, options=options)
    assert found.violations_count == 0, f"{name}: {found.generate_report()}"


Open = Callable[..., Watched]


def slow_line(page: Page, kilobytes: int) -> None:
    """Limit the bandwidth of a page to so many kilobytes a second."""
    rate = kilobytes * 1024
    conditions = {"offline": False, "latency": 20, "downloadThroughput": rate, "uploadThroughput": rate}
    page.context.new_cdp_session(page).send("Network.emulateNetworkConditions", conditions)


def deposit(server: Served, picture: Path, **options: object) -> str:
    """Upload a picture as Alice would by curl, and return its link."""
    with picture.open("rb") as file:
        answer = requests.post(f"{server.url}/upload", files={"file": file}, data=options, timeout=20)
    assert answer.status_code == 201, answer.text
    return str(answer.json()["hash"])


@pytest.fixture
def window(browser: Browser, server: Served, pytestconfig: pytest.Config) -> Iterator[Open]:
    """Open windows; at the end of the test each of them must have nothing to complain about."""
    pictures = pytestconfig.getoption("pictures")
    opened: list[Watched] = []

    def make(name: str = "light", url: str = server.url, **options: object) -> Watched:
        settings = {"viewport": {"width": 1000, "height": 800}, "locale": "en-GB", "reduced_motion": "reduce"}
        context = browser.new_context(**(settings | options))  # type: ignore[arg-type]
        opened.append(Watched(context, url, name, pictures=pictures))
        return opened[-1]

    yield make
    for watched in opened:
        watched.context.close()
    for watched in opened:
        watched.check()


@pytest.fixture
def picture() -> Path:
    """A photograph, as a file to choose."""
    return IMAGES / "flower.jpg"
