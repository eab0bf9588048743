"""The drop page: every way in, what happens on the way, and the card at the end."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import requests
from playwright.sync_api import FileChooser, Page, expect

from tests.browser.conftest import LOADS, Open, Watched, slow_line
from tests.cast import IMAGES, noise
from tests.processes import Served


@pytest.fixture
def alice(window: Open) -> Watched:
    return window()


def send(page: Page, *files: Path) -> None:
    page.set_input_files("#file", files)
    page.click("#send")


def image_url(page: Page) -> str:
    return page.locator(".url").first.input_value().replace("/s#", "/image/")


def test_an_image_is_chosen_looked_at_and_becomes_a_card(alice: Watched, picture: Path) -> None:
    page = alice.open()
    alice.state(page, "drop-empty")
    page.click(".explanation summary")
    alice.state(page, "drop-honest")
    page.click(".explanation summary")
    page.set_input_files("#file", picture)
    expect(page.locator(".item .state")).to_contain_text("Not sent yet")
    assert (
        page.locator(".item .thumb").evaluate("async (image) => (await image.decode(), image.naturalWidth)")
        == 480
    )
    alice.state(page, "drop-chosen")
    page.click("#send")
    expect(page.locator(".card .left")).to_have_text(re.compile(r"[45]:\d\d left"))
    expect(page.locator(".item")).to_have_count(0)
    expect(page.locator("#news")).to_contain_text("The link for flower.jpg is ready.")
    alice.state(page, "drop-card")
    page.click(".qr summary")
    page.click(".lines summary")
    expect(page.locator(".squares img")).to_be_visible()
    assert page.locator(".squares img").evaluate(
        "async (image) => (await image.decode(), image.naturalWidth > 20)"
    )
    alice.state(page, "drop-card-open")
    line = page.locator(".open-line").inner_text()
    assert line == f"curl -o image.jpeg {image_url(page)}"
    assert requests.get(image_url(page), timeout=10).content


def test_several_are_sent_one_after_the_other(alice: Watched) -> None:
    page = alice.open()
    files = [IMAGES / name for name in ("hopper.png", "hopper.gif", "hopper.webp")]
    page.set_input_files("#file", files)
    expect(page.locator("#send")).to_have_text("Make 3 links")
    page.locator(".item .remove").nth(1).click()
    expect(page.locator("#send")).to_have_text("Make 2 links")
    page.click("#send")
    expect(page.locator(".card")).to_have_count(2)
    expect(page.locator(".card .name")).to_have_text(["hopper.png", "hopper.webp"])
    page.set_viewport_size({"width": 1400, "height": 900})
    alice.state(page, "drop-cards-wide")
    page.reload()
    expect(page.locator(".card .name")).to_have_text(["hopper.png", "hopper.webp"])


def test_an_image_is_dragged_in(alice: Watched, picture: Path) -> None:
    page = alice.open()
    pointer = page.context.new_cdp_session(page)
    box = page.locator("#zone").bounding_box()
    assert box
    data = {"items": [], "files": [str(picture)], "dragOperationsMask": 1}
    for kind in ("dragEnter", "dragOver"):
        pointer.send(
            "Input.dispatchDragEvent", {"type": kind, "x": box["x"] + 50, "y": box["y"] + 50, "data": data}
        )
    expect(page.locator("#zone")).to_have_class(re.compile("over"))
    alice.state(page, "drop-dragged-over")
    # Beside the zone: the page takes it too, or the browser would leave for the picture.
    pointer.send("Input.dispatchDragEvent", {"type": "drop", "x": 10, "y": 10, "data": data})
    expect(page.locator(".item .name")).to_have_text("flower.jpg")
    expect(page.locator("#zone")).not_to_have_class(re.compile("over"))


def paste(page: Page) -> None:
    page.evaluate(
        """async () => {
            const canvas = Object.assign(document.createElement("canvas"), {width: 40, height: 30});
            canvas.getContext("2d").fillRect(0, 0, 20, 20);
            const png = await new Promise((done) => canvas.toBlob(done, "image/png"));
            await navigator.clipboard.write([new ClipboardItem({"image/png": png})]);
        }"""
    )
    page.keyboard.press("Control+v")
    expect(page.locator(".item .name")).to_have_text("image.png")


def test_paste_enter_paste(alice: Watched) -> None:
    """An image is pasted, the key for the button follows, and what is pasted then is its link."""
    page = alice.open()
    page.context.grant_permissions(["clipboard-write"])
    paste(page)
    expect(page.locator("#send")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator(".card .name")).to_have_text("image.png")
    expect(page.locator(".card .copy")).to_have_text("Copied")
    expect(page.locator("#news")).to_have_text("The link for image.png is ready. Copied")
    link = page.locator(".url").input_value()
    expect(page.locator("#send")).to_be_focused()
    page.focus("[name=password]")
    page.keyboard.press("Control+v")
    expect(page.locator("[name=password]")).to_have_value(link)


@pytest.mark.parametrize("kind", ["promise", "text", "none"])
def test_the_link_is_copied_as_the_browser_allows(alice: Watched, kind: str, picture: Path) -> None:
    """WebKit writes what it was asked for in time, others take a text later, and some take none: then there is Copy."""
    alice.context.add_init_script(
        f"""
        const later = new Error("too late"), kind = "{kind}";
        window.ClipboardItem = class {{ constructor(parts) {{ this.parts = parts; }} }};
        Object.defineProperty(navigator, "clipboard", {{value: {{
            async write([item]) {{
                if (kind !== "promise" || !navigator.userActivation.isActive) throw later;
                window.copied = await (await item.parts["text/plain"]).text();
            }},
            async writeText(text) {{
                if (kind !== "text") throw later;
                window.copied = text;
            }},
        }}}});
        document.execCommand = () => false;
        """
    )
    page = alice.open()
    send(page, picture, IMAGES / "hopper.png")
    expect(page.locator(".card")).to_have_count(2)
    expect(page.locator(".card .left")).to_have_text([re.compile("left")] * 2)
    if kind == "none":
        page.locator(".card .copy").first.click()
        expect(page.locator(".card .problem").first).to_contain_text("select it and copy by hand")
        assert page.evaluate("window.copied ?? null") is None
    else:
        expect(page.locator(".album .copy")).to_have_text("Copied")
        assert page.evaluate("window.copied") == page.locator(".album .url").input_value()


def test_text_is_pasted_where_the_cursor_stands(alice: Watched) -> None:
    page = alice.open()
    page.context.grant_permissions(["clipboard-write"])
    page.evaluate("navigator.clipboard.writeText('hunter2')")
    page.focus("[name=password]")
    page.keyboard.press("Control+v")
    expect(page.locator("[name=password]")).to_have_value("hunter2")


def test_the_bar_moves_on_a_slow_line_and_cancel_stops_it(alice: Watched, tmp_path: Path) -> None:
    (tmp_path / "noise.png").write_bytes(noise(800, 500))
    page = alice.open()
    slow_line(page, 200)
    send(page, tmp_path / "noise.png")
    bar = page.locator(".item progress")
    seen: list[float] = []
    while len(seen) < 3:
        value = float(bar.evaluate("(bar) => bar.value"))
        if value not in seen:
            seen.append(value)
        page.wait_for_timeout(50)
    assert seen == sorted(seen)
    assert seen[-1] < 1
    expect(page.locator(".item .state")).to_have_text(re.compile(r"B of 1.1 MB sent"))
    alice.state(page, "drop-sending")
    page.click(".item .cancel")
    expect(page.locator(".item .state")).to_have_text("Cancelled; nothing was stored.")
    expect(page.locator(".item .remove")).to_be_focused()
    alice.state(page, "drop-cancelled")
    slow_line(page, 4000)
    page.click(".item .retry")
    expect(page.locator(".card")).to_have_count(1)


def test_after_the_last_byte_it_says_that_it_seals(alice: Watched, picture: Path) -> None:
    page = alice.open()
    page.evaluate(
        """() => {
            window.states = [];
            const look = () => window.states.push(document.querySelector(".item .state")?.textContent);
            new MutationObserver(look).observe(document.querySelector(".columns"), {subtree: true, childList: true});
        }"""
    )
    send(page, picture)
    expect(page.locator(".card")).to_be_visible()
    assert "Sent. Sealing…" in page.evaluate("window.states")


def test_a_failed_connection_is_retried_without_choosing_again(alice: Watched, picture: Path) -> None:
    alice.allow("ERR_INTERNET_DISCONNECTED")
    page = alice.open()
    page.set_input_files("#file", picture)
    alice.context.set_offline(True)
    page.click("#send")
    expect(page.locator(".item .state")).to_have_text(
        "The connection failed. The image is still here: try again."
    )
    alice.state(page, "drop-failed")
    alice.context.set_offline(False)
    page.click(".item .retry")
    expect(page.locator(".card")).to_be_visible()


def test_what_is_no_image_is_said_at_once_or_by_the_server(alice: Watched, tmp_path: Path) -> None:
    alice.allow("status of 4(15|22)")
    (tmp_path / "notes.txt").write_text("not an image")
    (tmp_path / "large.png").write_bytes(bytes(21 * 2**20))
    page = alice.open()
    page.set_input_files("#file", [tmp_path / "notes.txt", tmp_path / "large.png"])
    expect(page.locator("#problem")).to_contain_text("notes.txt is no image that Mayfly takes")
    expect(page.locator("#problem")).to_contain_text("large.png is too large: 21 MB. The most is 20 MB.")
    for name, told in {"a.HEIC": "a.HEIC is a HEIC photo", "a.bmp": "Save it as JPEG or PNG"}.items():
        (tmp_path / name).write_bytes(b"anything")
        page.set_input_files("#file", tmp_path / name)
        expect(page.locator("#problem")).to_contain_text(told)
    expect(page.locator(".item")).to_have_count(0)
    send(page, IMAGES / "broken.png")
    expect(page.locator(".item .state")).to_have_text(re.compile("broken|no image"))
    expect(page.locator(".item .retry")).to_be_hidden()
    alice.state(page, "drop-refused")


def test_the_wishes_reach_the_server(alice: Watched, picture: Path) -> None:
    page = alice.open()
    page.get_by_label("15 minutes").check()
    page.select_option("[name=views]", label="Once")
    page.fill("[name=password]", "hörse")
    page.check("[name=keep_metadata]")
    send(page, IMAGES / "exif_gps.jpg")
    expect(page.locator(".card .left")).to_have_text(re.compile(r"1[45]:\d\d left"))
    expect(page.locator(".terms")).to_have_text("Views left: 1 · asks for its password")
    assert (
        page.locator(".open-line").text_content() == f"curl -X POST -u mayfly -o image.jpeg {image_url(page)}"
    )
    opened = requests.post(image_url(page), data={"password": "hörse"}, timeout=10)
    assert opened.content == (IMAGES / "exif_gps.jpg").read_bytes()


def test_cards_survive_a_reload_in_this_tab_and_nowhere_else(alice: Watched, picture: Path) -> None:
    page = alice.open()
    page.select_option("[name=views]", label="2 times")
    send(page, picture)
    expect(page.locator(".card")).to_be_visible()
    link = page.locator(".url").input_value()
    assert requests.post(image_url(page), timeout=10).ok
    page.reload()
    expect(page.locator(".url")).to_have_value(link)
    expect(page.locator(".card .left")).to_have_text(re.compile(r"[45]:\d\d left"))
    expect(page.locator(".terms")).to_have_text(re.compile(r"^Opened at \d\d:\d\d, 1 view left$"))
    alice.state(page, "drop-reloaded")
    elsewhere = alice.open()
    expect(elsewhere.locator("#drop")).to_be_visible()
    expect(elsewhere.locator(".card")).to_have_count(0)
    assert elsewhere.evaluate("[localStorage.length, document.cookie, sessionStorage.length]") == [0, "", 0]
    assert requests.post(image_url(page), timeout=10).ok
    page.reload()
    expect(page.locator(".terms")).to_have_text(re.compile(r"^Its last view was used at \d\d:\d\d\."))
    assert page.evaluate("sessionStorage.length") == 0


def test_delete_ends_it_everywhere(alice: Watched, picture: Path) -> None:
    page = alice.open()
    send(page, picture)
    url = image_url(page)
    page.click(".delete button")
    expect(page.locator(".terms")).to_have_text("Deleted. The link opens nothing any more.")
    expect(page.locator(".dismiss")).to_be_focused()
    assert requests.get(url, timeout=10).status_code == 404
    assert url.rpartition("/")[2] not in page.content()
    assert page.evaluate("sessionStorage.length") == 0
    alice.state(page, "drop-deleted")
    page.click(".dismiss")
    expect(page.locator("#links")).to_be_hidden()


def test_a_delete_that_fails_says_so(alice: Watched, picture: Path) -> None:
    alice.allow("ERR_INTERNET_DISCONNECTED")
    page = alice.open()
    send(page, picture)
    expect(page.locator(".card")).to_be_visible()
    alice.context.set_offline(True)
    page.click(".delete button")
    expect(page.locator(".card .problem")).to_have_text(re.compile("was not deleted"))
    alice.state(page, "drop-delete-failed")


def test_the_countdown_ends_by_the_server_s_time(alice: Watched, picture: Path) -> None:
    """The client's clock is hours off; the seconds are the server's all the same."""
    alice.context.add_init_script("const real = Date.now; Date.now = () => real() + 3 * 3600_000")
    page = alice.open()
    page.locator("[name=lifetime]").first.evaluate("(radio) => { radio.value = '5'; radio.checked = true; }")
    send(page, picture)
    expect(page.locator(".card .left")).to_have_text(re.compile("0:0[1-5] left"))
    preview = page.locator(".card .thumb").get_attribute("src")
    expect(page.locator(".terms")).to_have_text("Gone. Nobody can open it any more.")
    expect(page.locator("#news")).to_have_text("flower.jpg is gone: nobody can open it any more.")
    assert page.evaluate(LOADS, preview) is False
    assert page.evaluate("sessionStorage.length") == 0
    alice.allow("ERR_FILE_NOT_FOUND")
    alice.state(page, "drop-gone")


def test_the_link_is_copied(alice: Watched, picture: Path) -> None:
    page = alice.open()
    page.context.grant_permissions(["clipboard-write"])
    send(page, picture)
    page.click(".card .copy")
    expect(page.locator(".card .copy")).to_have_text("Copied")
    page.focus("[name=password]")
    page.keyboard.press("Control+v")
    expect(page.locator("[name=password]")).to_have_value(page.locator(".url").input_value())


def test_the_link_alone_is_shared(alice: Watched, picture: Path) -> None:
    """Debian's Chromium has no native share: this is what a phone's would be handed."""
    alice.context.add_init_script("navigator.share = async (what) => { window.shared = what; }")
    page = alice.open()
    send(page, picture)
    page.click(".card .share")
    assert page.evaluate("window.shared") == {"url": page.locator(".url").input_value()}


def test_the_keyboard_alone_is_enough(alice: Watched, picture: Path) -> None:
    page = alice.open()
    choosers: list[FileChooser] = []
    # Listening begins a moment after it is asked for: so long before the key that it has.
    page.on("filechooser", lambda chooser: choosers.append(chooser))
    page.keyboard.press("Tab")
    expect(page.locator(".skip")).to_be_focused()
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    expect(page.locator("#file")).to_be_focused()
    page.keyboard.press("Enter")
    for _ in range(100):
        if choosers:
            break
        page.wait_for_timeout(50)
    choosers[0].set_files(picture)
    focused = "document.activeElement.id || document.activeElement.className || document.activeElement.name"
    for _ in range(40):
        page.keyboard.press("Tab")
        if page.evaluate(focused) == "send":
            break
    page.keyboard.press("Enter")
    expect(page.locator(".card")).to_be_visible()
    for _ in range(40):
        page.keyboard.press("Tab")
        if page.locator(".delete button").evaluate("(button) => button === document.activeElement"):
            break
    page.keyboard.press("Enter")
    expect(page.locator(".terms")).to_have_text("Deleted. The link opens nothing any more.")


def test_the_server_bounds_the_choices(server: Served, alice: Watched) -> None:
    page = alice.open()
    expect(page.locator(".lifetimes label")).to_have_text(["1 minute", "5 minutes", "15 minutes", "1 hour"])
    expect(page.locator("[name=lifetime]:checked")).to_have_value("300")
