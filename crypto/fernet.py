"""Fernet (https://github.com/fernet/spec) over raw bytes: ``base64url(sealed)`` is an ordinary Fernet token.

It uses hazmat primitives, because ``cryptography.fernet`` spends most of its time in base64. An image is sealed in
pieces and opened in place, so that it is in memory only once. AES and HMAC release Python's global lock.
"""

from __future__ import annotations

import hmac
import os
import struct
from collections.abc import Iterator
from dataclasses import dataclass, field

from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import CBC

from crypto.errors import Unopenable

Bytes = bytes | bytearray | memoryview

VERSION = 0x80
BLOCK = 16
HEADER = struct.Struct(">BQ16s")  # version, seconds since 1970, initialisation vector
TAG_BYTES = 32
PIECE = 1 << 20
"""How many bytes of plaintext a piece has at most (storage/rows.py makes rows of them)."""


def sealed_size(size: int) -> int:
    """Return the length of ``size`` bytes after sealing, in bytes."""
    return HEADER.size + (size // BLOCK + 1) * BLOCK + TAG_BYTES


def seal_pieces(key: bytes, plaintext: Bytes, *, at: int, iv: bytes | None = None) -> Iterator[memoryview]:
    """Seal ``plaintext`` under a Fernet key of 32 bytes; yield pieces, which joined are the sealed bytes.

    ``at`` is the token's time, in seconds since 1970. The initialisation vector ``iv`` is random; only tests give one.
    """
    vector = os.urandom(BLOCK) if iv is None else iv
    source = memoryview(plaintext)
    whole = len(source) - len(source) % BLOCK
    header = HEADER.pack(VERSION, at, vector)
    mac = hmac.new(key[:16], header, "sha256")
    encryptor = Cipher(AES(key[16:]), CBC(vector)).encryptor()
    for start in range(0, max(whole, 1), PIECE):
        stop = min(start + PIECE, whole)
        head = header if start == 0 else b""
        tail = _padded(source[whole:]) if stop == whole else b""
        end = len(head) + stop - start + len(tail)
        # update_into needs a buffer that is one block larger than its output; the last piece has space for the tag.
        piece = memoryview(bytearray(end + max(BLOCK, TAG_BYTES)))
        piece[: len(head)] = head
        encryptor.update_into(source[start:stop], piece[len(head) :])
        encryptor.update_into(tail, piece[end - len(tail) :])
        mac.update(piece[len(head) : end])
        if tail:
            piece[end:] = mac.digest()
        yield piece if tail else piece[:end]


@dataclass(frozen=True)
class SealedPieces:
    """The pieces of ``seal_pieces``; each iteration seals the plaintext again, with a new initialisation vector."""

    key: bytes = field(repr=False)
    plaintext: Bytes = field(repr=False)
    at: int

    def __iter__(self) -> Iterator[memoryview]:
        return seal_pieces(self.key, self.plaintext, at=self.at)


def seal(key: bytes, plaintext: Bytes, *, at: int, iv: bytes | None = None) -> bytes:
    """Seal a small plaintext in one piece, as ``seal_pieces`` does."""
    return b"".join(seal_pieces(key, plaintext, at=at, iv=iv))


def open_sealed(key: bytes, sealed: Bytes) -> bytearray:
    """Authenticate sealed bytes as a whole, then decrypt them.

    A bytearray is decrypted in place and returned. Raises Unopenable if this key did not seal the bytes.
    """
    end = len(sealed) - TAG_BYTES
    size = end - HEADER.size
    if size < BLOCK or size % BLOCK:
        raise Unopenable
    with memoryview(sealed) as token:
        version, _, vector = HEADER.unpack_from(token)
        tag = hmac.digest(key[:16], token[:end], "sha256")
        if version != VERSION or not hmac.compare_digest(tag, token[end:]):
            raise Unopenable
        opened, start = (sealed, HEADER.size) if isinstance(sealed, bytearray) else (bytearray(end), 0)
        with memoryview(opened) as room:
            decryptor = Cipher(AES(key[16:]), CBC(vector)).decryptor()
            decryptor.update_into(token[HEADER.size : end], room[start:])
    # Deleting the start or the end of a bytearray copies nothing.
    del opened[start + size - _padding(opened[start + size - BLOCK : start + size]) :]
    del opened[:start]
    return opened


def _padded(tail: memoryview) -> bytes:
    missing = BLOCK - len(tail)
    return bytes(tail) + bytes([missing]) * missing


def _padding(block: bytearray) -> int:
    # The tag was right, so the key's holder has made this. Wrong padding means that it is not a Fernet token.
    length = block[-1]
    if not 1 <= length <= BLOCK or block[-length:] != bytes([length]) * length:
        raise Unopenable
    return length
