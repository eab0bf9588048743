"""The languages of the pages: English in the code, every other one in a file of translations/, read at the start."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import cache
from gettext import GNUTranslations, NullTranslations
from io import BytesIO
from pathlib import Path

from babel import Locale, negotiate_locale
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from babel.units import format_unit
from flask import Flask, g, request

FOLDER = Path(__file__).parent / "translations"
SOURCE = "en"
DURATIONS = (
    (86400, "duration-day"),
    (3600, "duration-hour"),
    (60, "duration-minute"),
    (1, "duration-second"),
)
SIZES = ((2**20, "megabyte", 1), (2**10, "kilobyte", 0), (1, "byte", 0))
"""Units of bytes, largest first: size, name in CLDR, digits behind the point. The scripts read them too."""


def _read(path: Path) -> GNUTranslations:
    compiled = BytesIO()
    with path.open("rb") as file:
        write_mo(compiled, read_po(file, locale=path.stem, abort_invalid=True))
    compiled.seek(0)
    return GNUTranslations(compiled)


@cache
def catalogues() -> dict[str, NullTranslations]:
    """Every language by its code."""
    return {SOURCE: NullTranslations()} | {path.stem: _read(path) for path in sorted(FOLDER.glob("*.po"))}


def language() -> str:
    """The language of this request: the first of its Accept-Language that we speak, or English."""
    if "language" not in g:
        # Werkzeug's best_match would take de from "en-US, de": it looks for whole tags first.
        wanted = list(request.accept_languages.values())
        g.language = negotiate_locale(wanted, catalogues(), sep="-") or SOURCE
    return str(g.language)


def locale() -> Locale:
    """What Babel knows of this request's language."""
    return Locale.parse(language(), sep="-")


def translate(text: str) -> str:
    """Say a text in the language of this request."""
    return catalogues()[language()].gettext(text)


def translate_plural(one: str, many: str, number: int) -> str:
    """Say a text that counts in the language of this request."""
    return catalogues()[language()].ngettext(one, many, number)


def duration(seconds: int) -> str:
    """Write a duration in the largest unit that divides it: 5 minutes, 1 hour, 90 seconds."""
    size, unit = next((size, unit) for size, unit in DURATIONS if seconds % size == 0)
    return format_unit(seconds // size, unit, "long", locale=locale())


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
