"""Chromium as the judge of whether a file is a picture that people see."""

from __future__ import annotations

import base64
import shutil
from collections.abc import Iterable
from pathlib import Path

from playwright.sync_api import sync_playwright

from tests.browser.conftest import SWITCHES

SHOWS = """async (packed) => {
    const bytes = Uint8Array.from(atob(packed), (letter) => letter.charCodeAt(0));
    try { await createImageBitmap(new Blob([bytes])); return true; } catch { return false; }
}"""


def shown_by_chromium(paths: Iterable[Path]) -> set[Path]:
    """Return those of the files that Chromium makes a bitmap of."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=SWITCHES)
        page = browser.new_page()
        shown = {path for path in paths if page.evaluate(SHOWS, base64.b64encode(path.read_bytes()).decode())}
        browser.close()
    return shown
