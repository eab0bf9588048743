"""The sources of the pages, as a reader of the code sees them."""

import re
from pathlib import Path

import pytest

PAGES = Path(__file__).parents[2] / "web" / "pages"
SOURCES = sorted(path for path in PAGES.rglob("*") if path.suffix in {".js", ".css", ".html"})
COLUMNS = 120

# A text to translate is one string, which can't be broken.
_TEXT = re.compile(r"""\b_\((["']).*?\1\)""")


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: path.name)
def test_the_lines_of_scripts_styles_and_templates_are_at_most_120_columns(path: Path) -> None:
    lines = path.read_text().splitlines()
    assert [number for number, line in enumerate(lines, 1) if len(_TEXT.sub("", line)) > COLUMNS] == []
