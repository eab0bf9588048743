"""A phone that has Mayfly installed: what Chromium says of the manifest, and a picture that its gallery shares."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
import requests
from playwright.sync_api import Browser, Page, Route, expect

from tests.browser.conftest import SWITCHES, Open, Watched
from tests.cast import FLOWER, IMAGES, SERVER_KEY
from tests.processes import Served, serving

PHONE = {"viewport": {"width": 390, "height": 844}, "has_touch": True, "is_mobile": True}
BOUNDARY = "----MultipartBoundary--7d1f--"
SHARES = """window.shared = []; navigator.share = async (what) => { window.shared.push(what.url); };"""


@pytest.fixture
def installing(browser: Browser, tmp_path: Path) -> Iterator[Page]:
    """A window that keeps what it is given: Chromium installs nothing from one that forgets."""
    path = shutil.which("chromium")
    with browser.browser_type.launch_persistent_context(tmp_path, executable_path=path, args=SWITCHES) as kept:
        yield kept.pages[0]


def test_chromium_would_install_it(installing: Page, server: Served) -> None:
    installing.goto(server.url)
    ask = installing.context.new_cdp_session(installing)
    assert ask.send("Page.getInstallabilityErrors")["installabilityErrors"] == []
    told = ask.send("Page.getAppManifest")
    assert told["errors"] == []
    assert told["url"] == f"{server.url}/manifest.webmanifest"
    target = told["manifest"]["shareTarget"]
    assert (target["action"], target["method"]) == (f"{server.url}/upload", "kPost")
    assert [(files["name"], files["accepts"]) for files in target["files"]] == [("file", ["image/*"])]


def shared_form(pictures: Sequence[Path]) -> bytes:
    """What Chromium posts to a share target: the pictures, and no other field."""
    parts = (
        f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="file"; filename="{picture.name}"\r\n'
        "Content-Type: image/jpeg\r\n\r\n".encode() + picture.read_bytes() + b"\r\n"
        for picture in pictures
    )
    return b"".join(parts) + f"--{BOUNDARY}--\r\n".encode()


def share(page: Page, url: str, *pictures: Path) -> dict[str, str]:
    """Share pictures from a gallery: a navigation that no page began, as Chromium begins it; returns its headers."""
    sent: dict[str, str] = {}

    def post(route: Route) -> None:
        sent.update(route.request.headers)
        headers = {**route.request.headers, "content-type": f"multipart/form-data; boundary={BOUNDARY}"}
        route.continue_(method="POST", headers=headers, post_data=shared_form(pictures))

    page.route("**/upload", post, times=1)
    page.on("request", lambda request: sent.update(request.all_headers()) if request.is_navigation_request() else None)
    page.goto(f"{url}/upload")
    return sent


def tab(watched: Watched) -> Page:
    return watched.context.new_page()


def test_a_picture_from_the_gallery_becomes_a_card_that_lives(
    window: Open, server: Served, picture: Path
) -> None:
    seen = window("phone", **PHONE)
    seen.context.grant_permissions(["clipboard-read", "clipboard-write"])
    seen.context.add_init_script(SHARES)
    page = tab(seen)
    sent = share(page, server.url, picture)
    assert sent["sec-fetch-site"] == "none"
    expect(page.locator("h1")).to_have_text("Your link")
    expect(page.locator(".card .name")).to_have_text("flower.jpg")
    expect(page.locator(".left")).to_have_text(re.compile(r"[45]:\d\d left"))
    expect(page.locator(".copy")).to_have_text("Copied")
    url = page.locator(".url").input_value()
    assert requests.get(url.replace("/s#", "/image/"), timeout=10).content == FLOWER
    seen.state(page, "receipt")
    page.click(".share")
    assert page.evaluate("shared") == [url]
    page.get_by_role("link", name="Drop another image").click()
    expect(page.locator("#drop")).to_be_visible()
    expect(page.locator(".url")).to_have_value(url)
    page.click(".delete button")
    expect(page.locator(".undo")).to_be_focused()
