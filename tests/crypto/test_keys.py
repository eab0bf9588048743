from __future__ import annotations

import re
from base64 import urlsafe_b64encode
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from hypothesis import given
from hypothesis import strategies as st

from crypto import (
    ImageKey,
    Link,
    MalformedSecret,
    MalformedServerKey,
    SealedDetails,
    SealKeys,
    ServerKeys,
    Unopenable,
    seal,
    server_keys_in,
)
from crypto.keys import derive

secrets = st.binary(min_size=24, max_size=24)
ALICES = ImageKey(b"alice's image key, 24 by")
KEY = urlsafe_b64encode(bytes(32)).decode()


@given(secret=secrets)
def test_a_secret_has_one_spelling_of_32_characters(secret: bytes) -> None:
    text = ImageKey(secret).text
    assert re.fullmatch(r"[A-Za-z0-9_-]{32}", text)
    assert ImageKey.parse(text) == ImageKey(secret)


@pytest.mark.parametrize(
    "text", ["", "a" * 31, "a" * 33, "a" * 31 + "=", "a" * 31 + "/", "ä" * 32, "a" * 31 + "\n"]
)
def test_anything_else_is_no_secret(text: str) -> None:
    for kind in (ImageKey, Link):
        with pytest.raises(MalformedSecret) as refused:
            kind.parse(text)
        assert not text or text not in str(refused.value)


@given(secret=st.binary(max_size=80), salt=st.none() | st.binary(max_size=80), length=st.integers(1, 32))
def test_derivation_is_hkdf(secret: bytes, salt: bytes | None, length: int) -> None:
    expected = HKDF(SHA256(), length, salt, b"mayfly/v1/test").derive(secret)
    assert derive(secret, "mayfly/v1/test", length, salt=salt) == expected


def test_everything_derived_is_different_and_stable() -> None:
    link = ALICES.link
    derived = {ALICES.secret, link.secret, link.row_key, ALICES.manage_tag}
    assert len(derived) == 4
    again = ImageKey.parse(ALICES.text)
    assert {again.secret, again.link.secret, again.link.row_key, again.manage_tag} == derived


def test_the_details_and_the_image_have_keys_of_their_own() -> None:
    keys = SealKeys.derive(ALICES.link, bytes(32), 1_000)
    assert keys.image != keys.details


@pytest.mark.parametrize("changed", ["link", "server key", "expiry"])
def test_link_server_key_and_expiry_are_each_part_of_both_keys(changed: str) -> None:
    keys = SealKeys.derive(ALICES.link, bytes(32), 1_000)
    other = SealKeys.derive(
        ImageKey.new().link if changed == "link" else ALICES.link,
        b"\1" * 32 if changed == "server key" else bytes(32),
        1_001 if changed == "expiry" else 1_000,
    )
    assert keys.image != other.image
    assert keys.details != other.details


def test_no_secret_shows_in_a_repr() -> None:
    shown = repr((ALICES, ALICES.link, SealKeys.derive(ALICES.link, bytes(32), 1), ServerKeys.parse([KEY])))
    for secret in (ALICES.secret, ALICES.link.secret):
        assert str(secret) not in shown
    assert "\\x00" not in shown


@pytest.mark.parametrize(
    "text", ["", "short", KEY[:-1], KEY + "=", KEY.replace("A", "/", 1), "é" * 44, "!" + KEY]
)
def test_a_malformed_server_key_is_refused_without_repeating_it(text: str) -> None:
    with pytest.raises(MalformedServerKey, match="server key 2") as refused:
        ServerKeys.parse([KEY, text])
    assert not text or text not in str(refused.value)


def test_an_empty_list_of_server_keys_is_refused() -> None:
    with pytest.raises(MalformedServerKey):
        ServerKeys.parse([])


def test_the_first_start_makes_a_key_that_only_its_owner_reads(tmp_path: Path) -> None:
    first = server_keys_in(tmp_path / "data")
    file = tmp_path / "data" / "secret_keys"
    assert file.stat().st_mode & 0o777 == 0o600
    assert server_keys_in(tmp_path / "data") == first
    assert [path.name for path in file.parent.iterdir()] == ["secret_keys"]


def test_a_key_put_first_becomes_the_newest(tmp_path: Path) -> None:
    old = server_keys_in(tmp_path)
    file = tmp_path / "secret_keys"
    file.write_text(f"{KEY}\n{file.read_text()}")
    assert list(server_keys_in(tmp_path)) == [bytes(32), old.newest]


def test_a_broken_key_file_stops_the_start_and_stays_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "secret_keys").write_text("broken\n")
    with pytest.raises(MalformedServerKey):
        server_keys_in(tmp_path)
    assert (tmp_path / "secret_keys").read_text() == "broken\n"


def test_details_of_no_known_type_open_nothing() -> None:
    server_keys = ServerKeys.parse([KEY])
    keys = SealKeys.derive(ALICES.link, server_keys.newest, 1_000)
    for content in (b"", b"\x02{}", b"{}"):
        sealed = seal(keys.details, content, at=1)
        with pytest.raises(Unopenable):
            SealedDetails.of(ALICES.link, server_keys, 1_000, sealed).open("password")
