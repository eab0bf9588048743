from __future__ import annotations

import os
from base64 import urlsafe_b64decode, urlsafe_b64encode
from binascii import Error as Base64Error
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from crypto.errors import MalformedServerKey

KEY_BYTES = 32


def generate_server_key() -> str:
    """Draw a new server key: 32 random bytes in URL-safe base64, 44 characters."""
    return urlsafe_b64encode(os.urandom(KEY_BYTES)).decode("ascii")


def _parse(position: int, text: str) -> bytes:
    try:
        key = urlsafe_b64decode(text.encode("ascii"))
    except (Base64Error, UnicodeEncodeError):
        key = b""
    # The decoder ignores stray characters; comparing with the encoded key refuses such a text.
    if len(key) != KEY_BYTES or urlsafe_b64encode(key).decode("ascii") != text:
        raise MalformedServerKey(
            f"server key {position} is not 32 bytes in URL-safe base64 (44 characters); make one with `make key`"
        )
    return key


@dataclass(frozen=True)
class ServerKeys:
    """The server's keys, newest first. The newest one seals, all of them open."""

    keys: tuple[bytes, ...] = field(repr=False)

    @classmethod
    def parse(cls, texts: Iterable[str]) -> ServerKeys:
        """Read a list of keys, newest first; raises MalformedServerKey, whose message has no key, only its position."""
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
