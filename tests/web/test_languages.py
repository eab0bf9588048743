"""Every text has its translations, and no translation is of a text that isn't there."""

from __future__ import annotations

import gettext
import io
import json
import re
from pathlib import Path
from typing import Any

import pytest
from babel import Locale
from babel.messages.catalog import Catalog
from babel.messages.extract import extract_from_dir
from babel.messages.pofile import read_po
from flask.testing import FlaskClient

from tests.cast import FLOWER
from tests.conftest import MakeApp
from web.answer.errors import PLAIN_WORDS, STATUS
from web.description.operation import operation_of
from web.pages import languages
from web.pages.texts import ALL_FORMS, ERRORS, SCRIPTS

WEB = Path(languages.__file__).parent
PLACE = re.compile(r"%\(\w+\)s|\{\w+\}")
HTML = "text/html,application/xhtml+xml,*/*;q=0.8"
TRANSLATIONS = sorted(languages.FOLDER.glob("*.po"))


def said() -> set[Any]:
    """Every text of the templates and of the scripts, as the catalogues know it."""
    found = extract_from_dir(
        WEB,
        method_map=[("templates/**.html", "jinja2"), ("texts.py", "python")],
        options_map={"templates/**.html": {"silent": "false"}},
        keywords={"_": None, "plural": (1, 2), "gettext": None, "ngettext": (1, 2)},
    )
    return {message for _, _, message, _, _ in found}


def catalogue(path: Path) -> Catalog:
    with path.open("rb") as file:
        return read_po(file, locale=path.stem.replace("-", "_"), abort_invalid=True)


def forms(text: Any) -> list[str]:
    """The singular and the plural of a text that counts, or the one form of another."""
    return list(text) if isinstance(text, tuple | list) else [text]


def test_the_languages_are_these() -> None:
    assert {path.stem for path in TRANSLATIONS} == {
        "ar",
        "de",
        "es",
        "fr",
        "it",
        "ja",
        "nl",
        "pl",
        "pt",
        "tr",
        "uk",
        "zh-Hans",
    }


@pytest.mark.parametrize("path", TRANSLATIONS, ids=lambda path: path.stem)
def test_no_string_is_missing_or_left_over(path: Path) -> None:
    there = {message.id: message for message in catalogue(path) if message.id}
    assert said() - set(there) == set(), "translate these"
    assert set(there) - said() == set(), "nobody says these any more"
    for message in there.values():
        assert not message.fuzzy
        strings, originals = forms(message.string), forms(message.id)
        assert all(strings), message.id
        for string in strings:
            assert set(PLACE.findall(string)) <= set(PLACE.findall(originals[-1])), message.id
            assert string == string.strip(), message.id
        assert sorted(PLACE.findall(strings[-1])) == sorted(PLACE.findall(originals[-1])), message.id


@pytest.mark.parametrize("path", TRANSLATIONS, ids=lambda path: path.stem)
def test_plurals_are_those_of_the_language(path: Path) -> None:
    """The catalogue chooses a form by its own rule, the scripts by Intl.PluralRules: both by CLDR's boundaries."""
    texts, locale = catalogue(path), Locale.parse(path.stem, sep="-")
    chosen = gettext.c2py(texts.plural_expr)
    for message in texts:
        if isinstance(message.id, tuple | list):
            assert len(forms(message.string)) == texts.num_plurals, message.id
    found = {(locale.plural_form(number), chosen(number)) for number in range(1001)}
    assert len({name for name, _ in found}) == len({index for _, index in found}) == len(found)
    assert {index for _, index in found} == set(range(texts.num_plurals))
    assert {index for number in range(ALL_FORMS) for index in [chosen(number)]} == set(
        range(texts.num_plurals)
    )


def test_the_scripts_say_only_what_there_is_and_all_of_it() -> None:
    scripts = "".join(path.read_text() for path in (WEB / "static").rglob("*.js"))
    # A few are chosen by a name that is handed on: then the name stands there in quotes all the same.
    assert set(re.findall(r'\bword\("(\w+)"', scripts)) - set(SCRIPTS) == set()
    assert {name for name in SCRIPTS if f'"{name}"' not in scripts} == set()


def test_every_error_that_a_person_may_meet_has_words() -> None:
    codes = {code for _, code in STATUS.values()} | {code for code, _ in PLAIN_WORDS.values()}
    assert codes - set(ERRORS) - {"bad_request"} == set()


@pytest.mark.parametrize(
    ("accepted", "language"),
    [
        ("de", "de"),
        ("DE", "de"),
        ("de-AT,en;q=0.5", "de"),
        ("en-US,de;q=0.5", "en"),
        ("sv,de;q=0.5", "de"),
        ("de;q=0,fr;q=0.1", "fr"),
        ("de;q=0", "en"),
        ("pt-BR", "pt"),
        ("zh-CN,zh;q=0.9,en;q=0.8", "zh-Hans"),
        ("zh", "zh-Hans"),
        ("zh-Hans-CN", "zh-Hans"),
        ("zh-TW", "zh-Hans"),
        ("uk-UA", "uk"),
        ("sv", "en"),
        ("*", "en"),
        ("x" * 200, "en"),
        ("de-" * 400, "de"),
        ("", "en"),
    ],
)
def test_a_page_speaks_what_the_browser_asks_for(client: FlaskClient, accepted: str, language: str) -> None:
    for path in ("/", "/s", "/nothing"):
        page = client.get(path, headers={"Accept": HTML, "Accept-Language": accepted})
        assert f'<html lang="{language}" dir="ltr">' in page.text
    assert "Accept-Language" in client.get("/", headers={"Accept": HTML}).headers["Vary"]


@pytest.mark.parametrize("path", TRANSLATIONS, ids=lambda path: path.stem)
def test_durations_and_sizes_are_written_in_the_language(client: FlaskClient, path: Path) -> None:
    page = client.get("/", headers={"Accept": HTML, "Accept-Language": path.stem}).text
    direction = "rtl" if path.stem == "ar" else "ltr"
    assert f'<html lang="{path.stem}" dir="{direction}">' in page
    assert "duration-" not in page
    assert "digital-" not in page
    assert "Drop an image" not in page


def test_a_language_more_is_one_file(
    make_app: MakeApp, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "he.po").write_text(
        'msgid ""\nmsgstr "Language: he\\n"\n\nmsgid "How long"\nmsgstr "כמה זמן"\n'
    )
    monkeypatch.setattr(languages, "FOLDER", tmp_path)
    languages.languages.cache_clear()
    try:
        page = make_app().test_client().get("/", headers={"Accept": HTML, "Accept-Language": "he"})
    finally:
        languages.languages.cache_clear()
        languages.catalogue.cache_clear()
    assert '<html lang="he" dir="rtl">' in page.text
    assert "כמה זמן" in page.text
    assert "Choose images" in page.text, "what is not translated yet stays English"


def test_a_language_is_read_when_it_is_asked_for(make_app: MakeApp) -> None:
    languages.catalogue.cache_clear()
    client = make_app().test_client()
    client.get("/", headers={"Accept": HTML, "Accept-Language": "de"})
    assert languages.catalogue.cache_info().currsize == 1


@pytest.mark.parametrize(("accepted", "number"), [("en", "1,024 bytes"), ("de", "1.024 Bytes")])
def test_a_limit_is_written_as_the_language_writes_numbers(
    client: FlaskClient, accepted: str, number: str
) -> None:
    headers = {"Accept": HTML, "Accept-Language": accepted}
    form = {"file": (io.BytesIO(FLOWER), "flower.jpg"), "password": "x" * 1025}
    assert number in client.post("/", data=form, headers=headers).text


@pytest.mark.parametrize(
    ("page", "paths"), [("share", ["/s", "/s/open"]), ("drop", ["/upload", "/s/delete", "/s/qr"])]
)
def test_a_page_brings_the_words_of_every_error_that_its_scripts_may_meet(
    make_app: MakeApp, page: str, paths: list[str]
) -> None:
    app = make_app()
    html = app.test_client().get("/" if page == "drop" else "/s", headers={"Accept": HTML}).text
    brought = json.loads(html.partition('id="words">')[2].partition("</script>")[0])["errors"]
    rules = [
        rule for rule in app.url_map.iter_rules() if rule.rule in paths and "POST" in (rule.methods or ())
    ]
    assert len(rules) == len(paths)
    for rule in rules:
        operation = operation_of(app.view_functions[rule.endpoint])
        assert operation
        codes = {STATUS[error][1] for error in operation.refuses} | set(operation.also.values())
        assert codes & set(ERRORS) - set(brought) == set(), rule.rule
