"""The browser understands all styles: it silently drops a declaration that it doesn't know."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.browser.conftest import Open

ROOT = Path(__file__).parent.parent.parent
STYLES = sorted(ROOT.glob("web/**/*.css"))
DECLARATION = re.compile(r"^\s+([a-z-]+):\s*([^;{}]+?)(?: ?!important)?;$", re.MULTILINE)
UNKNOWN = "(declarations) => declarations.filter(([name, value]) => !CSS.supports(name, value))"


@pytest.mark.parametrize("path", STYLES, ids=lambda path: path.name)
def test_the_browser_knows_every_declaration(window: Open, path: Path) -> None:
    declarations = [[*found] for found in DECLARATION.findall(path.read_text()) if found[0][:2] != "--"]
    assert len(declarations) > 10
    assert window().open("/docs").evaluate(UNKNOWN, declarations) == []


def test_a_slip_would_be_found(window: Open) -> None:
    slips = [["colr", "red"], ["color", "rde"], ["margin-blok", "1rem"]]
    assert window().open("/docs").evaluate(UNKNOWN, [*slips, ["color", "red"]]) == slips
