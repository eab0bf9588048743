"""The contact for reports in a browser: it is readable, nothing forbids it, and the link is not in it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import Open, deposit
from tests.cast import SERVER_KEY
from tests.processes import Served, serving


@pytest.fixture(scope="module")
def named(database_url: str) -> Iterator[Served]:
    """A server that says whom to write to."""
    with serving(
        DATABASE_URL=database_url,
        SECRET_KEYS=SERVER_KEY,
        PURGE_INTERVAL="off",
        WORKERS="1",
        ABUSE_CONTACT="mailto:abuse@example.org",
    ) as served:
        yield served


@pytest.mark.parametrize("width", [320, 1000])
def test_the_share_page_asks_for_the_link_and_puts_it_nowhere(
    window: Open, named: Served, picture: Path, width: int
) -> None:
    bob, link = window(url=named.url, viewport={"width": width, "height": 800}), deposit(named, picture)
    page = bob.open(f"/s#{link}")
    expect(page.locator(".picture")).to_be_visible()
    page.get_by_text("Report this image").click()
    address = page.get_by_role("link", name="abuse@example.org")
    expect(address).to_be_visible()
    address.evaluate("element => element.addEventListener('click', (event) => event.preventDefault())")
    address.click()
    assert link not in str(address.get_attribute("href"))
    bob.state(page, f"share-report-{width}")


def test_the_drop_page_names_it(window: Open, named: Served) -> None:
    alice = window(url=named.url)
    page = alice.open("/")
    expect(page.get_by_role("link", name="abuse@example.org")).to_be_visible()
    alice.state(page, "drop-contact")
