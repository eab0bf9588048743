"""Fernet (https://github.com/fernet/spec) over raw bytes: ``base64url(sealed)`` is an ordinary Fernet token.

Built on hazmat primitives because ``cryptography.fernet`` spends most of its time in base64. An image is sealed in
pieces and opened in place, so that it is in memory only once; other threads run during AES and HMAC.
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
    """The length in bytes of ``size`` bytes once they are sealed."""
    return HEADER.size + (size // BLOCK + 1) * BLOCK + TAG_BYTES


def seal_pieces(key: bytes, plaintext: Bytes, *, at: int, iv: bytes | None = None) -> Iterator[memoryview]:
    """Seal ``plaintext`` under a 32-byte Fernet key, piece by piece; joined, the pieces are the sealed bytes.

    ``at`` is the token's time, seconds since 1970. The vector is drawn at random; tests give one to write
    reproducible vectors.
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
        # update_into asks for a block of room beyond what it writes; the last piece's tag needs more than that.
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
    """The pieces of ``seal_pieces``, made when they are asked for: each time anew, under another vector."""

    key: bytes = field(repr=False)
    plaintext: Bytes = field(repr=False)
    at: int

    def __iter__(self) -> Iterator[memoryview]:
        return seal_pieces(self.key, self.plaintext, at=self.at)


def seal(key: bytes, plaintext: Bytes, *, at: int, iv: bytes | None = None) -> bytes:
    """Seal something small in one go; as ``seal_pieces``."""
    return b"".join(seal_pieces(key, plaintext, at=at, iv=iv))


def open_sealed(key: bytes, sealed: Bytes) -> bytearray:
    """Open what was sealed; nothing is decrypted before the whole of it is authenticated.

    A bytearray is opened in place: it is what is returned, and holds the plaintext then. Raises Unopenable for anything
    this key did not seal.
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
    # Python moves nothing when the ends of a bytearray are cut off.
    del opened[start + size - _padding(opened[start + size - BLOCK : start + size]) :]
    del opened[:start]
    return opened


def _padded(tail: memoryview) -> bytes:
    missing = BLOCK - len(tail)
    return bytes(tail) + bytes([missing]) * missing


def _padding(block: bytearray) -> int:
    # The tag was right, so somebody with the key has sealed this; a bad padding means that it is no Fernet token.
    length = block[-1]
    if not 1 <= length <= BLOCK or block[-length:] != bytes([length]) * length:
        raise Unopenable
    return length
