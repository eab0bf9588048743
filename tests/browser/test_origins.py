"""A page of another origin in a real browser: it calls Mayfly where CORS_ORIGINS names it, and nowhere else."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from http.server import HTTPServer, SimpleHTTPRequestHandler
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
from playwright.sync_api import Browser, Page

from tests.browser.conftest import Open
from tests.cast import SERVER_KEY
from tests.processes import Served, serving

CALLS = """async (url) => {
    const name = 'cross' + crypto.getRandomValues(new Uint32Array(2)).join('');
    const ask = async (method, path, body, headers) => {
        try {
            const answer = await fetch(url + path, {method, body, headers});
            const shown = ['image-key', 'sunset', 'content-disposition'].filter((name) => answer.headers.get(name));
            const type = answer.headers.get('content-type');
            return {status: answer.status, shown, told: type.includes('json') ? await answer.json() : null};
        } catch {
            return {status: 0, shown: [], told: null};
        }
    };
    const json = {'Content-Type': 'application/json'}, password = 'correct horse';
    const said = [];
    const say = async (...asked) => { said.push(await ask(...asked)); return said.at(-1).told ?? {}; };
    const email = name + '@example.org';
    await say('POST', '/api/registration', JSON.stringify({login: name, email, password}), json);
    const token = await say('POST', '/api/login', JSON.stringify({login: name, password}), json);
    const dot = document.createElement('canvas');
    dot.width = dot.height = 8;
    dot.getContext('2d').fillRect(0, 0, 4, 4);
    const image = await new Promise((done) => dot.toBlob(done));
    const sent = await say('PUT', '/dot.png', image, {Accept: 'application/json', ...token});
    await say('GET', '/images?limit=10', undefined, token);
    await say('GET', `/image/${sent.hash}`);
    await say('DELETE', `/images/${sent.image_key}`, undefined, token);
    await say('GET', `/image/${sent.hash}`);
    await say('DELETE', '/api/me', undefined, token);
    return said;
}"""


class Quiet(SimpleHTTPRequestHandler):
    """Serves a folder and keeps no log."""

    def log_message(self, format: str, *arguments: Any) -> None:  # noqa: A002
        """Say nothing."""


@pytest.fixture
def pages(tmp_path: Path) -> Iterator[int]:
    """The port of another site, which answers to two names and so has two origins."""
    (tmp_path / "index.html").write_text("<!doctype html><title>Another site</title>")
    with HTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(tmp_path))) as site:
        thread = Thread(target=site.serve_forever)
        thread.start()
        yield site.server_port
        site.shutdown()
        thread.join()


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """A window that may ask whomever it likes, and complain."""
    with browser.new_context() as context:
        yield context.new_page()


def test_a_page_of_a_named_origin_calls_and_any_other_gets_nothing(
    database_url: str, page: Page, pages: int
) -> None:
    named, other = (f"http://{host}:{pages}" for host in ("localhost", "127.0.0.1"))
    with serving(DATABASE_URL=database_url, SECRET_KEYS=SERVER_KEY, CORS_ORIGINS=named) as server:
        page.goto(named)
        said = page.evaluate(CALLS, server.url)
        assert [answer["status"] for answer in said] == [201, 200, 201, 200, 200, 200, 404, 200]
        assert "image-key" in said[2]["shown"]
        assert {"sunset", "content-disposition"} <= set(said[4]["shown"])
        page.goto(other)
        assert {answer["status"] for answer in page.evaluate(CALLS, server.url)} == {0}


def test_the_page_of_the_api_asks_nobody_else(window: Open, server: Served) -> None:
    watched = window("docs")
    page = watched.open("/docs")
    assert page.locator("h1").count() == 1
    assert page.evaluate("document.styleSheets[0].cssRules.length") > 0
    watched.state(page, "docs")
