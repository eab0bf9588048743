"""What the clients of ``make cluster`` call wrong: a server answers them as the test says."""

from __future__ import annotations

import json
from collections.abc import Iterator
from hashlib import sha256
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread
from typing import ClassVar

import pytest

from tests.cast import FLOWER
from tests.cluster.clients import VIEWS, Clients

UPLOADED = {
    "hash": "link",
    "image_key": "key",
    "sha256": sha256(FLOWER).hexdigest(),
    "expires_at": "2999-01-01T00:00:00Z",
}


class Answering(BaseHTTPRequestHandler):
    """Answers each request by the next status; 200 to whoever opens an image has the image."""

    statuses: ClassVar[list[int]] = []

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        status = self.statuses.pop(0)
        body = json.dumps(UPLOADED).encode() if status == 201 else FLOWER
        self.send_response(status)
        self.send_header("Retry-After", "1")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_GET = do_DELETE = do_POST  # noqa: N815 - their names say which request they answer

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def clients() -> Iterator[Clients]:
    with HTTPServer(("127.0.0.1", 0), Answering) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield Clients(f"http://127.0.0.1:{server.server_port}", behind_proxy=True)
        server.shutdown()


@pytest.mark.parametrize(
    ("deeds", "wrong"),
    [
        ("open 200", ""),
        ("open 404", "lost"),
        ("open 503, open 200", ""),
        ("open 500", "open 500"),
        ("delete 200, open 404", ""),
        ("delete 200, open 200", "stale"),
        ("delete 503, open 200, open 404", ""),
        ("delete 404", "delete 404"),
        ("view 200, view 200, view 200, view 404", ""),
        ("view 200, view 200, view 200, view 200", "views too many"),
        ("view 200, view 404", "lost"),
        ("view 503, view 200, view 404", "lost"),
        ("view 503, view 200, view 200, view 404", ""),
        ("view 503, view 503, view 503, view 404", ""),
        ("view 503, view 503, view 200, view 200, view 200", ""),
    ],
)
def test_what_is_wrong_is_what_the_model_does_not_allow(clients: Clients, deeds: str, wrong: str) -> None:
    steps = [deed.split() for deed in deeds.split(", ")]
    Answering.statuses = [201, *(int(status) for _, status in steps)]
    clients._store(VIEWS if "view" in deeds else None)
    do = {"open": clients._open, "view": clients._use_views, "delete": clients._delete}
    for left, (deed, _) in zip(range(len(steps) - 1, -1, -1), steps, strict=True):
        while len(Answering.statuses) > left:  # clients do not delete each time
            do[deed]()
    assert +clients.wrong == ({wrong: 1} if wrong else {})
