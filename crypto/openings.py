"""Seals the times at which an image with limited views was opened (README.md, "When it was opened").

A request that opens an image contains its link, so the server can seal the time under a key from the link, which the
server does not store.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator

from crypto.errors import Unopenable
from crypto.fernet import open_sealed, seal, sealed_size
from crypto.keys import Link, derive
from crypto.server_keys import ServerKeys

_TIME = struct.Struct(">Q")
OPENING_BYTES = sealed_size(_TIME.size)
"""The length of one sealed time in bytes."""


def seal_opening(link: Link, server_keys: ServerKeys, expires_at: int, moment: int) -> bytes:
    """Seal the time ``moment`` at which an image was opened; both times are in seconds since 1970.

    The time in the Fernet token's header, which is not encrypted, is 0.
    """
    return bytes(seal(_key(link, server_keys.newest, expires_at), _TIME.pack(moment), at=0))


def open_openings(link: Link, server_keys: ServerKeys, expires_at: int, sealed: bytes) -> tuple[int, ...]:
    """Open the concatenated sealed times of an image, and return them in the same order; raises Unopenable."""
    keys = [_key(link, server_key, expires_at) for server_key in server_keys] if sealed else []
    return tuple(_open(keys, opening) for opening in _each(sealed))


def _each(sealed: bytes) -> Iterator[bytes]:
    return (sealed[start : start + OPENING_BYTES] for start in range(0, len(sealed), OPENING_BYTES))


def _open(keys: list[bytes], sealed: bytes) -> int:
    for key in keys:
        try:
            return int(_TIME.unpack(bytes(open_sealed(key, sealed)))[0])
        except (Unopenable, struct.error):
            continue
    raise Unopenable


def _key(link: Link, server_key: bytes, expires_at: int) -> bytes:
    return derive(link.secret, f"mayfly/v1/opened/{expires_at}", salt=server_key)
