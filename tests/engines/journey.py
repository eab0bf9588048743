"""The main journey in Firefox and in WebKitGTK, which is what phones have: ``make browsers``.

The tests of tests/browser see each state in Chromium. This one asks whether the other engines come through.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.browser.conftest import SCREENSHOTS
from tests.cast import IMAGES
from tests.engines.driver import Engine
from tests.engines.notes import Noted, noting
from tests.engines.starting import ENGINES, Start, firefox
from tests.processes import Served

PICTURE = IMAGES / "flower.jpg"
SCRIPTED = "body.scripted"
DROP = """
const carried = new DataTransfer();
carried.items.add(new File([Uint8Array.from(arguments[0])], "dropped.png", {type: "image/png"}));
const event = new DragEvent("drop", {dataTransfer: carried, bubbles: true, cancelable: true});
document.querySelector("#zone").dispatchEvent(event);
"""
"""Neither driver can drag a file: the event is made, and what the page does with it is real."""
WIDE = "return document.documentElement.scrollWidth > document.documentElement.clientWidth"
SIZE = "const image = document.querySelector('.picture'); return [image.naturalWidth, image.naturalHeight]"
LANGUAGES = {"de": ("ltr", "Bild"), "ar": ("rtl", "صورة")}


@pytest.fixture
def noted(server: Served) -> Iterator[Noted]:
    """The server, and what goes wrong in its pages: nothing may."""
    with noting(server.port) as noted:
        yield noted
    assert noted.complaints == []


def choose(engine: Engine, noted: Noted, **wishes: str) -> None:
    engine.open(f"{noted.url}/")
    engine.see(SCRIPTED)
    engine.type("#file", str(PICTURE))
    engine.see(".item .name", PICTURE.name)
    for name, value in wishes.items():
        if name == "views":
            engine.click(f"[name=views] option[value='{value}']")
        else:
            engine.type(f"[name={name}]", value)


def link(engine: Engine) -> str:
    """The link that the button makes, read from its card."""
    engine.click("#send")
    engine.see("body:not(:has(.item)) #cards .left", ":")
    return str(engine.run("return document.querySelector('#cards .url').value"))


def section(name: str) -> str:
    return f"[data-state={name}]"


@pytest.mark.timeout(400)
@pytest.mark.parametrize("name", ENGINES)
def test_an_image_goes_from_one_person_to_another(name: str, noted: Noted, tmp_path: Path) -> None:
    with ENGINES[name](tmp_path / "profile", "en-GB") as engine:
        choose(engine, noted, views="1")
        url = link(engine)
        engine.click(".card .copy")
        engine.see(".card .copy", "Copied")
        engine.look(SCREENSHOTS / name / "drop-card.png")
        opened_once(engine, url, SCREENSHOTS / name)
        choose(engine, noted, password="sesame")
        behind_a_password(engine, link(engine), SCREENSHOTS / name)
        deleted_with_undo(engine, noted)
        several(engine, noted, SCREENSHOTS / name)


def opened_once(engine: Engine, url: str, folder: Path) -> None:
    """The first opening shows the picture, the second one says that it is gone."""
    engine.open(url)
    engine.see(section("ready"))
    engine.look(folder / "share-ready.png")
    engine.click("#open button")
    engine.see(section("open"))
    assert engine.run(SIZE) == [480, 360]
    engine.look(folder / "share-open.png")
    engine.open(url)
    engine.see(section("gone"), "There is no image here")


def behind_a_password(engine: Engine, url: str, folder: Path) -> None:
    """A wrong password is told and costs nothing; the right one opens."""
    engine.open(url)
    engine.see(section("ready"))
    engine.type("#open [name=password]", "wrong")
    engine.click("#open button")
    engine.see("#wrong", "That password is wrong.")
    engine.look(folder / "share-password-wrong.png")
    engine.run("document.querySelector('#open [name=password]').value = ''")
    engine.type("#open [name=password]", "sesame")
    engine.click("#open button")
    engine.see(section("open"))


def deleted_with_undo(engine: Engine, noted: Noted) -> None:
    """A dropped image becomes a card; it is deleted, kept after all, and deleted."""
    engine.open(f"{noted.url}/")
    engine.see(SCRIPTED)
    engine.run(DROP, list((IMAGES / "hopper.png").read_bytes()))
    engine.see(".item .name", "dropped.png")
    url = link(engine)
    engine.click(".delete button")
    engine.see(".leaving .undo")
    engine.click(".leaving .undo")
    engine.see(".card .alive")
    engine.click(".delete button")
    engine.see(".card.over")
    engine.open(url)
    engine.see(section("gone"))


def several(engine: Engine, noted: Noted, folder: Path) -> None:
    """Two images have one link, and its page shows the one after the other."""
    engine.open(f"{noted.url}/")
    engine.see(SCRIPTED)
    engine.type("#file", f"{PICTURE}\n{IMAGES / 'hopper.png'}")
    link(engine)
    engine.see("#albums .url")
    engine.look(folder / "drop-album.png")
    engine.open(str(engine.run("return document.querySelector('#albums .url').value")))
    for place in ("1", "2"):
        engine.see("#album .place", place)
        engine.see(section("open"))
        engine.look(folder / f"album-{place}.png")
        if place == "1":
            engine.click("#album .next")


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("name", ENGINES)
def test_in_other_languages(name: str, noted: Noted, tmp_path: Path, language: str) -> None:
    direction, word = LANGUAGES[language]
    start: Start = ENGINES[name]
    with start(tmp_path / "profile", language) as engine:
        choose(engine, noted)
        assert engine.run("return [document.documentElement.lang, document.dir]") == [language, direction]
        engine.see("h1", word)
        url = link(engine)
        assert not engine.run(WIDE)
        engine.look(SCREENSHOTS / name / f"drop-card-{language}.png")
        engine.open(url)
        engine.see(section("open"))
        engine.look(SCREENSHOTS / name / f"share-open-{language}.png")


def test_without_scripts_in_firefox(noted: Noted, tmp_path: Path) -> None:
    with firefox(tmp_path / "profile", scripts=False) as engine:
        engine.open(f"{noted.url}/")
        engine.type("#file", str(PICTURE))
        engine.click("[name=views] option[value='1']")
        engine.click("#send")
        engine.see("h1", "Your link")
        engine.see(".terms", "Views left: 1")
        engine.look(SCREENSHOTS / "firefox" / "plain-receipt.png")
        engine.click(".delete button")
        engine.see("h1", "Deleted")
