"""Draws the picture that chats show beside a link, from docs/preview.svg: python -m tests.browser.preview"""

from __future__ import annotations

import shutil
from io import BytesIO
from pathlib import Path

from PIL import Image
from playwright.sync_api import sync_playwright

from tests.browser.conftest import SWITCHES
from web.pages.assets import FOLDER

SOURCE = Path(__file__).parents[2] / "docs" / "preview.svg"
SIZE = {"width": 1200, "height": 630}
COLOURS = 32


def draw() -> None:
    """Write the picture with few colours, which makes it small."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=SWITCHES)
        page = browser.new_page(viewport=SIZE)  # type: ignore[arg-type]
        page.goto(SOURCE.as_uri())
        drawn = Image.open(BytesIO(page.screenshot()))
        browser.close()
    drawn.convert("RGB").quantize(COLOURS, dither=Image.Dither.NONE).save(
        FOLDER / "preview.png", optimize=True
    )


if __name__ == "__main__":
    draw()
