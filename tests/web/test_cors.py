"""Pages of other origins: those that CORS_ORIGINS names may call, to the letter; no others, and without it none."""

from __future__ import annotations

import pytest
from flask.testing import FlaskClient

from tests.cast import FLOWER, deposit
from tests.conftest import MakeApp

ALLOWED = "https://app.example.org"
IPV6 = "http://[::1]:3000"
CORS_HEADERS = {"Access-Control-Allow-Origin", "Access-Control-Allow-Credentials"}


@pytest.fixture
def client(make_app: MakeApp) -> FlaskClient:
    return make_app(cors_origins=(ALLOWED, "http://localhost:3000", IPV6)).test_client()


def preflight(origin: str, method: str, headers: str = "authorization,content-type") -> dict[str, str]:
    """What a browser sends before a request of another origin's page (Fetch, CORS-preflight fetch)."""
    return {
        "Origin": origin,
        "Access-Control-Request-Method": method,
        "Access-Control-Request-Headers": headers,
    }


@pytest.mark.parametrize("origin", [ALLOWED, "http://localhost:3000", IPV6])
@pytest.mark.parametrize(
    ("method", "path"),
    [("POST", "/upload"), ("PUT", "/cat.jpg"), ("DELETE", "/images/" + "x" * 32), ("POST", "/api/images")]
    + [("DELETE", "/api/me"), ("GET", "/images"), ("POST", "/image/" + "x" * 32)],
)
def test_a_preflight_of_an_allowed_origin(client: FlaskClient, origin: str, method: str, path: str) -> None:
    answer = client.options(path, headers=preflight(origin, method))
    assert answer.status_code == 200
    assert answer.headers["Access-Control-Allow-Origin"] == origin
    assert method in answer.headers["Access-Control-Allow-Methods"]
    allowed = answer.headers["Access-Control-Allow-Headers"].lower()
    assert "authorization" in allowed
    assert "content-type" in allowed
    assert "Access-Control-Allow-Credentials" not in answer.headers
    assert "Origin" in answer.headers["Vary"]


@pytest.mark.parametrize(
    "origin",
    [
        "https://evil.example.org",
        "http://app.example.org",
        "https://app.example.org:444",
        "null",
        "https://example.org",
    ]
    + [
        "http://1:3000",
        "http://:3000",
        "http://[::1]:30001",
        "http://[::1]:3000.evil.org",
    ]
    + ["HTTPS://app.example.org", "https://app.example.org ", "xhttps://app.example.org"]
    + ["https://app.example.org.evil.org", "https://app-example.org", "https://appXexample.org", "*", ""],
)
def test_any_other_origin_gets_no_word_of_permission(client: FlaskClient, origin: str) -> None:
    link = deposit(client)
    for answer in (
        client.options("/upload", headers=preflight(origin, "POST")),
        client.get(f"/image/{link}", headers={"Origin": origin}),
        client.post("/upload", data=FLOWER, headers={"Origin": origin}),
    ):
        assert not CORS_HEADERS & set(answer.headers.keys())


def test_answers_and_errors_can_be_read_and_so_can_the_headers_that_matter(client: FlaskClient) -> None:
    uploaded = client.post("/upload", data=FLOWER, headers={"Origin": ALLOWED})
    missing = client.get("/image/" + "x" * 32, headers={"Origin": ALLOWED})
    unasked = client.get("/images", headers={"Origin": ALLOWED})
    for answer, status in ((uploaded, 201), (missing, 404), (unasked, 401)):
        assert answer.status_code == status
        assert answer.headers["Access-Control-Allow-Origin"] == ALLOWED
        shown = answer.headers["Access-Control-Expose-Headers"]
        for name in ("Image-Key", "Sunset", "Views-Left", "Retry-After", "Content-Disposition"):
            assert name in shown


def test_without_the_setting_there_is_no_permission_at_all(make_app: MakeApp) -> None:
    closed = make_app().test_client()
    for answer in (
        closed.options("/upload", headers=preflight(ALLOWED, "POST")),
        closed.get("/healthz", headers={"Origin": ALLOWED}),
    ):
        assert not [name for name in dict(answer.headers) if name.startswith("Access-Control")]


def test_a_request_without_an_origin_is_nothing_special(client: FlaskClient) -> None:
    answer = client.get("/healthz")
    assert answer.get_json() == {"status": "ok"}
    assert "Access-Control-Allow-Origin" not in answer.headers
