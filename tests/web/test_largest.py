"""How large a body may be is read off the routes: what takes an image takes a large body, and nothing else does."""

from __future__ import annotations

import pytest

from tests.conftest import MakeApp
from web import largest_body

IMAGE_BYTES = 3_000_000


@pytest.mark.parametrize(
    ("method", "path", "holds"),
    [
        ("POST", "/", "an image"),
        ("POST", "/upload", "an image"),
        ("POST", "/images/upload", "an image"),
        ("PUT", "/", "an image"),
        ("PUT", "/a/b c.png", "an image"),
        ("POST", "/api/images", "base64"),
        ("PUT", "/api/me/password", "fields"),
        ("POST", "/api/login", "fields"),
        ("POST", "/image/A-7_", "fields"),
        ("POST", "/nothing", "fields"),
        ("GET", "/upload", "fields"),
        ("BREW", "/upload", "fields"),
    ],
)
def test_a_large_body_is_taken_where_a_route_takes_an_image(
    make_app: MakeApp, method: str, path: str, holds: str
) -> None:
    largest = largest_body(make_app(), IMAGE_BYTES)(method, path)
    whole = {"an image": IMAGE_BYTES, "base64": IMAGE_BYTES * 4 // 3, "fields": 10_000}[holds]
    assert whole < largest < whole + IMAGE_BYTES // 4
