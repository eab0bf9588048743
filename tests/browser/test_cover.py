"""What is blacked out or cut off is not in the file that leaves the page, by pointer, by touch and by keys."""

from __future__ import annotations

import base64
import io
import re
import shutil
import subprocess
from pathlib import Path

import pytest
import requests
from PIL import Image, ImageChops, ImageOps, ImageStat
from playwright.sync_api import Page, expect

from tests.browser.conftest import Open, Watched
from tests.cast import IMAGES, noise

Box = tuple[int, int, int, int]
BLACK = (0, 0, 0)
SENT = """
const send = XMLHttpRequest.prototype.send;
XMLHttpRequest.prototype.send = function (form) {
    window.sent = form.get("file");
    return send.call(this, form);
};
"""
SENT_BYTES = """async () => {
    const bytes = new Uint8Array(await window.sent.arrayBuffer());
    return btoa(Array.from(bytes, (byte) => String.fromCharCode(byte)).join(""));
}"""
SHOWN = """async (image) => {
    await image.decode();
    const canvas = document.createElement("canvas");
    [canvas.width, canvas.height] = [image.naturalWidth, image.naturalHeight];
    canvas.getContext("2d").drawImage(image, 0, 0);
    return [canvas.width, canvas.height, ...canvas.getContext("2d").getImageData(150, 150, 1, 1).data];
}"""
NO_CANVAS = "HTMLCanvasElement.prototype.toBlob = function (done) { done(null); }"


@pytest.fixture
def alice(window: Open) -> Watched:
    watched = window("cover")
    watched.context.add_init_script(SENT)
    return watched


def edit(page: Page, picture: Path) -> None:
    page.set_input_files("#file", picture)
    page.click(".item .edit")
    expect(page.locator(".editor .add")).to_be_focused()


def drag(page: Page, start: tuple[float, float], end: tuple[float, float], size: tuple[int, int]) -> None:
    """Drag from one point of the picture to another, in its pixels."""
    shown = page.locator(".sheet").bounding_box()
    assert shown
    scale = shown["width"] / size[0]
    page.mouse.move(shown["x"] + start[0] * scale, shown["y"] + start[1] * scale)
    page.mouse.down()
    page.mouse.move(shown["x"] + (start[0] + end[0]) / 2 * scale, shown["y"] + end[1] * scale)
    page.mouse.move(shown["x"] + end[0] * scale, shown["y"] + end[1] * scale)
    page.mouse.up()


def sent(page: Page) -> tuple[bytes, Image.Image]:
    """Send what was chosen; return the bytes that the page sent, and the image that its link opens."""
    page.click("#send")
    expect(page.locator(".card")).to_be_visible()
    url = page.locator(".url").first.input_value().replace("/s#", "/image/")
    answer = requests.get(url, timeout=20)
    return base64.b64decode(page.evaluate(SENT_BYTES)), Image.open(io.BytesIO(answer.content))


def colours(image: Image.Image, box: Box) -> set[object]:
    part = image.convert("RGB").crop(box)
    return {colour for _, colour in part.getcolors(part.width * part.height) or []}


def test_a_screenshot_is_blacked_out_and_cropped(alice: Watched, tmp_path: Path) -> None:
    original = noise(800, 600)
    (tmp_path / "secret.png").write_bytes(original)
    page = alice.open()
    edit(page, tmp_path / "secret.png")
    alice.state(page, "editor-empty")
    drag(page, (100, 100), (300, 200), (800, 600))
    drag(page, (500, 400), (450, 450), (800, 600))
    expect(page.locator(".editor .box")).to_have_count(2)
    expect(page.locator(".said")).to_have_text("Black box added.")
    drag(page, (475, 425), (575, 525), (800, 600))
    drag(page, (800, 300), (700, 300), (800, 600))
    alice.state(page, "editor")
    page.click(".editor .add")
    page.keyboard.press("Control+z")
    expect(page.locator(".editor .box")).to_have_count(2)
    page.click(".editor [value=keep]")
    expect(page.locator(".item .notes")).to_have_text(
        re.compile(r"PNG, 700 × 600, without camera data · black boxes: 2 · cropped")
    )
    assert page.locator(".item .thumb").evaluate(SHOWN) == [700, 600, 0, 0, 0, 255]
    alice.state(page, "edited")
    body, got = sent(page)
    assert got.size == (700, 600)
    for box in ((101, 101, 299, 199), (551, 501, 599, 549)):
        assert colours(got, box) == {BLACK}, "each pixel is one colour"
    untouched = Image.open(io.BytesIO(original)).crop((310, 0, 540, 600))
    assert not ImageChops.difference(got.convert("RGB").crop((310, 0, 540, 600)), untouched).getbbox()
    assert original[1000:1100] not in body, "noise is stored as it is: the covered rows would be there"


def test_a_photograph_keeps_no_pixel_of_what_is_covered(alice: Watched, tmp_path: Path) -> None:
    """The camera's turn is applied, its data and its small picture are left out, and the JPEG's box is just black."""
    page = alice.open()
    original = (IMAGES / "tagged.jpg").read_bytes()
    exiftool = shutil.which("exiftool")
    assert exiftool
    thumbnail = subprocess.run(
        [exiftool, "-b", "-ThumbnailImage", IMAGES / "tagged.jpg"],
        capture_output=True,
        check=True,
        timeout=20,
    ).stdout
    assert thumbnail[-200:] in original
    page.check("[name=keep_metadata]")
    edit(page, IMAGES / "tagged.jpg")
    drag(page, (85, 133), (222, 222), (360, 480))
    page.click(".editor [value=keep]")
    expect(page.locator(".item .notes")).to_contain_text("JPEG, 360 × 480, without camera data")
    body, got = sent(page)
    assert (got.format, got.size) == ("JPEG", (360, 480))
    assert colours(got, (86, 134, 221, 221)) == {BLACK}, "each pixel is one colour"
    upright = ImageOps.exif_transpose(Image.open(io.BytesIO(original))).convert("RGB")
    below = (0, 300, 360, 480)
    difference = ImageChops.difference(upright.crop(below), got.convert("RGB").crop(below)).convert("L")
    assert ImageStat.Stat(difference).mean[0] < 8, "the rest of it is there, and upright"
    assert b"Exif" not in body
    for part in (thumbnail, original):
        assert part[-200:-2] not in body
        assert part[1000:1100] not in body


def test_a_box_takes_no_colour_from_beside_it(alice: Watched, tmp_path: Path) -> None:
    """Decoders smooth a JPEG's colours from one square to the next: this box begins and ends with squares."""
    Image.new("RGB", (512, 384), "red").save(tmp_path / "red.jpg")
    page = alice.open()
    edit(page, tmp_path / "red.jpg")
    page.keyboard.press("Enter")
    page.keyboard.press("Escape")
    expect(page.locator(".item .notes")).to_contain_text("black boxes: 1")
    _, got = sent(page)
    assert colours(got, (160, 144, 352, 240)) == {BLACK}


def test_the_keyboard_alone_covers_and_crops(alice: Watched, tmp_path: Path) -> None:
    (tmp_path / "secret.png").write_bytes(noise(400, 400))
    page = alice.open()
    page.set_input_files("#file", tmp_path / "secret.png")
    page.focus(".item .edit")
    page.keyboard.press("Enter")
    expect(page.locator(".editor .add")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator(".editor .box")).to_be_focused()
    expect(page.locator(".said")).to_have_text("Black box added.")
    for key in ["ArrowLeft"] * 5 + ["ArrowUp"] * 5 + ["Shift+ArrowRight"] * 3 + ["Shift+ArrowDown"] * 2:
        page.keyboard.press(key)
    expect(page.locator(".said")).to_have_text("Left 20%, top 33%, width 53%, height 27%")
    page.keyboard.press("b")
    expect(page.locator(".editor .box").last).to_be_focused()
    page.keyboard.press("Delete")
    expect(page.locator(".said")).to_have_text("Black box removed.")
    expect(page.locator(".editor .box")).to_be_focused()
    page.keyboard.press("Control+z")
    expect(page.locator(".editor .box")).to_have_count(2)
    page.keyboard.press("Control+z")
    page.get_by_label("Right edge").focus()
    for _ in range(10):
        page.keyboard.press("ArrowLeft")
    expect(page.get_by_label("Right edge")).to_have_attribute("aria-valuetext", "10% cut off")
    page.keyboard.press("Escape")
    expect(page.locator(".item .edit")).to_be_focused()
    expect(page.locator("#news")).to_contain_text("black boxes: 1 · cropped")
    _, got = sent(page)
    assert got.size == (360, 400)
    assert colours(got, (80, 130, 292, 238)) == {BLACK}
    assert len(colours(got, (0, 0, 80, 400))) > 1000


def test_a_finger_draws_and_what_is_discarded_changes_nothing(window: Open, picture: Path) -> None:
    phone = window("cover-phone", viewport={"width": 360, "height": 740}, has_touch=True, is_mobile=True)
    page = phone.open()
    edit(page, picture)
    shown = page.locator(".sheet").bounding_box()
    assert shown
    finger = page.context.new_cdp_session(page)

    def touch(kind: str, *at: float) -> None:
        points = [{"x": shown["x"] + at[0], "y": shown["y"] + at[1]}] if at else []
        finger.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})

    touch("touchStart", 30, 30)
    for at in (40, 60, 90):
        touch("touchMove", at, at)
    touch("touchEnd")
    expect(page.locator(".editor .box")).to_be_focused()
    phone.state(page, "editor")
    page.click(".editor [value=discard]")
    expect(page.locator(".item .state")).to_contain_text("Not sent yet")
    expect(page.locator(".item .notes")).to_be_empty()


def test_what_can_t_be_drawn_is_not_sent(alice: Watched, picture: Path) -> None:
    alice.context.add_init_script(NO_CANVAS)
    page = alice.open()
    edit(page, picture)
    page.keyboard.press("Enter")
    page.click(".editor [value=keep]")
    expect(page.locator(".item .state")).to_contain_text("can't draw this image anew")
    alice.state(page, "not-drawn")
    page.on("filechooser", lambda _: None)
    page.click("#send")
    expect(page.locator(".item .state")).to_contain_text("can't draw this image anew")
    assert page.evaluate("window.sent ?? null") is None
    page.click(".item .original")
    expect(page.locator(".item .state")).to_contain_text("Not sent yet")


@pytest.mark.parametrize("name", ["hopper.gif", "tagged.webp"])
def test_a_still_picture_of_any_kind_can_be_edited(alice: Watched, name: str) -> None:
    page = alice.open()
    edit(page, IMAGES / name)
    page.keyboard.press("Enter")
    page.keyboard.press("Escape")
    expect(page.locator(".item .notes")).to_contain_text("PNG, ")


def test_an_animation_is_not_edited(alice: Watched, tmp_path: Path) -> None:
    frames = [Image.new("RGB", (40, 40), colour) for colour in ("red", "blue")]
    page = alice.open()
    for kind in ("gif", "webp", "png"):
        path = tmp_path / f"moving.{kind}"
        frames[0].save(path, save_all=True, append_images=frames[1:], duration=100)
        page.set_input_files("#file", path)
    expect(page.locator(".item")).to_have_count(3)
    expect(page.locator(".item .edit").filter(visible=True)).to_have_count(0)
