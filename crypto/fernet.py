"""Fernet (https://github.com/fernet/spec) over raw bytes: ``base64url(sealed)`` is an ordinary Fernet token.

Built on hazmat primitives because ``cryptography.fernet`` spends most of its time in base64. AES and the HMAC run
over the same slice while it is still in the processor's cache, and both let other threads run meanwhile.
"""

from __future__ import annotations

import hmac
import os
import struct

from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import CBC

from crypto.errors import Unopenable

Bytes = bytes | bytearray | memoryview

VERSION = 0x80
BLOCK = 16
HEADER = struct.Struct(">BQ16s")  # version, seconds since 1970, initialisation vector
TAG_BYTES = 32
SLICE = 256 * 1024


def sealed_size(size: int) -> int:
    """The length in bytes of ``size`` bytes once they are sealed."""
    return HEADER.size + (size // BLOCK + 1) * BLOCK + TAG_BYTES


def seal(key: bytes, plaintext: Bytes, *, at: int, iv: bytes | None = None) -> memoryview:
    """Seal ``plaintext`` under a 32-byte Fernet key; ``at`` is the token's time, seconds since 1970.

    The vector is drawn at random; tests give one to write reproducible vectors.
    """
    vector = os.urandom(BLOCK) if iv is None else iv
    source = memoryview(plaintext)
    whole = len(source) - len(source) % BLOCK
    end = HEADER.size + whole + BLOCK
    # update_into asks for a block of room beyond what it writes; the tag needs more than that anyway.
    sealed = memoryview(bytearray(end + TAG_BYTES))
    HEADER.pack_into(sealed, 0, VERSION, at, vector)
    mac = hmac.new(key[:16], sealed[: HEADER.size], "sha256")
    encryptor = Cipher(AES(key[16:]), CBC(vector)).encryptor()
    for start in range(0, whole, SLICE):
        stop = min(start + SLICE, whole)
        place = sealed[HEADER.size + start :]
        written = encryptor.update_into(source[start:stop], place)
        mac.update(place[:written])
    encryptor.update_into(_padded(source[whole:]), sealed[end - BLOCK :])
    mac.update(sealed[end - BLOCK : end])
    sealed[end:] = mac.digest()
    return sealed


def open_sealed(key: bytes, sealed: Bytes) -> memoryview:
    """Open what ``seal`` sealed; nothing is decrypted before the whole of it is authenticated.

    Raises Unopenable for anything this key did not seal.
    """
    token = memoryview(sealed)
    end = len(token) - TAG_BYTES
    size = end - HEADER.size
    if size < BLOCK or size % BLOCK:
        raise Unopenable
    version, _, vector = HEADER.unpack_from(token)
    tag = hmac.digest(key[:16], token[:end], "sha256")
    if version != VERSION or not hmac.compare_digest(tag, token[end:]):
        raise Unopenable
    plaintext = memoryview(bytearray(size + BLOCK))
    Cipher(AES(key[16:]), CBC(vector)).decryptor().update_into(token[HEADER.size : end], plaintext)
    return plaintext[: size - _padding(plaintext[size - BLOCK : size])]


def _padded(tail: memoryview) -> bytes:
    missing = BLOCK - len(tail)
    return bytes(tail) + bytes([missing]) * missing


def _padding(block: memoryview) -> int:
    # Reached only behind a valid tag; a bad padding then means a key holder sealed something that is no Fernet token.
    length = block[-1]
    if not 1 <= length <= BLOCK or bytes(block[-length:]) != bytes([length]) * length:
        raise Unopenable
    return length
