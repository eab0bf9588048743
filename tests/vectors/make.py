"""Writes the vectors beside this file, each with its expected outcome: ``python -m tests.vectors.make``.

They are kept, not made anew by a test run: a change of format shows as a vector that no longer does what it says.
"""

from __future__ import annotations

import json
import unicodedata
from base64 import urlsafe_b64encode
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from crypto import ImageKey, SealKeys, seal
from crypto.passwords import stretch

FOLDER = Path(__file__).parent
SERVER_KEY, OLDER_KEY, WRONG_KEY = (bytes([n]) * 32 for n in (1, 2, 3))
CREATED, EXPIRES = 1_800_000_000, 1_800_000_300
IMAGE = b"the bytes of a picture, longer than one block of the cipher"
DETAILS = b'{"content_type":"image/png","filename":"cat.png"}'
PASSWORD = "Stra\u00dfe \u00e9 correct horse"


@dataclass(frozen=True)
class Vector:
    expected: str
    why: str
    image_key: ImageKey
    link: str
    server_keys: tuple[bytes, ...]
    expires_at: int
    details: bytes
    image: bytes
    password: str | None = None

    def write(self, name: str) -> None:
        fields: dict[str, Any] = {
            "expected": self.expected,
            "why": self.why,
            "image_key": self.image_key.text,
            "link": self.link,
            "password": self.password,
            "server_keys": [urlsafe_b64encode(key).decode() for key in self.server_keys],
            "row": {
                "row_key": self.image_key.link.row_key.hex(),
                "manage_tag": self.image_key.manage_tag.hex(),
                "expires_at": self.expires_at,
                "details": self.details.hex(),
                "sealed": self.image.hex(),
            },
            "opened": {"details": DETAILS.hex(), "image": IMAGE.hex()} if self.expected == "opens" else None,
        }
        (FOLDER / f"{name}.json").write_text(json.dumps(fields, indent=2) + "\n")


def row(image_key: ImageKey, server_key: bytes, iv: bytes, password: str | None = None) -> Vector:
    link = image_key.link
    keys = SealKeys.derive(link, server_key, EXPIRES, stretch(password, link) if password else b"")
    image = seal(keys.image, IMAGE, at=CREATED, iv=iv)
    details = bytes(seal(keys.details, b"\x00" + DETAILS, at=CREATED, iv=iv))
    if password:
        outer = SealKeys.derive(link, server_key, EXPIRES)
        details = bytes(seal(outer.details, b"\x01" + details, at=CREATED, iv=iv))
    server_keys = (SERVER_KEY, OLDER_KEY)
    return Vector("", "", image_key, link.text, server_keys, EXPIRES, details, bytes(image), password)


def altered(sealed: bytes) -> bytes:
    return sealed[:40] + bytes([sealed[40] ^ 1]) + sealed[41:]


def main() -> None:
    alice = row(ImageKey(bytes(range(24))), SERVER_KEY, bytes(range(16)))
    bob = row(ImageKey(bytes(range(24, 48))), SERVER_KEY, bytes(range(16, 32)))
    older = row(alice.image_key, OLDER_KEY, bytes(range(16)))
    locked = row(ImageKey(bytes(range(48, 72))), SERVER_KEY, bytes(range(16)), PASSWORD)
    vectors = {
        "opens": replace(alice, why="as it was written"),
        "older_server_key": replace(older, why="sealed under a key that is no longer the newest"),
        "altered_image": replace(
            alice, image=altered(alice.image), why="one bit of the sealed image flipped"
        ),
        "altered_details": replace(
            alice, details=altered(alice.details), why="one bit of the details flipped"
        ),
        "truncated": replace(alice, image=alice.image[:-16], why="the sealed image lacks its last block"),
        "moved": replace(alice, details=bob.details, image=bob.image, why="the sealed bytes of another row"),
        "moved_image": replace(alice, image=bob.image, why="the sealed image of another row"),
        "expiry_moved": replace(alice, expires_at=EXPIRES + 3600, why="the row's expiry put off by an hour"),
        "wrong_link": replace(alice, link=bob.link, why="opened by the link of another image"),
        "password_opens": replace(locked, why="as it was written, with its password"),
        "password_decomposed": replace(
            locked,
            password=unicodedata.normalize("NFD", PASSWORD),
            why="the same password, typed on another system",
        ),
        "password_wrong": replace(locked, password="correct hors", why="a wrong password"),
        "password_missing": replace(locked, password=None, why="no password"),
        "wrong_server_key": replace(alice, server_keys=(WRONG_KEY,), why="a server that never had the key"),
    }
    for name, vector in vectors.items():
        opens = name in {"opens", "older_server_key", "password_opens", "password_decomposed"}
        replace(vector, expected="opens" if opens else "unopenable").write(name)


if __name__ == "__main__":
    main()
