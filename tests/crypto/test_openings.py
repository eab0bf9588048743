"""When an image was opened: sealed times, as crypto/README.md writes them."""

from __future__ import annotations

from base64 import urlsafe_b64encode

import pytest
from cryptography.fernet import Fernet

from crypto import OPENING_BYTES, ImageKey, Link, ServerKeys, Unopenable, open_openings, seal_opening
from models.image import SEALED_OPENING
from tests.cast import SERVER_KEY
from tests.crypto.test_written_format import hkdf

KEYS = ServerKeys.parse([SERVER_KEY])
LINK = ImageKey(bytes(range(24))).link
EXPIRY, MOMENT = 2_000_000_300, 2_000_000_123


def test_they_open_in_their_order_and_have_one_length() -> None:
    sealed = [seal_opening(LINK, KEYS, EXPIRY, MOMENT + second) for second in range(3)]
    assert {len(one) for one in sealed} == {OPENING_BYTES} == {SEALED_OPENING}
    assert open_openings(LINK, KEYS, EXPIRY, b"".join(sealed)) == (MOMENT, MOMENT + 1, MOMENT + 2)
    assert open_openings(LINK, KEYS, EXPIRY, b"") == ()


def test_another_engineer_gets_the_same_from_the_page_alone() -> None:
    sealed = seal_opening(LINK, KEYS, EXPIRY, MOMENT)
    key = hkdf(LINK.secret, f"mayfly/v1/opened/{EXPIRY}".encode(), 32, KEYS.newest)
    assert sealed[1:9] == bytes(8)
    opened = Fernet(urlsafe_b64encode(key)).decrypt(urlsafe_b64encode(sealed))
    assert int.from_bytes(opened, "big") == MOMENT


@pytest.mark.parametrize("what", ["link", "server key", "expiry", "altered", "cut"])
def test_they_open_in_no_other_way(what: str) -> None:
    sealed = seal_opening(LINK, KEYS, EXPIRY, MOMENT)
    link = Link(bytes(24)) if what == "link" else LINK
    keys = ServerKeys.parse(["B" * 42 + "A="]) if what == "server key" else KEYS
    stored = {"altered": sealed[:-1] + bytes([sealed[-1] ^ 1]), "cut": sealed + sealed[:-1]}.get(what, sealed)
    with pytest.raises(Unopenable):
        open_openings(link, keys, EXPIRY + (what == "expiry"), stored)


def test_two_of_one_moment_do_not_look_alike() -> None:
    one, other = (seal_opening(LINK, KEYS, EXPIRY, MOMENT) for _ in range(2))
    assert one[9:] != other[9:]
