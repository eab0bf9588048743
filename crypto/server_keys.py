from __future__ import annotations

import os
from base64 import urlsafe_b64decode, urlsafe_b64encode
from binascii import Error as Base64Error
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from crypto.errors import MalformedServerKey, Unopenable
from crypto.fernet import open_sealed
from crypto.keys import Link, SealKeys

KEY_BYTES = 32


def generate_server_key() -> str:
    """Draw a new server key: 32 random bytes in URL-safe base64, 44 characters."""
    return urlsafe_b64encode(os.urandom(KEY_BYTES)).decode("ascii")


def _parse(position: int, text: str) -> bytes:
    try:
        key = urlsafe_b64decode(text.encode("ascii"))
    except (Base64Error, UnicodeEncodeError):
        key = b""
    # Encoding it back refuses what the lenient decoder skips over, a stray character among them.
    if len(key) != KEY_BYTES or urlsafe_b64encode(key).decode("ascii") != text:
        raise MalformedServerKey(
            f"server key {position} is not 32 bytes in URL-safe base64 (44 characters); make one with `make key`"
        )
    return key


@dataclass(frozen=True)
class ServerKeys:
    """The server's keys, newest first: the newest seals, every one of them opens."""

    keys: tuple[bytes, ...] = field(repr=False)

    @classmethod
    def parse(cls, texts: Iterable[str]) -> ServerKeys:
        """Read a list of keys, newest first; raises MalformedServerKey, which names the position only."""
        keys = tuple(_parse(position, text) for position, text in enumerate(texts, start=1))
        if not keys:
            raise MalformedServerKey("the list of server keys is empty; make a key with `make key`")
        return cls(keys)

    def __iter__(self) -> Iterator[bytes]:
        return iter(self.keys)

    @property
    def newest(self) -> bytes:
        """The key that seals."""
        return self.keys[0]

    def open_details(self, link: Link, expires_at: int, sealed: bytes) -> tuple[SealKeys, bytes]:
        """Open a row's details with whichever server key sealed them; return its keys and the details.

        Details are small, so trying them tells the right key before the image's bytes are touched.
        Raises Unopenable when none fits.
        """
        for server_key in self.keys:
            keys = SealKeys.derive(link, server_key, expires_at)
            try:
                return keys, bytes(open_sealed(keys.details, sealed))
            except Unopenable:
                continue
        raise Unopenable
