"""The seal agrees with ``cryptography.fernet`` both ways, and opens nothing that was touched."""

from __future__ import annotations

import os
from base64 import urlsafe_b64decode, urlsafe_b64encode

import pytest
from cryptography.fernet import Fernet
from hypothesis import given
from hypothesis import strategies as st

from crypto import Unopenable, open_sealed, seal, seal_pieces, sealed_size
from crypto.fernet import PIECE

keys = st.binary(min_size=32, max_size=32)
plaintexts = st.binary(max_size=300)
EDGES = [0, 1, 15, 16, 17, PIECE - 1, PIECE, PIECE + 1, PIECE + 16, 3 * PIECE + 5]


@given(key=keys, plaintext=plaintexts, at=st.integers(0, 2**33))
def test_fernet_opens_what_we_seal(key: bytes, plaintext: bytes, at: int) -> None:
    fernet = Fernet(urlsafe_b64encode(key))
    token = urlsafe_b64encode(seal(key, plaintext, at=at))
    assert fernet.decrypt(token) == plaintext
    assert fernet.extract_timestamp(token) == at


@given(key=keys, plaintext=plaintexts)
def test_we_open_what_fernet_seals(key: bytes, plaintext: bytes) -> None:
    token = Fernet(urlsafe_b64encode(key)).encrypt(plaintext)
    assert open_sealed(key, urlsafe_b64decode(token)) == plaintext


@pytest.mark.parametrize("size", EDGES)
def test_both_agree_at_the_edges_of_blocks_and_slices(size: int) -> None:
    key, plaintext = os.urandom(32), os.urandom(size)
    sealed = seal(key, plaintext, at=1)
    assert len(sealed) == sealed_size(size)
    assert open_sealed(key, sealed) == plaintext
    assert Fernet(urlsafe_b64encode(key)).decrypt(urlsafe_b64encode(sealed)) == plaintext


@pytest.mark.parametrize("size", EDGES)
def test_no_piece_is_larger_than_it_may_be(size: int) -> None:
    pieces = list(seal_pieces(bytes(32), bytes(size), at=1))
    assert max(map(len, pieces)) <= PIECE + 25 + 16 + 32
    assert len(pieces) == max(1, -(-(size - size % 16) // PIECE))


def test_a_bytearray_is_opened_in_place_and_left_alone_when_it_does_not_open() -> None:
    sealed = bytearray(seal(bytes(32), b"plaintext", at=1))
    before = bytes(sealed)
    with pytest.raises(Unopenable):
        open_sealed(b"\1" * 32, sealed)
    assert sealed == before
    opened = open_sealed(bytes(32), sealed)
    assert opened == b"plaintext"
    assert opened is sealed


@given(key=keys, plaintext=plaintexts, data=st.data())
def test_one_flipped_bit_anywhere_is_noticed(key: bytes, plaintext: bytes, data: st.DataObject) -> None:
    sealed = bytearray(seal(key, plaintext, at=1))
    place = data.draw(st.integers(0, len(sealed) * 8 - 1))
    sealed[place // 8] ^= 1 << place % 8
    with pytest.raises(Unopenable):
        open_sealed(key, sealed)


@given(key=keys, plaintext=plaintexts, data=st.data())
def test_every_cut_and_every_addition_is_noticed(key: bytes, plaintext: bytes, data: st.DataObject) -> None:
    sealed = bytes(seal(key, plaintext, at=1))
    cut = data.draw(st.integers(0, len(sealed) - 1))
    for changed in (sealed[:cut], sealed[len(sealed) - cut :], sealed + sealed[: cut + 1]):
        with pytest.raises(Unopenable):
            open_sealed(key, changed)


@given(garbage=st.binary(max_size=200))
def test_garbage_is_refused_and_nothing_else_is_raised(garbage: bytes) -> None:
    with pytest.raises(Unopenable):
        open_sealed(bytes(32), garbage)


def test_two_seals_of_the_same_bytes_differ() -> None:
    assert seal(bytes(32), b"same", at=1) != seal(bytes(32), b"same", at=1)


def test_a_key_holder_s_bad_padding_is_refused() -> None:
    """A valid tag over blocks that no Fernet made: the padding is still checked."""
    import hmac

    body = bytes([0x80]) + bytes(8) + bytes(16) + os.urandom(16)
    seen = 0
    for _ in range(20):
        body = body[:-16] + os.urandom(16)
        try:
            open_sealed(bytes(32), body + hmac.digest(bytes(16), body, "sha256"))
        except Unopenable:
            seen += 1
    assert seen >= 15
