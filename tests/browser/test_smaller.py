"""What is too large, or a kind that few browsers show, is offered as JPEG; nothing is made smaller unasked."""

from __future__ import annotations

import base64
import io
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests
from PIL import Image, ImageChops
from playwright.sync_api import Page, expect

from tests.browser.conftest import Open, Watched
from tests.cast import IMAGES, SERVER_KEY
from tests.processes import Served, serving

MOST = 500_000
WIDE_RED = """async () => {
    const canvas = Object.assign(document.createElement("canvas"), {width: 64, height: 64});
    const context = canvas.getContext("2d", {colorSpace: "display-p3"});
    context.fillStyle = "color(display-p3 1 0 0)";
    context.fillRect(0, 0, 64, 64);
    const blob = await new Promise((done) => canvas.toBlob(done, "image/png"));
    const bytes = new Uint8Array(await blob.arrayBuffer());
    return btoa(String.fromCharCode(...bytes));
}"""
SHOWN = """async (image) => {
    await image.decode();
    const canvas = Object.assign(document.createElement("canvas"), {width: 64, height: 64});
    const context = canvas.getContext("2d", {colorSpace: "display-p3"});
    context.drawImage(image, 0, 0);
    return [...context.getImageData(5, 5, 1, 1).data];
}"""


@pytest.fixture(scope="module")
def small_server(database_url: str) -> Iterator[Served]:
    """A server that takes few bytes and few pixels."""
    with serving(
        DATABASE_URL=database_url,
        SECRET_KEYS=SERVER_KEY,
        PURGE_INTERVAL="off",
        MAX_IMAGE_BYTES=str(MOST),
        MAX_PIXELS="6000000",
    ) as served:
        yield served


@pytest.fixture
def alice(window: Open) -> Watched:
    return window("smaller")


def photograph(path: Path, width: int, height: int, quality: int = 95) -> Path:
    with Image.open(IMAGES / "flower.jpg") as flower:
        flower.resize((width, height), Image.Resampling.BICUBIC).convert("RGB").save(path, quality=quality)
    return path


def opened(page: Page) -> Image.Image:
    page.click("#send")
    return made(page)


def made(page: Page) -> Image.Image:
    expect(page.locator(".card")).to_be_visible()
    url = page.locator(".url").first.input_value().replace("/s#", "/image/")
    return Image.open(io.BytesIO(requests.get(url, timeout=20).content))


def test_a_bmp_is_offered_as_jpeg_and_never_made_into_one_unasked(alice: Watched, tmp_path: Path) -> None:
    photograph(tmp_path / "old.bmp", 300, 200)
    (tmp_path / "IMG_1.HEIC").write_bytes(b"\0\0\0\x18ftypheic\0\0\0\0mif1heic")
    page = alice.open()
    page.set_input_files("#file", [tmp_path / "old.bmp", tmp_path / "IMG_1.HEIC"])
    expect(page.locator("#problem")).to_contain_text("Share or export it as JPEG from the gallery")
    expect(page.locator(".item .state")).to_have_text(
        "Not every browser shows this kind of image. It can be sent as JPEG:"
    )
    expect(page.locator(".item .smaller")).to_be_hidden()
    alice.state(page, "offered")
    page.click(".item .whole")
    expect(page.locator(".item .notes")).to_have_text("JPEG, 300 × 200, without camera data")
    expect(page.locator(".item .state")).to_contain_text("Not sent yet")
    got = opened(page)
    assert (got.format, got.size) == ("JPEG", (300, 200))
    expect(page.locator(".card .name")).to_have_text("old.jpg")


def test_over_a_limit_a_smaller_one_is_offered(window: Open, small_server: Served, tmp_path: Path) -> None:
    watched = window("smaller-limits", url=small_server.url)
    page = watched.open()
    page.set_input_files("#file", photograph(tmp_path / "bytes.jpg", 2400, 1800, quality=100))
    expect(page.locator(".item .state")).to_have_text(
        "The image is larger than the server takes. It can be sent as JPEG:"
    )
    page.click(".item .remove")
    page.set_input_files("#file", photograph(tmp_path / "pixels.jpg", 3000, 2250, quality=10))
    expect(page.locator(".item .state")).to_have_text(re.compile("more pixels than the server takes"))
    expect(page.locator(".item .whole")).to_be_hidden()
    page.click(".item .smaller")
    expect(page.locator(".item .notes")).to_contain_text("JPEG, 2048 × 1536")
    assert opened(page).size == (2048, 1536)


def test_a_large_photograph_can_be_sent_smaller_and_what_is_covered_stays_covered(
    alice: Watched, tmp_path: Path
) -> None:
    """Where pixels are put together, none that is shown takes anything from one that is covered."""
    picture = Image.new("RGB", (6000, 4500), "gray")
    # All that is not grey is in the box, which ends at 640 and 576 of the smaller one, where a JPEG's squares do.
    picture.paste((255, 0, 0), (1875, 1688, 4125, 2812))
    picture.save(tmp_path / "large.png", compress_level=1)
    with (tmp_path / "large.png").open("ab") as file:
        file.write(bytes(2**20))
    page = alice.open()
    page.set_input_files("#file", tmp_path / "large.png")
    page.click(".item .smaller")
    expect(page.locator(".item .notes")).to_have_text("JPEG, 2048 × 1536, without camera data")
    alice.state(page, "smaller")
    page.click(".item .edit")
    expect(page.locator(".editor .add")).to_be_focused()
    page.keyboard.press("Enter")
    page.keyboard.press("Escape")
    expect(page.locator(".item .notes")).to_contain_text("black boxes: 1")
    got = opened(page).convert("RGB")
    assert got.size == (2048, 1536)
    red, green, _ = got.split()
    most = max(ImageChops.subtract(red, green).tobytes())
    assert most < 5, "nothing of what was covered is in a pixel beside it"


def test_the_colours_and_what_is_transparent_are_said(alice: Watched, tmp_path: Path) -> None:
    page = alice.open()
    (tmp_path / "wide.png").write_bytes(base64.b64decode(page.evaluate(WIDE_RED)))
    page.set_input_files("#file", tmp_path / "wide.png")
    page.click(".item .edit")
    expect(page.locator(".editor .add")).to_be_focused()
    page.keyboard.press("Enter")
    page.keyboard.press("Escape")
    expect(page.locator(".item .notes")).to_contain_text("colours as Display P3")
    assert page.locator(".item .thumb").evaluate(SHOWN) == [255, 0, 0, 255], "no colour was lost"
    page.click(".item .remove")
    clear = Image.new("RGBA", (2400, 1200), (0, 0, 255, 0))
    clear.paste((0, 0, 255, 255), (100, 100, 2300, 1100))
    clear.save(tmp_path / "clear.png")
    with (tmp_path / "clear.png").open("ab") as file:
        file.write(bytes(2**20))
    page.set_input_files("#file", tmp_path / "clear.png")
    page.click(".item .smaller")
    expect(page.locator(".item .notes")).to_contain_text("white where it was transparent")
    # Pressed while a smaller one is still drawn, the button sends that one, once it is there.
    page.click(".item .original")
    expect(page.locator(".item .notes")).to_have_text("")
    page.evaluate("for (const name of ['.item .smaller', '#send']) document.querySelector(name).click()")
    assert made(page).size == (2048, 1024)
