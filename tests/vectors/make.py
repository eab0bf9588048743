"""Writes the vectors beside this file, each with its expected outcome: ``python -m tests.vectors.make``.

They are kept, not made anew by a test run: a change of format shows as a vector that no longer does what it says.
"""

from __future__ import annotations

import json
from base64 import urlsafe_b64encode
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from crypto import ImageKey, SealKeys, seal

FOLDER = Path(__file__).parent
SERVER_KEY, OLDER_KEY, WRONG_KEY = (bytes([n]) * 32 for n in (1, 2, 3))
CREATED, EXPIRES = 1_800_000_000, 1_800_000_300
IMAGE = b"the bytes of a picture, longer than one block of the cipher"
DETAILS = b'\x00{"content_type":"image/png","filename":"cat.png"}'


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

    def write(self, name: str) -> None:
        fields: dict[str, Any] = {
            "expected": self.expected,
            "why": self.why,
            "image_key": self.image_key.text,
            "link": self.link,
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


def row(image_key: ImageKey, server_key: bytes, iv: bytes) -> Vector:
    keys = SealKeys.derive(image_key.link, server_key, EXPIRES)
    details, image = (
        bytes(seal(key, plaintext, at=CREATED, iv=iv))
        for key, plaintext in ((keys.details, DETAILS), (keys.image, IMAGE))
    )
    return Vector(
        "opens", "", image_key, image_key.link.text, (SERVER_KEY, OLDER_KEY), EXPIRES, details, image
    )


def altered(sealed: bytes) -> bytes:
    return sealed[:40] + bytes([sealed[40] ^ 1]) + sealed[41:]


def main() -> None:
    alice = row(ImageKey(bytes(range(24))), SERVER_KEY, bytes(range(16)))
    bob = row(ImageKey(bytes(range(24, 48))), SERVER_KEY, bytes(range(16, 32)))
    older = row(alice.image_key, OLDER_KEY, bytes(range(16)))
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
        "wrong_server_key": replace(alice, server_keys=(WRONG_KEY,), why="a server that never had the key"),
    }
    for name, vector in vectors.items():
        opens = name in {"opens", "older_server_key"}
        replace(vector, expected="opens" if opens else "unopenable").write(name)


if __name__ == "__main__":
    main()
