"""Uploads whose bytes and texts are all known, made and opened in every possible way, to search for traces of them."""

from __future__ import annotations

import io
import json
import secrets
from base64 import b64encode
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime
from hashlib import sha256
from typing import Any

import requests
from PIL import Image

from crypto import ImageKey, Link, ServerKeys
from crypto.keys import SealKeys
from crypto.passwords import stretch
from tests.cast import noise
from tests.faults.needles import Needle, windows
from tests.processes import Served

SECONDS = 60


def word(kind: str) -> str:
    """A word that is nowhere else."""
    return f"{kind}-{secrets.token_hex(8)}"


@dataclass(frozen=True)
class Canary:
    """What goes into one upload, and the answer once it was made."""

    password: str | None = None
    views: int | None = None
    form: str = "PNG"
    filename: str = field(default_factory=lambda: word("name") + ".png")
    description: str = field(default_factory=lambda: word("description"))
    album: str = field(default_factory=lambda: word("album"))
    model_id: str = field(default_factory=lambda: word("model"))
    image: bytes = b""
    account: dict[str, str] = field(default_factory=dict)
    receipt: dict[str, Any] = field(default_factory=dict)
    server_key: str = ""

    @property
    def options(self) -> dict[str, str]:
        """The options but for the password, which may not stand in a query."""
        given = {"description": self.description, "metadata": json.dumps({"album": self.album})}
        given["model_id"] = self.model_id
        return given | ({"views": str(self.views)} if self.views else {})

    @property
    def login(self) -> dict[str, str]:
        """The header of HTTP Basic, where there is a password."""
        if self.password is None:
            return {}
        return {"Authorization": "Basic " + b64encode(f":{self.password}".encode()).decode()}

    def needles(self) -> Iterator[Needle]:
        """Everything that must not be found in any file."""
        pixels = Image.open(io.BytesIO(self.image)).convert("RGB").tobytes()
        yield from windows("bytes of an image", self.image)
        yield from windows("pixels of an image", pixels)
        for what in ("filename", "description", "album", "model_id", "password"):
            if value := getattr(self, what):
                yield Needle(what, value.encode())
        if self.receipt:
            yield from self._secrets()

    def _secrets(self) -> Iterator[Needle]:
        link, image_key = Link.parse(self.receipt["hash"]), ImageKey.parse(self.receipt["image_key"])
        yield Needle("link", link.text.encode())
        yield Needle("link", link.secret)
        yield Needle("image key", image_key.text.encode())
        yield Needle("image key", image_key.secret)
        yield Needle("digest", bytes.fromhex(self.receipt["sha256"]))
        expires_at = int(datetime.fromisoformat(self.receipt["expires_at"]).timestamp())
        stretched = stretch(self.password, link) if self.password else b""
        keys = SealKeys.derive(link, ServerKeys.parse([self.server_key]).newest, expires_at, stretched)
        yield Needle("seal key", keys.image)
        yield Needle("seal key", keys.details)
        if stretched:
            yield Needle("stretched password", stretched)


def _multipart(url: str, canary: Canary, query: dict[str, str], name: str = "file") -> requests.Response:
    files = {name: (canary.filename, canary.image)}
    fields = canary.options | ({"password": canary.password} if canary.password else {})
    return requests.post(f"{url}/upload", params=query, files=files, data=fields, timeout=SECONDS)


def _multipart_image(url: str, canary: Canary, query: dict[str, str]) -> requests.Response:
    return _multipart(url, canary, query, "image")


def _raw(url: str, canary: Canary, query: dict[str, str]) -> requests.Response:
    query = query | canary.options | {"filename": canary.filename}
    return requests.post(
        f"{url}/upload", params=query, data=canary.image, headers=canary.login, timeout=SECONDS
    )


def _chunked(url: str, canary: Canary, query: dict[str, str]) -> requests.Response:
    pieces = (canary.image[start : start + 10_000] for start in range(0, len(canary.image), 10_000))
    query = query | canary.options | {"filename": canary.filename}
    return requests.post(f"{url}/upload", params=query, data=pieces, headers=canary.login, timeout=SECONDS)


def _put(url: str, canary: Canary, query: dict[str, str]) -> requests.Response:
    headers = canary.login | {"Accept": "application/json"}
    query = query | canary.options
    return requests.put(
        f"{url}/{canary.filename}", params=query, data=canary.image, headers=headers, timeout=SECONDS
    )


def _owned(url: str, canary: Canary, query: dict[str, str]) -> requests.Response:
    files = {"file": (canary.filename, canary.image)}
    fields = canary.options | ({"password": canary.password} if canary.password else {})
    return requests.post(
        f"{url}/images/upload",
        params=query,
        files=files,
        data=fields,
        headers=canary.account,
        timeout=SECONDS,
    )


def _encoded(url: str, canary: Canary, query: dict[str, str]) -> requests.Response:
    fields: dict[str, Any] = {**canary.options, **query, "metadata": {"album": canary.album}}
    fields |= {"data": b64encode(canary.image).decode(), "filename": canary.filename, "views": canary.views}
    fields["password"] = canary.password
    return requests.post(f"{url}/api/images", json=fields, headers=canary.account, timeout=SECONDS)


OWNED = {"multipart, of an account": _owned, "base64": _encoded}
WAYS: dict[str, Callable[[str, Canary, dict[str, str]], requests.Response]] = {
    "multipart": _multipart,
    "multipart, field image": _multipart_image,
    "raw": _raw,
    "chunked": _chunked,
    "PUT": _put,
    **OWNED,
}
"""Every way in; one that joins the service joins here."""

KINDS = (
    Canary(),
    Canary(form="JPEG"),
    Canary(password="x"),
    Canary(views=9),
    Canary(password="x", views=9),
)


def drop(
    server: Served, way: str, kind: Canary, server_key: str, account: dict[str, str], **query: str
) -> Canary:
    """Upload a canary of a kind in one of the ways, some of which need an account's header."""
    canary = replace(
        kind,
        image=noise(120, 90, kind.form),
        password=word("password") if kind.password else None,
        filename=word("name") + ".png",
        description=word("description"),
        album=word("album"),
        model_id=word("model"),
        account=account if way in OWNED else {},
        server_key=server_key,
    )
    answer = WAYS[way](server.url, canary, query)
    assert answer.status_code == 201, answer.text
    return replace(canary, receipt=_filled_up(answer.json(), canary.image))


def _filled_up(receipt: dict[str, Any], image: bytes) -> dict[str, Any]:
    """A receipt as most uploads have it; that of a base64 upload tells less."""
    if "hash" in receipt:
        return receipt
    lifetime = datetime.fromisoformat(receipt["expires_at"]) - datetime.fromisoformat(receipt["upload_date"])
    known = {
        "hash": receipt["id"],
        "sha256": sha256(image).hexdigest(),
        "expires_in": lifetime.total_seconds(),
    }
    return receipt | known


def openings(server: Served, canary: Canary) -> Iterator[tuple[int, requests.Response]]:
    """Every way to ask for a canary, with the status that is due; one that joins the service joins here."""
    link, key = canary.receipt["hash"], canary.receipt["image_key"]
    image_url, key_url = f"{server.url}/image/{link}", f"{server.url}/images/{key}"
    counts = canary.views or canary.password
    yield 405 if counts else 200, requests.get(image_url, timeout=SECONDS)
    yield 405 if counts else 200, requests.head(image_url, timeout=SECONDS)
    yield 200, requests.post(image_url, headers=canary.login, timeout=SECONDS)
    yield 200, requests.get(key_url, headers=canary.login, timeout=SECONDS)
    yield 200, requests.get(f"{key_url}?mode=download", headers=canary.login, timeout=SECONDS)
    for form in ("png", "jpg", "webp"):
        yield 405 if counts else 200, requests.get(f"{image_url}.{form}", timeout=SECONDS)
    yield 200, requests.post(f"{image_url}?format=webp&width=50", headers=canary.login, timeout=SECONDS)
    yield 404, requests.get(f"{server.url}/images/{link}", timeout=SECONDS)
    yield 405 if counts else 200, requests.get(f"{image_url}/{canary.filename}", timeout=SECONDS)
    if canary.password:
        field = {"password": canary.password}
        yield 200, requests.post(image_url, data=field, timeout=SECONDS)
        yield 403, requests.post(image_url, data={"password": canary.password + "!"}, timeout=SECONDS)
        yield 400, requests.post(image_url, params=field, timeout=SECONDS)
    else:
        yield 404, requests.get(f"{server.url}/image/{key}", timeout=SECONDS)


def mishaps(server: Served, canary: Canary) -> Iterator[tuple[int, requests.Response]]:
    """Uploads that go wrong, each with the status that is due."""
    url, told = f"{server.url}/upload", canary.options
    yield 422, requests.post(url, params=told, data=canary.image[: len(canary.image) // 2], timeout=SECONDS)
    yield 415, requests.post(url, params=told, data=canary.image[50:], timeout=SECONDS)
    yield 400, requests.post(url, params=told | {canary.album: "1"}, data=canary.image, timeout=SECONDS)
    yield 400, requests.post(url, params={"lifetime": canary.album}, data=canary.image, timeout=SECONDS)
    yield 400, requests.post(url, files={canary.album: (canary.filename, canary.image)}, timeout=SECONDS)
    yield 404, requests.post(f"{server.url}/{canary.receipt['hash']}", timeout=SECONDS)
    yield 404, requests.get(f"{server.url}/{canary.receipt['image_key']}", timeout=SECONDS)
