"""The vectors, opened by the crypto room and, from crypto/README.md alone, by somebody who does not have it."""

from __future__ import annotations

import hashlib
import hmac
import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from pathlib import Path
from typing import Any

import pytest
from cryptography.fernet import Fernet, InvalidToken

from crypto import ImageKey, Link, ServerKeys, Unopenable, open_sealed

FILES = sorted((Path(__file__).parent.parent / "vectors").glob("*.json"))


def test_every_named_failure_has_its_vector() -> None:
    names = {file.stem for file in FILES}
    named = "opens altered_image altered_details truncated moved moved_image expiry_moved wrong_link wrong_server_key"
    assert names == {*named.split(), "older_server_key"}


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_a_vector_does_what_it_says(file: Path) -> None:
    vector = json.loads(file.read_text())
    if vector["expected"] == "opens":
        assert open_with_crypto_room(vector) == opened(vector)
    else:
        with pytest.raises(Unopenable):
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
    keys, details = server_keys.open_details(link, row["expires_at"], bytes.fromhex(row["details"]))
    return details, bytes(open_sealed(keys.image, bytes.fromhex(row["sealed"])))


def hkdf(secret: bytes, info: bytes, length: int, salt: bytes = bytes(32)) -> bytes:
    """RFC 5869 for at most 32 bytes of output: one round of each step."""
    pseudorandom = hmac.new(salt, secret, hashlib.sha256).digest()
    return hmac.new(pseudorandom, info + b"\x01", hashlib.sha256).digest()[:length]


def open_from_the_page(vector: dict[str, Any]) -> tuple[bytes, bytes]:
    row = vector["row"]
    link = urlsafe_b64decode(vector["link"])
    error: Exception = InvalidToken()
    for server_key in map(urlsafe_b64decode, vector["server_keys"]):

        def read(label: str, stored: str, salt: bytes = server_key) -> bytes:
            key = hkdf(link, f"mayfly/v1/{label}/{row['expires_at']}".encode(), 32, salt)
            return Fernet(urlsafe_b64encode(key)).decrypt(urlsafe_b64encode(bytes.fromhex(stored)))

        try:
            return read("details", row["details"]), read("image", row["sealed"])
        except InvalidToken as invalid:
            error = invalid
    raise error
