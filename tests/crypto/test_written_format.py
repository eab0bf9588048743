"""The vectors are opened by the crypto package, and by independent code that follows crypto/README.md alone."""

from __future__ import annotations

import hashlib
import hmac
import json
import unicodedata
from base64 import urlsafe_b64decode, urlsafe_b64encode
from pathlib import Path
from typing import Any

import pytest
from argon2.low_level import Type, hash_secret_raw
from cryptography.fernet import Fernet, InvalidToken

from crypto import (
    ImageKey,
    Link,
    PasswordNeeded,
    SealedDetails,
    ServerKeys,
    Unopenable,
    WrongPassword,
    open_sealed,
)

FILES = sorted((Path(__file__).parent.parent / "vectors").glob("*.json"))


def test_every_named_failure_has_its_vector() -> None:
    names = {file.stem for file in FILES}
    named = "opens altered_image altered_details truncated moved moved_image expiry_moved wrong_link wrong_server_key"
    passwords = {"password_opens", "password_decomposed", "password_wrong", "password_missing"}
    assert names == {*named.split(), "older_server_key", *passwords}


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_a_vector_does_what_it_says(file: Path) -> None:
    vector = json.loads(file.read_text())
    if vector["expected"] == "opens":
        assert open_with_crypto_room(vector) == opened(vector)
    else:
        with pytest.raises((Unopenable, WrongPassword, PasswordNeeded)):
            open_with_crypto_room(vector)


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_another_engineer_gets_the_same_from_the_page_alone(file: Path) -> None:
    vector = json.loads(file.read_text())
    if vector["expected"] == "opens":
        assert open_from_the_page(vector) == opened(vector)
    else:
        with pytest.raises(InvalidToken):
            open_from_the_page(vector)


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_what_is_stored_is_derived_from_the_image_key(file: Path) -> None:
    vector = json.loads(file.read_text())
    key = ImageKey.parse(vector["image_key"])
    assert key.link.row_key.hex() == vector["row"]["row_key"]
    assert key.manage_tag.hex() == vector["row"]["manage_tag"]
    assert hkdf(urlsafe_b64decode(vector["image_key"]), b"mayfly/v1/link", 24) == key.link.secret
    assert hkdf(key.link.secret, b"mayfly/v1/row", 32) == key.link.row_key
    assert hkdf(key.secret, b"mayfly/v1/manage", 32) == key.manage_tag


def opened(vector: dict[str, Any]) -> tuple[bytes, bytes]:
    return bytes.fromhex(vector["opened"]["details"]), bytes.fromhex(vector["opened"]["image"])


def open_with_crypto_room(vector: dict[str, Any]) -> tuple[bytes, bytes]:
    row = vector["row"]
    server_keys = ServerKeys.parse(vector["server_keys"])
    link = Link.parse(vector["link"])
    sealed = SealedDetails.of(link, server_keys, row["expires_at"], bytes.fromhex(row["details"]))
    keys, details = sealed.open(vector["password"])
    return details, bytes(open_sealed(keys.image, bytes.fromhex(row["sealed"])))


def hkdf(secret: bytes, info: bytes, length: int, salt: bytes = bytes(32)) -> bytes:
    """RFC 5869 for at most 32 bytes of output: one round of each step."""
    pseudorandom = hmac.new(salt, secret, hashlib.sha256).digest()
    return hmac.new(pseudorandom, info + b"\x01", hashlib.sha256).digest()[:length]


def stretch(password: str, link: bytes) -> bytes:
    salt = hkdf(link, b"mayfly/v1/password-salt", 16)
    secret = unicodedata.normalize("NFC", password).encode()
    return hash_secret_raw(
        secret, salt, time_cost=3, memory_cost=32768, parallelism=1, hash_len=32, type=Type.ID
    )


def open_from_the_page(vector: dict[str, Any]) -> tuple[bytes, bytes]:
    row = vector["row"]
    link = urlsafe_b64decode(vector["link"])
    locked = link + (stretch(vector["password"], link) if vector["password"] else b"")
    error: Exception = InvalidToken()
    for server_key in map(urlsafe_b64decode, vector["server_keys"]):

        def read(secret: bytes, label: str, stored: bytes, salt: bytes = server_key) -> bytes:
            key = hkdf(secret, f"mayfly/v1/{label}/{row['expires_at']}".encode(), 32, salt)
            return Fernet(urlsafe_b64encode(key)).decrypt(urlsafe_b64encode(stored))

        try:
            details = read(link, "details", bytes.fromhex(row["details"]))
            if details[0] == 1:
                details = read(locked, "details", details[1:])
            return details[1:], read(locked, "image", bytes.fromhex(row["sealed"]))
        except InvalidToken as invalid:
            error = invalid
    raise error
