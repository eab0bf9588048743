"""Albums: one link for several images, made and shown by the pages alone."""

from __future__ import annotations

import re
import zipfile
from pathlib import Path

import pytest
import requests
import segno
from playwright.sync_api import Page, expect
from sqlalchemy import Engine, text

from models import SLOTS, ciphertexts
from tests.browser.conftest import Open, Watched, deposit
from tests.cast import IMAGES, noise
from tests.processes import Served

PICTURES = 10
MADE = """window.made = [];
window.Blob = new Proxy(Blob, {
  construct(type, [parts = [], ...rest]) {
    made.push(parts.reduce((sum, part) => sum + (part instanceof type ? 0 : part.byteLength ?? part.length), 0));
    return new type(parts, ...rest);
  },
});"""
"""How many bytes the page puts into each blob that are not in another blob already."""
GRID = """(path) => path.getAttribute('d').match(/M\\d+ \\d+/g).map((at) => at.slice(1).split(' ').map(Number))"""


@pytest.fixture
def alice(window: Open) -> Watched:
    return window()


@pytest.fixture
def bob(window: Open) -> Watched:
    return window("album")


def send(page: Page, *files: Path) -> None:
    page.set_input_files("#file", files)
    page.click("#send")
    expect(page.locator(".card .left")).to_have_text([re.compile("left")] * len(files))


def place(page: Page, text: str) -> None:
    expect(page.locator("#album .place")).to_have_text(text)


def heading(page: Page, text: str) -> None:
    expect(page.locator("section:not([hidden]) h1")).to_have_text(text)


def drawn(page: Page) -> list[list[int]]:
    """Where the dark squares of the album's QR code are."""
    return list(page.locator("#albums .squares path").evaluate(GRID))


def test_what_was_sent_together_has_one_link_that_the_server_never_sees(
    alice: Watched, server: Served, admin: Engine, picture: Path
) -> None:
    told: list[str] = []
    alice.context.on("request", lambda request: told.append(f"{request.url} {request.post_data_buffer!r}"))
    page = alice.open()
    files = [picture, IMAGES / "hopper.png", IMAGES / "exif_gps.jpg"]
    send(page, *files)
    expect(page.locator("#albums .album-title")).to_have_text("One link for 3 images")
    links = [
        url.split("#")[1] for url in page.locator(".cards .url").evaluate_all("all => all.map(i => i.value)")
    ]
    url = page.locator("#albums .url").input_value()
    assert url == f"{server.url}/s#{'.'.join(links)}"
    page.click("#albums .qr summary")
    code = segno.make_qr(url, error="l", mode="byte", mask=0, boost_error=False)
    assert max(x for x, _ in drawn(page)) == len(code.matrix) + 2
    alice.state(page, "drop-album")
    page.reload()
    expect(page.locator("#albums .url")).to_have_value(url)
    page.locator(".delete button").first.click()
    expect(page.locator("#albums .url")).to_have_value(f"{server.url}/s#{'.'.join(links[1:])}")
    together = re.compile("|".join(f"{one}[^A-Za-z0-9_-]{{1,9}}{other}" for one in links for other in links))
    assert not [request for request in told if together.search(request)]
    assert not together.search(server.log)
    with admin.connect() as connection:
        tables = ["images", *(ciphertexts(slot) for slot in range(SLOTS))]
        rows = [
            row for table in tables for row in connection.execute(text(f"SELECT {table}::text FROM {table}"))
        ]
    assert rows
    assert not [row for row in rows if any(link in str(row) for link in links)]


@pytest.mark.parametrize("size", [17, 53, 154, 230, 271, 425, 520, 792, 1273])
def test_the_code_that_the_page_draws_is_the_standard_s(alice: Watched, size: int) -> None:
    """Texts that fill a version whole: one that leaves room is filled up by segno with a zero byte too many."""
    page = alice.open()
    content = ("https://h/s#" + "abcdEFGH_-.123" * 100)[:size]
    drawing = (
        "async ([module, text]) => (await import(module)).modules(text).map((row) => Array.from(row, Number))"
    )
    module = page.evaluate("document.querySelector('script[src]').src.replace('drop/page', 'later/qr')")
    code = segno.make_qr(content, error="l", mode="byte", mask=0, boost_error=False)
    assert page.evaluate(drawing, [module, content]) == [list(row) for row in code.matrix]


def test_an_album_is_walked_and_saved(bob: Watched, server: Served, tmp_path: Path, picture: Path) -> None:
    bob.allow("status of 404")
    links = [
        deposit(server, picture, filename="cat.jpg", description="the first"),
        deposit(server, IMAGES / "hopper.png", filename="cat.png", views=2),
        "x" * 32,
        deposit(server, picture, filename="CAT.jpg", lifetime=600),
        deposit(server, picture, password="sesame"),
        deposit(server, picture)[:-1],
    ]
    page = bob.open(f"/s#{'.'.join(links)}")
    expect(page.locator(".picture")).to_be_visible()
    place(page, "Image 1 of 6")
    expect(page.locator(".description")).to_have_text("the first")
    names = ["Image 1", "Image 2: opens at a click", "Image 3: gone", "Image 4", "Image 5: opens at a click"]
    names.append("Image 6: its link was cut off")
    for button, name in zip(page.locator(".strip button").all(), names, strict=True):
        expect(button).to_have_attribute("aria-label", name)
    bob.state(page, "share-album")
    page.keyboard.press("ArrowRight")
    heading(page, "There is an image for you")
    place(page, "Image 2 of 6")
    bob.state(page, "share-album-click")
    page.click("#album .next")
    heading(page, "There is no image here")
    bob.state(page, "share-album-gap")
    page.keyboard.press("ArrowRight")
    expect(page.locator(".file-name")).to_have_text("CAT.jpg")
    expect(page.locator("[data-state=open] .left")).to_have_text(re.compile(r"(10:00|9:\d\d) left"))
    page.keyboard.press("End")
    heading(page, "This link was cut off")
    page.keyboard.press("ArrowRight")
    place(page, "Image 6 of 6")
    page.keyboard.press("Home")
    expect(page.locator(".file-name")).to_have_text("cat.jpg")
    with page.expect_download() as download:
        page.click(".save-all")
    expect(page.locator("#album .saved")).to_have_text(
        "Saved: 2 of 6. Left out, since each opens only at its own click: 2."
    )
    bob.state(page, "share-album-saved")
    with zipfile.ZipFile(download.value.path()) as saved:
        assert saved.testzip() is None
        assert saved.namelist() == ["cat.jpg", "CAT (2).jpg"]
        assert saved.read("cat.jpg") == requests.get(f"{server.url}/image/{links[0]}", timeout=10).content
    page.click(".strip button >> nth=1")
    page.click("#open button")
    expect(page.locator(".after")).to_have_text("Views left: 1")
    with page.expect_download() as download:
        page.click(".save-all")
    with zipfile.ZipFile(download.value.path()) as saved:
        assert saved.namelist() == ["cat.jpg", "cat.png", "CAT (2).jpg"]


def test_a_finger_walks_an_album_and_right_to_left_turns_the_way(
    window: Open, server: Served, picture: Path
) -> None:
    links = ".".join(deposit(server, picture) for _ in range(3))
    phone = window("album-phone", viewport={"width": 360, "height": 740}, has_touch=True, is_mobile=True)
    page = phone.open(f"/s#{links}")
    expect(page.locator(".picture")).to_be_visible()
    touch = page.context.new_cdp_session(page)

    def swipe(start: int, end: int) -> None:
        touch.send(
            "Input.dispatchTouchEvent", {"type": "touchStart", "touchPoints": [{"x": start, "y": 450}]}
        )
        touch.send("Input.dispatchTouchEvent", {"type": "touchMove", "touchPoints": [{"x": end, "y": 455}]})
        touch.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})

    swipe(300, 80)
    place(page, "Image 2 of 3")
    swipe(80, 300)
    place(page, "Image 1 of 3")
    phone.state(page, "share-album")
    page.evaluate("document.dir = 'rtl'")
    swipe(80, 300)
    place(page, "Image 2 of 3")
    page.keyboard.press("ArrowLeft")
    place(page, "Image 3 of 3")
    phone.state(page, "share-album-rtl")


def test_a_large_picture_keeps_the_arrow_keys_for_itself(bob: Watched, server: Served, picture: Path) -> None:
    page = bob.open(f"/s#{deposit(server, picture)}.{deposit(server, picture)}")
    expect(page.locator(".picture")).to_be_visible()
    page.focus(".frame")
    for _ in range(4):
        page.keyboard.press("+")
    page.keyboard.press("ArrowRight")
    place(page, "Image 1 of 2")
    page.keyboard.press("0")
    page.keyboard.press("ArrowRight")
    place(page, "Image 2 of 2")


def test_more_than_an_album_holds_is_said(bob: Watched, server: Served, picture: Path) -> None:
    bob.allow("status of 404")
    links = [f"{number:032}" for number in range(22)]
    page = bob.open(f"/s#{'.'.join(links)}")
    expect(page.locator("#album .problem")).to_have_text(
        "An album holds 20 images at most; the others are not shown."
    )
    expect(page.locator(".strip button")).to_have_count(20)


def test_the_form_without_scripts_takes_several(window: Open, server: Served, picture: Path) -> None:
    plain = window("album-plain", java_script_enabled=False)
    plain.allow("Applying inline style violates|Blocked script execution in .*/s/open")
    page = plain.open()
    page.set_input_files("#file", [picture, IMAGES / "hopper.png"])
    page.click("#send")
    expect(page.locator("h1")).to_have_text("Your links")
    plain.look(page, "receipt")
    urls = [entry.input_value() for entry in page.locator(".url").all()]
    assert urls[0] == f"{urls[1]}.{urls[2].split('#')[1]}"
    cut = urls[2].split("#")[1][:-1]
    page = plain.open("/s")
    page.fill("[name=link]", f"{urls[0]}.{'x' * 32}.{cut}")
    with page.expect_navigation():
        page.keyboard.press("Enter")
    expect(page.locator("main h2")).to_have_text([f"Image {number} of 4" for number in (1, 2, 3, 4)])
    expect(page.locator("main .lede")).to_have_text(["There is no image here", "This link was cut off"])
    plain.look(page, "found")
    with page.expect_response("**/s/open") as answer:
        page.locator("form button").nth(1).click()
    assert answer.value.headers["content-type"] == "image/png"


def test_a_file_of_all_is_made_of_the_pictures_where_the_browser_has_them(
    bob: Watched, server: Served, tmp_path: Path
) -> None:
    """What the page itself puts into the file are a few bytes for each picture; no picture is copied."""
    (tmp_path / "noise.png").write_bytes(noise(1000, 700))
    links = [deposit(server, tmp_path / "noise.png", lifetime=600) for _ in range(PICTURES)]
    bob.context.add_init_script(MADE)
    page = bob.open(f"/s#{'.'.join(links)}")
    expect(page.locator(".picture")).to_be_visible()
    page.evaluate("made.length = 0")
    with page.expect_download(timeout=60_000) as download:
        page.click(".save-all")
    with zipfile.ZipFile(download.value.path()) as file:
        assert [entry.file_size for entry in file.infolist()] == [len(noise(1000, 700))] * PICTURES
    assert 0 < page.evaluate("made.at(-1)") < 200 * PICTURES
