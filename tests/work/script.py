"""The requests whose work is counted, the same on every run. Each sets up for itself what it needs."""

from __future__ import annotations

import io
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from PIL import Image
from sqlalchemy import text
from werkzeug.test import EnvironBuilder

from app import Mayfly
from imaging import examine
from models import SLOTS, ciphertexts
from tests.cast import register

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment

SMALL, LARGE = (320, 346), (3200, 3480)
"""Width and height of JPEGs of noise that come to about 100 KB and 10 MB."""


@dataclass(frozen=True)
class Request:
    """A request, the size of the image that it moves in bytes, and the status that its answer must have."""

    name: str
    status: int
    image: int
    prepare: Callable[[], WSGIEnvironment]


def picture(sides: tuple[int, int], comment: str = "") -> bytes:
    """A JPEG of noise as Mayfly stores it, or with a comment that an upload has to remove."""
    pixels = random.Random(0).randbytes(sides[0] * sides[1] * 3)
    written = io.BytesIO()
    Image.frombytes("RGB", sides, pixels).save(written, "JPEG", quality=90, comment=comment)
    data = written.getvalue()
    return data if comment else bytes(examine(data)[1])


class Script:
    """The requests of one application, on a database that nobody else uses."""

    def __init__(self, app: Mayfly) -> None:
        self._app = app
        # A vacuum that happens to hold a slot keeps the purge from emptying it.
        for table in ("images", *map(ciphertexts, range(SLOTS))):
            self._execute(f"ALTER TABLE {table} SET (autovacuum_enabled = off)")
        self._client = app.test_client()
        self._small, self._large = picture(SMALL), picture(LARGE)
        self._commented = picture(LARGE, comment="from a camera")

    def requests(self) -> Iterator[Request]:
        small, large = self._small, self._large
        for size, data in (("100 KB", small), ("10 MB", large)):
            yield self._upload(f"upload {size}, raw", data, data)
            yield self._upload(f"upload {size}, multipart", data, {"file": (data, "noise.jpg")})
            yield self._open(f"open {size}", data, "GET")
        yield self._upload("upload 10 MB, a comment removed", self._commented, self._commented)
        yield self._open("open 100 KB, one of two views", small, "POST", views=2)
        yield self._open("open 100 KB, the last view", small, "POST", views=1)
        yield self._open("head", b"", "HEAD")
        yield Request("list 3 images", 200, 0, self._list)
        yield Request("delete", 200, 0, self._delete)
        yield Request("purge of one image", 200, 0, self._purge)

    def _upload(self, name: str, data: bytes, body: bytes | dict[str, tuple[bytes, str]]) -> Request:
        def prepare() -> WSGIEnvironment:
            if isinstance(body, bytes):
                return environ("POST", "/upload", data=body)
            form = {field: (io.BytesIO(file), called) for field, (file, called) in body.items()}
            return environ("POST", "/upload", data=form)

        return Request(name, 201, len(data), prepare)

    def _open(self, name: str, data: bytes, method: str, **options: int) -> Request:
        def prepare() -> WSGIEnvironment:
            return environ(method, f"/image/{self._deposit(data or self._small, None, **options)['hash']}")

        return Request(name, 200, len(data), prepare)

    def _list(self) -> WSGIEnvironment:
        self._empty()
        for _ in range(3):
            self._deposit(self._small, self._account)
        return environ("GET", "/images", headers=self._account)

    def _delete(self) -> WSGIEnvironment:
        return environ("DELETE", f"/images/{self._deposit(self._small)['image_key']}")

    def _purge(self) -> WSGIEnvironment:
        """One image and its slot, whatever the time is: two images might stand in two slots."""
        self._empty()
        self._deposit(self._small)
        self._execute(
            "UPDATE images SET created_at = now() - interval '2s', expires_at = now() - interval '1s'"
        )
        return environ("GET", "/cleanup")

    @cached_property
    def _account(self) -> dict[str, str]:
        return register(self._client)

    def _deposit(self, data: bytes, headers: dict[str, str] | None = None, **options: int) -> dict[str, Any]:
        answer = self._client.post("/upload", data=data, headers=headers, query_string=options)
        assert answer.status_code == 201, answer.text
        return dict(answer.get_json())

    def _empty(self) -> None:
        self._execute("TRUNCATE images, " + ", ".join(ciphertexts(slot) for slot in range(SLOTS)))

    def _execute(self, statement: str) -> None:
        with self._app.shards.home.engine.connect() as connection:
            connection.execute(text(statement))


def environ(method: str, path: str, **more: Any) -> WSGIEnvironment:
    """What a server hands to the application."""
    return EnvironBuilder(path, "http://localhost", method=method, **more).get_environ()
