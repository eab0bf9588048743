"""What is kept for an owner, opened by the crypto room and from crypto/README.md alone; passwords and tokens."""

from __future__ import annotations

import hashlib
import hmac
import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
from argon2 import PasswordHasher
from cryptography.fernet import Fernet, InvalidToken
from hypothesis import given
from hypothesis import strategies as st

from crypto import (
    ApiKey,
    BadToken,
    Claims,
    ImageKey,
    OwnerSeal,
    ServerKeys,
    Unopenable,
    WrongPassword,
    hash_login_password,
    issue_token,
    read_token,
    verify_login_password,
)
from tests.crypto.test_written_format import hkdf

FILES = sorted((Path(__file__).parent.parent / "vectors" / "owned").glob("*.json"))
KEYS = ServerKeys((b"s" * 32,))
SEAL = OwnerSeal(KEYS)
ALICE, CHARLIE = UUID(int=0xA), UUID(int=0xC)


def test_every_named_failure_has_its_vector() -> None:
    named = {"opens", "older_server_key", "another_owner", "another_image", "wrong_server_key"}
    assert {file.stem for file in FILES} == named


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_a_vector_does_what_it_says(file: Path) -> None:
    vector = json.loads(file.read_text())
    keys = ServerKeys.parse(vector["server_keys"])
    seal, owner = OwnerSeal(keys), UUID(vector["owner"])
    row_key, sealed = bytes.fromhex(vector["row_key"]), bytes.fromhex(vector["owner_key"])
    if vector["expected"] == "unopenable":
        with pytest.raises(Unopenable):
            seal.open_image_key(owner, row_key, sealed)
        return
    opened = vector["opened"]
    assert seal.open_image_key(owner, row_key, sealed).text == opened["image_key"]
    assert seal.open_account(owner, bytes.fromhex(vector["account"])).decode() == opened["account"]
    assert read_token(keys, vector["token"]) == Claims(owner, opened["version"], opened["exp"])
    names, tags = vector["names"], {name: bytes.fromhex(tag) for name, tag in vector["tags"].items()}
    assert tags["model_id"] in seal.model_tags(owner, names["model_id"])
    assert tags["login"] in seal.login_tags(names["login"])
    assert tags["email"] in seal.email_tags(names["email"])
    assert seal.open_api_key(owner, bytes.fromhex(vector["sealed_api_key"])).decode() == opened["api_key"]
    assert tags["api_key"] in seal.api_key_tags(ApiKey.parse(vector["api_key"]).digest)


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_another_engineer_gets_the_same_from_the_page_alone(file: Path) -> None:
    vector = json.loads(file.read_text())
    found = [from_the_page(vector, urlsafe_b64decode(key)) for key in vector["server_keys"]]
    if vector["expected"] == "opens":
        opened = vector["opened"]
        assert (opened["image_key"], opened["account"], opened["api_key"]) in found
    else:
        assert set(found) == {None}


def from_the_page(vector: dict[str, Any], server_key: bytes) -> tuple[str, str, str] | None:
    owner = UUID(vector["owner"]).hex.encode()
    row_key = bytes.fromhex(vector["row_key"])
    for name, label in (("model_id", b"model/" + owner), ("login", b"login"), ("email", b"email")):
        tag = hkdf(vector["names"][name].encode(), b"mayfly/v1/" + label, 32, server_key)
        if vector["expected"] == "opens" and tag.hex() != vector["tags"][name]:
            return None

    def read(key: bytes, sealed: str) -> bytes:
        return Fernet(urlsafe_b64encode(key)).decrypt(urlsafe_b64encode(bytes.fromhex(sealed)))

    try:
        image_key = read(hkdf(server_key, b"mayfly/v1/owned/" + owner, 32, row_key), vector["owner_key"])
        account = read(hkdf(server_key, b"mayfly/v1/account/" + owner, 32), vector["account"])
        api_key = read(hkdf(server_key, b"mayfly/v1/api-key/" + owner, 32), vector["sealed_api_key"])
    except InvalidToken:
        return None
    signed, _, signature = vector["token"].rpartition(".")
    mac = hmac.new(hkdf(server_key, b"mayfly/v1/token", 32), signed.encode(), hashlib.sha256).digest()
    assert urlsafe_b64encode(mac).rstrip(b"=").decode() == signature
    digest = hkdf(urlsafe_b64decode(vector["api_key"].removeprefix("mayfly_")), b"mayfly/v1/api-key", 32)
    assert json.loads(api_key)["digest"] == digest.hex()
    assert hkdf(digest, b"mayfly/v1/api-key-tag", 32, server_key).hex() == vector["tags"]["api_key"]
    return urlsafe_b64encode(image_key).decode(), account.decode(), api_key.decode()


def test_owners_and_purposes_have_keys_and_tags_of_their_own() -> None:
    tags = [
        SEAL.model_tags(ALICE, "a")[0],
        SEAL.model_tags(CHARLIE, "a")[0],
        SEAL.model_tags(ALICE, "b")[0],
        SEAL.login_tags("a")[0],
        SEAL.email_tags("a")[0],
        OwnerSeal(ServerKeys((b"t" * 32,))).login_tags("a")[0],
    ]
    assert len(set(tags)) == len(tags)
    with pytest.raises(Unopenable):
        SEAL.open_cursor(ALICE, SEAL.seal_account(ALICE, b"x", at=0))
    with pytest.raises(Unopenable):
        SEAL.open_account(CHARLIE, SEAL.seal_account(ALICE, b"x", at=0))


def test_a_cursor_shows_no_time() -> None:
    assert SEAL.seal_cursor(ALICE, b"place")[1:9] == bytes(8)


@given(sealed=st.binary(max_size=200))
def test_garbage_opens_nothing(sealed: bytes) -> None:
    for opening in (SEAL.open_account, SEAL.open_cursor):
        with pytest.raises(Unopenable):
            opening(ALICE, sealed)
    with pytest.raises(Unopenable):
        SEAL.open_image_key(ALICE, ImageKey.new().link.row_key, sealed)


@given(token=st.text(max_size=300))
def test_garbage_is_no_token(token: str) -> None:
    with pytest.raises(BadToken):
        read_token(KEYS, token)


def test_a_token_of_an_older_server_key_is_read() -> None:
    claims = Claims(uuid4(), 2, 99)
    token = issue_token(KEYS, claims, at=1)
    assert read_token(ServerKeys((b"n" * 32, b"s" * 32)), token) == claims
    with pytest.raises(BadToken):
        read_token(ServerKeys((b"n" * 32,)), token)


def test_passwords_are_verified_and_old_hashes_made_anew() -> None:
    stored = hash_login_password("correct horse")
    assert verify_login_password(stored, "correct horse") is None
    cheap = PasswordHasher(1, 8 * 1024, 1).hash("correct horse")
    fresh = verify_login_password(cheap, "correct horse")
    assert fresh
    assert "m=32768,t=3,p=1" in fresh
    for hash_, password in ((stored, "wrong"), (None, "correct horse"), (None, ""), ("no hash", "x")):
        with pytest.raises(WrongPassword):
            verify_login_password(hash_, password)
