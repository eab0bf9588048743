"""A phone that has Mayfly installed: what Chromium says of the manifest, and a picture that its gallery shares."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
import requests
from playwright.sync_api import Browser, Page, Route, expect

from tests.browser.conftest import SWITCHES, Open
from tests.browser.proxy import proxying
from tests.browser.test_gate import CODE, gated
from tests.browser.test_traps import PHONE
from tests.cast import FLOWER, IMAGES, SERVER_KEY
from tests.processes import Served, free_port, serving

BOUNDARY = "----MultipartBoundary--7d1f--"
HOME = "pictures.home.arpa"
"""A name of a home network: over plain HTTP a browser trusts it no more than any other."""
SHARES = "window.shared = []; navigator.share = async (what) => { window.shared.push(what.url); };"


@pytest.fixture
def keeping(browser: Browser, tmp_path: Path) -> Iterator[Page]:
    """A window that keeps what it is given: Chromium installs nothing from one that forgets."""
    switches = [*SWITCHES, f"--host-resolver-rules=MAP {HOME} 127.0.0.1"]
    path = shutil.which("chromium")
    with browser.browser_type.launch_persistent_context(
        tmp_path, executable_path=path, args=switches, viewport={"width": 390, "height": 844}
    ) as kept:
        yield kept.pages[0]


def test_chromium_would_install_it(keeping: Page, server: Served) -> None:
    keeping.goto(server.url)
    ask = keeping.context.new_cdp_session(keeping)
    assert ask.send("Page.getInstallabilityErrors")["installabilityErrors"] == []
    told = ask.send("Page.getAppManifest")
    assert told["errors"] == []
    assert told["url"] == f"{server.url}/manifest.webmanifest"
    assert told["manifest"]["shareTarget"]["action"] == f"{server.url}/upload"


def test_copy_works_over_plain_http(keeping: Page, server: Served, picture: Path) -> None:
    page = keeping
    page.goto(f"http://{HOME}:{server.port}/")
    assert not page.evaluate("isSecureContext || Boolean(navigator.clipboard)")
    page.set_input_files("#file", picture)
    page.click("#send")
    page.click(".card .copy")
    expect(page.locator(".card .copy")).to_have_text("Copied")
    page.click("#set")
    page.focus("[name=password]")
    page.keyboard.press("Control+v")
    expect(page.locator("[name=password]")).to_have_value(page.locator(".url").input_value())


def shared_form(pictures: Sequence[Path]) -> bytes:
    """What Chromium posts to a share target: the pictures, and no other field."""
    parts = (
        f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="file"; filename="{picture.name}"\r\n'
        "Content-Type: image/jpeg\r\n\r\n".encode()
        + picture.read_bytes()
        + b"\r\n"
        for picture in pictures
    )
    return b"".join(parts) + f"--{BOUNDARY}--\r\n".encode()


def share(page: Page, url: str, *pictures: Path) -> None:
    """Share pictures from a gallery: a POST that no page has begun, as Chromium begins it for an app."""

    def post(route: Route) -> None:
        headers = {**route.request.headers, "content-type": f"multipart/form-data; boundary={BOUNDARY}"}
        route.continue_(method="POST", headers=headers, post_data=shared_form(pictures))

    page.route("**/upload", post, times=1)
    page.goto(f"{url}/upload")


def test_a_picture_from_the_gallery_becomes_a_card_that_lives(
    window: Open, database_url: str, picture: Path
) -> None:
    """Behind a proxy that takes a path away, which hears what the browser says of where it comes from."""
    port = free_port()
    public = f"http://127.0.0.1:{port}/drop"
    with (
        serving(DATABASE_URL=database_url, SECRET_KEYS=SERVER_KEY, BASE_URL=public) as served,
        proxying(port, "/drop", served.port) as heard,
    ):
        seen = window("phone", url=public, **PHONE)
        seen.context.add_init_script(SHARES)
        seen.context.grant_permissions(["clipboard-write"])
        page = seen.context.new_page()
        share(page, public, picture)
        assert heard[0]["Sec-Fetch-Site"] == "none"
        expect(page.locator("h1")).to_have_text("Your link")
        expect(page.locator(".card .name")).to_have_text("flower.jpg")
        expect(page.locator(".left")).to_have_text(re.compile(r"[45]:\d\d left"))
        seen.state(page, "receipt")
        url = page.locator(".url").input_value()
        assert requests.get(url.replace("/s#", "/image/"), timeout=10).content == FLOWER
        page.click(".copy")
        expect(page.locator(".copy")).to_have_text("Copied")
        page.click(".share")
        assert page.evaluate("shared") == [url]
        page.get_by_role("link", name="Drop another image").click()
        expect(page.locator("#drop")).to_be_visible()
        expect(page.locator(".url")).to_have_value(url)
        share(page, public, picture, IMAGES / "hopper.jpg")
        expect(page.locator("h1")).to_have_text("Your links")
        expect(page.locator(".card .name")).to_have_text(["flower.jpg", "hopper.jpg"])
        expect(page.locator(".left")).to_have_text([re.compile(r"[45]:\d\d left")] * 2)
        page.click(".album .copy")
        expect(page.locator(".album .copy")).to_have_text("Copied")
        links = [field.input_value().partition("#")[2] for field in page.locator(".cards .url").all()]
        expect(page.locator(".album .url")).to_have_value(f"{public}/s#{'.'.join(links)}")
        seen.state(page, "receipts")
        page.click(".album .qr summary")
        expect(page.locator(".album .squares svg")).to_be_visible()
        page.goto(f"{public}/")
        expect(page.locator(".album .url")).to_have_value(f"{public}/s#{'.'.join(links)}")
        expect(page.locator(".cards .name")).to_have_text(["flower.jpg", "hopper.jpg", "flower.jpg"])
        page.locator(".delete button").first.click()
        expect(page.locator(".undo").first).to_be_focused()
        seen.context.close()


def test_a_picture_that_is_shared_without_a_code_is_told_what_to_do(
    window: Open, database_url: str, picture: Path
) -> None:
    for asking in gated(database_url, UPLOADS="code", UPLOAD_CODES=f"friends:{CODE}"):
        seen = window("phone", url=asking.url, **PHONE)
        seen.allow("status of 403")
        page = seen.context.new_page()
        share(page, asking.url, picture)
        expect(page.locator("main")).to_contain_text("This server asks for an upload code.")
        expect(page.locator("main")).to_contain_text("enter the code there and choose the image again")
        seen.state(page, "no-code")
        page.get_by_role("link", name="To the first page").click()
        expect(page.locator("body")).to_have_class(re.compile("scripted"))
        page.fill("#code", CODE)
        page.set_input_files("#file", picture)
        page.click("#send")
        expect(page.locator(".card .left")).to_be_visible()
