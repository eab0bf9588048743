"""The languages of the pages: English in the code, every other one in a file of translations/, read when asked for."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import cache
from gettext import GNUTranslations, NullTranslations
from io import BytesIO
from pathlib import Path

from babel import Locale
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from babel.units import format_unit
from flask import Flask, g, request

FOLDER = Path(__file__).parent / "translations"
SOURCE = "en"
MOST_SUBTAGS = 3
"""Language, script and country: what is behind them in a tag changes no choice."""
DURATIONS = (
    (86400, "duration-day"),
    (3600, "duration-hour"),
    (60, "duration-minute"),
    (1, "duration-second"),
)
SIZES = ((2**20, "megabyte", 1), (2**10, "kilobyte", 0), (1, "byte", 0))
"""Units of bytes, largest first: size, name in CLDR, digits behind the point. The scripts read them too."""


@cache
def languages() -> dict[str, str]:
    """Every language that the pages speak: its tag as browsers may write it, in small letters, and its code."""
    codes = [SOURCE, *sorted(path.stem for path in FOLDER.glob("*.po"))]
    # zh-CN and zh-TW name a country and no script: the one we have is better than English.
    return {code.partition("-")[0]: code for code in codes} | {code.lower(): code for code in codes}


@cache
def catalogue(code: str) -> NullTranslations:
    """The texts of a language, read and kept when somebody first asks for it."""
    if code == SOURCE:
        return NullTranslations()
    compiled = BytesIO()
    with (FOLDER / f"{code}.po").open("rb") as file:
        write_mo(compiled, read_po(file, locale=code.replace("-", "_"), abort_invalid=True))
    compiled.seek(0)
    return GNUTranslations(compiled)


def spoken(tag: str) -> str | None:
    """Find the language that a tag asks for by cutting its end (RFC 4647, lookup); None for one we don't speak."""
    parts = tag.lower().split("-")[:MOST_SUBTAGS]
    tags = ("-".join(parts[:length]) for length in range(len(parts), 0, -1))
    return next((languages()[tag] for tag in tags if tag in languages()), None)


def language() -> str:
    """The language of this request: the first of its Accept-Language that we speak, or English."""
    if "language" not in g:
        # Werkzeug's best_match would take de from "en-US, de": it looks for whole tags first.
        wanted = (spoken(tag) for tag, quality in request.accept_languages if quality > 0)
        g.language = next(filter(None, wanted), SOURCE)
    return str(g.language)


def locale() -> Locale:
    """Return Babel's locale data of this request's language."""
    return Locale.parse(language(), sep="-")


def translate(text: str) -> str:
    """Translate a text into the language of this request."""
    return catalogue(language()).gettext(text)


def translate_plural(one: str, many: str, number: int) -> str:
    """Translate a text with a number into the language of this request, in the right plural form."""
    return catalogue(language()).ngettext(one, many, number)


def duration(seconds: int) -> str:
    """Write a duration in the largest unit that divides it: 5 minutes, 1 hour, 90 seconds."""
    size, unit = next((size, unit) for size, unit in DURATIONS if seconds % size == 0)
    written = format_unit(seconds // size, unit, "long", locale=locale())
    # Where CLDR has the long form as another name of the short one, Babel 2.18 finds none and writes the unit's name.
    return format_unit(seconds // size, unit, "short", locale=locale()) if unit in written else written


def file_size(number: int) -> str:
    """Write a number of bytes as people read it: 2.1 MB."""
    size, unit, digits = next(row for row in SIZES if number >= row[0] or row[0] == 1)
    return format_unit(round(number / size, digits), f"digital-{unit}", "short", locale=locale())


def time_of_day(seconds: float) -> str:
    """Write the time of day of seconds since 1970, which is in UTC."""
    return f"{datetime.fromtimestamp(seconds, UTC):%H:%M:%S} UTC"


def register_languages(app: Flask) -> None:
    """Let the templates speak the language of each request."""
    app.jinja_env.add_extension("jinja2.ext.i18n")
    app.jinja_env.install_gettext_callables(translate, translate_plural, newstyle=True)  # type: ignore[attr-defined]
    app.jinja_env.globals.update(
        language=language, locale=locale, duration=duration, file_size=file_size, time_of_day=time_of_day
    )
